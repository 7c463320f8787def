"""Reading the day's own events once more before midnight UTC, when X bills none of them again."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import snowflake_floor
from conversations import changes, ledger
from conversations.ids import LARGEST, as_numbers
from conversations.models import SyncState
from conversations.sync import pace, turns
from conversations.sync.store import store_page
from conversations.sync.turns import NOTED, Turn, day_of
from dminbox.xapi.errors import BadPageToken

log = structlog.get_logger("conversations.sync")

LONGEST_DAY = 100_000
"""Events of a day that are counted to know how long reading them again takes."""


def reconcile(turn: Turn) -> None:
    """Reads the day's own events once more before midnight UTC, page by page: X bills none of them again until then.

    What X showed later than the settling time is found so. It begins as early as it must to be done in time with one
    spare request of each window.
    """
    now = timezone.now()
    midnight = day_of(now) + timedelta(days=1)
    state, first_id = turn.state, snowflake_floor(day_of(now))
    if turn.gap or not turn.is_top_read or state.import_finished_at is None or state.reconciled_on == now.date():
        return
    today = ledger.free_today(turn.x_account, first_id, now, LONGEST_DAY)
    pages = math.ceil(today / pace.PAGE)
    if midnight - now > (pages + 1) * pace.window() or not _may_spend_one(turn):
        return
    if pages <= 1 and not state.reconcile_token:
        _note_reconciled(turn, now, "")  # each poll reads so few again anyway
        return
    try:
        answer = turns.ask(turn, state.reconcile_token or None, pace.PAGE)
    except BadPageToken:
        _note_reconciled(turn, None, "")
        return
    with transaction.atomic():
        locked = changes.lock(turn.x_account)
        stored = store_page(turn.x_account, answer)
        turns.note(locked, turn, answer)
        locked.save(update_fields=NOTED)
    log.info("day_reconciled", x_account_id=turn.x_account.pk, late_events=stored.new_events)
    oldest = min(as_numbers(event.id for event in answer.value.events), default=LARGEST)
    token = answer.value.next_token or ""
    is_done = not token or token == state.reconcile_token or oldest <= first_id
    _note_reconciled(turn, now if is_done else None, "" if is_done else token)


def _may_spend_one(turn: Turn) -> bool:
    return turn.answered_at is not None and pace.has_spare(turn.rate, turn.answered_at, pace.usual_wait(turn.state))


def _note_reconciled(turn: Turn, at: datetime | None, token: str) -> None:
    values: dict[str, Any] = {"reconcile_token": token}
    if at is not None:
        values["reconciled_on"] = at.astimezone(UTC).date()
    SyncState.objects.filter(pk=turn.state.pk).update(**values)
