"""Reading /2/dm_events of one X account: new events from the top, then the gaps, as far as X's window allows."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import tokens
from accounts.access import TOKENS_OF_JOINED
from accounts.models import XAccount, snowflake_floor
from conversations.models import ReadInterval, SyncState
from conversations.sync import billing, intervals, pace, trouble
from conversations.sync.intervals import Reach
from conversations.sync.store import store_page
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import BadPageToken, RateLimited, ScopesMissing, XError
from dminbox.xapi.schema import Answer, Page, RateLimit

log = structlog.get_logger("conversations.sync")

State = SyncState.State
TROUBLED = [State.RATE_LIMITED, State.UNAVAILABLE, State.NO_CREDIT, State.REFUSED]


class LeaseLost(Exception):  # noqa: N818 (no failure: another worker has taken over)
    """This turn took longer than its lease."""


@dataclass(slots=True)
class Turn:
    """One worker's turn at one X account. `rate` and `answered_at` are those of the last answer."""

    state: SyncState
    holder: str
    pages: int = 0
    rate: RateLimit = field(default_factory=RateLimit)
    answered_at: datetime | None = None
    gap: ReadInterval | None = None
    is_top_read: bool = False
    had_no_credit: bool = False

    @property
    def x_account(self) -> XAccount:
        return self.state.x_account

    @property
    def may_go_on(self) -> bool:
        return self.state.state != State.PAUSED and pace.may_read_on(self.rate, self.pages)


def due() -> list[int]:
    """The X accounts whose turn it is."""
    return list(_claimable().values_list("x_account", flat=True))


def poll(x_account_pk: int) -> None:
    """One turn, if it is due and nobody else has it."""
    holder = _claim(x_account_pk)
    if not holder:
        return
    states = SyncState.objects.select_related("x_account").defer(*TOKENS_OF_JOINED)
    turn = Turn(states.get(x_account=x_account_pk), holder)
    try:
        _read(turn)
    except LeaseLost:
        log.warning("lease_lost", x_account_id=x_account_pk)
    except XError as error:
        _settle_trouble(turn, error)
    except Exception:
        _let_go(turn)
        raise
    else:
        _settle(turn)
    if turn.had_no_credit and turn.pages:
        trouble.start_all_with_credit()


def _claimable() -> Any:
    now = timezone.now()
    # The lease stands in the UPDATE's own condition, not in a subquery: only so does PostgreSQL look at it again
    # after waiting for another worker's UPDATE of the same row.
    return (
        SyncState.objects.exclude(state__in=trouble.IDLE)
        .filter(Q(lease_until=None) | Q(lease_until__lt=now), next_poll_at__lte=now)
        .filter(x_account__in=XAccount.objects.filter(state=XAccount.State.CONNECTED))
    )


def _claim(x_account_pk: int) -> str:
    """The lease: a holder's name, or "" when it is not due or somebody else's."""
    holder = secrets.token_hex(16)
    claimed = _claimable().filter(x_account=x_account_pk).update(lease_holder=holder, lease_until=_lease_end())
    return holder if claimed == 1 else ""


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.SYNC_LEASE_SECONDS)


def _renew(turn: Turn) -> None:
    ours = SyncState.objects.filter(pk=turn.state.pk, lease_holder=turn.holder)
    if ours.update(lease_until=_lease_end()) != 1:
        raise LeaseLost


def _read(turn: Turn) -> None:
    """All of it, and once more from the top when X does not take a cursor any more."""
    try:
        _read_top(turn)
        _read_gaps(turn)
    except BadPageToken:
        log.warning("page_token_refused", x_account_id=turn.x_account.pk)
        if turn.gap:
            intervals.drop(turn.gap)
            turn.gap = None
        _read_top(turn)
        _read_gaps(turn)


