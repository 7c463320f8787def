"""When to ask X next, from what its headers said. X's clock and ours are never mixed: only spans are taken over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from django.conf import settings
from django.utils import timezone

from dminbox.xapi.errors import RateLimited
from dminbox.xapi.schema import RateLimit

RESERVE = 1
"""Requests of each window that polling leaves over."""
WINDOW = timedelta(minutes=15)
FIRST_GUESS = 15
"""Requests in a window (docs), until an answer tells better."""
PAGES_PER_TURN = 25
"""Then another X account has its turn."""
LONGEST_WAIT = timedelta(hours=1)
"""No header makes us wait longer: a wrong one would silence an account for good, and asking once more is cheap."""
FIRST_PAGE = 10
SMALLEST_PAGE = 5
PAGE = 100


def may_read_on(rate: RateLimit, pages_read: int) -> bool:
    remaining = FIRST_GUESS - pages_read if rate.remaining is None else rate.remaining
    return remaining > RESERVE and pages_read < PAGES_PER_TURN


def wait_after(rate: RateLimit, answered_at: datetime) -> timedelta:
    """Until the next poll when there is nothing to catch up with: what is left is spread over the window."""
    usual = timedelta(seconds=settings.SYNC_POLL_SECONDS)
    if rate.remaining is None or rate.reset_at is None:
        return usual
    left = max(_span(rate.reset_at, answered_at), timedelta(seconds=1))
    spare = rate.remaining - RESERVE
    return max(usual, left / spare) if spare > 0 else max(usual, left)


def wait_for_window(rate: RateLimit, answered_at: datetime) -> timedelta:
    """Until the window opens again, for who has more to read."""
    if rate.reset_at is None:
        return WINDOW
    return _span(rate.reset_at, answered_at) + timedelta(seconds=1)


def wait_after_refusal(error: RateLimited) -> timedelta:
    if error.reset_at is None:
        return WINDOW
    return _span(error.reset_at, _date_of(error)) + timedelta(seconds=1)


def _span(reset_at: datetime, now: datetime) -> timedelta:
    """Both times are X's."""
    return min(max(reset_at - now, timedelta(0)), LONGEST_WAIT)


def our_time(moment: datetime | None, answered_at: datetime) -> datetime | None:
    """A time by X's clock as ours shows it."""
    return None if moment is None else timezone.now() + (moment - answered_at)


def _date_of(error: RateLimited) -> datetime:
    try:
        date = parsedate_to_datetime(error.headers.get("date", ""))
    except ValueError:
        return timezone.now()
    return date if date.tzinfo else date.replace(tzinfo=UTC)
