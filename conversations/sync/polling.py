"""Reading /2/dm_events of one X account: new events from the top, then the gaps, as far as X's window allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from accounts import tokens
from accounts.access import TOKENS_OF_JOINED
from accounts.models import XAccount, snowflake_floor
from conversations import changes, ledger
from conversations.ids import as_numbers
from conversations.models import ReadInterval, SyncState
from conversations.sync import intervals, pace, reconciling, trouble, turns
from conversations.sync.caps import BeingSpent, CapReached
from conversations.sync.intervals import Reach
from conversations.sync.store import store_page
from conversations.sync.turns import NOTED, LeaseLost, Turn
from dminbox.xapi.errors import BadPageToken, XError
from dminbox.xapi.schema import Answer, Page

log = structlog.get_logger("conversations.sync")

State = SyncState.State
IMPORTS_AT_ONCE = 4
POLLS_AT_ONCE = 100
"""Queued by each sweep: more than the workers do until the next one, and after an outage not all again each second."""
PATIENCE = 3
"""For so many windows the way down to settled ground takes only spare requests."""
LAST_OF_DAY = timedelta(minutes=4)
"""So long before midnight UTC one more way down begins. What it does not reach, the next day pays for again."""


def due() -> list[int]:
    """The X accounts whose turn it is, without those whose import still runs; those that have waited longest first."""
    rows = turns.claimable().filter(import_finished_at__isnull=False).order_by("next_poll_at")
    return list(rows.values_list("x_account", flat=True)[:POLLS_AT_ONCE])


def imports_due() -> list[int]:
    """The X accounts whose import is due; few at once, because an import takes long and others must not wait."""
    importing = SyncState.objects.filter(import_finished_at=None)
    busy = importing.filter(turns.is_busy(timezone.now())).count()
    rows = turns.claimable().filter(import_finished_at=None).order_by("next_poll_at")
    return list(rows.values_list("x_account", flat=True)[: max(IMPORTS_AT_ONCE - busy, 0)])


def poll(x_account_pk: int) -> None:
    """One turn, if it is due and nobody else has it."""
    holder = turns.claim(x_account_pk)
    if not holder:
        return
    states = SyncState.objects.select_related("x_account").defer(*TOKENS_OF_JOINED)
    state = states.get(x_account=x_account_pk)
    turn = Turn(state, holder, late=_lateness(state))
    try:
        _read(turn)
    except LeaseLost:
        log.warning("lease_lost", x_account_id=x_account_pk)
    except (tokens.BeingRenewed, BeingSpent):
        turns.come_back(turn)
    except XError as error:
        turns.settle_trouble(turn, error)
    except CapReached as reached:
        turns.settle_cap(turn, reached)
    except Exception:
        turns.let_go(turn)
        raise
    else:
        _settle(turn)
    if turn.pages:
        trouble.heed_answer(turn.asked_at)


def _lateness(state: SyncState) -> timedelta | None:
    """How late this turn is; None for the first poll, and where no time was set."""
    if state.last_poll_at is None or state.next_poll_at is None:
        return None
    return max(timezone.now() - state.next_poll_at, timedelta(0))


def _read(turn: Turn) -> None:
    """All that a turn reads: an import, news, gaps, the day once more. From the top again when X refuses a cursor."""
    try:
        if _goes_on_importing(turn):
            _read_gaps(turn, left_over=1)  # which is for news
            turn.is_import_read = _has_no_gap(turn)
            if turn.is_import_read or turn.is_stopped:
                return
        _read_top(turn)
        _read_gaps(turn)
        reconciling.reconcile(turn)
    except BadPageToken:
        _read_anew(turn)


def _read_anew(turn: Turn) -> None:
    """Reads from the top again after X has refused a gap's cursor, and so through that gap; the same for each further
    refused cursor, as far as the window allows. Raises BadPageToken where X refuses a cursor that it gave in this turn.
    """
    log.warning("page_token_refused", x_account_id=turn.x_account.pk)
    _drop_refused(turn)
    turn.is_thorough, turn.is_top_read = True, False
    if not turn.may_go_on():
        return
    try:
        _read_top(turn)
        _read_gaps(turn)
    except BadPageToken:
        if turn.token in turn.given:
            raise
        _read_anew(turn)


def _read_top(turn: Turn) -> None:
    """Reads from X's newest event down to settled ground. Younger events never count as read: each poll reads them."""
    size = _size_of_first_page(turn.state)
    reach = _read_page(turn, None, size)
    while not turn.has_all_news and _goes_on(turn, reach) and turn.may_go_on():
        size = pace.next_page(size)
        reach = _read_page(turn, reach, size)
    turn.is_top_read = turn.has_all_news or not _goes_on(turn, reach)
    if turn.state.import_finished_at is not None:
        turn.news = turn.stored


