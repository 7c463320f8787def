"""Every reading rule: who sees which rows, what counts as unread, and how long lists come in pages.

Models link these as their managers; so this module imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from django.db import connections, models
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    Min,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Greatest, JSONObject, RowNumber, Upper
from django.utils import timezone

from accounts.access import Person, x_account_ids_of, x_accounts_of
from accounts.models import Membership, Role, User
from conversations import counts
from dminbox.postgres.planning import by_its_values

if TYPE_CHECKING:
    from conversations.models import (  # noqa: F401 (in quotes)
        Conversation,
        ConversationLookup,
        DmEvent,
        EventParticipant,
        Participant,
        UnfinishedDay,
        XUser,
    )

LOOKED_AT = 200
"""Conversations per X account that are looked at for counting the unread ones, and events of a conversation."""
RAW_BESIDE_POSTS = ("post__author__raw", "post__quoted__author__raw")
"""What X told of people in its own form: a page shows none of it, and taking it apart takes longer than the query."""
EACH = -1
"""Stands for an X account or a person in a query that is compiled once and run for several: no row has this id."""
EACH_ONE = RawSQL("each_one.id", ())
"""The X account of a row `each_one` around a query."""
Top = tuple[str, Sequence[Any]]
ALL_DOWN = "down_to AS (SELECT 0 AS least)"
"""The row that a Top looks at, where it goes all the way."""
NAMED = 3
"""People a group's title can name."""
MOST_UNITED, MOST_VALUES = 500, 30_000
"""What one query takes on either database: statements that are united, and their values."""
OF_EVENTS = ("event_type", "created_at", "text", "entities", "has_media", "has_post")


def of_person(path: str) -> tuple[str, ...]:
    """The columns by which a page names and pictures somebody."""
    return tuple(f"{path}__{name}" for name in ("name", "username", "avatar__state"))


def of_x_account(path: str = "") -> tuple[str, ...]:
    """The columns by which a page names an X account, says how it is read, and goes on live."""
    own = ("x_user_id", "username", "state", "state_since")
    sync = ("state", "state_since", "next_poll_at", "last_success_at", "last_change", "watched_until")
    return tuple(f"{path}{name}" for name in (*own, *(f"sync__{name}" for name in sync)))


def of_media() -> tuple[str, ...]:
    """The columns of a photo, video or GIF that a page shows, and of its files."""
    own, pictured = ("type", "alt_text", "width", "height"), ("file__placeholder", "light__content_type")
    of_file = ("state", "content_type", "width", "height", "thumbnail_widths")
    files = (f"{path}__{name}" for path in ("file", "preview") for name in of_file)
    return tuple(f"media__{name}" for name in (*own, *pictured, "light__state", *files))


