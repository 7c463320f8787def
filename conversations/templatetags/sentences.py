"""Several people as one piece of a sentence, so that a translation can put it where its language wants it."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from conversations.models import ConversationLookup, XUser
from conversations.showing import names

register = template.Library()


@register.filter
def people_in_a_row(people: Iterable[XUser]) -> SafeString:
    return format_html_join(
        names.comma(),
        '<span dir="auto">{}</span> <span class="faint">{}</span>',
        ((names.name_of(person), names.handle_of(person)) for person in people),
    )


@register.filter
def guesses_in_a_row(guesses: Iterable[names.Guess]) -> SafeString:
    """Each a link to the search as it may have been meant."""
    return format_html_join(
        names.comma(),
        '<a href="{}" dir="auto">{}</a> <span class="faint">{}</span>',
        ((guess.address, names.name_of(guess.person), names.handle_of(guess.person)) for guess in guesses),
    )


@register.filter
def person_asked_for(lookup: ConversationLookup) -> str:
    """Their handle or X user id, as typed."""
    return f"@{lookup.target}" if lookup.kind == "username" else lookup.target
