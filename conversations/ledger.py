"""The ledger: every call to X and every delivery by push, what X bills for it, and what is left of its windows.

X bills each event, person and post once per UTC day, whoever of us reads it first, and by whatever way (docs). So a
resource is written down once per day, and a call costs what it was the first to bring.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts import tokens
from accounts.grants import Heard
from accounts.models import XAccount
from conversations import unknown
from conversations.ids import LARGEST, as_numbers
from conversations.models import (
    ApiCall,
    BilledResource,
    Conversation,
    DmEvent,
    RateWindow,
    RequestClaim,
    SpendDay,
    SpendReservation,
    SyncState,
)
from dminbox.postgres.planning import by_its_values
from dminbox.statements import compiled_once
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import XError
from dminbox.xapi.reply import Reply
from dminbox.xapi.schema import Answer, Billed, RateLimit

T = TypeVar("T")
Kind = BilledResource.Kind
OK = 200
CALLS_KEPT = timedelta(days=62)
"""This month and the one before; the sums of the days stay."""
RESOURCES_KEPT = timedelta(days=3)
"""X's dedupe ends with the UTC day; some slack for clocks that differ."""
CLOCKS_DIFFER = timedelta(minutes=1)
DM_READS = (
    "GET /2/dm_events",
    "GET /2/dm_events/{event_id}",
    "GET /2/dm_conversations/{dm_conversation_id}/dm_events",
    "GET /2/dm_conversations/with/{participant_id}/dm_events",
)


LIST, _ONE, HISTORY, HISTORY_WITH = DM_READS
WRITTEN_AT_ONCE = 8_000
"""Four values each: a statement takes 32,766 of them on one database, 65,535 on the other."""
INSERT = f"INSERT INTO {BilledResource._meta.db_table} (day, kind, resource_id, x_account_id) VALUES"


@dataclass(frozen=True, slots=True)
class Bill:
    """Counts of billed resources; `usd` by the prices of the settings."""

    dm_events: int = 0
    users: int = 0
    posts: int = 0
    chat_events: int = 0

    @property
    def usd(self) -> Decimal:
        return Decimal(
            self.dm_events * settings.PRICE_DM_EVENT_USD
            + self.users * settings.PRICE_USER_USD
            + self.posts * settings.PRICE_POST_USD
            + self.chat_events * settings.PRICE_CHAT_EVENT_USD
        )

    @property
    def resources(self) -> int:
        return self.dm_events + self.users + self.posts + self.chat_events


@dataclass(frozen=True, slots=True)
class Spend:
    """US dollars by the prices of the settings. forecast: this month's, at the pace of its days so far."""

    today: Decimal
    month: Decimal
    forecast: Decimal
    cap: Decimal | None = None

    @property
    def left(self) -> Decimal | None:
        """Until the month's cap; None without one."""
        return None if self.cap is None else max(self.cap - self.month, Decimal(0))


# --- Writing ----------------------------------------------------------------------------------------------------------


def call(x_account: XAccount, ask: Callable[[XClient], T]) -> T:
    """`ask` with a client of the X account; a failure goes into the ledger at once, an answer with `record`."""
    try:
        return tokens.call(x_account, ask)
    except XError as error:
        record_failure(x_account, error)
        raise


def record(x_account: XAccount, answer: Answer[Any]) -> Bill:
    """Writes down an answer, by the UTC day of X's own clock. Returns what was not billed that day before.

    Every answer of X is recorded so, in the transaction that stores what it brought; the number of queries is fixed,
    with one more where X has told what nobody here reads.
    """
    with transaction.atomic(savepoint=False):
        # The window first, here and for a failure: it may write the SyncState row, which who stores a page holds before
        # anything else. In another order the two could wait for one another.
        see_window(x_account, answer.endpoint, answer.rate_limit, answer.answered_at)
        bill = _bill(x_account, answer.answered_at, _ids_by_kind(answer.billed))
        _enter(x_account, answer.endpoint, OK, answer.rate_limit, answer.answered_at, bill)
        unknown.count(x_account, answer.unknown)
    return bill