def _goes_on(turn: Turn, reach: Reach) -> bool:
    """Whether the walk has not come down to settled ground yet."""
    is_above = reach.oldest > max(reach.high, turn.state.horizon_id)
    return bool(reach.token) and is_above and not reach.is_resting


def _size_of_first_page(state: SyncState) -> int:
    """As many events as X has billed today already, which come free, and a few more."""
    may_be_first = state.import_finished_at is None or not state.top_id
    if may_be_first and state.import_days and not intervals.rows_of(state.x_account, None).exists():
        return pace.PAGE
    known = max(turns.free_today(state), turns.unsettled(state.x_account))
    return pace.first_page(known, state.last_news)


def _goes_on_importing(turn: Turn) -> bool:
    """Whether an import has gaps left. They are read before news, which get one request of each turn meanwhile: so no
    page of the import is asked for twice, and its end takes no request of its own.
    """
    return turn.state.import_finished_at is None and not _has_no_gap(turn)


def _has_no_gap(turn: Turn) -> bool:
    return not intervals.gaps(turn.x_account, None, turn.state.horizon_id).exists()


def _drop_refused(turn: Turn) -> None:
    """Forgets the stretches with the cursor that X has refused. If one led to events that were never read, no page
    counts as holding all news until they are.
    """
    turn.gap = None
    with transaction.atomic():
        state = changes.lock(turn.x_account)
        for gap in intervals.rows_of(turn.x_account, None).filter(next_token=turn.token):
            if intervals.drop(gap):
                state.top_id = 0
                state.save(update_fields=["top_id"])


def _read_gaps(turn: Turn, left_over: int = 0) -> None:
    size = pace.PAGE if turn.state.import_finished_at is None else pace.SLACK
    has_gone = False
    while _may_read_gap(turn, left_over) and (gap := intervals.next_gap(turn.x_account, turn.state.horizon_id)):
        if gap.is_known and not _may_go_down(turn, has_gone=has_gone):
            return
        has_gone = gap.is_known
        turn.gap = gap
        size = _size_of_gap(turn, gap, size)
        _read_page(turn, intervals.resume(gap), size)
        turn.gap = None
        if turn.is_top_stale:
            return


def _may_read_gap(turn: Turn, left_over: int) -> bool:
    has_its_share = pace.is_long_import(turn.state) and turn.pages + left_over >= pace.requests_at_once(turn.state)
    return turn.may_go_on(left_over) and not has_its_share


def _may_go_down(turn: Turn, has_gone: bool) -> bool:
    """Whether a page of the way down to settled ground may be read: with a spare request, and once the way is late, one
    in each turn. has_gone: this turn has read one already.
    """
    return turn.has_spare or (_is_way_late(turn.state) and not has_gone)


def _is_way_late(state: SyncState) -> bool:
    """Whether none has begun for PATIENCE windows, or the UTC day ends: after that X bills all of it anew."""
    return _is_day_ending(pace.window()) or not _has_set_out(state, within=PATIENCE * pace.window())


