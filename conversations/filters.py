"""The filters of the inbox: from an address to rows, to counts, and back to an address.

Each filter is one condition. A list applies them all; a count looks at a limited number of rows, and so starts from the
one condition that has an index of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import BooleanField, Case, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Greatest
from django.db.models.lookups import GreaterThanOrEqual
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.access import Person
from accounts.models import Membership, User, XAccount, snowflake_floor
from conversations.counts import Count
from conversations.forms import MAX_ID, InboxForm
from conversations.models import Conversation, DmEvent, Participant, ReadMark, SavedView, XUser
from conversations.querysets import EACH_ONE, ConversationQuerySet, Top, run_union

LOOKED_AT = 500
"""Conversations that are looked at for one count, over all X accounts together."""
KEPT = ("account", "kind", "unread", "unanswered", "media", "post", "since", "until", "person")
"""What stands in an address, in this order."""
PILLS: dict[str, dict[str, Any]] = {"unread": {"unread": True}}
"""Filters that show a number, and what each sets. Each more number takes a tenth of the inbox's time; what else people
want to have counted, they save as a view.
"""

WITH_VALUES = ("person", "since", "until")
WITHOUT_VALUES = ("kind", "unread", "unanswered", "media", "post")
"""Filters whose statement differs for each value, and those that make one of a few statements."""
Shape = tuple[tuple[str, Any], ...]
"""The values of the latter."""
READER = -3
LOOKED = 1000
"""More than LOOKED_AT: so one number tells how many rows were looked at, and how many of them count."""

Wanted = dict[str, Any]
"""The cleaned data of InboxForm."""


def conditions(wanted: Wanted) -> list[Q]:
    """One for each filter that is set, but for the X account; those with an index of their own come first.

    The one for unread needs the rows of `for_person`.
    """
    person = [_has_somebody_of(wanted)] if wanted["person"] else []
    others = [
        (wanted["unanswered"], Q(last_incoming_dm_event_id__gt=F("last_own_dm_event_id"))),
        (wanted["media"], Q(has_media=True)),
        (wanted["post"], Q(has_post=True)),
        (wanted["kind"] == "group", Q(is_group=True)),
        (wanted["kind"] == "one", Q(is_group=False)),
        (wanted["unread"], Q(last_incoming_dm_event_id__gt=F("read_to"))),
        (_ends_within(wanted), _was_active(wanted)),
    ]
    return person + [condition for is_set, condition in others if is_set]


def _has_somebody_of(wanted: Wanted) -> Q:
    """person_ids: the people whom the name was taken for, if looked up; else who has just that handle or id."""
    people: Any = wanted.get("person_ids") or XUser.objects.called(wanted["person"]).values("pk")
    return Q(pk__in=Participant.objects.filter(x_user__in=people).values("conversation"))


INDEXED = ("person", "unanswered", "media", "post")


def starts_from_index(wanted: Wanted) -> bool:
    """Whether the first of `conditions` has an index of its own."""
    return any(wanted[name] for name in INDEXED) or wanted["kind"] == "group"


def stretch(wanted: Wanted) -> Q:
    """That the newest event is not from before the first day: the part of `since` that an index can find."""
    return Q(last_dm_event_id__gte=_floor(wanted["since"])) if wanted["since"] else Q()


def _ends_within(wanted: Wanted) -> bool:
    return bool(wanted["until"]) and wanted["until"] < date.max


def _was_active(wanted: Wanted) -> Q:
    """Something happened between the first day's begin and the last day's end, in the reader's time zone.

    That is to say: the newest event before the end is not from before the begin. It is one step in an index for each
    conversation; asked by EXISTS, PostgreSQL may read all events of those days instead.
    """
    if not _ends_within(wanted):
        return Q()
    begin, end = _floor(wanted["since"]) if wanted["since"] else 0, _floor(wanted["until"] + timedelta(days=1))
    before = DmEvent.objects.filter(conversation=OuterRef("pk"), dm_event_id__lt=end).order_by("-dm_event_id")
    return Q(GreaterThanOrEqual(Subquery(before.values("dm_event_id")[:1]), begin))


def _floor(day: date) -> int:
    """The smallest X id of that day; MAX_ID where ids will have run out."""
    return min(snowflake_floor(datetime.combine(day, time(), timezone.get_current_timezone())), MAX_ID)


def narrow(found: ConversationQuerySet, user: Person, wanted: Wanted) -> ConversationQuerySet:
    """All filters but the X account's, which is a list of its own for each."""
    if wanted["unread"]:
        found = found.for_person(user)
    return found.filter(stretch(wanted), *conditions(wanted))


