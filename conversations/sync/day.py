"""The last 24 hours of one X account by the hour: what was asked of X, what it allowed, what came and what it cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
Counted = Mapping[str, Any]
"""The calls of one X account, hour, endpoint and status; see `count_calls`."""


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


def last_days(states: Collection[SyncState], read: Read, counted: Iterable[Counted] | None = None) -> dict[int, Day]:
    """The same of many X accounts, by their keys. counted: the calls of these and others, where they are at hand."""
    now = timezone.now()
    first = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - (HOURS - 1) * HOUR
    if counted is None:
        counted = count_calls(now, [sync.x_account_id for sync in states])
    calls: dict[tuple[int | None, datetime], list[Counted]] = defaultdict(list)
    for row in counted:
        calls[row["x_account"], row["hour"]].append(row)
    return {
        sync.x_account_id: Day(
            tuple(_hours(sync, calls, first)),
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


def _hours(
    sync: SyncState, calls: Mapping[tuple[int | None, datetime], Sequence[Counted]], first: datetime
) -> Iterator[Hour]:
    limit = sync.rate_limit
    for begins_at in (first + number * HOUR for number in range(HOURS)):
        rows = calls.get((sync.x_account_id, begins_at), ())
        limit = max((row["limit"] or 0 for row in rows if row["endpoint"] == POLLS), default=0) or limit
        yield _hour(begins_at, rows, limit)


class _Hour(TruncHour):
    """On SQLite cut from the text as which a time is kept: Django would call a function of Python's for each row."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        sql, params = compiler.compile(self.lhs)
        return f"SUBSTR({sql}, 1, 13) || ':00:00'", params


def count_calls(now: datetime, x_accounts: Sequence[int] | None = None) -> list[Counted]:
    """The calls of the last 24 hours in one pass, counted by X account (None: the app's own; no list: all of them),
    hour, endpoint and status.
    """
    calls = ApiCall.objects.filter(at__gte=now - HOURS * HOUR).annotate(hour=_Hour("at", tzinfo=UTC))
    wanted = calls if x_accounts is None else calls.filter(x_account__in=x_accounts)
    rows = wanted.order_by().values("x_account", "hour", "endpoint", "status").annotate(
        calls=Count("pk"),
        of_last_hour=Count("pk", filter=Q(at__gte=now - HOUR)),
        limit=Max("rate_limit"),
        events=Sum("dm_events"),
        usd=Sum("usd"),
    )  # fmt: skip
    return list(rows)


def _hour(begins_at: datetime, rows: Sequence[Counted], limit: int | None) -> Hour:
    requests = [row for row in rows if not row["endpoint"].startswith(PUSHED)]
    polls = sum(row["calls"] for row in requests if row["endpoint"] == POLLS)
    return Hour(
        begins_at,
        polls=polls,
        others=sum(row["calls"] for row in requests) - polls,
        failed=sum(row["calls"] for row in rows if row["status"] >= 400 or row["status"] == 0),
        allowed=None if limit is None else int(limit * HOUR.total_seconds() / settings.X_WINDOW_SECONDS),
        events=sum(row["events"] for row in rows),
        usd=sum((row["usd"] for row in rows), Decimal(0)),
    )


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