def record_lookup(x_account: XAccount, answer: Answer[Any]) -> None:
    """The bill of posts and people looked up because of what was read: it counts towards the ceiling of an import."""
    with transaction.atomic():
        # The row that who stores a page holds comes first, here too.
        importing = SyncState.objects.select_for_update().filter(x_account=x_account, import_finished_at=None).first()
        bill = record(x_account, answer)
        if importing is not None:
            importing.import_spent_usd += bill.usd
            importing.save(update_fields=["import_spent_usd"])


def record_failure(x_account: XAccount | None, error: XError) -> None:
    """A call that brought nothing; X bills none of these."""
    if not error.endpoint:
        return
    now, rate = timezone.now(), error.rate_limit or RateLimit()
    with transaction.atomic(savepoint=False):
        if x_account is not None:  # X counts it in the window all the same
            see_window(x_account, error.endpoint, rate, date_of(error))
        _enter(x_account, error.endpoint, error.status or 0, rate, now, Bill())


def date_of(error: XError) -> datetime:
    """X's own clock when it answered so; ours where no answer came."""
    return error.answered_at or timezone.now()


def hear(x_account: XAccount | None, call: Heard) -> None:
    """Writes down what `accounts` asked of X (X_CALLS_HEARD_BY). A profile of no X account here counts as billed each
    time: there is no account under which to note that it was billed that day.
    """
    if isinstance(call, XError):
        record_failure(x_account, call)
    elif isinstance(call, Answer):
        _record_anybodys(x_account, call)
    else:
        with transaction.atomic(savepoint=False):
            _enter(x_account, call, OK, RateLimit(), timezone.now(), Bill())


def _record_anybodys(x_account: XAccount | None, answer: Answer[Any]) -> None:
    if x_account is not None:
        record(x_account, answer)
        return
    _enter(None, answer.endpoint, OK, answer.rate_limit, answer.answered_at, Bill(users=len(answer.billed.user_ids)))


def record_download(x_account: XAccount, endpoint: str, rate: RateLimit) -> None:
    """A DM photo; no price is documented for them."""
    with transaction.atomic(savepoint=False):
        _enter(x_account, endpoint, OK, rate, timezone.now(), Bill())


def record_app_call(reply: Reply | XError) -> None:
    """A call that the app makes for itself, for no X account; an error where no answer came."""
    if isinstance(reply, XError):
        record_failure(None, reply)
        return
    _enter(None, reply.endpoint, reply.status, reply.rate_limit, timezone.now(), Bill())


def record_push(x_account: XAccount, event_type: str, pushed_at: datetime, ids: Mapping[Kind, Iterable[int]]) -> Bill:
    """A delivery that X bills (dm.received and chat.received, docs), under the same dedupe as reads."""
    with transaction.atomic(savepoint=False):
        bill = _bill(x_account, pushed_at, {kind: list(ids.get(kind, ())) for kind in Kind})
        _enter(x_account, f"push {event_type}", OK, RateLimit(), pushed_at, bill)
    return bill


def _bill(x_account: XAccount, at: datetime, ids: Mapping[Kind, list[int]]) -> Bill:
    if not any(ids.values()):
        return Bill()
    day = utc_day(at)
    known = _known(day, ids)
    new = [(kind.value, pk) for kind in Kind for pk in sorted(set(ids[kind]) - known.get(kind, set()))]
    written = _write_down(x_account, day, new)
    return Bill(*(written[kind.value] for kind in (Kind.DM_EVENT, Kind.USER, Kind.POST, Kind.CHAT_EVENT)))


def _write_down(x_account: XAccount, day: date, resources: Sequence[tuple[str, int]]) -> Counter[str]:
    """Writes them down; gives how many of each kind were new. Another account may write the same ones at this moment:
    the second then waits for the first to commit, and finds them there.
    """
    written: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for start in range(0, len(resources), WRITTEN_AT_ONCE):
            some = resources[start : start + WRITTEN_AT_ONCE]
            rows = ", ".join(["(%s, %s, %s, %s)"] * len(some))
            values = [value for kind, pk in some for value in (day, kind, pk, x_account.pk)]
            cursor.execute(f"{INSERT} {rows} ON CONFLICT DO NOTHING RETURNING kind", values)
            written.update(kind for (kind,) in cursor.fetchall())
    return written