FILES_OF_MEDIA = ("media__file", "media__light", "media__preview")
BESIDE_ROWS = ("peer__avatar", "last_event__sender")
IN_ROWS = (
    *("x_account", "dm_conversation_id", "is_group", "encrypted_at", "last_encrypted_at"),
    *("last_dm_event_id", "last_incoming_dm_event_id"),
    *of_person("peer"),
    *(f"last_event__{name}" for name in OF_EVENTS),
    *("last_event__sender__name", "last_event__sender__username"),
)


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, user: Person, role: str = Role.VIEWER) -> Self:
        return self.filter(x_account__in=x_account_ids_of(user, role))

    def for_person(self, user: Person) -> Self:
        """Adds `role` and `read_to`, the newest dm_event_id that counts as read.

        It leaves no row out: strangers get role None and, without a mark of their own, read_to 0. `visible_to` decides
        who sees a row.
        """
        return self.annotate(
            mark=FilteredRelation("read_marks", condition=Q(read_marks__user=user.pk)),
            membership=FilteredRelation("x_account__memberships", condition=Q(x_account__memberships__user=user.pk)),
        ).annotate(
            role=F("membership__role"),
            read_to=Case(
                When(mark__was_moved_back=True, then=F("mark__dm_event_id")),
                default=Greatest(
                    Coalesce(F("mark__dm_event_id"), Value(0)), Coalesce(F("membership__read_before_id"), Value(0))
                ),
            ),
        )

    def with_person(self, x_user_id: int) -> Self:
        """Those that this person is or was in."""
        return self.filter(participants__x_user=x_user_id)

    def newest_first(self) -> Self:
        return self.order_by("-last_dm_event_id", "-pk")

    def older_than(self, last_dm_event_id: int, pk: int) -> Self:
        """What stands below that row in the inbox. The first condition is the one an index can start from."""
        return self.filter(last_dm_event_id__lte=last_dm_event_id).exclude(
            last_dm_event_id=last_dm_event_id, pk__gte=pk
        )

    def newest_of(self, x_account_ids: Iterable[int], size: int, top: Top | None = None) -> list[int]:
        """Ids of the newest rows over several X accounts: each index is read from its top, and merged here.

        top: `self.top_of_each(size)`, where it is at hand.
        """
        parts = _tops(x_account_ids, top or self.top_of_each(size))
        rows = run_union(parts, self.db, _newest(size), (f"WITH {ALL_DOWN}", []))
        return [pk for _, pk in sorted(rows, reverse=True)[:size]]

    def newest_unread(
        self,
        unread: Mapping[int, counts.Count],
        size: int,
        top: Top | None = None,
        found: Callable[[], Self] | None = None,
    ) -> list[int]:
        """The same for unread ones. unread: how many each X account has of them, as `count_unread` tells.

        found: makes the queryset that `top` is of, where that is not this one. Most pages do not need it.

        Where an X account fills a page they are found from the top, and of the others as far down as that page goes.
        Elsewhere few may be unread: there all rows are looked at, in one walk that ends where the page does.
        """
        many = [pk for pk, count in unread.items() if count.found >= size]
        few = [pk for pk, count in unread.items() if count.may_be_any and count.found < size]
        if not many or len(unread) >= MOST_UNITED:
            rest = (found() if found else self).filter(x_account__in=[*many, *few]).newest_first()
            return list(rest.values_list("pk", flat=True)[:size])
        top = top or self.top_of_each(size)
        sql, params = united(_tops(many, top))
        of_many = f"many AS (WITH {ALL_DOWN} {sql} {_newest(size)})"
        least = f"CASE WHEN COUNT(*) = {size:d} THEN MIN(last_dm_event_id) ELSE 0 END AS least"
        beginning = f"WITH {of_many}, down_to AS (SELECT {least} FROM many)"  # noqa: S608 (ours)
        parts = [("SELECT * FROM many", ()), *_tops(few, top)]
        return [pk for _, pk in run_union(parts, self.db, _newest(size), (beginning, params))]

    def top_of_each(self, size: int) -> Top:
        """SQL for last_dm_event_id and id of the first rows of the X account EACH; and its values.

        A row `down_to` before it says how far down. Were that a value, PostgreSQL would plan anew for each, and a plan
        takes several times as long as to run it.
        """
        least = RawSQL("(SELECT least FROM down_to)", ())
        part = self.filter(x_account=EACH, last_dm_event_id__gte=least).newest_first()
        return part.values_list("last_dm_event_id", "pk")[:size].query.sql_with_params()

    def count_unread(self, user: Person, x_account_ids: Iterable[int]) -> dict[int, counts.Count]:
        """Unread conversations per X account: at most counts.MANY of each, among the LOOKED_AT that heard last.

        So the price of the numbers is the same for any inbox; the filter for unread ones looks at all. There may be
        more where others heard of something since the person joined: what was there before counts as read, but for
        what was marked as unread, which is counted wherever it stands.
        """
        sql, params = _counting_unread(self.model, LOOKED_AT)
        pks = list(x_account_ids)
        values = [user.pk if param == EACH else param for param in params]
        with connections[self.db].cursor() as cursor:
            cursor.execute(f"{sql} WHERE each_one.id IN ({', '.join(['%s'] * len(pks))})", [*values, *pks])
            return {pk: counts.Count(count, bool(has_more)) for pk, count, has_more in cursor.fetchall()}

    def with_rows_of_inbox(self) -> Self:
        """What a row of the inbox shows and no column more, but for what `contents.rows_of_inbox` adds."""
        rows = self.with_contents_of_rows().select_related("x_account", *BESIDE_ROWS)
        return rows.only(*IN_ROWS, "x_account__username", "x_account__x_user_id")

    def with_contents_of_rows(self) -> Self:
        """The same but for the X account, which the inbox itself has at hand."""
        return self.select_related(*BESIDE_ROWS).only(*IN_ROWS)

    def with_ages(self) -> Self:
        """Adds `our_birth` and `peer_birth`: when the X accounts of both sides were made, as X writes it."""
        us = _related(self.model, "peer").filter(pk=OuterRef("x_account__x_user_id"))
        told = KeyTextTransform("created_at", "raw")
        return self.annotate(
            our_birth=Subquery(us.values(told=told)[:1]), peer_birth=KeyTextTransform("created_at", "peer__raw")
        )

    def with_history(self) -> Self:
        """Adds `history` of the latest wish for older events: its state, detail and events_read; None without one."""
        latest = _related(self.model, "history_reads").filter(conversation=OuterRef("pk")).order_by("-pk")
        told = JSONObject(state="state", detail="detail", events_read="events_read")
        return self.annotate(history=Subquery(latest.values(told=told)[:1]))