def _is_day_ending(within: timedelta) -> bool:
    now = timezone.now()
    return ledger.CLOCKS_DIFFER < turns.day_of(now) + timedelta(days=1) - now <= within


def _size_of_gap(turn: Turn, gap: ReadInterval, before: int) -> int:
    """How many events to ask for below a gap. On the way down: as many as are stored down to settled ground, and a few
    more. Else more from page to page, and at least as many as come free: below what is missing lies what X has billed
    today.
    """
    if gap.is_known:
        return min(turns.stored_between(turn.x_account, *intervals.way_below(gap)) + pace.SLACK, pace.PAGE)
    if before == pace.PAGE:
        return before
    return max(pace.next_page(before), turns.free_today(turn.state, intervals.resume(gap).oldest))


def _read_page(turn: Turn, reach: Reach | None, size: int) -> Reach:
    """One request and one transaction. reach: how far this walk has come; None at its beginning."""
    with turns.asked(turn, reach.token if reach else None, size) as answer:
        turn.is_wide = size >= pace.PAGE
        return _commit(turn, answer, reach)


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
        stored = store_page(turn.x_account, answer, floor_id=turns.floor_of(state), is_locked=True)
        if reach is None:
            reached = _begun(turn, state, answer, reached)
        elif not turn.gap:
            reached = _gone_on(turn, state, reach, reached)
        if not turn.gap and not turn.has_all_news and reached.low <= reached.high:
            state.settling_since = timezone.now()
        intervals.record(turn.x_account, None, reached, is_top=reach is None)
        turns.note(state, turn, answer)
        state.save(update_fields=NOTED)
        reconciling.note_depth(turn, state, reach.token if reach else None, answer.value)
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


def _begun(turn: Turn, state: SyncState, answer: Answer[Page], reached: Reach) -> Reach:
    """Notes what the page from the top tells of its turn; gives how much of its reach may count as read."""
    turn.now_id = snowflake_floor(answer.answered_at + timedelta(seconds=1))  # its clock shows whole seconds
    turn.top_id = min(_newest(answer.value), turn.now_id)
    if _is_stuck(turn.x_account, reached):
        return _claiming_nothing(reached)
    return _with_all_news(state, reached) if _finds_all_news(turn, state, reached) else reached


def _gone_on(turn: Turn, state: SyncState, before: Reach, reached: Reach) -> Reach:
    """The same for a page further down. before: the reach of the walk so far, which may hold settled ground already."""
    if not _finds_all_news(turn, state, reached):
        return reached
    return replace(reached, is_known=True) if before.low <= before.high else _with_all_news(state, reached)


def _finds_all_news(turn: Turn, state: SyncState, reached: Reach) -> bool:
    """Whether this page meets what the poll before has read. Then the gaps of broken walks above it hold no news."""
    turn.has_all_news = _has_all_news(turn, state, reached)
    if turn.has_all_news:
        intervals.pass_over(turn.x_account, state.top_id)
    return turn.has_all_news


def _with_all_news(state: SyncState, reached: Reach) -> Reach:
    return replace(reached, is_known=True) if _may_claim(state, reached) else _claiming_nothing(reached)


def _claiming_nothing(reached: Reach) -> Reach:
    return replace(reached, low=reached.high + 1, token="")


def _is_stuck(x_account: XAccount, reached: Reach) -> bool:
    """Whether this walk begins like one that met only empty pages and rests now: that one goes on at its own time."""
    return reached.stalls > 0 and intervals.is_top_resting(x_account)


def _newest(page: Page) -> int:
    return max(as_numbers(event.id for event in page.events), default=0)


