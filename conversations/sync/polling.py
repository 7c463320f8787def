"""Reading /2/dm_events of one X account: new events from the top, then the gaps, as far as X's window allows."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import tokens
from accounts.access import TOKENS_OF_JOINED
from accounts.models import XAccount, snowflake_floor
from conversations import changes, ledger
from conversations.ids import LARGEST, as_numbers
from conversations.models import DmEvent, ReadInterval, SyncState
from conversations.sync import caps, intervals, pace, trouble
from conversations.sync.caps import CapReached
from conversations.sync.intervals import Reach
from conversations.sync.store import store_page
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import BadPageToken, RateLimited, ScopesMissing, XError
from dminbox.xapi.schema import Answer, Page, RateLimit

log = structlog.get_logger("conversations.sync")

State = SyncState.State
IMPORTS_AT_ONCE = 4
LONGEST_DAY = 100_000
"""Events of a day that are counted to know how long reading them again takes."""
TROUBLED = [State.RATE_LIMITED, State.UNAVAILABLE, State.NO_CREDIT, State.REFUSED, State.CAPPED]


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
    stored: int = 0
    news: int = 0  # of those, found at the top
    began: float = field(default_factory=time.monotonic)

    @property
    def x_account(self) -> XAccount:
        return self.state.x_account

    @property
    def may_go_on(self) -> bool:
        return self.state.state != State.PAUSED and pace.may_read_on(self.rate, self.pages, self._kept)

    @property
    def _kept(self) -> int:
        """Where X counts all reads in one window, what people ask for comes out of it too."""
        return pace.reserve(self.rate.limit) if self.state.are_windows_shared else pace.KEPT

    @property
    def is_top_stale(self) -> bool:
        """Whether a poll would be due by now: then gaps wait, for news come first."""
        usual = max(pace.usual_wait(self.state), pace.steady(self.rate.limit))
        return time.monotonic() - self.began > usual.total_seconds()


def due() -> list[int]:
    """The X accounts whose turn it is, but for those that still read what was there before."""
    return list(_claimable().filter(import_finished_at__isnull=False).values_list("x_account", flat=True))


def imports_due() -> list[int]:
    """X accounts that still read what was there before, few at once: it takes long, and others shall not wait."""
    importing = SyncState.objects.filter(import_finished_at=None)
    busy = importing.filter(lease_until__gt=timezone.now()).count()
    rows = _claimable().filter(import_finished_at=None).order_by("next_poll_at")
    return list(rows.values_list("x_account", flat=True)[: max(IMPORTS_AT_ONCE - busy, 0)])


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
    except tokens.BeingRenewed:
        _come_back(turn)
    except XError as error:
        _settle_trouble(turn, error)
    except CapReached:
        _settle_cap(turn)
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
        _reconcile(turn)
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
    size = _size_of_first_page(turn.state)
    reach = _read_page(turn, None, size)
    while _goes_on(turn, reach, was_stuck) and turn.may_go_on:
        size = pace.next_page(size)
        reach = _read_page(turn, reach, size)
    turn.is_top_read = not _goes_on(turn, reach, was_stuck)
    if turn.state.import_finished_at is not None:
        turn.news = turn.stored


def _goes_on(turn: Turn, reach: Reach, was_stuck: bool) -> bool:
    """Whether settled ground is still to come. Where an earlier walk got stuck in empty pages, the first is enough."""
    is_above = reach.oldest > max(reach.high, turn.state.horizon_id)
    is_stuck = reach.is_resting or (was_stuck and reach.stalls > 0)
    return bool(reach.token) and is_above and not is_stuck


def _size_of_first_page(state: SyncState) -> int:
    """As many as come free, and a few more: what X returns, it bills."""
    is_first_read = not intervals.rows_of(state.x_account, None).exists()
    if is_first_read and state.import_days:
        return pace.PAGE
    return pace.first_page(_free(state.x_account), state.last_news)


def _free(x_account: XAccount) -> int:
    """Events from the newest down that X has billed already today."""
    now = timezone.now()
    return ledger.free_today(x_account, snowflake_floor(day_of(now)), now, pace.PAGE)


def _read_gaps(turn: Turn) -> None:
    size = pace.PAGE if turn.state.import_finished_at is None else pace.SLACK
    while turn.may_go_on and (gap := intervals.next_gap(turn.x_account, None, turn.state.horizon_id)):
        turn.gap = gap
        size = pace.next_page(size)
        _read_page(turn, intervals.resume(gap), size)
        turn.gap = None
        if turn.is_top_stale:
            return


def _read_page(turn: Turn, reach: Reach | None, size: int) -> Reach:
    """One request and one transaction. reach: how far this walk has come; None at its beginning."""
    answer = _ask(turn, reach.token if reach else None, size)
    return _commit(turn, answer, reach)


def _ask(turn: Turn, token: str | None, size: int) -> Answer[Page]:
    _renew(turn)
    with_people = turn.state.needs_people or turn.state.import_finished_at is None
    fits = _affordable(turn.state, size)
    if turn.state.monthly_cap_usd is not None:
        fits = caps.affordable(
            turn.x_account, fits, free=0 if token else _free(turn.x_account), with_people=with_people
        )

    def ask(client: XClient) -> Answer[Page]:
        return client.dm_events(max_results=fits, pagination_token=token, expand_users=with_people)

    answer = ledger.call(turn.x_account, ask)
    turn.pages += 1
    turn.rate, turn.answered_at = answer.rate_limit, answer.answered_at
    if not with_people and _names_no_sender(answer.value):
        # X's contract names sender_id as a field; where it comes by expansion alone, that is asked for from now on.
        SyncState.objects.filter(pk=turn.state.pk).update(needs_people=True)
        turn.state.needs_people = True
        return _ask(turn, token, size)
    return answer


def _names_no_sender(page: Page) -> bool:
    messages = [event for event in page.events if event.event_type == DmEvent.Type.MESSAGE_CREATE]
    return bool(messages) and all(event.sender_id is None for event in messages)


def _commit(turn: Turn, answer: Answer[Page], reach: Reach | None) -> Reach:
    """Stores the page with its events, its claim and its price: all of it or nothing."""
    with transaction.atomic():
        state = changes.lock(turn.x_account)
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
    turn.stored += stored.new_events
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
    bill = ledger.record(turn.x_account, answer)
    if state.import_finished_at is None:
        state.import_spent_usd += bill.usd
        _pause_at_ceiling(state, turn.x_account)


def _affordable(state: SyncState, size: int) -> int:
    """A page no larger than what is left under the ceiling pays for; people named with it can pass that by cents."""
    if state.import_finished_at is not None:
        return size
    price = settings.PRICE_DM_EVENT_USD
    left = state.import_ceiling_usd - state.import_spent_usd
    return max(min(size, int(left / price)), 1) if price else size


def _pause_at_ceiling(state: SyncState, x_account: XAccount) -> None:
    is_spent = state.import_spent_usd >= state.import_ceiling_usd
    if state.state == State.ACTIVE and is_spent and intervals.gaps(x_account, None, state.horizon_id).exists():
        words = f"Reading stopped at the ceiling of ${state.import_ceiling_usd:.2f}; there is more to read. "
        trouble.enter(state, State.PAUSED, words + "No more messages are read until somebody lets it go on.")


def _reconcile(turn: Turn) -> None:
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
        answer = _ask(turn, state.reconcile_token or None, pace.PAGE)
    except BadPageToken:
        _note_reconciled(turn, None, "")
        return
    with transaction.atomic():
        locked = changes.lock(turn.x_account)
        stored = store_page(turn.x_account, answer)
        _note(locked, turn, answer)
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


def day_of(moment: datetime) -> datetime:
    """When its UTC day began: X bills by these days."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _come_back(turn: Turn) -> None:
    """Nothing is wrong: another process fetches the token that this turn needs."""
    ours = SyncState.objects.filter(pk=turn.state.pk, lease_holder=turn.holder)
    soon = timezone.now() + tokens.RENEWED_WITHIN
    ours.update(lease_until=None, lease_holder="", next_poll_at=soon)


def _settle_cap(turn: Turn) -> None:
    with transaction.atomic():
        state = _locked(turn)
        if state is None:
            return
        caps.pause(state)
        _give_back(state)


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
        state.last_news = turn.news
        if turn.news:
            state.last_news_at = timezone.now()
        _give_back(state)


def _wait(turn: Turn, state: SyncState) -> timedelta:
    answered_at = turn.answered_at or timezone.now()
    has_more = not turn.is_top_read or intervals.next_gap(turn.x_account, None, state.horizon_id) is not None
    if not has_more:
        return pace.spread(pace.wait_after(turn.rate, answered_at, pace.usual_wait(state)))
    if turn.rate.remaining is None or pace.may_read_on(turn.rate, 0):
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
            "last_news",
            "last_news_at",
            "rate_limit",
            "rate_remaining",
            "rate_reset_at",
            "lease_until",
            "lease_holder",
        ]
    )