class DmEventQuerySet(models.QuerySet["DmEvent"]):
    def visible_to(self, user: Person, role: str = Role.VIEWER) -> Self:
        return self.filter(conversation__x_account__in=x_account_ids_of(user, role))

    def messages(self) -> Self:
        return self.filter(event_type=self.model.Type.MESSAGE_CREATE)

    def comings_and_goings(self) -> Self:
        return self.filter(event_type__in=[self.model.Type.PARTICIPANTS_JOIN, self.model.Type.PARTICIPANTS_LEAVE])

    def of_unknown_kind(self) -> Self:
        """By an index of these alone. SQLite takes it only where the kinds stand in the statement itself."""
        kinds = ", ".join(f"'{kind}'" for kind in self.model.Type.values)
        return self.filter(RawSQL(f"NOT (event_type IN ({kinds}))", [], models.BooleanField()))  # noqa: S611 (ours)

    def unbilled(self, day: date | str) -> Self:
        """Those that X has billed on no call of that UTC day."""
        conversation = _related(self.model, "conversation").model
        return self.filter(~Exists(_billed(conversation, day, "dm_event", "dm_event_id")))

    def stretch(self) -> tuple[int, datetime | None]:
        """How many there are, and since when."""
        found = self.aggregate(events=Count("pk"), oldest=Min("created_at"))
        return found["events"], found["oldest"]

    def newest_by(self, sender_id: int, up_to: int) -> int | None:
        """The newest message of that sender in one conversation, none newer than `up_to`: a dm_event_id."""
        theirs = self.messages().filter(sender=sender_id, dm_event_id__lte=up_to)
        with by_its_values():  # of a peer's few messages any index is good, of all that we ever wrote only one
            return theirs.order_by("-dm_event_id").values_list("dm_event_id", flat=True).first()

    def by_others_after(self, dm_event_id: int, our_id: int) -> tuple[counts.Count, tuple[int, datetime] | None]:
        """How many messages of others stand after that event of one conversation; dm_event_id and time of the first.

        LOOKED_AT events are looked at; where none of these is of others, the first is whatever comes first.
        """
        newer = self.filter(dm_event_id__gt=dm_event_id).order_by("dm_event_id")
        rows = list(newer.values_list("dm_event_id", "created_at", "sender_id", "event_type")[:LOOKED_AT])
        message = self.model.Type.MESSAGE_CREATE
        by_others = [(pk, at) for pk, at, sender_id, kind in rows if kind == message and sender_id != our_id]
        first = by_others or [(pk, at) for pk, at, *_ in rows]
        return counts.Count(len(by_others), len(rows) == LOOKED_AT), next(iter(first), None)

    def newest_ids(self, size: int) -> list[int]:
        """Of one conversation: read from the end of its index, which holds nothing else."""
        return list(self.order_by("-dm_event_id").values_list("dm_event_id", flat=True)[:size])

    def with_attachments(self) -> Self:
        """Which media and posts it carries, and the words of these; for `media_shown` of posts two queries more."""
        media = _related(self.model, "event_media").select_related("media").defer("media__raw")
        posts = _related(self.model, "event_posts").select_related("post__author", "post__quoted__author")
        pictures = _related(_related(_related(self.model, "event_posts").model, "post").model, "post_media")
        described = pictures.select_related("media").defer("media__raw")
        of_posts = [
            Prefetch(f"{path}__post_media", described, to_attr="media_shown") for path in ("post", "post__quoted")
        ]
        posts = posts.defer("post__raw", "post__author__raw", "post__quoted__raw", "post__quoted__author__raw")
        return self.prefetch_related(*self._contents(media=media, posts=posts.prefetch_related(*of_posts)))

    def with_media(self) -> Self:
        """What a gallery shows of each event."""
        media = _related(self.model, "event_media").select_related(*FILES_OF_MEDIA)
        return self.select_related("sender").prefetch_related(*self._contents(media=media))

    def with_senders(self) -> Self:
        """What a thread shows of each event, but for what `conversations/showing/contents.py` adds."""
        shown = ("conversation", "dm_event_id", *OF_EVENTS, "unavailable_since")
        return self.select_related("sender__avatar").only(*shown, *of_person("sender"))

    @staticmethod
    def _contents(**wanted: Any) -> list[Prefetch[Any]]:
        relations = {"media": "event_media", "posts": "event_posts"}
        return [Prefetch(relations[name], rows, to_attr=f"{name}_shown") for name, rows in wanted.items()]


