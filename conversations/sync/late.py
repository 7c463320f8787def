"""Messages that X shows late: whoever has read on has not read these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import F, FilteredRelation, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import Conversation, DmEvent, ReadMark


def unread_again(x_account: XAccount, conversations: Iterable[Conversation], new: Iterable[DmEvent]) -> None:
    """Moves read marks back below messages of others that are stored for the first time, and are older than the mark.

    conversations: as they stood before. What was written before a person joined counts as read, as it always does.
    """
    last = {row.pk: row.last_dm_event_id for row in conversations}
    late: dict[int, list[int]] = defaultdict(list)
    for event in new:
        is_message = event.event_type == DmEvent.Type.MESSAGE_CREATE and event.sender_id != x_account.x_user_id
        if is_message and event.dm_event_id < last.get(event.conversation_id, 0):
            late[event.conversation_id].append(event.dm_event_id)
    if not late:
        return
    moved = []
    for mark in _marks(late):
        unseen = [each for each in late[mark.conversation_id] if mark.joined_at_id < each <= mark.dm_event_id]
        if unseen:
            mark.dm_event_id, mark.moved_at = min(unseen) - 1, timezone.now()
            moved.append(mark)
    ReadMark.objects.bulk_update(moved, ["dm_event_id", "moved_at"])


def _marks(late: dict[int, list[int]]) -> Iterable[Any]:
    memberships = "conversation__x_account__memberships"
    own = FilteredRelation(memberships, condition=Q(**{f"{memberships}__user": F("user")}))
    rows = ReadMark.objects.filter(conversation__in=late, dm_event_id__gte=min(map(min, late.values())))
    return rows.annotate(own=own, joined_at_id=Coalesce(F("own__read_before_id"), 0))
