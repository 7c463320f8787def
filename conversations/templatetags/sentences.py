"""Several people as one piece of a sentence, so that a translation can put it where its language wants it."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from conversations import showing
from conversations.models import ConversationLookup, XUser

register = template.Library()


@register.filter
def people_in_a_row(people: Iterable[XUser]) -> SafeString:
    return format_html_join(
        showing.comma(),
        '<span dir="auto">{}</span> <span class="faint">{}</span>',
        ((showing.name_of(person), showing.handle_of(person)) for person in people),
    )


@register.filter
def guesses_in_a_row(guesses: Iterable[showing.Guess]) -> SafeString:
    """Each a link to the search as it may have been meant."""
    return format_html_join(
        showing.comma(),
        '<a href="{}" dir="auto">{}</a> <span class="faint">{}</span>',
        ((guess.address, showing.name_of(guess.person), showing.handle_of(guess.person)) for guess in guesses),
    )


@register.filter
def person_asked_for(lookup: ConversationLookup) -> str:
    """Their handle or X user id, as typed."""
    return f"@{lookup.target}" if lookup.kind == "username" else lookup.target
