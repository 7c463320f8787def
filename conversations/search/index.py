"""Keeps the index of words up with the messages: some moments after them, and down through what was there before.

What is new or shows otherwise stands in the change log, and the log is read on from the number that was reached. A lot
is one transaction, with the step of the marks in it, so that it may end at any point and run any number of times; the
lock on the SearchState row lets one go after the other.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from functools import reduce
from itertools import count
from operator import or_

import structlog
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import XAccount
from conversations import changes, text, words
from conversations.models import (
    Change,
    Conversation,
    DmEvent,
    EventPost,
    NameGram,
    Post,
    SearchEntry,
    SearchState,
    XUser,
)
from conversations.models.people import CALLED_OTHERWISE
from conversations.querysets import DmEventQuerySet
from conversations.search.texts import beside, said_in

log = structlog.get_logger("conversations.search")

LOT = 500
SECONDS_OF_LOT = 1.0
"""For making words: then a lot ends with what it has, for on SQLite nobody else writes meanwhile."""
NAMES_LOT = 500
LEASE = timedelta(minutes=2)
SECONDS_FOR_NEW = 2.0
SECONDS_FOR_OLD = 10.0
LOOKED_AT = 1_000
"""Changes of one X account that are told apart to say how many messages wait."""
OF_CHANGES = (Change.Kind.EVENT, Change.Kind.EVENT_UPDATED)


def make_missing_states() -> None:
    is_begun = Q(sync__isnull=False) | Exists(Conversation.objects.filter(x_account=OuterRef("pk")))
    for x_account in XAccount.objects.filter(is_begun, search_state=None):
        with transaction.atomic():
            # Whoever stores a page holds this lock: every event that is not in the table yet gets a later number.
            number = changes.lock(x_account).last_change
            marks = {"seen_change": number, "old_below": _above_all(x_account.pk)}
            state, is_ours = SearchState.objects.get_or_create(x_account=x_account, defaults=marks)
        if is_ours:  # counting takes long in a large archive, and sweeps come each second
            SearchState.objects.filter(pk=state.pk).update(old_left=_events_of(x_account.pk).count())


def new_waiting() -> QuerySet[SearchState, int]:
    """X accounts of which messages came or changed."""
    behind = SearchState.objects.filter(x_account__sync__last_change__gt=F("seen_change"))
    return behind.values_list("x_account", flat=True)


def old_waiting() -> QuerySet[SearchState, int]:
    """X accounts with messages from before there was an index, that nobody is at."""
    waiting = SearchState.objects.filter(old_below__gt=0, lease_until__lte=timezone.now())
    return waiting.values_list("x_account", flat=True)


def index_new(x_account_pk: int) -> None:
    """Reads the change log on, for a moment or two at most: the sweep comes again."""
    ends = time.monotonic() + SECONDS_FOR_NEW
    while _new_lot(x_account_pk) and time.monotonic() < ends:
        pass


def index_old(x_account_pk: int) -> None:
    """Goes on with what was there before the index, newest first, for some seconds."""
    until = timezone.now() + LEASE
    free = SearchState.objects.filter(x_account=x_account_pk, lease_until__lte=timezone.now())
    if not free.update(lease_until=until):
        return
    ends = time.monotonic() + SECONDS_FOR_OLD
    while _old_lot(x_account_pk) and time.monotonic() < ends:
        pass
    SearchState.objects.filter(x_account=x_account_pk, lease_until=until).update(lease_until=timezone.now())


def behind(x_account_pks: Collection[int]) -> int:
    """About how many messages of these X accounts no search finds yet."""
    states = SearchState.objects.filter(x_account__in=x_account_pks).select_related("x_account__sync")
    found = list(
        states.values_list("x_account", "x_account__sync__last_change", "seen_change", "old_left", "old_below")
    )
    without = set(x_account_pks) - {pk for pk, *_ in found}
    unknown = int(bool(without) and _events_of_any(without).exists())
    old = sum(max(left, 1) for *_, left, below in found if below)
    return unknown + old + _changed_messages([(pk, seen, last) for pk, last, seen, *_ in found if (last or 0) > seen])


def _changed_messages(waiting: Sequence[tuple[int, int, int]]) -> int:
    """Of changes that nobody came to yet, those of messages; far ahead each is taken for one.

    waiting: X accounts, each with the numbers of the last change that was seen and of the last there is.
    """
    if not waiting:
        return 0
    near = (Q(x_account=pk, number__gt=seen, number__lte=seen + LOOKED_AT) for pk, seen, _ in waiting)
    of_messages = Change.objects.filter(kind__in=OF_CHANGES, event__event_type=DmEvent.Type.MESSAGE_CREATE)
    far = sum(max(0, last - seen - LOOKED_AT) for _, seen, last in waiting)
    return of_messages.filter(reduce(or_, near)).count() + far


# --- Lots -------------------------------------------------------------------------------------------------------------


def _events_of(x_account_pk: int) -> QuerySet[DmEvent]:
    return _events_of_any([x_account_pk])


def _events_of_any(x_account_pks: Collection[int]) -> QuerySet[DmEvent]:
    return DmEvent.objects.filter(conversation__x_account__in=x_account_pks)


def _above_all(x_account_pk: int) -> int:
    """Where to begin with what is there; 0 when there is nothing."""
    if not Conversation.objects.filter(x_account=x_account_pk).exists():
        return 0
    newest: int | None = DmEvent.objects.aggregate(newest=Max("pk"))["newest"]
    return newest + 1 if newest else 0


def _locked(x_account_pk: int) -> SearchState | None:
    """The marks, held until the commit; None when another worker holds them."""
    states = SearchState.objects.select_for_update(skip_locked=True)
    return states.filter(x_account=x_account_pk).first()


def _new_lot(x_account_pk: int) -> bool:
    """Whether more changes may be waiting."""
    with transaction.atomic():
        state = _locked(x_account_pk)
        if state is None:
            return False
        log_of = Change.objects.filter(x_account=x_account_pk, number__gt=state.seen_change).order_by("number")
        found = list(log_of.values_list("number", "kind", "event")[:LOT])
        if not found:
            return False
        if found[0][0] > state.seen_change + 1:
            _start_over(state, found[0][0] - 1)
            return False
        changed = [(number, event) for number, kind, event in found if kind in OF_CHANGES and event]
        pks = list(dict.fromkeys(event for _, event in changed))
        left = set(pks[_index(pks) :])
        seen = next((number - 1 for number, event in changed if event in left), found[-1][0])
        SearchState.objects.filter(pk=state.pk).update(seen_change=seen)
    return len(found) == LOT or bool(left)


def _start_over(state: SearchState, number: int) -> None:
    """The log no longer holds what came next: everything is looked at once more."""
    log.warning("search_index_starts_over", x_account_id=state.x_account_id)
    left = _events_of(state.x_account_id).count()
    marks = {"seen_change": number, "old_below": _above_all(state.x_account_id), "old_left": left}
    SearchState.objects.filter(pk=state.pk).update(**marks)


def _old_lot(x_account_pk: int) -> int:
    with transaction.atomic():
        state = _locked(x_account_pk)
        if state is None or not state.old_below:
            return 0
        older = _events_of(x_account_pk).filter(pk__lt=state.old_below)
        pks = list(older.order_by("-pk").values_list("pk", flat=True)[:LOT])
        done = _index(pks)
        below = pks[done - 1] if done < len(pks) or done == LOT else 0
        left = max(0, state.old_left - done) if below else 0
        SearchState.objects.filter(pk=state.pk).update(old_below=below, old_left=left)
    return below


# --- Entries ----------------------------------------------------------------------------------------------------------


def _index(event_pks: Sequence[int]) -> int:
    """How many of these it came to, the first ones: all if none takes long, and at least one."""
    wanted, done = _wanted(event_pks)
    known = SearchEntry.objects.in_bulk([event.pk for event in wanted], field_name="event_id")
    missing = []
    # In one order everywhere: two lots that meet at a position wait for each other, and never in a circle.
    for event in sorted(wanted, key=lambda event: (event.dm_event_id, event.pk)):
        tokens, entry = wanted[event], known.get(event.pk)
        if entry is None:
            missing.append(SearchEntry(event=event, x_account_id=event.conversation.x_account_id, tokens=tokens))
        elif entry.tokens != tokens:
            SearchEntry.objects.filter(pk=entry.pk).update(tokens=tokens)
    _add(missing)
    return done


def _wanted(event_pks: Sequence[int]) -> tuple[dict[DmEvent, set[int]], int]:
    """What the first of these shall be found by, and how many of them that is."""
    events = with_what_counts(DmEvent.objects.messages()).in_bulk(event_pks)
    wanted: dict[DmEvent, set[int]] = {}
    ends = time.monotonic() + SECONDS_OF_LOT
    for done, pk in enumerate(event_pks, start=1):
        if pk in events:
            wanted[events[pk]] = tokens_of(events[pk])
        if time.monotonic() >= ends:
            return wanted, done
    return wanted, len(event_pks)


def _add(entries: Sequence[SearchEntry]) -> None:
    """Each at its dm_event_id, or at the nearest number that is free."""
    missing = list(entries)
    for offset in count():
        if not missing:
            return
        for entry in missing:
            entry.position = entry.event.dm_event_id ^ offset
        SearchEntry.objects.bulk_create(missing, ignore_conflicts=True)
        pks = [entry.event_id for entry in missing]
        there = set(SearchEntry.objects.filter(event__in=pks).values_list("event", flat=True))
        missing = [entry for entry in missing if entry.event_id not in there]


def with_what_counts(events: DmEventQuerySet) -> DmEventQuerySet:
    """With all that a search asks of a message, and nothing else of it."""
    return (
        events.select_related("conversation")
        .only("conversation__x_account_id", "conversation__dm_conversation_id", *OF_EVENT)
        .with_attachments()
    )


OF_EVENT = ("conversation_id", "dm_event_id", "event_type", "created_at", "sender_id", "text", "entities")


def carried_by(event: DmEvent, said: text.Said) -> set[str]:
    """Which of `has:` are true of it."""
    things = {"media": event.media_shown, "post": event.posts_shown, "link": said.has_link}
    return {name for name, is_there in things.items() if is_there}


def tokens_of(event: DmEvent) -> set[int]:
    said = said_in(event)
    facets = {words.facet("account", event.conversation.x_account_id), words.facet("in", event.conversation_id)}
    if event.sender_id is not None:
        facets.add(words.facet("from", event.sender_id))
    facets.update(words.facet("has", name) for name in carried_by(event, said))
    return facets.union(*(words.tokens_of(words.words_of(one)) for one in (said.text, *_besides(event))))


def _besides(event: DmEvent) -> list[str]:
    return [one.text for one in beside(event)]


# --- Names ------------------------------------------------------------------------------------------------------------


def index_names() -> None:
    """Splits the names that are new or were changed, in lots."""
    while _names_lot() == NAMES_LOT:
        pass


def _names_lot() -> int:
    """A message is found by the author of the post it shares too, so it takes part in their naming and renaming."""
    people = list(called_otherwise()[:NAMES_LOT])
    if not people:
        return 0  # without a transaction, which on SQLite everybody else would wait for
    with transaction.atomic():
        _index_posts_of(people)
        NameGram.objects.filter(x_user__in=people).delete()
        NameGram.objects.bulk_create(
            [NameGram(gram=gram, x_user=person) for person in people for gram in sorted(name_grams(person))],
            ignore_conflicts=True,
        )
        _note_names(people)
    return len(people)


def called_otherwise() -> QuerySet[XUser]:
    """Than in the index, or not in it yet."""
    names = XUser.objects.only("name", "username", "indexed_name", "indexed_username")
    return names.filter(CALLED_OTHERWISE).order_by("pk")


def _note_names(people: Sequence[XUser]) -> None:
    """At the end, for pages of X wait while these rows are locked; in the order of their ids, as for everybody."""
    pks = [person.pk for person in people]
    list(XUser.objects.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk").values_list("pk"))
    for person in people:
        person.indexed_name, person.indexed_username = person.name, person.username
    XUser.objects.bulk_update(people, ["indexed_name", "indexed_username"])


def _index_posts_of(authors: Collection[XUser]) -> None:
    """Under the locks of all whose messages these are: a lot that runs meanwhile may know newer words."""
    rows = list(messages_with_posts_of(authors).order_by("pk").values_list("pk", "conversation__x_account"))
    if not rows:
        return
    states = SearchState.objects.filter(x_account__in={x_account for _, x_account in rows})
    list(states.select_for_update().order_by("pk"))
    pks = [pk for pk, _ in rows]
    while pks:
        pks = pks[_index(pks[:LOT]) :]


def messages_with_posts_of(authors: Collection[XUser]) -> DmEventQuerySet:
    """Theirs, or that quote one of theirs: each way has its own index."""
    posts, shared = Post.objects.filter(author__in=authors), EventPost.objects.order_by().values("event")
    either = shared.filter(post__in=posts).union(shared.filter(post__quoted__in=posts))
    return DmEvent.objects.messages().filter(pk__in=either)


def name_words(person: XUser) -> Iterable[words.Word]:
    return [*words.words_of(person.name), *words.words_of(person.username)]


def name_grams(person: XUser) -> set[int]:
    return words.grams_of(name_words(person))