def _read_top(turn: Turn) -> None:
    """From X's newest event down to settled ground: what is younger is never claimed, so it is read on each poll."""
    was_stuck = intervals.is_top_resting(turn.x_account)
    reach = _read_page(turn, None, _size_of_first_page(turn.state))
    while _goes_on(turn, reach, was_stuck) and turn.may_go_on:
        reach = _read_page(turn, reach, pace.PAGE)
    turn.is_top_read = not _goes_on(turn, reach, was_stuck)


def _goes_on(turn: Turn, reach: Reach, was_stuck: bool) -> bool:
    """Whether settled ground is still to come. Where an earlier walk got stuck in empty pages, the first is enough."""
    is_above = reach.oldest > max(reach.high, turn.state.horizon_id)
    is_stuck = reach.is_resting or (was_stuck and reach.stalls > 0)
    return bool(reach.token) and is_above and not is_stuck


def _size_of_first_page(state: SyncState) -> int:
    """Small when there is little to expect: what X returns, it bills."""
    is_first_read = not intervals.rows_of(state.x_account, None).exists()
    return pace.PAGE if is_first_read and state.import_days else pace.FIRST_PAGE


def _read_gaps(turn: Turn) -> None:
    while turn.may_go_on and (gap := intervals.next_gap(turn.x_account, None, turn.state.horizon_id)):
        turn.gap = gap
        _read_page(turn, intervals.resume(gap), pace.PAGE)
    turn.gap = None


def _read_page(turn: Turn, reach: Reach | None, size: int) -> Reach:
    """One request and one transaction. reach: how far this walk has come; None at its beginning."""
    _renew(turn)
    token = reach.token if reach else None
    size = _affordable(turn.state, size)

    def ask(client: XClient) -> Answer[Page]:
        return client.dm_events(max_results=size, pagination_token=token)

    answer = tokens.call(turn.x_account, ask)
    turn.pages += 1
    turn.rate, turn.answered_at = answer.rate_limit, answer.answered_at
    return _commit(turn, answer, reach)


def _commit(turn: Turn, answer: Answer[Page], reach: Reach | None) -> Reach:
    """Stores the page with its events, its claim and its price: all of it or nothing."""
    with transaction.atomic():
        state = SyncState.objects.select_for_update().get(pk=turn.state.pk)
        _fix_horizon(state, answer.answered_at)
        reached = intervals.advance(
            reach or intervals.top(answer.answered_at),
            answer.value,
            end_id=intervals.end_of_window(answer.answered_at),
            floor_id=state.horizon_id,
        )
        stored = store_page(turn.x_account, answer, floor_id=state.horizon_id if state.import_days == 0 else 0)
        intervals.record(turn.x_account, None, reached, is_top=reach is None)
        _note(state, turn, answer)
        state.save(update_fields=NOTED)
    state.x_account = turn.x_account
    turn.state = state
    log.info(
        "page_stored",
        x_account_id=turn.x_account.pk,
        events=len(answer.value.events),
        new_events=stored.new_events,
        odd=stored.odd,
    )
    return reached


NOTED = [
    "state",
    "state_since",
    "detail",
    "failures",
    "horizon_id",
    "import_spent_usd",
    "last_poll_at",
    "last_success_at",
    "rate_limit",
    "rate_remaining",
    "rate_reset_at",
]


def _fix_horizon(state: SyncState, answered_at: datetime) -> None:
    """How far back was chosen by our clock; if it ran ahead of X's, some of what is wanted would be left out."""
    if state.import_days is not None and state.import_finished_at is None:
        chosen = snowflake_floor(answered_at - timedelta(days=state.import_days))
        state.horizon_id = min(state.horizon_id, chosen)


def _note(state: SyncState, turn: Turn, answer: Answer[Page]) -> None:
    state.last_poll_at = state.last_success_at = timezone.now()
    state.rate_limit, state.rate_remaining = answer.rate_limit.limit, answer.rate_limit.remaining
    state.rate_reset_at = pace.our_time(answer.rate_limit.reset_at, answer.answered_at)
    turn.had_no_credit = turn.had_no_credit or state.state == State.NO_CREDIT
    if state.state in TROUBLED:
        trouble.enter(state, State.ACTIVE)
    state.failures = 0
    bill = billing.record(turn.x_account, answer)
    if state.import_finished_at is None:
        state.import_spent_usd += bill.usd
        _pause_at_ceiling(state, turn.x_account)


