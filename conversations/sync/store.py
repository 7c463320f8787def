"""A page of X's answers -> the tables: one transaction of upserts by constraint, that may run any number of times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.db import DataError, IntegrityError, transaction
from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest

from accounts.models import XAccount
from conversations import changes
from conversations.changes import NewChange
from conversations.ids import as_number, as_numbers, peer_in, people_in, time_in
from conversations.models import (
    Change,
    Conversation,
    DmEvent,
    EventMedia,
    EventParticipant,
    EventPost,
)
from conversations.sync import columns, late, link_pictures, participants
from conversations.sync.includes import (
    LONGEST_KEY,
    adopt_pushed_media,
    authors_of,
    ensure_media,
    ensure_posts,
    ensure_users,
    refresh_old_profiles,
    store_media,
    store_posts,
    store_users,
)
from conversations.sync.quarantine import store_odd
from dminbox.xapi import schema
from dminbox.xapi.schema import Answer, Includes, OddEvent, OddKind, Page

log = structlog.get_logger("conversations.sync")

Key = tuple[str, int]
"""Conversation and event, by X's ids: an event of a group that two of our accounts are in is two rows."""
LONGEST_KIND = 40
UNSTORABLE = (DataError, IntegrityError, ValueError, OverflowError)
COMINGS_AND_GOINGS = (DmEvent.Type.PARTICIPANTS_JOIN, DmEvent.Type.PARTICIPANTS_LEAVE)
EVENT = [
    *("event_type", "created_at", "sender", "text", "entities"),
    *("has_media", "has_post", "raw", "told_digest", "unavailable_since"),
]


@dataclass(frozen=True, slots=True)
class StoredPage:
    """new_events: stored for the first time. odd: put into quarantine. conversations: whose events were stored."""

    new_events: int = 0
    odd: int = 0
    conversations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """One event that can be stored, its ids as numbers."""

    id: int
    dm_conversation_id: str
    event_type: str
    created_at: datetime
    sender_id: int | None
    digest: int
    event: schema.DmEvent = field(repr=False)

    @property
    def key(self) -> Key:
        return self.dm_conversation_id, self.id

    @property
    def people(self) -> list[int]:
        """Who joined or left by it; on any other kind X's participant_ids mean nothing."""
        return as_numbers(self.event.participant_ids) if self.event_type in COMINGS_AND_GOINGS else []


def store_page(
    x_account: XAccount,
    answer: Answer[Page],
    *,
    conversation: Conversation | None = None,
    dm_conversation_id: str = "",
    floor_id: int = 0,
    is_locked: bool = False,
) -> StoredPage:
    """Stores a page whole: events, people, media, posts, and what follows from them; the odd ones in quarantine.

    conversation or dm_conversation_id: whose history was asked for, for events that do not say it themselves.
    floor_id: older events are left out. is_locked: the caller's transaction holds the account's lock already.
    """
    default_id = conversation.dm_conversation_id if conversation else dm_conversation_id
    page = answer.value
    with transaction.atomic(savepoint=False):
        if not is_locked:
            changes.lock(x_account)
        told, odd = _sort_out(page, default_id)
        wanted = [event for event in told if event.id >= floor_id]
        try:
            with transaction.atomic():
                stored = _store(x_account, wanted, page.includes, answer.answered_at)
        except UNSTORABLE:
            stored, unstorable = _store_one_by_one(x_account, wanted, page.includes, answer.answered_at)
            odd += unstorable
        count = store_odd(x_account, [*odd, *page.includes.odd], default_id)
    return StoredPage(stored.new_events, count, stored.conversations)


def _sort_out(page: Page, default_id: str) -> tuple[list[Told], list[OddEvent]]:
    told: dict[tuple[str, int], Told] = {}
    odd = list(page.odd)
    for event in page.events:
        if reason := _oddity(event, default_id):
            odd.append(_odd(event, reason))
            continue
        one = _told(event, default_id)
        told[one.key] = one
    return list(told.values()), odd


def _odd(event: schema.DmEvent, reason: str) -> OddEvent:
    return OddEvent(event.raw, reason, OddKind.PUSHED if event.is_pushed else OddKind.EVENT)


