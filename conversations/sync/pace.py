"""When to ask X next and for how much, from what its headers said and what it has billed already.

X's clock and ours are never mixed: only spans are taken over. Reading costs nothing but events that X has not billed
that UTC day, and requests are few: so a poll comes as often as the window allows while it matters, and asks for as many
events as come free, and a few more.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import XAccount, snowflake_floor
from conversations import ledger
from conversations.models import ActivitySubscription, Conversation, PushState, SyncState
from conversations.sync import intervals
from dminbox import leases
from dminbox.xapi.errors import RateLimited
from dminbox.xapi.query import Vocabulary
from dminbox.xapi.schema import RateLimit

IN_A_BURST = 1.5
"""An import of at most so many windows is read as fast as they allow; a longer one leaves requests for news."""
KEPT = 1
"""Requests of each window that reading never touches."""
FIRST_GUESS = 15
"""Requests in a window (docs), until an answer tells better."""
PUNCTUAL = timedelta(seconds=5)
"""A turn may come so late by itself: the sweep looks once a second, and a worker may be busy."""
PAGES_PER_TURN = 25
"""Then another X account has its turn."""
LONGEST_WAIT = timedelta(hours=1)
"""No header makes us wait longer: a wrong one would silence an account for good, and asking once more is cheap."""
PEOPLE_FOR = timedelta(days=1)
"""People are asked for with pages after X named no sender without; to try again each day costs one request."""
SLACK = 3
"""Events asked for beyond those that come free: room for news, at a price of at most so many events a day."""
WIDENING = 4
"""Each further page of a walk asks for so many times as much as the one before."""
PAGE = 100
BUSY_FOR = timedelta(minutes=3)
GROUP_IS_ACTIVE_FOR = timedelta(hours=1)


def reserve(limit: int | None) -> int:
    """Requests of a window that steady polling leaves over: for news that fills a page, and for what people ask for."""
    return max(KEPT, (limit or FIRST_GUESS) // 5)


def may_read_on(rate: RateLimit, pages_read: int, kept: int = KEPT) -> bool:
    remaining = FIRST_GUESS - pages_read if rate.remaining is None else rate.remaining
    return remaining > kept and pages_read < PAGES_PER_TURN


def first_page(known: int, last_news: int) -> int:
    """How many events a poll asks for. known: from the newest down, those that come free or have to be read anyway."""
    return min(known + max(SLACK, 2 * last_news), PAGE)


def next_page(size: int) -> int:
    return min(size * WIDENING, PAGE)


def steady(limit: int | None) -> timedelta:
    """The wait between two polls that use a window evenly, but for the reserve."""
    allowed = limit or FIRST_GUESS
    return window() / max(allowed - reserve(allowed), 1)


def wait_after(rate: RateLimit, answered_at: datetime, usual: timedelta, requests: int = 1) -> timedelta:
    """The wait until the next turn, of so many requests, where nothing has to be caught up with at once."""
    wanted = max(usual, requests * steady(rate.limit))
    if rate.remaining is None or rate.reset_at is None:
        return wanted
    left = max(_span(rate.reset_at, answered_at), timedelta(seconds=1))
    spare = (rate.remaining - KEPT) // requests
    if spare >= math.ceil(left / wanted) - 1:
        return wanted
    return left / (spare + 1) if spare > 0 else left + timedelta(seconds=1)


def is_long_import(state: SyncState) -> bool:
    """Whether an import takes more than IN_A_BURST windows: in bursts, with a window's silence after each, it would
    keep news waiting. Estimated by how much of its time the pages so far have covered, once as many are read as a
    window can spare beside the steady pace.
    """
    if state.import_finished_at is not None or state.import_pages < reserve(state.rate_limit):
        return False
    in_a_burst = IN_A_BURST * (state.rate_limit or FIRST_GUESS)
    newest, oldest = intervals.read_between(state.x_account)
    # Ids grow with the time, evenly.
    return state.import_pages * (newest - state.horizon_id) >= in_a_burst * (newest - oldest)


def requests_at_once(state: SyncState) -> int:
    """Requests of one turn in a long import, one of them for news, the others for older pages: as many as the steady
    pace gives until the next poll comes as usual, and two at least.
    """
    return max(usual_wait(state) // steady(state.rate_limit), 2)


def has_spare(rate: RateLimit, answered_at: datetime, usual: timedelta) -> bool:
    """Whether one more request leaves enough for the polls until the window ends, and for a page of news in them."""
    if rate.remaining is None or rate.reset_at is None:
        return False
    left = max(_span(rate.reset_at, answered_at), timedelta(0))
    polls = left // max(usual, steady(rate.limit))
    return rate.remaining - KEPT - 1 >= polls + min(polls, 1)


def usual_wait(state: SyncState) -> timedelta:
    """How often this X account is worth a look, before any limit."""
    now = timezone.now()
    is_watched = state.watched_until is not None and state.watched_until > now
    is_busy = state.last_news_at is not None and state.last_news_at > now - BUSY_FOR
    if is_pushed(state.x_account) and not _has_active_group(state.x_account):
        return timedelta(seconds=settings.SYNC_POLL_SECONDS_WITH_PUSH)
    if is_watched or is_busy:
        return timedelta(seconds=settings.SYNC_POLL_SECONDS_BUSY)
    return timedelta(seconds=settings.SYNC_POLL_SECONDS)


def needed_by_polls(state: SyncState, limit: int, ends_at: datetime) -> int:
    """Requests of a shared window that polling takes until it ends, and the one it keeps. ends_at: our clock."""
    now = timezone.now()
    if state.next_poll_at is None or state.next_poll_at >= ends_at:
        return KEPT
    wait = max(usual_wait(state), steady(limit))
    return KEPT + 1 + (ends_at - max(state.next_poll_at, now)) // wait


def is_pushed(x_account: XAccount) -> bool:
    """Whether X pushes the messages of this account, and the way they come is alive."""
    if not PushState.is_set_up():
        return False
    push = PushState.objects.filter(pk=1).first()
    received = ActivitySubscription.objects.filter(
        x_account=x_account, event_type="dm.received", state=ActivitySubscription.State.ACTIVE
    )
    return push is not None and push.is_alive and received.exists()


def _has_active_group(x_account: XAccount) -> bool:
    """Groups are never pushed."""
    since = snowflake_floor(timezone.now() - GROUP_IS_ACTIVE_FOR)
    return Conversation.objects.filter(x_account=x_account, is_group=True, last_dm_event_id__gte=since).exists()


def expands_people(state: SyncState) -> bool:
    """Whether pages are asked for with people, whom X then bills: only where it names senders in no other way. Else
    unknown people are looked up once by id, at a price that is known before; on a page, one event may name a whole
    group.
    """
    needs_them = not leases.is_past(state.needs_people_until, timezone.now(), PEOPLE_FOR)
    return needs_them or settings.X_VOCABULARY == Vocabulary.POST


def spread(wait: timedelta, late: timedelta | None = timedelta(0)) -> timedelta:
    """The wait, longer by a random bit, so that accounts that are due at the same moment drift apart.

    late: how long after its time this turn began; None where none was planned. An account that was late goes back to
    its place among the others. One that was late by a whole wait takes a random place, once: after an outage all are
    late at the same moment, and would stay together for hours.
    """
    if late is None or late >= wait:
        return wait * random.random()  # noqa: S311 (no secret)
    back = late if late >= PUNCTUAL else timedelta(0)  # else each turn would take a little of what is kept for news
    return min(wait * random.uniform(1, 1.02) - back, LONGEST_WAIT)  # noqa: S311 (no secret)


def has_one_more(rate: RateLimit, answered_at: datetime, wait: timedelta, requests: int) -> bool:
    """Whether a turn of so many requests may come early, with all others until the window ends at their times."""
    if rate.remaining is None or rate.reset_at is None:
        return False
    turns = 1 + _span(rate.reset_at, answered_at) // wait
    return rate.remaining - KEPT >= requests * turns


def wait_for_window(rate: RateLimit, answered_at: datetime) -> timedelta:
    """Until the window opens again, for who has more to read."""
    if rate.reset_at is None:
        return window()
    return _span(rate.reset_at, answered_at) + timedelta(seconds=1)


def wait_for_request(x_account: XAccount, endpoint: str) -> timedelta:
    """Until X takes another call of an endpoint with a window of its own: nothing where some are left in it, or where
    nobody has seen it.
    """
    seen = ledger.open_window(x_account, endpoint, are_shared=False)
    if seen is None or seen.remaining > 0:
        return timedelta(0)
    return _span(seen.reset_at, timezone.now()) + timedelta(seconds=1)


def wait_after_refusal(error: RateLimited) -> timedelta:
    if error.reset_at is None:
        return window()
    return _span(error.reset_at, ledger.date_of(error)) + timedelta(seconds=1)


def window() -> timedelta:
    return timedelta(seconds=settings.X_WINDOW_SECONDS)


def longest_wait() -> timedelta:
    """The longest wait of any state, but for those that wait for credit or for a new month."""
    return max(LONGEST_WAIT, window())


def _span(reset_at: datetime, now: datetime) -> timedelta:
    """Both times are of one clock."""
    return min(max(reset_at - now, timedelta(0)), LONGEST_WAIT)


def our_time(moment: datetime | None, answered_at: datetime) -> datetime | None:
    """A time by X's clock as ours shows it."""
    return None if moment is None else timezone.now() + (moment - answered_at)
