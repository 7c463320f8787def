"""One worker's turn at one X account: its lease, what it may ask and spend, and how it ends."""

from __future__ import annotations

import secrets
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import tokens
from accounts.models import XAccount, snowflake_floor
from conversations import ledger
from conversations.ids import LARGEST
from conversations.models import Conversation, DmEvent, ReadInterval, SyncState, UnfinishedDay
from conversations.sync import caps, event_pages, intervals, pace, trouble
from conversations.sync.caps import CapReached, CeilingReached
from dminbox import leases
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import RateLimited, ScopesMissing, XError
from dminbox.xapi.schema import Answer, Page, RateLimit

log = structlog.get_logger("conversations.sync")

State = SyncState.State
STOPPED = [State.PAUSED, State.NO_CREDIT]
"""States in which a turn ends that has just been answered."""
TROUBLED = [State.RATE_LIMITED, State.UNAVAILABLE, State.NO_CREDIT, State.REFUSED, State.CAPPED]


class LeaseLost(Exception):  # noqa: N818 (no failure: another worker has taken over)
    """This turn took longer than its lease."""


@dataclass(slots=True)
class Turn:
    """One worker's turn at one X account.

    rate, asked_at, answered_at: of the last answer. token: the cursor it was asked for with; given: all cursors that X
    has given in this turn. top_id: the newest id on the page from the top; bottom_id: the oldest that the walk from
    there has come to, 0 where X has nothing below; walk_token: the cursor with which it goes on. now_id: X's time of
    that page, as an id. is_wide: the last page was asked for with as many events as fit on one. is_thorough: the turn
    goes down to settled ground at once, whatever that takes. late: how long after its time it began; None where none
    was planned. at_latest: when the next turn is to come for the day's sake, once more read before midnight; None where
    that needs none. unfinished: the day that ended before this turn without having been read to its end.
    """

    state: SyncState
    holder: str
    pages: int = 0
    rate: RateLimit = field(default_factory=RateLimit)
    late: timedelta | None = timedelta(0)
    asked_at: datetime = field(default_factory=timezone.now)
    answered_at: datetime | None = None
    token: str | None = None
    given: set[str] = field(default_factory=set)
    gap: ReadInterval | None = None
    is_top_read: bool = False
    is_wide: bool = False
    is_thorough: bool = False
    has_all_news: bool = False
    top_id: int = 0
    now_id: int = 0
    bottom_id: int = LARGEST
    walk_token: str | None = None
    is_import_read: bool = False
    at_latest: datetime | None = None
    unfinished: date | None = None
    stored: int = 0
    news: int = 0  # of those, found at the top
    began: float = field(default_factory=time.monotonic)

    @property
    def x_account(self) -> XAccount:
        return self.state.x_account

    def may_go_on(self, left_over: int = 0) -> bool:
        """left_over: further requests of this window to leave for something else."""
        return not self.is_stopped and pace.may_read_on(self.rate, self.pages, self.kept + left_over)

    @property
    def is_stopped(self) -> bool:
        """Whether the state ends the turn; not before its first page: "no credit" of before is to be tried again."""
        return self.pages > 0 and self.state.state in STOPPED

    @property
    def has_spare(self) -> bool:
        """Whether one more request takes none from the polls of this window."""
        usual = pace.usual_wait(self.state)
        return self.answered_at is not None and pace.has_spare(self.rate, self.answered_at, usual)

    @property
    def kept(self) -> int:
        """Requests to leave over: more where X counts all reads in one window, from which people's wishes come, too."""
        return pace.reserve(self.rate.limit) if self.state.are_windows_shared else pace.KEPT

    @property
    def is_top_stale(self) -> bool:
        """Whether the next poll would be due by now: then gaps wait, because news come first."""
        gone = timedelta(seconds=time.monotonic() - self.began)
        return gone > pace.steady(self.rate.limit) and gone > pace.usual_wait(self.state)


def claimable() -> Any:
    now = timezone.now()
    # The lease stands in the UPDATE's own condition, not in a subquery: only so does PostgreSQL look at it again
    # after waiting for another worker's UPDATE of the same row.
    return (
        SyncState.objects.exclude(state__in=trouble.IDLE)
        .filter(leases.is_free("lease_until", now, _lease()), _is_due(now))
        .filter(x_account__in=XAccount.objects.filter(state=XAccount.State.CONNECTED))
    )


def _is_due(now: datetime) -> Q:
    """Whether its time has come; or is further ahead than its state ever waits, by a clock that ran ahead."""
    waits = {State.CAPPED: caps.until_new_month(), State.NO_CREDIT: trouble.LONGEST_WITHOUT_CREDIT}
    is_due = leases.is_due("next_poll_at", now, pace.longest_wait()) & ~Q(state__in=waits)
    for state, longest in waits.items():
        is_due |= leases.is_due("next_poll_at", now, longest) & Q(state=state)
    return is_due