def _enter(x_account: XAccount | None, endpoint: str, status: int, rate: RateLimit, at: datetime, bill: Bill) -> None:
    counts = {"dm_events": bill.dm_events + bill.chat_events, "users": bill.users, "posts": bill.posts}
    ApiCall.objects.create(
        x_account=x_account,
        endpoint=endpoint[:100],
        status=status,
        usd=bill.usd,
        rate_limit=rate.limit,
        rate_remaining=rate.remaining,
        **counts,
    )
    if x_account is not None:
        _add_to_day(x_account, utc_day(at), counts | {"calls": 1, "usd": bill.usd})


def _add_to_day(x_account: XAccount, day: date, counts: Mapping[str, int | Decimal]) -> None:
    today = SpendDay.objects.filter(x_account=x_account, day=day)
    more = {name: F(name) + count for name, count in counts.items()}
    if not today.update(**more):
        SpendDay.objects.bulk_create([SpendDay(x_account=x_account, day=day)], ignore_conflicts=True)
        today.update(**more)


def _ids_by_kind(billed: Billed) -> dict[Kind, list[int]]:
    return {
        Kind.DM_EVENT: as_numbers(billed.event_ids),
        Kind.USER: as_numbers(billed.user_ids),
        Kind.POST: as_numbers(billed.post_ids),
        Kind.CHAT_EVENT: [],
    }


def _known(day: date, ids: Mapping[Kind, list[int]]) -> dict[str, set[int]]:
    wanted = Q()
    for kind, numbers in ids.items():
        if numbers:
            wanted |= Q(kind=kind, resource_id__in=numbers)
    known: dict[str, set[int]] = {}
    for name, pk in BilledResource.objects.filter(wanted, day=day).values_list("kind", "resource_id"):
        known.setdefault(name, set()).add(pk)
    return known


def forget_old() -> None:
    now = timezone.now()
    ApiCall.objects.filter(at__lt=now - CALLS_KEPT).delete()
    BilledResource.objects.filter(day__lt=utc_day(now - RESOURCES_KEPT)).delete()
    SpendReservation.objects.filter(until__lte=now).delete()
    RequestClaim.objects.filter(until__lte=now).delete()


# --- Windows ----------------------------------------------------------------------------------------------------------


def see_window(x_account: XAccount, endpoint: str, rate: RateLimit, answered_at: datetime) -> None:
    """Remembers what the headers said; and whether X counts the DM reads in one window, once they have told."""
    if rate.limit is None or rate.remaining is None or rate.reset_at is None:
        return
    now = timezone.now()
    window = RateWindow(
        x_account=x_account,
        endpoint=endpoint[:100],
        limit=rate.limit,
        remaining=rate.remaining,
        reset_at=now + (rate.reset_at - answered_at),
        resets=rate.reset_at,
        seen_at=now,
    )
    if endpoint in DM_READS:
        _learn(window)
    RateWindow.objects.bulk_create(
        [window],
        update_conflicts=True,
        update_fields=["limit", "remaining", "reset_at", "resets", "seen_at"],
        unique_fields=["x_account", "endpoint"],
    )


def _learn(window: RateWindow) -> None:
    rows = list(RateWindow.objects.filter(x_account=window.x_account, endpoint__in=DM_READS).order_by("-seen_at"))
    told = shares_a_window(window, rows)
    if told is not None:
        SyncState.objects.filter(x_account=window.x_account).exclude(are_windows_shared=told).update(
            are_windows_shared=told
        )


def shares_a_window(new: RateWindow, seen: Iterable[RateWindow]) -> bool | None:
    """What a new answer tells, by those before it, newest first; None where its number fits both.

    In a window of its own an endpoint has one request less than after its own last call. In a shared one it has one
    less than after anybody's last call.
    """
    current = [row for row in seen if row.resets == new.resets and row.limit == new.limit]
    others = [row.remaining for row in current if row.endpoint != new.endpoint]
    own = [row.remaining for row in current if row.endpoint == new.endpoint]
    if not others:
        # Another endpoint's open window that ends at another time is not ours.
        return False if any(_is_open(row, new) for row in seen if row.endpoint != new.endpoint) else None
    alone = (own[0] if own else new.limit) - 1
    shared = min([*own, *others]) - 1
    if alone == shared:
        return None
    return {shared: True, alone: False}.get(new.remaining)


def _is_open(row: RateWindow, new: RateWindow) -> bool:
    return row.reset_at > new.seen_at and abs(row.resets - new.resets) > timedelta(seconds=1)