def top_of_each(user: Person, wanted: Wanted, size: int) -> Top:
    """What `ConversationQuerySet.top_of_each` gives for the list of these filters, from its beginning."""
    if any(wanted[name] for name in WITH_VALUES):
        return narrow(Conversation.objects.all(), user, wanted).top_of_each(size)
    sql, params = _top_by_shape(_shape_of(wanted), size)
    return sql, [user.pk if param == READER else param for param in params]


@cache
def _top_by_shape(shape: Shape, size: int) -> Top:
    """Compiled once: of unread ones that is a tenth of what the page takes. READER stands for the person."""
    return narrow(Conversation.objects.all(), User(pk=READER), _of_shape(shape)).top_of_each(size)


# --- Counts -----------------------------------------------------------------------------------------------------------


def count(user: Person, x_accounts: Sequence[XAccount], views: Sequence[Wanted]) -> list[Count | None]:
    """How many conversations each of these filters shows, in one query of a fixed price however large the inbox is.

    None for those of an X account that is not among these.
    """
    most = max(1, LOOKED_AT // len(x_accounts))
    parts = []
    for place, wanted in enumerate(views):
        pks = [row.pk for row in x_accounts if wanted["account"] in (None, row.pk)]
        if pks:
            sql, params = _counting(user, wanted, most)
            each_one = f"accounts_xaccount each_one WHERE each_one.id IN ({', '.join(['%s'] * len(pks))})"
            parts.append((f"SELECT {place:d}, ({sql}) FROM {each_one}", [*params, *pks]))  # noqa: S608 (Django's own SQL)
    counts: list[Count | None] = [None] * len(views)
    for place, told in run_union(parts, DEFAULT_DB_ALIAS):
        looked_at, found = divmod(told or 0, LOOKED)
        before = counts[place] or Count()
        counts[place] = Count(before.found + found, before.has_more or looked_at >= most)
    return counts


def _counting(user: Person, wanted: Wanted, most: int) -> tuple[str, Sequence[Any]]:
    """SQL over the row `each_one` of an X account: LOOKED for each row looked at, and one more if it counts."""
    if any(wanted[name] for name in WITH_VALUES):
        return _counted(_looked_at(user, wanted, most))
    sql, params = _counting_by_shape(_shape_of(wanted), most)
    return sql, [user.pk if param == READER else param for param in params]


@cache
def _counting_by_shape(shape: Shape, most: int) -> tuple[str, Sequence[Any]]:
    """Compiled once: that takes Django longer than the database needs to answer. READER stands for the person."""
    return _counted(_looked_at(User(pk=READER), _of_shape(shape), most))


def _shape_of(wanted: Wanted) -> Shape:
    return tuple((name, wanted[name]) for name in WITHOUT_VALUES)


def _of_shape(shape: Shape) -> Wanted:
    return dict.fromkeys(WITH_VALUES) | dict(shape)


def _counted(rows: QuerySet[Conversation, Any]) -> tuple[str, Sequence[Any]]:
    sql, params = rows.query.sql_with_params()
    told = f"SUM(CASE WHEN counts THEN {LOOKED + 1:d} ELSE {LOOKED:d} END)"
    return f"SELECT {told} FROM ({sql}) AS looked_at", params  # noqa: S608 (Django's own SQL)


def _looked_at(
    user: Person, wanted: Wanted, most: int, x_account_id: int | RawSQL = EACH_ONE
) -> QuerySet[Conversation, Any]:
    """The rows looked at for one view, and whether each counts."""
    tests = conditions(wanted)
    first = tests.pop(0) if starts_from_index(wanted) else Q()
    rows = Conversation.objects.filter(first, stretch(wanted), x_account=x_account_id)
    if wanted["unread"]:
        rows = rows.annotate(read_to=_read_to(user, x_account_id))
    heard_last = wanted["unread"] and not starts_from_index(wanted)
    rows = rows.order_by("-last_incoming_dm_event_id") if heard_last else rows.newest_first()
    counts = ExpressionWrapper(Q(*tests), output_field=BooleanField()) if tests else Value(value=True)
    return rows.annotate(counts=counts).values_list("counts")[:most]


def _read_to(user: Person, x_account_id: int | RawSQL) -> Coalesce:
    """The same as `for_person` says, by sub-queries: a join could make the database read all before it cuts."""
    before = Subquery(Membership.objects.filter(user=user.pk, x_account=x_account_id).values("read_before_id")[:1])
    mark = ReadMark.objects.filter(user=user.pk, conversation=OuterRef("pk"))
    to = Case(When(was_moved_back=True, then=F("dm_event_id")), default=Greatest(F("dm_event_id"), before))
    return Coalesce(Subquery(mark.annotate(to=to).values("to")[:1]), before)


# --- Addresses --------------------------------------------------------------------------------------------------------


def query_of(wanted: Wanted, **changed: object) -> str:
    """The filters as they stand in an address, with some of them changed."""
    kept = {name: wanted[name] for name in KEPT} | changed
    return urlencode({name: 1 if value is True else value for name, value in kept.items() if value})


def kept_in(address: QueryDict) -> str:
    """The filters of the list that the address of another page carries along; all else in it is none."""
    named = {name: address[name] for name in KEPT if name in address}
    if not named:
        return ""
    form = InboxForm(named)
    return query_of(form.cleaned_data) if form.is_valid() else ""


def list_beside(address: QueryDict) -> str:
    """The address of the list from which another page was opened, by that page's own address."""
    query = kept_in(address)
    return f"{reverse('inbox')}?{query}" if query else reverse("inbox")


@lru_cache(maxsize=10_000)
def wanted_in(query: str) -> Wanted | None:
    """What an address asks for; None when it means nothing.

    The same address always asks for the same, each inbox reads all views of its reader, and a form takes as long as a
    statement.
    """
    form = InboxForm(QueryDict(query))
    return form.cleaned_data if form.is_valid() else None


# --- Saved views ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ViewLine:
    """A saved view as the list shows it. is_current: its filters are the ones that are set."""

    view: SavedView
    count: Count | None
    is_current: bool


def numbers(
    user: Person, x_accounts: Sequence[XAccount], views: Sequence[SavedView], wanted: Wanted, unread: Count
) -> tuple[list[ViewLine], dict[str, Count]]:
    """Lines of the saved views, and the number beside each of PILLS: what it would show with all else that is set.

    unread: the count that is known already, taken where no other filter is set. With days the pills have no numbers: no
    index holds both, and asking each conversation what happened until then would take as long as the rest of the page.
    """
    has_days = bool(wanted["since"]) or _ends_within(wanted)
    pills = {} if has_days else {name: wanted | changed for name, changed in PILLS.items()}
    is_known = not any(wanted[name] for name in KEPT if name not in ("account", "unread"))
    if is_known:
        del pills["unread"]
    asked = [wanted_in(view.query) for view in views]
    meant = [one for one in asked if one is not None]
    found = count(user, x_accounts, [*meant, *pills.values()])
    of_views = iter(found[: len(meant)])
    here = query_of(wanted)
    lines = [
        ViewLine(view, None if one is None else next(of_views), view.query == here)
        for view, one in zip(views, asked, strict=True)
    ]
    told = {name: number for name, number in zip(pills, found[len(meant) :], strict=True) if number}
    return lines, told | ({"unread": unread} if is_known else {})
