"""Reading the day's own events once more, now and then and before midnight UTC, as long as X bills none again."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import snowflake_floor
from conversations import changes, ledger
from conversations.ids import LARGEST, as_numbers
from conversations.models import SyncState, UnfinishedDay
from conversations.sync import pace, turns
from conversations.sync.store import store_page
from conversations.sync.turns import NOTED, Turn, begin_of, day_of, first_of_day, floor_of
from dminbox.xapi.errors import BadPageToken
from dminbox.xapi.schema import Answer, Page

log = structlog.get_logger("conversations.sync")

NOW_AND_THEN = timedelta(hours=1)
"""Between two times that the day is read with spare requests. What came later an outage over midnight can lose."""
LONGEST_DAY = 100_000
"""Events of a day that are counted to know how long reading them again takes."""


def reconcile(turn: Turn) -> None:
    """Reads the day's own events once more, page by page: with any request before midnight UTC, because X bills none of
    them again until then; and now and then with spare ones, because something may keep us from that.

    This finds what X showed later than the settling time. It asks for the events of the day and for one below them:
    only that one shows that the day was read to its end, and that X shows none late below all that are known. Where the
    poll itself has come down so far, nothing is left to do. Counting what is known would not tell: events that X hides
    take up room on a page, too.
    """
    now = timezone.now()
    if not _may_begin(turn, now):
        return
    token, below = _place(turn, now)
    wanted = to_come = _wanted(turn, now, below)
    if token and not turn.state.reconcile_is_last:  # the last time it sets out from the top once more
        to_come = _wanted(turn, now, snowflake_floor(now))
    pages = math.ceil(to_come / pace.PAGE)
    turn.at_latest = _latest_for(now, pages)
    is_last = _is_due(turn, now, pages)
    if turn.bottom_id < first_of_day(turn.state, now):
        if is_last:
            _note_done(turn, now, is_last=True)
        return
    if is_last and token and not turn.state.reconcile_is_last:
        token, below, wanted = None, snowflake_floor(now), to_come
    if not is_last and not _may_go_now(turn, token, now):
        return
    if token is None:
        _note(turn, reconcile_began_at=now, reconcile_is_last=is_last)
    try:
        with turns.asked(turn, token, min(wanted, pace.PAGE)) as answer:
            _store(turn, answer, token, below, now)
    except BadPageToken:
        _note(turn, reconcile_token="", reconcile_below=0)  # noqa: S106


def _may_begin(turn: Turn, now: datetime) -> bool:
    state = turn.state
    is_at_rest = turn.is_top_read and not turn.gap and state.import_finished_at is not None
    return is_at_rest and not turn.is_stopped and state.reconciled_on != now.astimezone(UTC).date()


def _is_due(turn: Turn, now: datetime, pages: int) -> bool:
    """Whether the next page is due: earlier with a spare request, and with any once it would else come too late."""
    if _is_new_day_near(now):
        return False
    left = day_of(now) + timedelta(days=1) - now
    is_late, is_early_enough = left <= pages * pace.window(), left <= (pages + 1) * pace.window()
    return (is_late and turn.may_go_on()) or (is_early_enough and turn.has_spare)


def _wanted(turn: Turn, now: datetime, below: int) -> int:
    """The events of the day below that id, and one more."""
    return ledger.free_today(turn.x_account, first_of_day(turn.state, now), now, LONGEST_DAY, below=below) + 1


def _may_go_now(turn: Turn, token: str | None, now: datetime) -> bool:
    """Whether a page is read though the day is not ending: with a spare request, and on the way or after a while."""
    if turn.state.reconcile_is_last and token:
        return False  # its next page comes in time
    began = turn.state.reconcile_began_at
    is_time = token is not None or began is None or not now - NOW_AND_THEN < began <= now
    return is_time and turn.has_spare and turn.may_go_on() and not _is_new_day_near(now)


def _is_new_day_near(now: datetime) -> bool:
    """By X's clock it may have begun, and then all of it is billed anew."""
    return day_of(now) + timedelta(days=1) - now <= ledger.CLOCKS_DIFFER


def _latest_for(now: datetime, pages: int) -> datetime:
    """When the turn for the next of so many pages comes at the latest, however seldom this X account is polled: from
    then on one comes in each window, with one to spare for an empty page at X's end.
    """
    begins = day_of(now) + timedelta(days=1) - (pages + 1) * pace.window()
    return begins if begins > now else now + pace.window()


def _place(turn: Turn, now: datetime) -> tuple[str | None, int]:
    """The cursor to go on with, and the id below which it leads: from the top where the stored one is another day's."""
    state = turn.state
    has_begun = state.reconcile_token and state.reconcile_below > first_of_day(state, now)
    return (state.reconcile_token, state.reconcile_below) if has_begun else (None, snowflake_floor(now))


def _store(turn: Turn, answer: Answer[Page], asked_with: str | None, below: int, now: datetime) -> None:
    with transaction.atomic():
        locked = changes.lock(turn.x_account)
        stored = store_page(turn.x_account, answer, floor_id=floor_of(turn.state))
        turns.note(locked, turn, answer)
        locked.save(update_fields=NOTED)
    log.info("day_reconciled", x_account_id=turn.x_account.pk, late_events=stored.new_events)
    below = min(lowest_id(answer.value), below)
    # Not the stored cursor: where nothing was said since, setting out anew brings the very one of the walk before.
    token = answer.value.next_token or ""
    if token == asked_with or below < first_of_day(turn.state, now):
        _note_done(turn, now, is_last=turn.state.reconcile_is_last)
    else:
        _note(turn, reconcile_token=token, reconcile_below=below)


def note_depth(turn: Turn, state: SyncState, asked_with: str | None, page: Page) -> None:
    """How far down this turn has come from the top; that may have read the day before to its end after all."""
    if asked_with is not None and asked_with != turn.walk_token:
        return  # a gap of another walk
    turn.walk_token = page.next_token
    turn.bottom_id = min(turn.bottom_id, lowest_id(page))
    if turn.unfinished and turn.bottom_id < first_of_day(state, begin_of(turn.unfinished)):
        forget_unfinished(turn, turn.unfinished)
        turn.unfinished = None


def forget_unfinished(turn: Turn, day: date) -> None:
    noted = UnfinishedDay.objects.filter(x_account=turn.x_account, day=day, state=UnfinishedDay.State.NOTED)
    noted.delete()


def lowest_id(page: Page) -> int:
    """The oldest id on it; 0 where X has nothing below, LARGEST where it is empty and leads on."""
    return min(as_numbers(event.id for event in page.events), default=LARGEST) if page.next_token else 0


def _note_done(turn: Turn, now: datetime, *, is_last: bool) -> None:
    _note(turn, reconcile_token="", reconcile_below=0)  # noqa: S106
    if is_last:
        turn.at_latest = None
        today = now.astimezone(UTC).date()
        _note(turn, reconciled_on=today)
        forget_unfinished(turn, today)  # which a clock that ran ahead took for over


def _note(turn: Turn, **values: Any) -> None:
    SyncState.objects.filter(pk=turn.state.pk).update(**values)
    for name, value in values.items():
        setattr(turn.state, name, value)
