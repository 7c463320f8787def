"""Every reading rule: who sees which rows, what counts as unread, and how long lists come in pages.

Models link these as their managers; so this module imports none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import connections, models
from django.db.models import Count, Exists, F, FilteredRelation, Min, OuterRef, Prefetch, Q, Subquery, Value, Window
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Greatest, RowNumber

from accounts.access import TOKENS_OF_JOINED, Person, x_accounts_of
from accounts.models import Role

if TYPE_CHECKING:
    from conversations.models import Conversation, ConversationLookup, DmEvent, Participant  # noqa: F401 (in quotes)

MANY_UNREAD = 100
"""Counting stops here; pages say 99+."""
LOOKED_AT = 500
"""Conversations per X account that are looked at for counting the unread ones."""
NAMED = 3
"""People a group's title can name."""


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, user: Person, role: str = Role.VIEWER) -> Self:
        return self.filter(x_account__in=x_accounts_of(user, role))

    def for_person(self, user: Person) -> Self:
        """Adds `role`, `read_to` (newest dm_event_id that counts as read) and leaves strangers' rows without both."""
        return self.annotate(
            mark=FilteredRelation("read_marks", condition=Q(read_marks__user=user.pk)),
            membership=FilteredRelation("x_account__memberships", condition=Q(x_account__memberships__user=user.pk)),
        ).annotate(
            role=F("membership__role"),
            read_to=Greatest(
                Coalesce(F("mark__dm_event_id"), Value(0)), Coalesce(F("membership__read_before_id"), Value(0))
            ),
        )

    def unread_by(self, user: Person) -> Self:
        return self.for_person(user).filter(last_incoming_dm_event_id__gt=F("read_to"))

    def newest_first(self) -> Self:
        return self.order_by("-last_dm_event_id", "-pk")

    def older_than(self, last_dm_event_id: int, pk: int) -> Self:
        """What stands below that row in the inbox. The first condition is the one an index can start from."""
        return self.filter(last_dm_event_id__lte=last_dm_event_id).exclude(
            last_dm_event_id=last_dm_event_id, pk__gte=pk
        )

    def newest_of(self, x_account_ids: Iterable[int], size: int) -> list[int]:
        """Ids of the newest rows over several X accounts: each index is read from its top, and merged here."""
        parts = [
            self.filter(x_account=pk).newest_first().values_list("last_dm_event_id", "pk")[:size]
            for pk in x_account_ids
        ]
        return [pk for _, pk in sorted(_union_all(parts, self.db), reverse=True)[:size]]

    def count_unread(self, user: Person, x_account_ids: Iterable[int]) -> dict[int, int]:
        """Unread conversations per X account: at most MANY_UNREAD of each, among the LOOKED_AT that heard last.

        So the price of the numbers is the same for any inbox; the filter for unread ones looks at all.
        """
        heard = self.for_person(user).annotate(is_unread=Q(last_incoming_dm_event_id__gt=F("read_to")))
        newest = heard.order_by("-last_incoming_dm_event_id").values_list("x_account_id", "is_unread")
        rows = _union_all([newest.filter(x_account=pk)[:LOOKED_AT] for pk in x_account_ids], self.db)
        counts = Counter(pk for pk, is_unread in rows if is_unread)
        return {pk: min(count, MANY_UNREAD) for pk, count in counts.items()}

    def with_rows_of_inbox(self) -> Self:
        """Everything a row of the inbox shows, in a fixed number of queries."""
        events = _related(self.model, "last_event")
        return (
            self.select_related("x_account", "peer__avatar")
            .defer(*TOKENS_OF_JOINED)
            .prefetch_related(
                Prefetch("participants", _related(self.model, "participants").naming(), to_attr="named"),
                Prefetch("last_event", events.select_related("sender").with_short_contents()),
            )
        )

    def with_receipts(self) -> Self:
        """Adds `seen_own_id`, the newest message of ours that the other side has read by X's word, and `seen_at`."""
        participants = _related(self.model, "participants")
        peer = participants.filter(conversation=OuterRef("pk"), x_user=OuterRef("peer"))
        reader = participants.filter(conversation=OuterRef("conversation"), x_user=OuterRef("conversation__peer"))
        ours = _related(self.model, "events").filter(
            conversation=OuterRef("pk"),
            event_type="MessageCreate",
            sender=OuterRef("x_account__x_user_id"),
            dm_event_id__lte=Subquery(reader.values("seen_dm_event_id")[:1]),
        )
        return self.annotate(
            seen_own_id=Subquery(ours.order_by("-dm_event_id").values("dm_event_id")[:1]),
            seen_at=Subquery(peer.values("seen_at")[:1]),
        )

    def with_ages(self) -> Self:
        """Adds `our_birth` and `peer_birth`: when the X accounts of both sides were made, as X writes it."""
        us = _related(self.model, "peer").filter(pk=OuterRef("x_account__x_user_id"))
        told = KeyTextTransform("created_at", "raw")
        return self.annotate(
            our_birth=Subquery(us.values(told=told)[:1]), peer_birth=KeyTextTransform("created_at", "peer__raw")
        )

    def with_history(self) -> Self:
        """Adds `history_state`, `history_detail` and `history_events` of the latest wish for older events."""
        latest = _related(self.model, "history_reads").filter(conversation=OuterRef("pk")).order_by("-pk")
        return self.annotate(
            history_state=Subquery(latest.values("state")[:1]),
            history_detail=Subquery(latest.values("detail")[:1]),
            history_events=Subquery(latest.values("events_read")[:1]),
        )