def claim(x_account_pk: int) -> str:
    """The lease: a holder's name, or "" when it is not due or somebody else's."""
    holder = secrets.token_hex(16)
    claimed = claimable().filter(x_account=x_account_pk).update(lease_holder=holder, lease_until=_lease_end())
    return holder if claimed == 1 else ""


def renew(turn: Turn) -> None:
    ours = SyncState.objects.filter(pk=turn.state.pk, lease_holder=turn.holder)
    if ours.update(lease_until=_lease_end()) != 1:
        raise LeaseLost


def is_busy(now: datetime) -> Q:
    """Whether somebody holds the lease."""
    return ~leases.is_free("lease_until", now, _lease())


def _lease_end() -> datetime:
    return timezone.now() + _lease()


def _lease() -> timedelta:
    return timedelta(seconds=settings.SYNC_LEASE_SECONDS)


def asked(turn: Turn, token: str | None, size: int) -> AbstractContextManager[Answer[Page]]:
    """One request, of as many events as may be paid for; it is stored, with its bill, inside the block.

    Raises CapReached, BeingSpent, LeaseLost and whatever X answers.
    """
    return event_pages.page(turn.state, partial(_room, turn, size), partial(_ask, turn, token), ledger.record_lookup)


def _room(turn: Turn, size: int, with_people: bool) -> AbstractContextManager[int]:
    renew(turn)
    if turn.state.monthly_cap_usd is None and not caps.is_near_ceiling(turn.state):
        return nullcontext(size)
    return caps.page(turn.x_account, size, with_people=with_people, is_of_import=True)


def _ask(turn: Turn, token: str | None, size: int, with_people: bool) -> Answer[Page]:
    def read(client: XClient) -> Answer[Page]:
        return client.dm_events(max_results=size, pagination_token=token, expand_users=with_people)

    asked_at, turn.token = timezone.now(), token
    answer = ledger.call(turn.x_account, read)
    turn.pages += 1
    turn.given.add(answer.value.next_token or "")
    turn.rate, turn.asked_at, turn.answered_at = answer.rate_limit, asked_at, answer.answered_at
    return answer


def free_today(state: SyncState, below: int = LARGEST) -> int:
    """How many events, from the newest down or from below an id, X has billed already today. None in the day's last
    minute: by X's clock the next day may have begun.
    """
    soon = timezone.now() + ledger.CLOCKS_DIFFER
    return ledger.free_today(state.x_account, first_of_day(state, soon), soon, pace.PAGE, below=below)


def first_of_day(state: SyncState, moment: datetime) -> int:
    """From this id up events are of that UTC day, and wanted."""
    return max(snowflake_floor(day_of(moment)), floor_of(state))


def floor_of(state: SyncState) -> int:
    """Events with smaller ids are not stored: the horizon where somebody chose to read only from now on, else 0."""
    return state.horizon_id if state.import_days == 0 else 0


def unsettled(x_account: XAccount) -> int:
    """How many stored events are younger than the settling time: each poll reads them again, whatever that costs."""
    since = snowflake_floor(timezone.now() - timedelta(seconds=settings.SYNC_SETTLING_SECONDS))
    return stored_between(x_account, since)


def stored_between(x_account: XAccount, since: int, below: int = LARGEST) -> int:
    """How many events are stored from `since` up to below `below`; at most a page of them is counted."""
    lively = Conversation.objects.filter(x_account=x_account, last_dm_event_id__gte=since)
    events = DmEvent.objects.filter(conversation__in=lively, dm_event_id__gte=since, dm_event_id__lt=below)
    return events[: pace.PAGE].count()


def day_of(moment: datetime) -> datetime:
    """When the UTC day of that moment began: X bills by these days."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def begin_of(day: date) -> datetime:
    """Of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


NOTED = [
    "state",
    "state_since",
    "detail",
    "failures",
    "horizon_id",
    "settling_since",
    "import_spent_usd",
    "import_pages",
    "last_poll_at",
    "last_success_at",
    "rate_limit",
    "rate_remaining",
    "rate_reset_at",
]


