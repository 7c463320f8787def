"""Numbers beside a name, as far as they were counted, and aloud what they count."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import npgettext

from conversations.counts import Count
from dminbox.markup import filled
from dminbox.wording import number

register = template.Library()


@register.filter
def as_unread(count: Count) -> SafeString:
    return _told(count, _("or more unread") if count.is_open else _("unread"))


@register.filter
def as_conversations(count: Count) -> SafeString:
    return _told(
        count,
        _("or more conversations")
        if count.is_open
        else npgettext("beside their number", "conversation", "conversations", count.number),
    )


@register.filter
def in_digits(count: Count) -> str:
    """12,345, or 10,000+ where counting stopped."""
    return f"{number(count.number)}{'+' if count.is_open else ''}"


def _told(count: Count, words: str) -> SafeString:
    plus = filled(PLUS, _("Only the newest are counted; there may be more.")) if count.is_open else ""
    return filled(COUNT, "" if count.found else " none", count.number, plus, words)


PLUS = '<span aria-hidden="true" title="{}">+</span>'
COUNT = '<span class="count{}">{}{}<span class="hidden-text"> {}</span></span>'
