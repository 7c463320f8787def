"""What owners see of reading in the admin: numbers and states. Owning an installation gives nobody's messages to read.

What was said is shown on the pages, to members; of events in quarantine an owner who is a member sees the raw form. Of
what X pushed and that names none of our X accounts, or several, every owner sees the shape: it has no members, and
somebody has to look. Members of all that it names see the raw form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import islice
from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.access import TOKENS_OF_JOINED, x_accounts_of
from accounts.admin_site import OwnersRows
from conversations import ledger
from conversations.models import (
    ActivityDelivery,
    ActivitySubscription,
    ApiCall,
    BilledResource,
    Change,
    Conversation,
    ConversationLookup,
    DmEvent,
    HistoryRead,
    PushState,
    QuarantinedEvent,
    RateWindow,
    ReadInterval,
    SpendDay,
    SyncState,
    UnfinishedDay,
    UnknownMember,
)
from conversations.showing import day_chart
from conversations.sync import day, push, rereading
from dminbox.wording import number, usd

MOST_SHOWN = 200
MOST_COUNTED = 10_000
"""Rows that a list counts, and shows page by page: of a hundred million nobody turns more pages."""
MOST_BATCHES = 20
"""Of the quarantine that are read again while somebody waits for the page: the command reads all of it."""
MOST_DELIVERIES = 1_000
MEMBERS_ALONE = _("Only members of this X account can see what X sent.")


class ShortPaginator(Paginator):  # type: ignore[type-arg]
    @cached_property
    def count(self) -> int:
        rows: models.QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:MOST_COUNTED].count()


class KnownValues(admin.AllValuesFieldListFilter):
    """Offers what is known, where looking for what there is would go through the whole of a large table."""

    OF: ClassVar[dict[tuple[str, str], Callable[[], Iterable[object]]]] = {
        ("ActivityDelivery", "event_type"): lambda: sorted(push.DEEDS),
        ("ApiCall", "status"): lambda: (0, 200, 400, 401, 402, 403, 404, 429, 500, 502, 503, 504),
        ("ApiCall", "endpoint"): lambda: [*_with_windows(), *(f"push {kind}" for kind in sorted(push.DEEDS))],
    }

    def __init__(
        self, field: Any, request: Any, params: Any, model: type[models.Model], *more: Any, **named: Any
    ) -> None:
        super().__init__(field, request, params, model, *more, **named)
        self.lookup_choices = self.OF[model.__name__, field.name]()  # type: ignore[assignment]  # only gone through

    @classmethod
    def is_of(cls, field: Any) -> bool:
        return (field.model.__name__, field.name) in cls.OF


def _with_windows() -> models.QuerySet[RateWindow, str]:
    return RateWindow.objects.order_by("endpoint").values_list("endpoint", flat=True).distinct()


admin.FieldListFilter.register(KnownValues.is_of, KnownValues, take_priority=True)


class LookOnly(OwnersRows):
    """Rows that nobody but the program writes."""

    actions: list[str] | None = None
    paginator = ShortPaginator
    show_facets = admin.ShowFacets.NEVER  # they count the table once for each choice
    show_full_result_count = False  # counting a table of millions takes longer than showing a page of it

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = super().get_queryset(request)
        fields = {field.name for field in self.model._meta.get_fields()}
        return rows.select_related("x_account").defer(*TOKENS_OF_JOINED) if "x_account" in fields else rows

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


def _raw_form(row: Any) -> str:
    return json.dumps(row.raw, ensure_ascii=False, indent=2) if row.is_mine else str(MEMBERS_ALONE)


# --- What X sent and we did not understand ----------------------------------------------------------------------------


@admin.register(QuarantinedEvent)
class QuarantinedEventAdmin(LookOnly):
    """Elements that could not be stored; above them, how often each kind and each member nobody knows was met."""

    list_display = ("id", "x_account", "reason", "times_seen", "first_seen_at", "last_seen_at")
    list_filter = ("x_account",)
    fields = ("x_account", "reason", "times_seen", "first_seen_at", "last_seen_at", "raw_form")
    readonly_fields = ("raw_form",)
    change_list_template = "admin/conversations/quarantinedevent/change_list.html"
    actions = ["read_again"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        mine = x_accounts_of(request.user).filter(pk=OuterRef("x_account"))
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(is_mine=Exists(mine))
        return rows

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        unknown = {"unknown": unknown_kinds(), "members": unknown_members()}
        return super().changelist_view(request, (extra_context or {}) | unknown)

    @admin.action(description=_("Read again, after an upgrade"))
    def read_again(self, request: HttpRequest, rows: models.QuerySet[QuarantinedEvent]) -> None:
        outcome = rereading.read_again(islice(rereading.batches(rows), MOST_BATCHES))
        self.message_user(request, _read_so_many(outcome))

    @admin.display(description=_("As X sent it"))
    def raw_form(self, row: Any) -> str:
        return _raw_form(row)


def _read_so_many(outcome: rereading.Outcome) -> str:
    words = gettext("%(read)s read and stored, %(still)s still unreadable.")
    return words % {"read": number(outcome.read), "still": number(outcome.still)}


def unknown_kinds() -> list[tuple[str, str, int]]:
    """Kinds that dminbox does not know, with how many there are of each: events stored, and activities pushed."""
    stored = DmEvent.objects.of_unknown_kind().values_list("event_type")
    pushed = ActivityDelivery.objects.filter(state=ActivityDelivery.State.ODD).values_list("event_type")
    return [
        (str(where), kind or gettext("(none)"), count)
        for where, rows in (
            (_("event, stored and shown by its type"), stored),
            (_("activity, stored unprocessed"), pushed),
        )
        for kind, count in rows.annotate(models.Count("pk")).order_by("event_type")
    ]


def unknown_members() -> list[dict[str, Any]]:
    """What X tells of its objects that dminbox does not read, of all X accounts together, newest first: names alone."""
    rows = UnknownMember.objects.values("kind", "name").annotate(
        times=models.Sum("times_seen"),
        first_seen_at=models.Min("first_seen_at"),
        last_seen_at=models.Max("last_seen_at"),
        example_id=models.Max("example_id"),
    )
    labels = dict(UnknownMember.Kind.choices)
    return [
        row | {"where": labels[row["kind"]]} for row in rows.order_by("-first_seen_at", "kind", "name")[:MOST_SHOWN]
    ]


@admin.register(ActivityDelivery)
class ActivityDeliveryAdmin(LookOnly):
    list_display = ("event_uuid", "event_type", "x_user_id", "source", "state", "attempts", "received_at", "detail")
    list_filter = ("state", "source", "event_type")
    search_fields = ("event_uuid__exact",)
    exclude = ("raw",)
    readonly_fields = ("raw_form",)
    actions = ["read_again"]

    @admin.action(description=_("Read again, after an upgrade"))
    def read_again(self, request: HttpRequest, rows: models.QuerySet[ActivityDelivery]) -> None:
        odd = push.odd_ones().filter(pk__in=rows.order_by().values("pk"))[:MOST_DELIVERIES]
        self.message_user(request, _read_so_many(rereading.read_deliveries_again(odd)))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        mine = x_accounts_of(request.user).filter(x_user_id=OuterRef("x_user_id"))
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(is_mine=Exists(mine))
        return rows

    def get_object(self, request: HttpRequest, *args: Any) -> Any:
        row = super().get_object(request, *args)
        if row is not None and row.x_user_id is None:
            named = push.named_in(row.raw)
            mine = x_accounts_of(request.user).filter(x_user_id__in=named)
            # One alone: others that it named when it came are gone, or it came before that one was connected.
            row.is_mine = len(named) > 1 and mine.count() == len(named)
        return row

    @admin.display(description=_("As X sent it"))
    def raw_form(self, row: Any) -> str:
        if row.x_user_id is None and not row.is_mine:
            return json.dumps(_shape_of(row.raw), ensure_ascii=False, indent=2)
        return _raw_form(row)


def _shape_of(raw: object) -> object:
    """Names of members and types of values: the values may be what somebody wrote."""
    if isinstance(raw, dict):
        return {name: _shape_of(value) for name, value in raw.items()}
    if isinstance(raw, list):
        return [_shape_of(value) for value in raw]
    return type(raw).__name__


# --- Push -------------------------------------------------------------------------------------------------------------


@admin.register(ActivitySubscription)
class ActivitySubscriptionAdmin(LookOnly):
    list_display = ("event_type", "x_account", "state", "subscription_id", "due_at", "detail")
    list_filter = ("state", "event_type")


@admin.register(PushState)
class PushStateAdmin(LookOnly):
    list_display = (
        "state",
        "state_since",
        "last_line_at",
        "activities",
        "duplicates",
        "odd_lines",
        "strangers",
        "failures",
    )
    exclude = ("holder",)


@admin.register(Change)
class ChangeAdmin(LookOnly):
    """The change log: ids and times."""

    list_display = ("number", "x_account", "kind", "conversation_number", "event_number", "created_at")
    list_filter = ("kind", "x_account")
    fields = ("x_account", "number", "kind", "conversation_number", "event_number", "data", "created_at")
    readonly_fields = ("conversation_number", "event_number")
    ordering = ("-pk",)

    @admin.display(description=_("conversation no."))
    def conversation_number(self, row: Change) -> int | None:
        return row.conversation_id

    @admin.display(description=_("event no."))
    def event_number(self, row: Change) -> int | None:
        return row.event_id


# --- Calls and money --------------------------------------------------------------------------------------------------


@admin.register(ApiCall)
class ApiCallAdmin(LookOnly):
    list_display = (
        "at",
        "x_account",
        "endpoint",
        "status",
        "dm_events",
        "users",
        "posts",
        "usd",
        "rate_remaining",
        "rate_limit",
    )
    list_filter = ("status", "endpoint", "x_account")
    ordering = ("-at", "-pk")


@admin.register(SpendDay)
class SpendDayAdmin(LookOnly):
    list_display = ("day", "x_account", "calls", "dm_events", "users", "posts", "usd")
    list_filter = ("x_account",)
    date_hierarchy = "day"
    ordering = ("-day", "x_account")


@admin.register(RateWindow)
class RateWindowAdmin(LookOnly):
    list_display = ("x_account", "endpoint", "remaining", "limit", "reset_at", "seen_at")
    list_filter = ("x_account", "endpoint")


@admin.register(SyncState)
class SyncStateAdmin(LookOnly):
    """How each X account is read: its last 24 hours as its page has them, and what it has cost today and this month
    (UTC).
    """

    list_display = (
        "x_account",
        "state",
        "last_success_at",
        "next_poll_at",
        "rate_remaining",
        "requests_of_day",
        "events_of_day",
        "spent_in_day",
        "gaps_of_day",
        "odd_events",
        "spent_today",
        "spent_this_month",
        "forecast",
        "monthly_cap_usd",
        "detail",
    )
    list_filter = ("state",)
    exclude = ("reconcile_token", "lease_holder")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        today = SpendDay.objects.filter(x_account=OuterRef("x_account"), day=ledger.utc_day(timezone.now()))
        sums = {
            "today_usd": Coalesce(Subquery(today.values("usd")[:1]), Decimal(0)),
            "month_usd": ledger.spent_this_month_of("x_account"),
        }
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(**sums)
        return rows

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Adds `day` to the rows of the page that is shown, for all of them at once."""
        found: Any = super().get_changelist_instance(request)
        days = day.last_days(found.result_list, day.read_of(found.result_list))
        for row in found.result_list:
            row.day = days[row.x_account_id]
        return found

    @admin.display(description=_("requests (24 h)"))
    def requests_of_day(self, row: Any) -> str:
        return day_chart.requests_words(row.day)

    @admin.display(description=_("events billed (24 h)"))
    def events_of_day(self, row: Any) -> str:
        return number(row.day.events)

    @admin.display(description=_("spend (24 h)"))
    def spent_in_day(self, row: Any) -> str:
        return usd(row.day.usd)

    @admin.display(description=_("gaps (24 h)"))
    def gaps_of_day(self, row: Any) -> str:
        return day_chart.gaps_words(row.day)

    @admin.display(ordering="today_usd", description=_("spent today"))
    def spent_today(self, row: Any) -> str:
        return usd(row.today_usd)

    @admin.display(ordering="month_usd", description=_("spent this month"))
    def spent_this_month(self, row: Any) -> str:
        return usd(row.month_usd)

    @admin.display(ordering="month_usd", description=_("forecast for the month"))
    def forecast(self, row: Any) -> str:
        return usd(round(ledger.forecast(row.month_usd, timezone.now()), 2))


