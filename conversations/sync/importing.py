"""How far back to read, and at what price at most: a person's choices, as polling finds them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import XAccount, snowflake_floor
from conversations.models import PushState, SyncState
from conversations.sync import intervals, trouble

State = SyncState.State
CHOSEN = [
    "horizon_id",
    "import_days",
    "import_ceiling_usd",
    "import_spent_usd",
    "import_pages",
    "import_finished_at",
    "next_poll_at",
    "state",
    "state_since",
    "detail",
]


def make_missing_states() -> None:
    """Whoever was connected waits for the choice of how far back to read."""
    missing = XAccount.objects.filter(state=XAccount.State.CONNECTED, sync=None)
    if rows := [SyncState(x_account=x_account) for x_account in missing]:
        SyncState.objects.bulk_create(rows, ignore_conflicts=True)


def begin_import(x_account: XAccount, days: int, ceiling_usd: Decimal) -> None:
    """Reads from now on, and `days` back; once `ceiling_usd` is spent on that, it pauses.

    A choice that goes further back than an earlier one reads anew from the top.
    """
    SyncState.objects.bulk_create([SyncState(x_account=x_account)], ignore_conflicts=True)
    with transaction.atomic():
        state = SyncState.objects.select_for_update().get(x_account=x_account)
        horizon_id = snowflake_floor(timezone.now() - timedelta(days=days))
        if horizon_id < state.horizon_id:
            intervals.rows_of(x_account, None).delete()
        state.horizon_id, state.import_days = horizon_id, days
        state.import_ceiling_usd, state.import_spent_usd, state.import_finished_at = ceiling_usd, Decimal(0), None
        state.import_pages = 0
        state.next_poll_at = timezone.now()
        trouble.enter(state, State.ACTIVE)
        state.save(update_fields=CHOSEN)
        PushState.check_subscriptions_soon()


def resume_import(x_account: XAccount) -> None:
    """Another ceiling's worth; does nothing where nothing is paused."""
    with transaction.atomic():
        state = SyncState.objects.select_for_update().get(x_account=x_account)
        if state.state != State.PAUSED:
            return
        state.import_ceiling_usd += settings.IMPORT_CEILING_USD
        state.next_poll_at = timezone.now()
        trouble.enter(state, State.ACTIVE)
        state.save(update_fields=["import_ceiling_usd", "next_poll_at", "state", "state_since", "detail"])
