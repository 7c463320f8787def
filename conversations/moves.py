"""Comings and goings in words: who joined, who came back after having left, who left. Pure: no queries of its own."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

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


def sentence(kind: str, names: str, by: str = "") -> str:
    """by: who brought them; "" where X did not say."""
    words = {"names": names, "by": by}
    if kind == LEFT:
        return _("%(names)s left") % words
    if kind == BACK:
        return (_("%(by)s brought %(names)s back") if by else _("%(names)s came back")) % words
    return (_("%(by)s added %(names)s") if by else _("%(names)s joined")) % words


def of_both(new: str, back: str, by: str = "") -> str:
    """One event that brought people for the first time and others once more."""
    words = {"new": new, "back": back, "by": by}
    return (
        _("%(by)s added %(new)s and brought %(back)s back") if by else _("%(new)s joined, %(back)s came back")
    ) % words
