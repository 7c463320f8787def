"""Who is in a conversation: made from its events, and from nothing else.

Joins and leaves come from ParticipantsJoin and ParticipantsLeave alone: from July 2024 to June 2025 X put the whole
member list on every event. Who writes is there; a one-to-one has its two sides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversations.ids import people_in
from conversations.models import Conversation, DmEvent, EventParticipant, Participant

Pair = tuple[int, int]
"""Conversation and person, by their keys."""
COLUMNS = ["is_present", "joined_at", "invited_by", "left_at", "last_message_at"]
SAID = ["is_present", "joined_at", "invited_by_id", "left_at", "last_message_at"]


@dataclass(slots=True)
class Comings:
    """The latest join and leave of one person in one conversation, in the order of the ids: times can be equal."""

    joined_at: datetime | None = None
    invited_by_id: int | None = None
    left_at: datetime | None = None
    has_left: bool = False


def recompute(conversations: Iterable[Conversation], messages: dict[Pair, datetime], people: Iterable[Pair]) -> None:
    """Brings the rows of these people up to date, in three queries.

    messages: the newest time each wrote among the events just stored; it only ever grows, as events only ever come
    to be more. people: everybody those events name.
    """
    touched = {conversation.pk: conversation for conversation in conversations}
    pairs = {*people, *messages, *(pair for row in touched.values() for pair in _sides(row))}
    if not pairs:
        return
    within = {"conversation__in": {pair[0] for pair in pairs}, "x_user__in": {pair[1] for pair in pairs}}
    known = {(row.conversation_id, row.x_user_id): row for row in Participant.objects.filter(**within)}
    comings = _comings([row for row in touched.values() if row.is_group], within["x_user__in"])
    rows = [
        _participant(pair, comings.get(pair, Comings()), _newest(known.get(pair), messages.get(pair)))
        for pair in sorted(pairs)
    ]
    changed = [row for row in rows if not _says_the_same(known.get((row.conversation_id, row.x_user_id)), row)]
    Participant.objects.bulk_create(
        changed, update_conflicts=True, update_fields=COLUMNS, unique_fields=["conversation", "x_user"]
    )


def _says_the_same(known: Participant | None, row: Participant) -> bool:
    return known is not None and all(getattr(known, name) == getattr(row, name) for name in SAID)


def _sides(conversation: Conversation) -> list[Pair]:
    return [(conversation.pk, pk) for pk in people_in(conversation.dm_conversation_id) or ()]


def _comings(groups: list[Conversation], people: Iterable[int]) -> dict[Pair, Comings]:
    """Every join and leave of these people that is stored, oldest first."""
    if not groups:
        return {}
    rows = (
        EventParticipant.objects.filter(event__conversation__in=groups, x_user__in=people)
        .order_by("event__dm_event_id")
        .values_list("event__conversation", "x_user", "event__event_type", "event__created_at", "event__sender")
    )
    found: dict[Pair, Comings] = {}
    for conversation, person, event_type, created_at, sender in rows:
        _apply(found.setdefault((conversation, person), Comings()), event_type, created_at, sender)
    return found


def _apply(comings: Comings, event_type: str, created_at: datetime, sender: int | None) -> None:
    if event_type == DmEvent.Type.PARTICIPANTS_JOIN:
        comings.joined_at, comings.invited_by_id, comings.has_left = created_at, sender, False
    elif event_type == DmEvent.Type.PARTICIPANTS_LEAVE:
        comings.left_at, comings.has_left = created_at, True


def _newest(known: Participant | None, told: datetime | None) -> datetime | None:
    times = [moment for moment in (known and known.last_message_at, told) if moment]
    return max(times, default=None)


def _participant(pair: Pair, comings: Comings, last_message_at: datetime | None) -> Participant:
    # Who wrote after leaving has come back, also when X does not show the join.
    is_back = bool(last_message_at and comings.left_at and last_message_at > comings.left_at)
    values: dict[str, Any] = {
        "is_present": is_back or not comings.has_left,
        "joined_at": comings.joined_at,
        "invited_by_id": comings.invited_by_id,
        "left_at": comings.left_at,
        "last_message_at": last_message_at,
    }
    return Participant(conversation_id=pair[0], x_user_id=pair[1], **values)