def _oddity(event: schema.DmEvent, default_id: str) -> str:
    """Why no row can hold it; "" when one can."""
    dm_conversation_id = event.dm_conversation_id or default_id
    if not dm_conversation_id:
        return "dm_conversation_id is missing"
    if "-" in dm_conversation_id and people_in(dm_conversation_id) is None:
        return "dm_conversation_id names an id that is too large"
    if len(event.event_type) > LONGEST_KIND:
        return "event_type is too long"
    if any(len(key) > LONGEST_KEY for key in event.media_keys):
        return "a media_key is too long"
    x_ids = [event.id, *filter(None, [event.sender_id]), *event.participant_ids, *event.post_ids]
    return "an id is too large" if any(as_number(x_id) is None for x_id in x_ids) else ""


def _told(event: schema.DmEvent, default_id: str) -> Told:
    pk = int(event.id)
    return Told(
        id=pk,
        dm_conversation_id=event.dm_conversation_id or default_id,
        event_type=event.event_type or (DmEvent.Type.MESSAGE_CREATE if event.text is not None else ""),
        created_at=event.created_at or time_in(pk),
        sender_id=as_number(event.sender_id),
        digest=_digest(event.raw),
        event=event,
    )


def _digest(raw: dict[str, Any]) -> int:
    """The same for the same members in whatever order."""
    text = json.dumps(raw, sort_keys=True).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)


def _store(x_account: XAccount, told: Sequence[Told], includes: Includes, seen_at: datetime) -> StoredPage:
    media = adopt_pushed_media(_media_keys(told, includes))
    shown = store_users(includes.users, seen_at)
    conversations = _conversations(x_account, {event.dm_conversation_id for event in told})
    seen = _seen(conversations, told)
    fresh, known = _fresh(conversations, told, seen)
    # Whoever and whatever the others name is here since they were stored.
    ensure_users((_everybody(fresh) | authors_of(includes.posts)) - shown.keys(), x_account)
    store_media(includes.media, x_account, media)
    posts = store_posts(includes.posts, x_account)
    if fresh:
        ensure_posts({pk for event in fresh for pk in as_numbers(event.event.post_ids)} - posts.keys(), x_account)
        missing = {event.dm_conversation_id for event in fresh} - conversations.keys()
        conversations |= _make_conversations(x_account, missing)
        rows = _write(fresh, known, conversations)
        changes.announce(x_account, _changes(rows, fresh, known))
        new = (row for row, event in zip(rows, fresh, strict=True) if event.key not in known)
        late.unread_again(x_account, conversations.values(), new)
        refresh_old_profiles(event.sender_id for event in fresh if event.key not in known)
        touched = {conversations[event.dm_conversation_id].pk for event in fresh}
        _recompute(x_account, touched, columns.of_page(x_account, zip(rows, fresh, strict=True)))
    pks = tuple(sorted(conversation.pk for conversation in conversations.values()))
    return StoredPage(sum(event.key not in seen for event in fresh), 0, pks)


def _media_keys(told: Iterable[Told], includes: Includes) -> list[str]:
    return [*(item.media_key for item in includes.media), *(key for one in told for key in one.event.media_keys)]


def _store_one_by_one(
    x_account: XAccount, told: Sequence[Told], includes: Includes, seen_at: datetime
) -> tuple[StoredPage, list[OddEvent]]:
    """The slow way, after the whole page was refused: finds the element that no table takes, and stores the rest."""
    _try(x_account, (), includes, seen_at)
    parts, odd = [], []
    for event in told:
        if part := _try(x_account, [event], Includes(), seen_at):
            parts.append(part)
        else:
            odd.append(_odd(event.event, "the database does not take it"))
    conversations = sorted({pk for part in parts for pk in part.conversations})
    return StoredPage(sum(part.new_events for part in parts), 0, tuple(conversations)), odd


def _try(x_account: XAccount, told: Sequence[Told], includes: Includes, seen_at: datetime) -> StoredPage | None:
    try:
        with transaction.atomic():
            return _store(x_account, told, includes, seen_at)
    except UNSTORABLE as error:
        log.warning("unstorable", x_account_id=x_account.pk, events=len(told), error=type(error).__name__)
        return None