class EventParticipantQuerySet(models.QuerySet["EventParticipant"]):
    def returning(self) -> Self:
        """`is_back`: they had left this conversation at some time before."""
        before = self.model._default_manager.filter(
            x_user=OuterRef("x_user"),
            event__conversation=OuterRef("event__conversation"),
            event__event_type="ParticipantsLeave",
            event__dm_event_id__lt=OuterRef("event__dm_event_id"),
        )
        return self.annotate(is_back=Exists(before))


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def naming(self) -> Self:
        """The few people who give a group its title, each with `others`: how many there are of them in all."""
        return (
            self.exclude(x_user=F("conversation__x_account__x_user_id"))
            .annotate(
                rank=Window(
                    RowNumber(),
                    partition_by=[F("conversation")],
                    order_by=[F("is_present").desc(), F("last_message_at").desc(nulls_last=True), F("pk").asc()],
                ),
                people=Window(Count("pk"), partition_by=[F("conversation"), F("is_present")]),
            )
            .filter(rank__lte=NAMED)
            .select_related("x_user__avatar")
            .only("conversation", "is_present", "typing_until", *of_person("x_user"))
            .order_by("rank")
        )

    def typing(self, now: datetime) -> Self:
        """Whoever is writing just now."""
        rows = self.filter(typing_until__gt=now).select_related("x_user").order_by("pk")
        return rows.only("conversation", "typing_until", "x_user__name", "x_user__username")

    def naming_rows(self, now: datetime) -> Self:
        """What rows of the inbox need of them: titles of groups, and who is typing. A peer names a one-to-one."""
        return self.filter(Q(conversation__is_group=True) | Q(typing_until__gt=now)).naming()

    def unbilled(self) -> Self:
        """Whom X has billed on no call of this UTC day."""
        conversation = _related(self.model, "conversation").model
        today = timezone.now().astimezone(UTC).date()
        return self.filter(~Exists(_billed(conversation, today, "user", "x_user")))

    def named_like(self, words: Iterable[str], conversations: Iterable[int], size: int) -> dict[int, list[str]]:
        """The first of these conversations in which somebody's name or handle has all words in it, case aside.

        With the names and handles of those who do. Compared here rather than by the database: SQLite folds the case of
        ASCII alone.
        """
        rows = self.filter(conversation__in=conversations).values_list(
            "conversation", "x_user__name", "x_user__username"
        )
        hits: dict[int, list[str]] = {}
        for pk, name, username in rows:
            if has_all(words, f"{name} @{username}"):
                hits.setdefault(pk, []).extend((name, username))
        return {pk: hits[pk] for pk in islice((pk for pk in conversations if pk in hits), size)}

    def with_profiles(self, user: Person) -> Self:
        """The people of a conversation for its side panel; `is_ours` marks X accounts this person may see.

        `former_name`, `former_username` and `former_until` tell how somebody was called last before.
        """
        former = _related(_related(self.model, "x_user").model, "former_names").filter(x_user=OuterRef("x_user_id"))
        last = former.order_by("-seen_until")
        ours = x_accounts_of(user).filter(x_user_id=OuterRef("x_user_id"))
        times = ("joined_at", "left_at", "seen_dm_event_id", "seen_at", "typing_until")
        profile = (f"x_user__{name}" for name in ("profile_seen_at", "unavailable_since", "unavailable_reason"))
        return (
            self.select_related("x_user__avatar", "invited_by")
            .only("conversation", "is_present", *times, "invited_by__name", *of_person("x_user"), *profile)
            .annotate(
                is_ours=Exists(ours),
                former_name=Subquery(last.values("name")[:1]),
                former_username=Subquery(last.values("username")[:1]),
                former_until=Subquery(last.values("seen_until")[:1]),
            )
            .order_by("-is_present", F("last_message_at").desc(nulls_last=True), "pk")
        )