def _has_all_news(turn: Turn, state: SyncState, reached: Reach) -> bool:
    """Whether this page holds all news, though settled ground may lie further down: it reaches the newest event of the
    poll before, `top_id`. Pushed events do not count: they lie scattered, and tell nothing of what is between them. A
    `top_id` above X's present time was seen while X's clock ran ahead, and is not believed.
    """
    has_met_known = reached.oldest <= state.top_id <= turn.now_id
    return turn.is_wide and not turn.is_thorough and has_met_known and state.import_finished_at is not None


def _may_claim(state: SyncState, reached: Reach) -> bool:
    """Whether the settled ground on this page may count as read, with what lies between it and the ground below as the
    way down.

    It may where nothing lies between. Else only where a way down may begin: one at a time, one in each window, and one
    more before the day ends. Only such a way finds what X shows late so far down. Its pages are read when they take no
    request from news.
    """
    if not reached.token or intervals.meets_read(state.x_account, reached):
        return True
    within = LAST_OF_DAY if _is_day_ending(LAST_OF_DAY) else pace.window()
    if _has_set_out(state, within) or intervals.next_gap(state.x_account, state.horizon_id):
        return False
    state.settling_since = timezone.now()
    return True


def _has_set_out(state: SyncState, within: timedelta) -> bool:
    now = timezone.now()
    return state.settling_since is not None and now - within < state.settling_since <= now


def _fix_horizon(state: SyncState, answered_at: datetime) -> None:
    """The horizon comes from our clock; if that ran ahead of X's, some wanted events would be left out."""
    if state.import_days is not None and state.import_finished_at is None:
        chosen = snowflake_floor(answered_at - timedelta(days=state.import_days))
        state.horizon_id = min(state.horizon_id, chosen)


def _settle(turn: Turn) -> None:
    """Gives the lease back and says when to come again. A person may have changed the state meanwhile."""
    with transaction.atomic():
        state = turns.locked(turn)
        if state is None:
            return
        intervals.reopen_conversations(state)
        if state.import_finished_at is None and _has_finished_import(turn, state):
            state.import_finished_at = timezone.now()
        # One that rests does not count: it is tried at its own time, and holds nothing up.
        gap = intervals.next_gap(state.x_account, state.horizon_id)
        if state.state != State.NO_CREDIT:  # whoever met it said when
            state.next_poll_at = None if state.state == State.PAUSED else timezone.now() + _wait(turn, state, gap)
        state.last_news = turn.news
        if turn.is_top_read and turn.top_id and (turn.has_all_news or not _is_unread(gap)):
            state.top_id = turn.top_id
        if turn.news:
            state.last_news_at = timezone.now()
        turns.give_back(state)


def _has_finished_import(turn: Turn, state: SyncState) -> bool:
    is_same = turn.state.import_finished_at is None and turn.state.horizon_id == state.horizon_id
    return is_same and (turn.is_top_read or turn.is_import_read) and _has_no_gap(turn)


def _is_unread(gap: ReadInterval | None) -> bool:
    return gap is not None and not gap.is_known


def _wait(turn: Turn, state: SyncState, gap: ReadInterval | None) -> timedelta:
    """gap: the one to be read next."""
    answered_at = turn.answered_at or timezone.now()
    has_gap = _is_unread(gap)
    if turn.is_top_read and (not has_gap or pace.is_long_import(state)):
        takes_way_along = gap is not None and gap.is_known and _is_way_late(state)
        requests = pace.requests_at_once(state) if has_gap else 1 + takes_way_along
        usual = pace.usual_wait(state)
        if turn.at_latest is not None:
            usual = min(usual, max(turn.at_latest - timezone.now(), timedelta(seconds=1)))
        wait = pace.wait_after(turn.rate, answered_at, usual, requests)
        may_come_early = pace.has_one_more(turn.rate, answered_at, wait, requests)
        return pace.spread(wait, turn.late) if may_come_early else pace.spread(wait)
    if turn.rate.remaining is None or pace.may_read_on(turn.rate, 0, turn.kept):
        return timedelta(0)
    return pace.wait_for_window(turn.rate, answered_at)