# --- Reading ----------------------------------------------------------------------------------------------------------


@admin.register(ReadInterval)
class ReadIntervalAdmin(LookOnly):
    list_display = ("x_account", "conversation", "low_id", "high_id", "has_gap_below", "due_at", "empty_pages")
    list_filter = ("x_account",)
    exclude = ("next_token",)

    @admin.display(boolean=True, description=_("gap below"))
    def has_gap_below(self, row: ReadInterval) -> bool:
        return bool(row.next_token)


@admin.register(HistoryRead)
class HistoryReadAdmin(LookOnly):
    list_select_related = ("conversation",)  # and no further
    list_display = ("conversation", "state", "pages_read", "pages_wanted", "events_read", "due_at", "detail")
    fields = (
        "conversation",
        "asked_by",
        "asked_at",
        "pages_wanted",
        "pages_read",
        "events_read",
        "event_types",
        "state",
        "detail",
        "due_at",
        "failures",
        "lease_until",
    )


@admin.register(UnfinishedDay)
class UnfinishedDayAdmin(LookOnly):
    list_display = ("day", "x_account", "state", "asked_by", "asked_at", "events_read", "events_wanted", "detail")
    list_filter = ("state", "x_account")
    list_select_related = ("x_account", "asked_by")
    fields = (
        "x_account",
        "day",
        "state",
        "asked_by",
        "asked_at",
        "events_wanted",
        "events_read",
        "detail",
        "due_at",
        "failures",
        "lease_until",
    )
    ordering = ("-day", "x_account")


