"""Comings and goings in words: who joined, who came back after having left, who left. Pure: no queries of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from conversations.models import DmEvent, EventParticipant

JOINED, BACK, LEFT = "joined", "back", "left"


def kinds_of(event: DmEvent) -> Iterator[tuple[str, list[EventParticipant]]]:
    """The people of one event by what they did; `is_back` stands on rows that came by with_contents."""
    people = event.people_shown
    if event.event_type == DmEvent.Type.PARTICIPANTS_LEAVE:
        yield LEFT, people
        return
    back = [row for row in people if getattr(row, "is_back", False)]
    new = [row for row in people if row not in back]
    if new or not back:
        yield JOINED, new
    if back:
        yield BACK, back


def sentence(kind: str, count: int, people: str, by: str = "") -> str:
    """people: the names of so many; by: who brought them, "" where X did not say."""
    words = {"people": people, "person": by}
    if kind == LEFT:
        return ngettext("%(people)s left", "%(people)s left", count) % words
    if kind == BACK and by:
        return _("%(person)s added %(people)s back") % words
    if kind == BACK:
        return ngettext("%(people)s rejoined", "%(people)s rejoined", count) % words
    if by:
        return _("%(person)s added %(people)s") % words
    return ngettext("%(people)s joined", "%(people)s joined", count) % words


def one_after_another(sentences: Sequence[str]) -> str:
    return pgettext("between sentences of one line", "; ").join(sentences)
