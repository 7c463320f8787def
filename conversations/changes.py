"""Writing the change log: in the transaction of what it announces, numbered in the order of the commits.

The numbers come from the SyncState row, which every writer holds locked until its commit: a number is visible only when
every smaller one is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import Change, DmEvent, SyncState

Kind = Change.Kind
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class NewChange:
    """data: ids and times; never a text or a name."""

    kind: Kind
    conversation_id: int | None = None
    event_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


def lock(x_account: XAccount) -> SyncState:
    """The account's row, locked until the commit: whoever stores or announces for it waits for whoever else does."""
    state = SyncState.objects.select_for_update().filter(x_account=x_account).first()
    if state is None:
        SyncState.objects.bulk_create([SyncState(x_account=x_account)], ignore_conflicts=True)
        state = SyncState.objects.select_for_update().get(x_account=x_account)
    return state


def announce(x_account: XAccount, changes: Sequence[NewChange]) -> None:
    """Adds the rows, in this order. Inside a transaction that also makes what they tell."""
    if not changes:
        return
    state = lock(x_account)
    rows = [
        Change(
            x_account=x_account,
            number=number,
            kind=change.kind,
            conversation_id=change.conversation_id,
            event_id=change.event_id,
            data=change.data,
        )
        for number, change in enumerate(changes, start=state.last_change + 1)
    ]
    Change.objects.bulk_create(rows)
    SyncState.objects.filter(pk=state.pk).update(last_change=rows[-1].number)


def announce_events(events: Iterable[DmEvent]) -> None:
    """Events that show more than before: a picture has come, a post's details. In a transaction per X account."""
    by_account: dict[int, list[NewChange]] = {}
    accounts: dict[int, XAccount] = {}
    for event in events:
        x_account = event.conversation.x_account
        accounts[x_account.pk] = x_account
        by_account.setdefault(x_account.pk, []).append(NewChange(Kind.EVENT_UPDATED, event.conversation_id, event.pk))
    for pk in sorted(by_account):
        with transaction.atomic():
            announce(accounts[pk], by_account[pk])


def forget_old() -> None:
    """Whoever has not read for so long loads the page anew."""
    Change.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