def _affordable(state: SyncState, size: int) -> int:
    """A page no larger than what is left under the ceiling pays for; people named with it can pass that by cents."""
    if state.import_finished_at is not None:
        return size
    price = settings.PRICE_DM_EVENT_USD
    left = state.import_ceiling_usd - state.import_spent_usd
    return max(min(size, int(left / price)), pace.SMALLEST_PAGE) if price else size


def _pause_at_ceiling(state: SyncState, x_account: XAccount) -> None:
    is_spent = state.import_spent_usd >= state.import_ceiling_usd
    if state.state == State.ACTIVE and is_spent and intervals.gaps(x_account, None, state.horizon_id).exists():
        words = f"Reading stopped at the ceiling of ${state.import_ceiling_usd:.2f}; there is more to read. "
        trouble.enter(state, State.PAUSED, words + "No more messages are read until somebody lets it go on.")


def _settle(turn: Turn) -> None:
    """Gives the lease back and says when to come again. A person may have changed the state meanwhile."""
    with transaction.atomic():
        state = _locked(turn)
        if state is None:
            return
        intervals.reopen_conversations(turn.x_account)
        is_complete = turn.is_top_read and not intervals.gaps(turn.x_account, None, state.horizon_id).exists()
        if is_complete and state.import_finished_at is None:
            state.import_finished_at = timezone.now()
        state.next_poll_at = None if state.state == State.PAUSED else timezone.now() + _wait(turn, state)
        _give_back(state)


def _wait(turn: Turn, state: SyncState) -> timedelta:
    answered_at = turn.answered_at or timezone.now()
    has_more = not turn.is_top_read or intervals.next_gap(turn.x_account, None, state.horizon_id) is not None
    if not has_more:
        return pace.wait_after(turn.rate, answered_at)
    if turn.rate.remaining is not None and turn.rate.remaining > pace.RESERVE:
        return timedelta(0)
    return pace.wait_for_window(turn.rate, answered_at)


def _settle_trouble(turn: Turn, error: XError) -> None:
    log.warning("poll_failed", x_account_id=turn.x_account.pk, error=type(error).__name__, status=error.status)
    if isinstance(error, ScopesMissing):
        tokens.mark_reconnect(turn.x_account, trouble.SCOPES)
    with transaction.atomic():
        state = _locked(turn)
        if state is None:
            return
        now = state.last_poll_at = timezone.now()
        problem = trouble.trouble_of(error, state.failures)
        if isinstance(error, RateLimited):
            state.rate_limit = error.rate_limit.limit if error.rate_limit else state.rate_limit
            state.rate_remaining, state.rate_reset_at = 0, now + problem.wait
        state.failures += 1
        state.next_poll_at = now + problem.wait
        if trouble.is_told_by_x_account(turn.x_account, problem):
            state.next_poll_at = now  # due at once when it is connected again; until then nobody claims it
        else:
            trouble.enter(state, problem.state or State.REFUSED, problem.detail)
        _give_back(state)
    trouble.heed(error)


def _let_go(turn: Turn) -> None:
    """After a failure of our own (a deadlock, a bug): the next worker need not wait for the lease to run out."""
    ours = SyncState.objects.filter(pk=turn.state.pk, lease_holder=turn.holder)
    soon = timezone.now() + trouble.back_off(failures=2)
    ours.update(lease_until=None, lease_holder="", next_poll_at=soon)


def _locked(turn: Turn) -> SyncState | None:
    """The row, if the lease is still ours."""
    return SyncState.objects.select_for_update().filter(pk=turn.state.pk, lease_holder=turn.holder).first()


def _give_back(state: SyncState) -> None:
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
            "rate_limit",
            "rate_remaining",
            "rate_reset_at",
            "lease_until",
            "lease_holder",
        ]
    )