@admin.register(ConversationLookup)
class ConversationLookupAdmin(LookOnly):
    """Whom people look for is theirs to know: neither the target nor words that repeat it."""

    list_display = ("x_account", "kind", "state", "asked_at", "due_at")
    fields = (
        "x_account",
        "asked_by",
        "asked_at",
        "kind",
        "state",
        "due_at",
        "failures",
        "lease_until",
    )


@admin.register(BilledResource)
class BilledResourceAdmin(LookOnly):
    list_display = ("day", "kind", "resource_id", "x_account")
    list_filter = ("kind", "x_account")


@admin.register(Conversation)
class ConversationAdmin(LookOnly):
    """Which conversations there are, by X's ids; what was said in them stands nowhere in the admin."""

    list_display = ("dm_conversation_id", "x_account", "is_group", "has_reached_beginning", "events")
    list_filter = ("x_account", "is_group")
    fields = ("dm_conversation_id", "x_account", "is_group", "has_reached_beginning", "created_at")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Counted for the rows that are shown alone: joined to them, all events would be gone through for each page."""
        events = DmEvent.objects.filter(conversation=OuterRef("pk")).order_by().values("conversation")
        count = Subquery(events.annotate(count=models.Count("pk")).values("count"))
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(event_count=Coalesce(count, 0))
        return rows

    @admin.display(ordering="event_count", description=_("events"))
    def events(self, row: Any) -> int:
        return int(row.event_count)