def open_window(x_account: XAccount, endpoint: str, *, are_shared: bool) -> RateWindow | None:
    """What the headers said of the window that a call of this endpoint would fall into; None when it has ended or was
    never seen (or only by a clock that ran ahead).
    """
    now = timezone.now()
    endpoints = counted_with(endpoint, are_shared=are_shared)
    rows = RateWindow.objects.filter(x_account=x_account, endpoint__in=endpoints, reset_at__gt=now)
    return rows.filter(seen_at__lte=now + CLOCKS_DIFFER).order_by("remaining").first()


def counted_with(endpoint: str, *, are_shared: bool) -> tuple[str, ...]:
    """The endpoints whose requests X counts in the same window."""
    return DM_READS if are_shared and endpoint in DM_READS else (endpoint,)


# --- Sums -------------------------------------------------------------------------------------------------------------


def billed_today(x_account: XAccount) -> Bill:
    """What this X account was the first to read since midnight UTC."""
    return billed_on(x_account, utc_day(timezone.now()))


def billed_on(x_account: XAccount, day: date) -> Bill:
    rows = BilledResource.objects.filter(x_account=x_account, day=day).values_list("kind").annotate(Count("pk"))
    counts = dict(rows.order_by())
    return Bill(*(counts.get(kind, 0) for kind in (Kind.DM_EVENT, Kind.USER, Kind.POST, Kind.CHAT_EVENT)))


@by_its_values()  # a few hours of one account, or months of an old one
def free_today(x_account: XAccount, since_id: int, at: datetime, most: int, *, below: int = LARGEST) -> int:
    """How many events from since_id on X has billed already on the UTC day of `at`, counted up to `most`: to read them
    again is free, also those that another X account of ours was the first to read.
    """
    billed = BilledResource.objects.filter(
        day=utc_day(at), kind=Kind.DM_EVENT, resource_id__gte=since_id, resource_id__lt=below
    )
    own = billed.filter(x_account=x_account)[:most].count()
    shared = _lively_and_shared(x_account.pk, since_id)
    stored = DmEvent.objects.filter(conversation__in=shared, dm_event_id__gte=since_id, dm_event_id__lt=below)
    by_another = billed.filter(resource_id=OuterRef("dm_event_id")).exclude(x_account=x_account)
    return own + stored.filter(Exists(by_another))[: most - own].count()


@compiled_once
def _lively_and_shared(x_account: int, since_id: int) -> QuerySet[Conversation, int]:
    """The conversations with an event since that id which another X account of ours may be in as well."""
    are_ours = XAccount.objects.values("x_user_id")
    lively = Conversation.objects.filter(x_account=x_account, last_dm_event_id__gte=since_id)
    return lively.filter(Q(is_group=True) | Q(peer__in=are_ours)).values_list("pk", flat=True)


def spend(x_account: XAccount, cap: Decimal | None = None) -> Spend:
    today = utc_day(timezone.now())
    days = dict(SpendDay.objects.filter(x_account=x_account, day__gte=today.replace(day=1)).values_list("day", "usd"))
    month = sum(days.values(), Decimal(0))
    return Spend(days.get(today, Decimal(0)), month, forecast(month, timezone.now()), cap)


def spent_this_month(x_account: XAccount) -> Decimal:
    first = utc_day(timezone.now()).replace(day=1)
    days = SpendDay.objects.filter(x_account=x_account, day__gte=first)
    return sum(days.values_list("usd", flat=True), Decimal(0))  # SQLite itself adds them up as floats


def spent_this_month_of(column: str) -> Coalesce:
    """The same of each X account that this column of another query names."""
    first = utc_day(timezone.now()).replace(day=1)
    days = SpendDay.objects.filter(x_account=OuterRef(column), day__gte=first)
    return Coalesce(Subquery(days.values("x_account").annotate(total=Sum("usd")).values("total")), Decimal(0))


def forecast(month: Decimal, now: datetime) -> Decimal:
    begins = month_of(now)
    gone = max((now - begins).total_seconds(), 24 * 3600)  # the first day tells too little about the others
    return month * Decimal((next_month(now) - begins).total_seconds() / gone)


def utc_day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def month_of(moment: datetime) -> datetime:
    """When its month began, UTC: the months of X's bill."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(moment: datetime) -> datetime:
    return month_of(month_of(moment) + timedelta(days=32))
