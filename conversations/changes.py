"""Writing the change log: in the transaction of what it announces, numbered in the order of the commits.

The numbers come from the SyncState row, which every writer holds locked until its commit: a number is visible only when
every smaller one is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial, update_wrapper
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import XAccount
from conversations import waking
from conversations.models import (
    Change,
    DmEvent,
    EventMedia,
    EventPost,
    LinkPicture,
    Media,
    Participant,
    PostMedia,
    SyncState,
    UntoldLook,
    XUser,
)
from dminbox import leases

Kind = Change.Kind
EventPlace = tuple[int, int, int]
"""An event, its conversation and its X account, by their keys."""
KEPT = timedelta(days=7)
MOST_CONVERSATIONS = 100
"""That are announced one by one for what they all show."""
MOST_PEOPLE = 500
"""That are announced at once."""
TOLD_WITHIN = timedelta(seconds=30)
"""Of its commit, a change of how files or posts look: then the sweep tells it."""
LOOKS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class NewChange:
    """data: ids and times; never a text or a name."""

    kind: Kind
    conversation_id: int | None = None
    event_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


def lock(x_account: XAccount) -> SyncState:
    """The account's row, locked until the commit: whoever stores or announces for it waits for whoever else does."""
    state = SyncState.objects.select_for_update().filter(x_account=x_account).first()
    if state is None:
        SyncState.objects.bulk_create([SyncState(x_account=x_account)], ignore_conflicts=True)
        state = SyncState.objects.select_for_update().get(x_account=x_account)
    return state


def announce_states(x_account_pks: Iterable[int]) -> None:
    """Announces that the X accounts' own states change: one row each, inside the transaction that changes them.

    Call it before the change: it takes the locks first, as everybody who stores does, and always in one order.
    """
    pks = list(x_account_pks)
    states = list(SyncState.objects.select_for_update().filter(x_account__in=pks).order_by("x_account"))
    Change.objects.bulk_create(
        [Change(x_account_id=row.x_account_id, number=row.last_change + 1, kind=Kind.ACCOUNT) for row in states]
    )
    SyncState.objects.filter(pk__in=[row.pk for row in states]).update(last_change=F("last_change") + 1)
    for row in states:
        _after_commit(waking.tell, row.x_account_id, row.last_change + 1)


def announce_connection(x_account_pk: int) -> None:
    """What `accounts` tells of a connection it is about to end or renew (X_STATES_TOLD_BY)."""
    SyncState.objects.bulk_create([SyncState(x_account_id=x_account_pk)], ignore_conflicts=True)
    announce_states([x_account_pk])


def announce(x_account: XAccount, changes: Sequence[NewChange]) -> None:
    """Adds the rows, in this order. Inside a transaction that also makes what they tell."""
    if not changes:
        return
    state = lock(x_account)
    rows = [
        Change(
            x_account=x_account,
            number=number,
            kind=change.kind,
            conversation_id=change.conversation_id,
            event_id=change.event_id,
            data=change.data,
        )
        for number, change in enumerate(changes, start=state.last_change + 1)
    ]
    Change.objects.bulk_create(rows)
    SyncState.objects.filter(pk=state.pk).update(last_change=rows[-1].number)
    _after_commit(waking.tell, x_account.pk, rows[-1].number)


def _after_commit(tell: Callable[..., None], *what: Any) -> None:
    """Its failure is only logged, since everything is stored: by the function's name, which a bare partial has not."""
    transaction.on_commit(update_wrapper(partial(tell, *what), tell), robust=True)


def tell_of_people(x_user_ids: Iterable[int]) -> None:
    """Marks people who look different now, in the transaction that makes it so; they are announced after its commit.
    Where a process dies in between, the sweep finds the marks.

    They are not announced in that transaction: whoever stores a page holds the row of its own X account before it knows
    whom the page changes, and whoever locks several X accounts does so in one order, before any people. The caller has
    locked these people, in the order of their ids.
    """
    if pks := set(x_user_ids):
        with transaction.atomic(savepoint=False):
            XUser.objects.filter(pk__in=pks).update(untold_since=timezone.now())
            _after_commit(announce_people)


def untold() -> QuerySet[XUser]:
    """People whom `tell_of_people` has marked, and nobody has announced yet."""
    return XUser.objects.filter(untold_since__isnull=False)


def announce_people() -> None:
    """Announces the marked people and removes their marks in one transaction: each is announced once."""
    pks = list(untold().order_by("untold_since", "pk").values_list("pk", flat=True)[:MOST_PEOPLE])
    places = _places_of(pks)
    with transaction.atomic():
        x_accounts = list(XAccount.objects.filter(pk__in={pk for pk, _, _ in places}).order_by("pk"))
        for x_account in x_accounts:
            lock(x_account)
        still = set(untold().filter(pk__in=pks).select_for_update().order_by("pk").values_list("pk", flat=True))
        for x_account in x_accounts:
            theirs = {place for pk, place, person in places if pk == x_account.pk and person in still}
            announce(x_account, _news_of(theirs))
        XUser.objects.filter(pk__in=still).update(untold_since=None)