class XUserQuerySet(models.QuerySet["XUser"]):
    def visible_to(self, user: Person) -> Self:
        """People of conversations this person may see; all others do not exist."""
        return self.in_conversations_of(x_account_ids_of(user))

    def in_conversations_of(self, x_accounts: Any) -> Self:
        """x_accounts: ids of them, or the query for those.

        Asked of each person, by their few conversations: without the sums SQLite goes through all of an X account's.
        """
        participants = _related(self.model, "participations").alias(of=F("conversation__x_account") + 0)
        conversations = _related(participants.model, "conversation").alias(of=F("x_account") + 0)
        there = participants.filter(x_user=OuterRef("pk"), of__in=x_accounts)
        return self.filter(Exists(there) | Exists(conversations.filter(peer=OuterRef("pk"), of__in=x_accounts)))

    def called(self, who: str) -> Self:
        """By X user id or by handle, with or without @; handles pass from one to another, so there may be several."""
        if who.isascii() and who.isdigit():
            return self.filter(pk=int(who))
        handle = who.removeprefix("@").removeprefix("＠").upper()
        # A lone @ is nobody's: the empty handle is that of all whom X has not shown yet.
        return self.alias(handle=Upper("username")).filter(handle=handle or "@")


class ConversationLookupQuerySet(models.QuerySet["ConversationLookup"]):
    def visible_to(self, user: Person, role: str = Role.VIEWER) -> Self:
        return self.filter(x_account__in=x_account_ids_of(user, role))


class UnfinishedDayQuerySet(models.QuerySet["UnfinishedDay"]):
    def visible_to(self, user: Person, role: str = Role.VIEWER) -> Self:
        return self.filter(x_account__in=x_account_ids_of(user, role))

    def told_of(self, since: datetime) -> Self:
        """Those of which something may be missing; since: X gives nothing older."""
        return self.exclude(state=self.model.State.DONE).filter(day__gte=since.astimezone(UTC).date())


def has_all(words: Iterable[str], text: str) -> bool:
    folded = text.casefold()
    return all(word in folded for word in words)


def _billed(conversation: type[models.Model], day: date | str, kind: str, column: str) -> Any:
    """What X has billed that UTC day, for whichever X account: the one that this column of another query names."""
    bills = _related(_related(conversation, "x_account").model, "billed_resources")
    return bills.filter(day=day, kind=kind, resource_id=OuterRef(column))


def _related(model: type[models.Model], relation: str) -> Any:
    related = model._meta.get_field(relation).related_model
    assert isinstance(related, type)
    return related._default_manager.all()


