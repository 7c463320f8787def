"""Numbers for Prometheus, read from the tables at each scrape: so any number of processes tell the same.

X accounts are named by our own id alone, never by handle; the calls of the app itself by "app".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from conversations import ledger
from conversations.models import (
    ActivityDelivery,
    ActivitySubscription,
    ApiCall,
    PushState,
    RateWindow,
    ReadInterval,
    SpendDay,
    SyncState,
    UnfinishedDay,
)
from conversations.sync import day, intervals

HOUR = timedelta(hours=1)
ACCOUNT = "x_account"
Sample = tuple[Sequence[object], float | int | Decimal]


def text() -> bytes:
    """All of it, in Prometheus' text format; a fixed number of queries."""
    registry = CollectorRegistry()
    registry.register(_Tables())
    return generate_latest(registry)


class _Tables:
    """What prometheus_client calls a collector: it is asked once per scrape."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        states = list(_states(now))
        read = day.read_of(states)
        yield from _accounts(states, read, now)
        yield from _days(day.last_days(states, read))
        yield from _windows(now)
        yield from _calls(now)
        yield from _spend(now)
        yield from _push(now)
        yield from _deliveries(now)


def _gauge(name: str, words: str, labels: Sequence[str], samples: Iterable[Sample]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"dminbox_{name}", words, labels=labels)
    for values, number in samples:
        family.add_metric([str(value) for value in values], float(number))
    return family


# --- X accounts -------------------------------------------------------------------------------------------------------


def _states(now: datetime) -> QuerySet[Any]:
    """Each with the number of its days that were not read again to their end."""
    told = UnfinishedDay.objects.told_of(now - intervals.WINDOW).filter(x_account=OuterRef("x_account"))
    days = Subquery(told.order_by().values("x_account").annotate(number=Count("pk")).values("number"))
    return SyncState.objects.annotate(unfinished_days=Coalesce(days, 0)).order_by("x_account")


def _accounts(rows: Sequence[Any], read: day.Read, now: datetime) -> Iterator[Metric]:
    states = [((row.x_account_id, row.state), 1) for row in rows]
    ages = [((row.x_account_id,), _seconds(row.last_success_at, now)) for row in rows if row.last_success_at]
    caps = [((row.x_account_id,), row.monthly_cap_usd) for row in rows if row.monthly_cap_usd is not None]
    odd = [((row.x_account_id,), row.odd_events) for row in rows]
    gaps = [((row.x_account_id,), _gaps(read.get(row.x_account_id, ()), row)) for row in rows]
    yield _gauge("x_account_state", "1 for the state in which reading stands.", [ACCOUNT, "state"], states)
    yield _gauge("seconds_since_success", "Since the last page was read: the age of what is shown.", [ACCOUNT], ages)
    yield _gauge("spend_cap_usd", "The cap of a month, where there is one.", [ACCOUNT], caps)
    yield _gauge("odd_events", "Events in quarantine.", [ACCOUNT], odd)
    yield _gauge("gaps", "Stretches of time still to be read.", [ACCOUNT], gaps)
    unfinished = [((row.x_account_id,), row.unfinished_days) for row in rows]
    yield _gauge("unfinished_days", "UTC days that were not read again to their end.", [ACCOUNT], unfinished)


def _gaps(read: Iterable[ReadInterval], row: SyncState) -> int:
    return sum(intervals.has_unread_below(stretch, row) for stretch in read)


def _days(days: Mapping[int, day.Day]) -> Iterator[Metric]:
    """What the page of an X account draws of its last 24 hours."""

    def each(name: str, words: str, value: Callable[[day.Day], float | int | Decimal]) -> Metric:
        return _gauge(name, words, [ACCOUNT], [((pk,), value(found)) for pk, found in days.items()])

    kinds = [
        ((pk, kind), count)
        for pk, found in days.items()
        for kind, count in (("polls", found.polls), ("others", found.requests - found.polls))
    ]
    yield _gauge("day_requests", "Requests of the last 24 hours, the present hour with them.", [ACCOUNT, "kind"], kinds)
    yield each("day_polls_allowed", "Polls that X allowed in them, where that is known.", lambda found: found.allowed)
    yield each("day_requests_failed", "Requests in them without success.", lambda found: found.failed)
    yield each("day_events", "Events billed in them, by requests and by push.", lambda found: found.events)
    yield each("day_spend_usd", "Their spend, at the prices of the settings.", lambda found: found.usd)
    yield each("day_gaps", "Stretches of them still to be read.", lambda found: len(found.gaps))
    yield each("day_gap_seconds", "How long these are together.", lambda found: found.missing.total_seconds())


def _windows(now: datetime) -> Iterator[Metric]:
    labels = [ACCOUNT, "endpoint"]
    limits: list[Sample] = []
    left: list[Sample] = []
    used: list[Sample] = []
    for row in RateWindow.objects.order_by("x_account", "endpoint"):
        key = (row.x_account_id, row.endpoint)
        remaining = row.remaining if row.reset_at > now else row.limit
        limits.append((key, row.limit))
        left.append((key, remaining))
        used.append((key, row.limit - remaining))
    yield _gauge("x_requests_limit", "Requests that X allows in a window.", labels, limits)
    yield _gauge("x_requests_left", "Requests left in the present window.", labels, left)
    yield _gauge("x_requests_used", "Requests used of the present window.", labels, used)


# --- The ledger -------------------------------------------------------------------------------------------------------


def _calls(now: datetime) -> Iterator[Metric]:
    rows = ApiCall.objects.filter(at__gte=now - 24 * HOUR).values_list("x_account", "endpoint", "status")
    samples: list[Sample] = []
    for pk, endpoint, status, last_hour, last_day in rows.annotate(
        last_hour=Count("pk", filter=Q(at__gte=now - HOUR)), last_day=Count("pk")
    ).order_by("x_account", "endpoint", "status"):
        key = ("app" if pk is None else pk, endpoint, status)
        samples += [((*key, "hour"), last_hour), ((*key, "day"), last_day)]
    words = "Calls to X and deliveries by push of the last hour and day; status 0: no answer."
    yield _gauge("x_calls", words, [ACCOUNT, "endpoint", "status", "span"], samples)


def _spend(now: datetime) -> Iterator[Metric]:
    today = ledger.utc_day(now)
    names = ("dm_events", "users", "posts", "usd")
    sums = {f"{name}_month": Sum(name) for name in names}
    sums |= {f"{name}_today": Sum(name, filter=Q(day=today)) for name in names}
    rows: QuerySet[Any] = SpendDay.objects.filter(day__gte=today.replace(day=1))
    billed: list[Sample] = []
    usd: list[Sample] = []
    forecasts: list[Sample] = []
    for row in rows.values("x_account").annotate(**sums).order_by("x_account"):
        pk = row["x_account"]
        for span in ("today", "month"):
            billed += [((pk, name, span), row[f"{name}_{span}"] or 0) for name in names[:3]]
            usd.append(((pk, span), row[f"usd_{span}"] or 0))
        forecasts.append(((pk,), ledger.forecast(row["usd_month"], now)))
    yield _gauge("billed", "What X billed, by its rules and UTC days.", [ACCOUNT, "kind", "span"], billed)
    yield _gauge("spend_usd", "The same in US dollars, at the prices of the settings.", [ACCOUNT, "span"], usd)
    yield _gauge("spend_forecast_usd", "This month's spend at the pace so far.", [ACCOUNT], forecasts)


# --- Push -------------------------------------------------------------------------------------------------------------


def _push(now: datetime) -> Iterator[Metric]:
    state = PushState.objects.filter(pk=1).first() or PushState()
    yield _gauge(
        "push_state", "1 for the state of the connection over which X pushes.", ["state"], [((state.state,), 1)]
    )
    yield _gauge("push_alive", "Whether what X pushes reaches us now.", [], [((), int(state.is_alive))])
    if state.last_line_at:
        age = _seconds(state.last_line_at, now)
        yield _gauge("push_seconds_since_line", "Since the stream's last line, keep-alives too.", [], [((), age)])
    yield _counter("push_activities", "Activities pushed.", state.activities)
    yield _counter("push_duplicates", "Activities pushed that were here already.", state.duplicates)
    yield _counter("push_odd_lines", "Lines of the stream that were no activity.", state.odd_lines)
    yield _counter(
        "push_strangers", "Activities of another program or a disconnected X account, dropped.", state.strangers
    )
    refused = CounterMetricFamily("dminbox_webhook_refused", "Requests to the webhook refused.", labels=["reason"])
    for reason in ("unsigned", "replayed", "oversized", "odd", "bad_crc"):
        refused.add_metric([reason], getattr(state, f"webhook_{reason}"))
    yield refused
    rows = ActivitySubscription.objects.values_list("event_type", "state").annotate(Count("pk"))
    counts = [((kind, name), number) for kind, name, number in rows.order_by("event_type", "state")]
    yield _gauge("push_subscriptions", "Subscriptions by kind and state.", ["event_type", "state"], counts)


def _counter(name: str, words: str, number: int) -> CounterMetricFamily:
    return CounterMetricFamily(f"dminbox_{name}", words, value=number)


def _deliveries(now: datetime) -> Iterator[Metric]:
    due = ActivityDelivery.objects.filter(state=ActivityDelivery.State.DUE)
    found = due.aggregate(count=Count("pk"), oldest=Min("due_at"))
    odd = ActivityDelivery.objects.filter(state=ActivityDelivery.State.ODD).count()
    yield _gauge("deliveries", "Activities stored: still to be taken up, and kept raw.", ["state"], [
        (("due",), found["count"]), (("odd",), odd),
    ])  # fmt: skip
    age = max(_seconds(found["oldest"], now), 0) if found["oldest"] else 0
    yield _gauge("deliveries_oldest_due_seconds", "How long the oldest of those has been due.", [], [((), age)])


def _seconds(moment: datetime, now: datetime) -> float:
    return round((now - moment).total_seconds(), 3)
