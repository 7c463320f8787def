"""An import of a long history and new messages at the same time: what the lane does for `bench.rows.bulk`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import XAccount
from conversations.models import DmEvent, PushState, SyncState
from conversations.sync import importing

DAYS = 30


def connect(x_user_ids: list[str], tokens: list[str]) -> None:
    """X accounts that read from now on only."""
    for number, (pk, token) in enumerate(zip(x_user_ids, tokens, strict=True)):
        x_account = XAccount.objects.create(
            x_user_id=int(pk),
            username=f"Nordlicht{number}",
            name="Nordlicht Lamps",
            access_token=token,
            refresh_token="a-refresh-token",
            scopes="dm.read dm.write tweet.read users.read offline.access media.write",
            token_expires_at=datetime(2046, 1, 1, tzinfo=UTC),
        )
        importing.begin_import(x_account, 0, Decimal(1_000_000))


def import_history(x_user_id: str) -> None:
    importing.begin_import(XAccount.objects.get(x_user_id=int(x_user_id)), DAYS, Decimal(1_000_000))


def stands() -> dict[str, Any]:
    """connected: messages can be pushed now; imported: events that are here."""
    push = PushState.objects.filter(pk=1).first()
    pushed = SyncState.objects.filter(x_account__activity_subscriptions__event_type="dm.received")
    active = pushed.filter(x_account__activity_subscriptions__state="active").distinct().count()
    return {
        "connected": bool(push and push.is_alive) and active == XAccount.objects.count(),
        "imported": DmEvent.objects.count(),
        "is_importing": SyncState.objects.filter(import_finished_at=None).exists(),
    }


def stored_at(ids: list[str]) -> dict[str, float]:
    """When each of these was stored, in seconds since 1970."""
    rows = DmEvent.objects.filter(dm_event_id__in=[int(pk) for pk in ids])
    return {str(pk): at.timestamp() for pk, at in rows.values_list("dm_event_id", "stored_at")}


def now() -> float:
    return timezone.now().timestamp()