def _places_of(pks: Sequence[int]) -> list[tuple[int, int | None, int]]:
    """Where each of them is shown: X account, conversation (None where the person is that account itself), person.

    A conversation that they come into later shows them as they are by then.
    """
    ours = XAccount.objects.filter(x_user_id__in=pks).values_list("pk", "x_user_id")
    theirs = Participant.objects.filter(x_user__in=pks).exclude(x_user=F("conversation__x_account__x_user_id"))
    found = theirs.values_list("conversation__x_account", "conversation", "x_user")
    return [*((pk, None, person) for pk, person in ours), *found]


def _news_of(places: set[int | None]) -> list[NewChange]:
    """A row for each conversation; one for the whole X account where it is the person itself, or very many change."""
    conversations = places - {None}
    if len(conversations) < len(places) or len(conversations) > MOST_CONVERSATIONS:
        return [NewChange(Kind.ACCOUNT)]
    return [NewChange(Kind.CONVERSATION, each) for each in sorted(filter(None, conversations))]


def events_showing(files: Iterable[int] = (), posts: Iterable[int] = ()) -> QuerySet[DmEvent]:
    """Events that show these files or posts in a thread; each way from these to them has its own index."""
    file_pks = list(files)
    media = Media.objects.filter(Q(file__in=file_pks) | Q(light__in=file_pks) | Q(preview__in=file_pks))
    links = LinkPicture.objects.filter(file__in=file_pks)
    shared = EventPost.objects.order_by().values("event")
    seen = [*posts, *(_posts_with(media, links) if file_pks else ())]
    found = shared.filter(post__in=seen).union(
        shared.filter(post__quoted__in=seen),
        EventMedia.objects.filter(media__in=media).order_by().values("event"),
        links.exclude(event=None).values("event"),
    )
    return DmEvent.objects.filter(pk__in=found)


def _posts_with(media: QuerySet[Media], links: QuerySet[LinkPicture]) -> QuerySet[Any, Any]:
    pictured = PostMedia.objects.filter(media__in=media).order_by().values_list("post", flat=True)
    return pictured.union(links.exclude(post=None).values_list("post", flat=True))


@contextmanager
def updating(*, files: Iterable[int] = (), posts: Iterable[int] = ()) -> Iterator[None]:
    """A transaction that changes how these files or posts look: it announces each event that shows them, once.

    The locks come first, in one order for all: who stores a page holds its account's before it writes anything shared.
    An event that was stored meanwhile may show them as they were before: it is announced after the commit, and the
    change leaves a row that says so. Where a process dies in between, the sweep finds that row.
    """
    due_at = timezone.now() + TOLD_WITHIN
    look = UntoldLook(files=list(files), posts=list(posts), due_at=due_at)
    with transaction.atomic():
        places = _event_places(_events_showing(look))
        x_accounts = _x_accounts_of(places)
        for x_account in x_accounts:
            lock(x_account)
        yield
        _announce_updated(x_accounts, places)
        look.save(force_insert=True)
    _announce_rest(look, places)


def looks_waiting() -> QuerySet[UntoldLook, int]:
    """Those whose process has died."""
    is_due = leases.is_due("due_at", timezone.now(), TOLD_WITHIN)
    return UntoldLook.objects.filter(is_due).values_list("pk", flat=True)[:LOOKS_AT_ONCE]


def announce_look(pk: int) -> None:
    """Announces all events that show it: which of them have been announced, only the dead process knew."""
    if look := UntoldLook.objects.filter(pk=pk).first():
        _announce_rest(look, set())


def _announce_rest(look: UntoldLook, told: set[EventPlace]) -> None:
    places = _event_places(_events_showing(look)) - told
    x_accounts = _x_accounts_of(places) if places else []
    with transaction.atomic():
        for x_account in x_accounts:
            lock(x_account)
        if UntoldLook.objects.filter(pk=look.pk).delete()[0]:
            _announce_updated(x_accounts, places)


def _events_showing(look: UntoldLook) -> QuerySet[DmEvent]:
    return events_showing(look.files, look.posts)


def _event_places(events: QuerySet[DmEvent]) -> set[EventPlace]:
    return set(events.values_list("pk", "conversation", "conversation__x_account"))


def _x_accounts_of(places: Iterable[EventPlace]) -> list[XAccount]:
    return list(XAccount.objects.filter(pk__in={pk for *_, pk in places}).order_by("pk"))


def _announce_updated(x_accounts: Iterable[XAccount], places: Iterable[EventPlace]) -> None:
    for x_account in x_accounts:
        mine = [place for place in sorted(places) if place[-1] == x_account.pk]
        announce(x_account, [NewChange(Kind.EVENT_UPDATED, conversation, event) for event, conversation, _ in mine])


def forget_old() -> None:
    """Deletes rows older than KEPT; a page that is further behind is loaded anew."""
    Change.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