class DmEventQuerySet(models.QuerySet["DmEvent"]):
    def visible_to(self, user: Person, role: str = Role.VIEWER) -> Self:
        return self.filter(conversation__x_account__in=x_accounts_of(user, role))

    def messages(self) -> Self:
        return self.filter(event_type=self.model.Type.MESSAGE_CREATE)

    def comings_and_goings(self) -> Self:
        return self.filter(event_type__in=[self.model.Type.PARTICIPANTS_JOIN, self.model.Type.PARTICIPANTS_LEAVE])

    def stretch(self) -> tuple[int, datetime | None]:
        """How many there are, and since when."""
        found = self.aggregate(events=Count("pk"), oldest=Min("created_at"))
        return found["events"], found["oldest"]

    def with_short_contents(self) -> Self:
        """What a one-line preview needs."""
        return self.prefetch_related(
            Prefetch("event_participants", _related(self.model, "event_participants").select_related("x_user")),
            Prefetch("event_media", _related(self.model, "event_media").select_related("media")),
            "event_posts",
        )

    def with_media(self) -> Self:
        """What a gallery shows of each event."""
        media = _related(self.model, "event_media").select_related("media__file", "media__preview")
        return self.select_related("sender").prefetch_related(Prefetch("event_media", media))

    def with_contents(self) -> Self:
        """What a thread shows of each event, but for the media of posts (see `PostQuerySet.media`)."""
        media = _related(self.model, "event_media").select_related("media__file", "media__preview")
        posts = _related(self.model, "event_posts").select_related(
            "post__author__avatar", "post__quoted__author__avatar"
        )
        people = _related(self.model, "event_participants").select_related("x_user")
        return self.select_related("sender__avatar").prefetch_related(
            Prefetch("event_participants", people), Prefetch("event_media", media), Prefetch("event_posts", posts)
        )


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
            .order_by("rank")
        )

    def with_profiles(self, user: Person) -> Self:
        """The people of a conversation for its side panel; `is_ours` marks X accounts this person may see.

        `former_name`, `former_username` and `former_until` tell how somebody was called last before.
        """
        former = _related(_related(self.model, "x_user").model, "former_names").filter(x_user=OuterRef("x_user_id"))
        last = former.order_by("-seen_until")
        ours = x_accounts_of(user).filter(x_user_id=OuterRef("x_user_id"))
        return (
            self.select_related("x_user__avatar", "invited_by")
            .annotate(
                is_ours=Exists(ours),
                former_name=Subquery(last.values("name")[:1]),
                former_username=Subquery(last.values("username")[:1]),
                former_until=Subquery(last.values("seen_until")[:1]),
            )
            .order_by("-is_present", F("last_message_at").desc(nulls_last=True), "pk")
        )


class ConversationLookupQuerySet(models.QuerySet["ConversationLookup"]):
    def visible_to(self, user: Person, role: str = Role.VIEWER) -> Self:
        return self.filter(x_account__in=x_accounts_of(user, role))


def _related(model: type[models.Model], relation: str) -> Any:
    related = model._meta.get_field(relation).related_model
    assert isinstance(related, type)
    return related._default_manager.all()


def _union_all(parts: Sequence[models.QuerySet[Any, Any]], alias: str | None) -> list[tuple[int, ...]]:
    """Rows of several cut querysets in one query (Django cuts the parts of a union on PostgreSQL alone)."""
    if not parts:
        return []
    compiled = [part.query.sql_with_params() for part in parts]
    sql = " UNION ALL ".join(
        f"SELECT * FROM ({sql}) AS part_{number}"  # noqa: S608 (Django's own SQL, values apart)
        for number, (sql, _) in enumerate(compiled)
    )
    with connections[alias or "default"].cursor() as cursor:
        cursor.execute(sql, [param for _, params in compiled for param in params])
        return list(cursor.fetchall())