def _everybody(told: Iterable[Told]) -> set[int]:
    """Senders, inviters, joiners and leavers, and both sides of each one-to-one."""
    people: set[int] = set()
    for event in told:
        people.update(event.people, people_in(event.dm_conversation_id) or ())
        if event.sender_id is not None:
            people.add(event.sender_id)
    return people


def _conversations(x_account: XAccount, ids: set[str]) -> dict[str, Conversation]:
    rows = Conversation.objects.filter(x_account=x_account, dm_conversation_id__in=ids)
    columns_needed = "x_account", "dm_conversation_id", "is_group", "last_dm_event_id"
    return {row.dm_conversation_id: row for row in rows.only(*columns_needed)}


def _make_conversations(x_account: XAccount, ids: set[str]) -> dict[str, Conversation]:
    rows = [_conversation(x_account, one) for one in sorted(ids)]
    Conversation.objects.bulk_create(rows, ignore_conflicts=True)
    return _conversations(x_account, ids) if ids else {}


def _conversation(x_account: XAccount, dm_conversation_id: str) -> Conversation:
    peer = peer_in(dm_conversation_id, x_account.x_user_id)
    return Conversation(x_account=x_account, dm_conversation_id=dm_conversation_id, is_group=peer is None, peer_id=peer)


def _seen(conversations: dict[str, Conversation], told: Iterable[Told]) -> dict[Key, int | None]:
    """The digests of the events that are stored, None of those that X said are not there: a poll needs no more."""
    rows = _rows(conversations, told).values_list("conversation", "dm_event_id", "told_digest", "unavailable_since")
    names = _names(conversations)
    return {(names[pk], event_id): None if since else digest for pk, event_id, digest, since in rows}


def _fresh(
    conversations: dict[str, Conversation], told: Iterable[Told], seen: dict[Key, int | None]
) -> tuple[list[Told], dict[Key, DmEvent]]:
    """Events that are new or tell what their rows do not, and those rows. What X tells as it did last tells nothing."""
    others = [event for event in told if event.key not in seen or seen[event.key] != event.digest]
    rows = _known(conversations, [event for event in others if event.key in seen])
    fresh = [event for event in others if event.key not in rows or _tells_more(rows[event.key], event)]
    return fresh, {event.key: rows[event.key] for event in fresh if event.key in rows}


def _known(conversations: dict[str, Conversation], told: Sequence[Told]) -> dict[Key, DmEvent]:
    names = _names(conversations)
    return {(names[row.conversation_id], row.dm_event_id): row for row in _rows(conversations, told)}


def _rows(conversations: dict[str, Conversation], told: Iterable[Told]) -> QuerySet[DmEvent]:
    """The ids of a page lie close together: between them each thread's index is read, and not from its beginning."""
    ids = [event.id for event in told]
    if not ids:
        return DmEvent.objects.none()
    between = min(ids), max(ids)
    within = DmEvent.objects.filter(conversation__in=_names(conversations), dm_event_id__range=between)
    return within.filter(dm_event_id__in=ids)


def _names(conversations: dict[str, Conversation]) -> dict[int, str]:
    return {row.pk: row.dm_conversation_id for row in conversations.values()}


def _tells_more(row: DmEvent, told: Told) -> bool:
    is_there_again = row.unavailable_since is not None
    return is_there_again or any(row.raw.get(name) != value for name, value in told.event.raw.items())


def _write(fresh: Sequence[Told], known: dict[Key, DmEvent], conversations: dict[str, Conversation]) -> list[DmEvent]:
    rows = [_row(event, conversations[event.dm_conversation_id], known.get(event.key)) for event in fresh]
    DmEvent.objects.bulk_create(
        rows, update_conflicts=True, update_fields=EVENT, unique_fields=["conversation", "dm_event_id"]
    )
    _link(list(zip(rows, fresh, strict=True)))
    link_pictures.keep(events=rows)
    messages: dict[participants.Pair, datetime] = {}
    people: set[participants.Pair] = set()
    for row, event in zip(rows, fresh, strict=True):
        people.update((row.conversation_id, pk) for pk in event.people)
        if row.sender_id is None:
            continue
        pair = row.conversation_id, row.sender_id
        people.add(pair)
        if row.event_type == DmEvent.Type.MESSAGE_CREATE:
            messages[pair] = max(messages.get(pair, row.created_at), row.created_at)
    participants.recompute({row.pk: row for row in conversations.values()}.values(), messages, people)
    return rows