@cache
def _counting_unread(conversations: type[Conversation], most: int) -> tuple[str, list[Any]]:
    """SQL over the rows `each_one` of X accounts; EACH is the person. To compile it takes longer than to run it."""
    rows, person = conversations.objects.all(), User(pk=EACH)
    heard = rows.for_person(person).annotate(is_unread=Q(last_incoming_dm_event_id__gt=F("read_to")))
    newest = heard.filter(x_account_id=EACH_ONE).order_by("-last_incoming_dm_event_id")
    heard_last, params = newest.values_list("id", "is_unread")[:most].query.sql_with_params()
    among = f"SELECT looked_at.id FROM ({heard_last}) AS looked_at WHERE is_unread LIMIT {counts.MANY}"  # noqa: S608 (Django's own)
    marks = _related(conversations, "read_marks").filter(user=person.pk, was_moved_back=True)
    marks = marks.filter(
        conversation__x_account_id=EACH_ONE, conversation__last_incoming_dm_event_id__gt=F("dm_event_id")
    )
    marked, params_of_marked = marks.values("conversation")[: counts.MANY].query.sql_with_params()
    unread = f"SELECT * FROM ({among}) AS among UNION SELECT * FROM ({marked}) AS marked"  # noqa: S608
    # The first that is not looked at, where it heard of something since the person joined.
    joined = Membership.objects.filter(user=person.pk, x_account_id=EACH_ONE).values("read_before_id")[:1]
    since = rows.filter(x_account_id=EACH_ONE, last_incoming_dm_event_id__gt=Subquery(joined))
    next_one = since.order_by("-last_incoming_dm_event_id").values("pk")[most : most + 1]
    beyond, more_params = next_one.query.sql_with_params()
    count = f"(SELECT COUNT(*) FROM ({unread}) AS unread), EXISTS({beyond})"  # noqa: S608
    values = [*params, *params_of_marked, *more_params]
    return f"SELECT each_one.id, {count} FROM accounts_xaccount each_one", values  # noqa: S608


def counts_over(part: models.QuerySet[Any, Any], values: Iterable[int]) -> list[tuple[int, int]]:
    """How many rows a cut queryset of something that is EACH has for each of these values, and the value."""
    sql, params = part.query.sql_with_params()
    counted = f"SELECT COUNT(*), %s FROM ({sql}) AS counted"  # noqa: S608 (Django's own SQL)
    parts = [(counted, [value, *(value if param == EACH else param for param in params)]) for value in values]
    return [(count, value) for count, value in run_union(parts, part.db)]


def union_with_places(querysets: Sequence[models.QuerySet[Any, Any]]) -> list[tuple[Any, ...]]:
    """Rows of several querysets of values in one query, each with the place of its queryset in front."""
    parts = [queryset.query.sql_with_params() for queryset in querysets]
    placed = [f"SELECT {place:d} AS place, found.* FROM ({sql}) AS found" for place, (sql, _) in enumerate(parts)]  # noqa: S608
    return run_union([(sql, params) for sql, (_, params) in zip(placed, parts, strict=True)], querysets[0].db)


def _tops(x_account_ids: Iterable[int], top: Top) -> list[Top]:
    """United, PostgreSQL merges them, and so reads of each no more than it gives. Django cuts the parts of a union on
    PostgreSQL alone, and would compile each of them anew.
    """
    sql, params = top
    return [(sql, [pk if param == EACH else param for param in params]) for pk in x_account_ids]


def _newest(size: int) -> str:
    return f"ORDER BY 1 DESC, 2 DESC LIMIT {size:d}"


def run_union(
    parts: Sequence[tuple[str, Sequence[Any]]], alias: str, ending: str = "", beginning: Top = ("", ())
) -> list[tuple[Any, ...]]:
    """Rows of several statements, each with its values, in one query, or in more where one does not take so many.

    ending: SQL that orders and cuts each of these. beginning: what stands before each, with its values.
    """
    return [row for fitting in _fitting(parts) for row in _asked(fitting, alias, ending, beginning)]


def _fitting(parts: Iterable[tuple[str, Sequence[Any]]]) -> Iterator[list[tuple[str, Sequence[Any]]]]:
    fitting: list[tuple[str, Sequence[Any]]] = []
    values = 0
    for sql, params in parts:
        if fitting and (len(fitting) == MOST_UNITED or values + len(params) > MOST_VALUES):
            yield fitting
            fitting, values = [], 0
        fitting.append((sql, params))
        values += len(params)
    if fitting:
        yield fitting


def _asked(parts: Sequence[Top], alias: str, ending: str, beginning: Top) -> list[tuple[Any, ...]]:
    sql, params = united(parts)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"{beginning[0]} {sql} {ending}", [*beginning[1], *params])
        return list(cursor.fetchall())


def united(parts: Sequence[Top]) -> Top:
    sql = " UNION ALL ".join(
        f"SELECT * FROM ({sql}) AS part_{number}"  # noqa: S608 (Django's own SQL, values apart)
        for number, (sql, _) in enumerate(parts)
    )
    return sql, [param for _, params in parts for param in params]
