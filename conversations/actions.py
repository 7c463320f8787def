"""What a person can do. Rows say what is wanted; the sweep finds them within a second."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction

from accounts.models import User, XAccount
from conversations import sync
from conversations.models import Conversation, ConversationLookup, HistoryRead, ReadMark


@transaction.atomic
def mark_read(user: User, conversation: Conversation, dm_event_id: int) -> None:
    """Moves the person's mark forward, never back and never past what there is; any order of two calls ends alike."""
    seen = min(dm_event_id, conversation.last_dm_event_id)
    ReadMark.objects.bulk_create([ReadMark(user=user, conversation=conversation)], ignore_conflicts=True)
    ReadMark.objects.filter(user=user, conversation=conversation, dm_event_id__lt=seen).update(dm_event_id=seen)


@transaction.atomic
def read_history(user: User, conversation: Conversation, event_types: Sequence[str] = ()) -> HistoryRead:
    """Asks X for a page of older events; a wish that is still being worked on is not made twice.

    Some kinds alone are read on from where the last such wish ended, well or not: X bills what it gives again.
    """
    Conversation.objects.select_for_update().get(pk=conversation.pk)
    alike = conversation.history_reads.filter(event_types=list(event_types))
    if running := alike.filter(state=HistoryRead.State.DUE).first():
        return running
    ended = alike.order_by("-pk").first()
    return HistoryRead.objects.create(
        conversation=conversation,
        asked_by=user,
        event_types=list(event_types),
        next_token=ended.next_token if ended else "",
    )


def look_up_conversation(user: User, x_account: XAccount, kind: str, target: str) -> ConversationLookup:
    """Asks X for a conversation; the same question still on its way is not asked twice."""
    with transaction.atomic():
        XAccount.objects.select_for_update().get(pk=x_account.pk)
        question = {"x_account": x_account, "kind": kind, "target": target}
        running = ConversationLookup.objects.filter(**question, state=ConversationLookup.State.DUE).first()
        return running or ConversationLookup.objects.create(**question, asked_by=user)


def begin_import(x_account: XAccount, days: int, ceiling_usd: Decimal) -> None:
    """The choice of how far back to read, and at what price at most; 0 days: only from now on."""
    sync.begin_import(x_account, days, ceiling_usd)


def resume_import(x_account: XAccount) -> None:
    """Go on at the ceiling: as much again may be spent."""
    sync.resume_import(x_account)
