"""The last 24 hours of one X account by the hour: what was asked of X, what it allowed, what came and what it cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import TruncHour
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from conversations.ids import time_in
from conversations.models import ApiCall, ReadInterval, SyncState
from conversations.sync import intervals

HOUR = timedelta(hours=1)
HOURS = 24
POLLS = "GET /2/dm_events"
PUSHED = "push "
"""How the ledger's rows of deliveries begin; they are no requests."""
Read = Mapping[int, Sequence[ReadInterval]]
"""By the key of each X account."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, by the ids at its ends."""

    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Hour:
    """polls: requests of the endpoint that is polled, of `allowed` (None: not known). others: all other requests.

    failed: of both, those that X refused or did not answer. events, usd: billed, by requests and by push.
    """

    begins_at: datetime
    polls: int = 0
    others: int = 0
    failed: int = 0
    allowed: int | None = None
    events: int = 0
    usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Day:
    """hours: 24, the last of them still going on. gaps: what X has not been read of, of these hours."""

    hours: tuple[Hour, ...]
    gaps: tuple[Span, ...]

    @property
    def begins_at(self) -> datetime:
        return self.hours[0].begins_at

    @property
    def ends_at(self) -> datetime:
        return self.hours[-1].begins_at + HOUR

    @property
    def requests(self) -> int:
        return sum(hour.polls + hour.others for hour in self.hours)

    @property
    def polls(self) -> int:
        return sum(hour.polls for hour in self.hours)

    @property
    def allowed(self) -> int:
        return sum(hour.allowed or 0 for hour in self.hours)

    @property
    def failed(self) -> int:
        return sum(hour.failed for hour in self.hours)

    @property
    def events(self) -> int:
        return sum(hour.events for hour in self.hours)

    @property
    def missing(self) -> timedelta:
        return sum((span.ends_at - span.begins_at for span in self.gaps), timedelta(0))

    @property
    def usd(self) -> Decimal:
        return sum((hour.usd for hour in self.hours), Decimal(0))


def last_day(sync: SyncState, rows: Sequence[ReadInterval]) -> Day:
    """rows: what was read of /2/dm_events, newest first."""
    return last_days([sync], {sync.x_account_id: rows})[sync.x_account_id]


def last_days(states: Collection[SyncState], read: Read) -> dict[int, Day]:
    """The same of many X accounts, by their keys, in one query."""
    now = timezone.now()
    first = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - (HOURS - 1) * HOUR
    calls: dict[int, dict[datetime, Any]] = defaultdict(dict)
    for row in _by_hour([sync.x_account_id for sync in states], first):
        calls[row["x_account"]][row["hour"]] = row
    return {
        sync.x_account_id: Day(
            _hours(calls[sync.x_account_id], sync.rate_limit, first),
            tuple(_within(gap_spans(read.get(sync.x_account_id, ()), sync, now), first)),
        )
        for sync in states
    }


def read_of(states: Iterable[SyncState]) -> Read:
    """What was read of /2/dm_events of each, newest first, in one query."""
    rows = ReadInterval.objects.filter(conversation=None, x_account__in=[sync.x_account_id for sync in states])
    read: dict[int, list[ReadInterval]] = defaultdict(list)
    for row in rows.order_by("x_account", "-high_id"):
        read[row.x_account_id].append(row)
    return read


def _hours(found: Mapping[datetime, Any], limit: int | None, first: datetime) -> tuple[Hour, ...]:
    hours: list[Hour] = []
    for number in range(HOURS):
        row = found.get(first + number * HOUR, {})
        limit = row.get("limit") or limit
        hours.append(_hour(first + number * HOUR, row, limit))
    return tuple(hours)


class _Hour(TruncHour):
    """On SQLite cut from the text as which a time is kept: Django would call a function of Python's for each row."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        sql, params = compiler.compile(self.lhs)
        return f"SUBSTR({sql}, 1, 13) || ':00:00'", params


def _by_hour(x_accounts: Sequence[int], first: datetime) -> Any:
    is_poll, is_push = Q(endpoint=POLLS), Q(endpoint__startswith=PUSHED)
    rows = ApiCall.objects.filter(x_account__in=x_accounts, at__gte=first).annotate(hour=_Hour("at", tzinfo=UTC))
    return rows.values("x_account", "hour").order_by("x_account", "hour").annotate(
        polls=Count("pk", filter=is_poll),
        others=Count("pk", filter=~is_poll & ~is_push),
        failed=Count("pk", filter=Q(status__gte=400) | Q(status=0)),
        limit=Max("rate_limit", filter=is_poll),
        events=Sum("dm_events"),
        spent=Sum("usd"),
    )  # fmt: skip


def _hour(begins_at: datetime, row: dict[str, Any], limit: int | None) -> Hour:
    counts = {name: row.get(name) or 0 for name in ("polls", "others", "failed", "events")}
    allowed = None if limit is None else int(limit * HOUR.total_seconds() / settings.X_WINDOW_SECONDS)
    return Hour(begins_at, allowed=allowed, usd=row.get("spent") or Decimal(0), **counts)


def gap_spans(rows: Iterable[ReadInterval], sync: SyncState, now: datetime) -> list[Span]:
    """What is still to be read, newest first: since the last page where a poll is late, and the gaps below."""
    rows = list(rows)
    spans = [Span(sync.last_success_at, now)] if sync.last_success_at and _is_late(sync, now) else []
    for row, older in zip(rows, [*rows[1:], None], strict=False):
        if intervals.has_unread_below(row, sync):
            floor = max(older.high_id if older else 0, sync.horizon_id, intervals.end_of_window(now))
            spans.append(Span(time_in(floor), time_in(intervals.resume(row).depth)))
    return [span for span in spans if span.ends_at > span.begins_at]


def _is_late(sync: SyncState, now: datetime) -> bool:
    is_due = sync.next_poll_at is None or sync.next_poll_at < now - HOUR / 60
    return is_due or sync.state != SyncState.State.ACTIVE


def _within(spans: Iterable[Span], first: datetime) -> Iterable[Span]:
    return (Span(max(span.begins_at, first), span.ends_at) for span in spans if span.ends_at > first)