def note(state: SyncState, turn: Turn, answer: Answer[Page]) -> None:
    _note_unfinished_day(state, turn)
    state.last_poll_at = state.last_success_at = timezone.now()
    state.rate_limit, state.rate_remaining = answer.rate_limit.limit, answer.rate_limit.remaining
    state.rate_reset_at = pace.our_time(answer.rate_limit.reset_at, answer.answered_at)
    if state.state in TROUBLED and not (state.state == State.NO_CREDIT and trouble.is_overtaken(turn.asked_at)):
        trouble.enter(state, State.ACTIVE)
    state.failures = 0
    bill = ledger.record(turn.x_account, answer)
    if state.import_finished_at is None:
        state.import_spent_usd += bill.usd
        state.import_pages += bool(turn.gap) or not state.import_pages  # a look for news is none of it
        _pause_at_ceiling(state, turn.x_account)


def _note_unfinished_day(state: SyncState, turn: Turn) -> None:
    """This is the first page of a new day, and what was read on the day of the last one was not read once more before
    its end: what X showed late of it may be missing. Days on which nothing was read are read whole after their end.
    """
    read_on = state.last_success_at and ledger.utc_day(state.last_success_at)
    if not read_on or read_on >= ledger.utc_day(timezone.now()) or state.reconciled_on == read_on:
        return
    if state.import_finished_at is None:
        return  # a person's choice of how far back at what price is still being carried out
    turn.unfinished = read_on
    UnfinishedDay.objects.bulk_create([UnfinishedDay(x_account=turn.x_account, day=read_on)], ignore_conflicts=True)
    log.info("day_unfinished", x_account_id=turn.x_account.pk, day=read_on.isoformat())


def _pause_at_ceiling(state: SyncState, x_account: XAccount) -> None:
    is_spent = caps.left_of_import(state) < caps.most_for_event(with_people=pace.expands_people(state))
    if state.state == State.ACTIVE and is_spent and intervals.gaps(x_account, None, state.horizon_id).exists():
        caps.pause_import(state)


def locked(turn: Turn) -> SyncState | None:
    """The row, if the lease is still ours."""
    state = SyncState.objects.select_for_update().filter(pk=turn.state.pk, lease_holder=turn.holder).first()
    if state is not None:
        state.x_account = turn.x_account
    return state


def give_back(state: SyncState) -> None:
    state.lease_until, state.lease_holder = None, ""
    state.save(
        update_fields=[
            "state",
            "state_since",
            "detail",
            "failures",
            "import_finished_at",
            "last_poll_at",
            "next_poll_at",
            "top_id",
            "seam_id",
            "last_news",
            "last_news_at",
            "rate_limit",
            "rate_remaining",
            "rate_reset_at",
            "lease_until",
            "lease_holder",
        ]
    )


def let_go(turn: Turn) -> None:
    """After a failure of our own (a deadlock, a bug): the next worker need not wait for the lease to run out."""
    ours = SyncState.objects.filter(pk=turn.state.pk, lease_holder=turn.holder)
    soon = timezone.now() + trouble.back_off(failures=2)
    ours.update(lease_until=None, lease_holder="", next_poll_at=soon)


def come_back(turn: Turn) -> None:
    """Nothing is wrong: another process fetches the token that this turn needs, or has reserved what is left."""
    ours = SyncState.objects.filter(pk=turn.state.pk, lease_holder=turn.holder)
    soon = timezone.now() + tokens.RENEWED_WITHIN
    ours.update(lease_until=None, lease_holder="", next_poll_at=soon)


def settle_cap(turn: Turn, reached: CapReached) -> None:
    with transaction.atomic():
        state = locked(turn)
        if state is None:
            return
        if isinstance(reached, CeilingReached):
            caps.pause_import(state)
        elif state.state != State.PAUSED:
            caps.pause(state)
        give_back(state)


def settle_trouble(turn: Turn, error: XError) -> None:
    is_limit = isinstance(error, RateLimited)  # no failure: X says when to come again
    tell = log.info if is_limit else log.warning
    tell("poll_failed", x_account_id=turn.x_account.pk, error=type(error).__name__, status=error.status)
    if isinstance(error, ScopesMissing):
        tokens.mark_reconnect(turn.x_account, trouble.SCOPES)
    with transaction.atomic():
        state = locked(turn)
        if state is None:
            return
        now = state.last_poll_at = timezone.now()
        problem = trouble.trouble_of(error, state.failures)
        if isinstance(error, RateLimited):
            state.rate_limit = error.rate_limit.limit if error.rate_limit else state.rate_limit
            state.rate_remaining, state.rate_reset_at = 0, now + problem.wait
        state.failures += not is_limit
        state.next_poll_at = now + problem.wait
        if state.state == State.PAUSED:
            state.next_poll_at = None  # until a person says so
        elif trouble.is_told_by_x_account(turn.x_account, problem):
            state.next_poll_at = now  # due at once when it is connected again; until then nobody claims it
        else:
            trouble.enter(state, problem.state or State.REFUSED, problem.detail)
        give_back(state)
    trouble.heed(error)