def _changes(rows: Sequence[DmEvent], fresh: Sequence[Told], known: dict[Key, DmEvent]) -> list[NewChange]:
    """What is new, and what shows otherwise than before, oldest first."""
    found = []
    for row, told in sorted(zip(rows, fresh, strict=True), key=lambda pair: pair[1].id):
        before = known.get(told.key)
        if before is None:
            found.append(NewChange(Change.Kind.EVENT, row.conversation_id, row.pk))
        elif _shows_otherwise(before, row):
            found.append(NewChange(Change.Kind.EVENT_UPDATED, row.conversation_id, row.pk))
    return found


SHOWN = ["event_type", "sender_id", "text", "entities", "unavailable_since"]
SHOWN_OF_RAW = ["attachments", "referenced_tweets", "referenced_posts", "participant_ids"]


def _shows_otherwise(before: DmEvent, row: DmEvent) -> bool:
    """A poll that confirms what was pushed changes the raw form, and nothing that anybody sees."""
    return any(getattr(before, name) != getattr(row, name) for name in SHOWN) or any(
        before.raw.get(name) != row.raw.get(name) for name in SHOWN_OF_RAW
    )


def _row(told: Told, conversation: Conversation, known: DmEvent | None) -> DmEvent:
    """The event as a row; what an earlier answer told and this one leaves out stays."""
    event = told.event
    row = DmEvent(
        conversation=conversation,
        dm_event_id=told.id,
        event_type=told.event_type,
        created_at=told.created_at,
        sender_id=told.sender_id,
        text=event.text,
        entities=event.entities,
        has_media=bool(event.media_keys),
        has_post=bool(event.post_ids),
        raw=event.raw,
        told_digest=told.digest,
    )
    if known:
        _keep(row, known, has_time=event.created_at is not None)
    return row


def _keep(row: DmEvent, known: DmEvent, *, has_time: bool) -> None:
    row.event_type = row.event_type or known.event_type
    row.created_at = row.created_at if has_time else known.created_at
    row.sender_id = known.sender_id if row.sender_id is None else row.sender_id
    row.text = known.text if row.text is None else row.text
    row.entities = row.entities or known.entities
    row.has_media = row.has_media or known.has_media
    row.has_post = row.has_post or known.has_post
    row.raw = known.raw | row.raw


def _link(pairs: Sequence[tuple[DmEvent, Told]]) -> None:
    """Who joined or left, what was shared and attached, in X's order."""
    EventParticipant.objects.bulk_create(
        [
            EventParticipant(event=row, x_user_id=pk, position=position)
            for row, told in pairs
            for position, pk in enumerate(told.people)
        ],
        ignore_conflicts=True,
    )
    EventPost.objects.bulk_create(
        [
            EventPost(event=row, post_id=pk, position=position)
            for row, told in pairs
            for position, pk in enumerate(as_numbers(told.event.post_ids))
        ],
        ignore_conflicts=True,
    )
    media = ensure_media(key for _, told in pairs for key in told.event.media_keys)
    EventMedia.objects.bulk_create(
        [
            EventMedia(event=row, media=media[key], position=position)
            for row, told in pairs
            for position, key in enumerate(dict.fromkeys(told.event.media_keys))
        ],
        ignore_conflicts=True,
    )


def _recompute(x_account: XAccount, conversations: Iterable[int], of_page: dict[str, Any]) -> None:
    """The columns the inbox is read from, in one UPDATE; each finds its event at the end of an index.

    of_page: those that the page itself decides.
    """
    newest = DmEvent.objects.filter(conversation=OuterRef("pk")).order_by("-dm_event_id")
    incoming = newest.filter(event_type=DmEvent.Type.MESSAGE_CREATE).exclude(sender_id=x_account.x_user_id)
    Conversation.objects.filter(pk__in=conversations).update(
        last_event=Subquery(newest.values("pk")[:1]),
        last_dm_event_id=Greatest(_or_zero(newest), F("last_encrypted_id")),
        last_incoming_dm_event_id=_or_zero(incoming),
        **of_page,
    )


def _or_zero(events: Any) -> Coalesce:
    return Coalesce(Subquery(events.values("dm_event_id")[:1]), Value(0))
