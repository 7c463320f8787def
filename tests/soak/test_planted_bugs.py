"""The stories are themselves tested: with a bug planted, one of the first few must fail."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.db import connection, transaction
from django.utils import timezone

from conversations import changes, ledger
from conversations.ids import as_numbers
from conversations.models import BilledResource, Change, Conversation, DmEvent, Participant, SyncState
from conversations.sync import caps, intervals, polling, push, reconciling, store, turns
from conversations.sync.turns import Turn
from dminbox.xapi import activity as xapi
from tests.conversations.sync_support import OWN
from tests.emptying import empty_database
from tests.halves import own_half
from tests.soak import test_stories
from tests.soak.story import Story, surroundings

pytestmark = pytest.mark.services
TRIED = 40


@contextmanager
def stop_at_the_first_known_id() -> Iterator[None]:
    """What lies below an event that is here counts as read: wrong after a crash between pages."""
    inner = intervals.advance

    def advance(reach: Any, page: Any, **more: Any) -> Any:
        ids = as_numbers(event.id for event in page.events)
        is_known = DmEvent.objects.filter(dm_event_id__in=ids).exists()
        result = inner(reach, page, **more)
        return replace(result, token="") if is_known else result

    with mock.patch.object(intervals, "advance", advance):
        yield


@contextmanager
def mark_read_before_the_commit() -> Iterator[None]:
    """The claim is committed before the events it stands for."""
    inner = polling._commit

    def commit(turn: Any, answer: Any, reach: Any) -> Any:
        start = reach or intervals.top(answer.answered_at)
        end = intervals.end_of_window(answer.answered_at)
        reached = intervals.advance(start, answer.value, end_id=end, floor_id=turn.state.horizon_id)
        with transaction.atomic():
            intervals.record(turn.x_account, None, reached, is_top=reach is None)
        return inner(turn, answer, reach)

    with mock.patch.object(polling, "_commit", commit):
        yield


@contextmanager
def no_unique_constraint() -> Iterator[None]:
    """Get, then create, with nothing in the database to stop two who do so at once, or one who looks amiss."""
    once = DmEvent._meta.constraints
    with mock.patch.object(DmEvent._meta, "constraints", []), connection.schema_editor() as editor:
        for constraint in once:  # SQLite makes the table anew, by what the model says now
            editor.remove_constraint(DmEvent, constraint)
    try:
        with (
            mock.patch.object(store, "_known", return_value={}),
            mock.patch.object(type(DmEvent.objects), "bulk_create", lambda _, rows, **__: _insert(rows)),
        ):
            yield
    finally:
        empty_database()
        with connection.schema_editor() as editor:
            for constraint in once:
                editor.add_constraint(DmEvent, constraint)


def _insert(rows: list[DmEvent]) -> list[DmEvent]:
    for row in rows:
        row.save(force_insert=True)
    return rows


@contextmanager
def trust_in_the_order_of_arrival() -> Iterator[None]:
    """What is older than the newest event of its conversation was surely read before."""
    inner = store._sort_out

    def sort_out(page: Any, default_id: str) -> Any:
        told, odd = inner(page, default_id)
        newest = dict(Conversation.objects.values_list("dm_conversation_id", "last_dm_event_id"))
        return [one for one in told if one.id > newest.get(one.dm_conversation_id, 0)], odd

    with mock.patch.object(store, "_sort_out", sort_out):
        yield


@contextmanager
def receipts_in_the_order_of_arrival() -> Iterator[None]:
    """What came last is what they have read last."""

    def note(activity: Any, _: Any) -> None:
        x_account = push._x_account(activity)
        changes.lock(x_account)
        for receipt in xapi.read_receipts(activity):
            participant = push._participant(x_account, receipt.reader_id, receipt.other_id)
            if participant is not None:
                read_to = int(receipt.last_read_event_id)
                push._tell(x_account, participant, Change.Kind.RECEIPT, seen_dm_event_id=read_to, seen_at=receipt.at)

    with mock.patch.dict(push.DEEDS, {"dm.read": note}):
        yield


@contextmanager
def numbers_from_a_sequence() -> Iterator[None]:
    """A counter beside the tables: numbers that a transaction took which came to nothing are never given again."""
    counters = multiprocessing.Array("q", 3)

    def announce(x_account: Any, news: Any) -> None:
        rows: list[Change] = []
        place = x_account.x_user_id - int(OWN)
        last = SyncState.objects.values_list("last_change", flat=True).get(x_account=x_account)
        counters[place] = max(counters[place], last) if last else 0  # 0: another story
        for one in news:
            counters[place] += 1
            where = {"conversation_id": one.conversation_id, "event_id": one.event_id, "data": one.data}
            rows.append(Change(x_account=x_account, number=counters[place], kind=one.kind, **where))
        Change.objects.bulk_create(rows)
        SyncState.objects.filter(x_account=x_account).update(last_change=counters[place])

    with mock.patch.object(changes, "announce", announce):
        yield


@contextmanager
def the_day_is_not_read_again() -> Iterator[None]:
    """It is taken for read: what X shows later than anybody waits for it is missed where it is not among the newest."""

    def reconcile(turn: Turn) -> None:
        reconciling._note_done(turn, timezone.now(), is_last=True)

    with mock.patch.object(reconciling, "reconcile", reconcile):
        yield


@contextmanager
def a_lost_midnight_is_not_noted() -> Iterator[None]:
    """The day before counts as read, though nothing ran in its last hours."""
    with mock.patch.object(turns, "_note_unfinished_day"):
        yield


@contextmanager
def no_page_is_cut_to_the_cap() -> Iterator[None]:
    """Reading stops at the cap, but for the page that crosses it."""
    inner = caps._reserve

    def reserve(x_account: Any, each: Decimal, most: int, **more: Any) -> tuple[int, int | None]:
        _, pk = inner(x_account, each, most, **more)
        return most, pk

    with mock.patch.object(caps, "_reserve", reserve):
        yield


# --- What only several accounts of ours show --------------------------------------------------------------------------


@contextmanager
def an_event_is_known_by_its_id_alone() -> Iterator[None]:
    """What one of ours has read of a group, or of what two of them write to each other, is left out of the other."""
    inner = store._fresh

    def fresh(conversations: Any, told: Any, seen: Any) -> Any:
        ids = [one.id for one in told]
        elsewhere = DmEvent.objects.filter(dm_event_id__in=ids).exclude(conversation__in=conversations.values())
        known = set(elsewhere.values_list("dm_event_id", flat=True))
        return inner(conversations, [one for one in told if one.id not in known], seen)

    with mock.patch.object(store, "_fresh", fresh):
        yield


@contextmanager
def receipts_by_the_conversation_alone() -> Iterator[None]:
    """One of our accounts has read what the other wrote: it is told to whoever has that conversation first."""

    def participant(x_account: Any, who: str, other: str) -> Any:
        sides = sorted([int(who), int(other)])
        found = Participant.objects.filter(x_user=int(who), conversation__dm_conversation_id=f"{sides[0]}-{sides[1]}")
        return None if int(who) == x_account.x_user_id else found.order_by("-pk").first()

    with mock.patch.object(push, "_participant", participant):
        yield


@contextmanager
def each_account_is_billed_by_itself() -> Iterator[None]:
    """X bills once what two of ours have read; here each pays for it."""

    def write_down(x_account: Any, day: Any, resources: Any) -> Counter[str]:
        mine = BilledResource.objects.filter(x_account=x_account, day=day)
        known = set(mine.values_list("kind", "resource_id"))
        inner(x_account, day, resources)
        return Counter(kind for kind, pk in resources if (kind, pk) not in known)

    inner = ledger._write_down
    with (
        mock.patch.object(ledger, "_known", return_value={}),
        mock.patch.object(ledger, "_write_down", write_down),
    ):
        yield


LOST = ("lost: ", "no gap is told of")
BUGS = {
    stop_at_the_first_known_id: (0, LOST),
    mark_read_before_the_commit: (10, LOST),
    no_unique_constraint: (0, "an event is stored twice"),
    trust_in_the_order_of_arrival: (0, LOST),
    receipts_in_the_order_of_arrival: (3, ("a receipt went backwards", "a receipt of ")),
    numbers_from_a_sequence: (2, "a number of the change log is missing"),
    no_page_is_cut_to_the_cap: (18, "reading has cost"),
    the_day_is_not_read_again: (159, LOST),
    an_event_is_known_by_its_id_alone: (0, LOST),
    receipts_by_the_conversation_alone: (
        2,
        ("the change log tells of another X account", "a receipt is not as it was"),
    ),
    each_account_is_billed_by_itself: (0, "the ledger has"),
    a_lost_midnight_is_not_noted: (41, "not told of, and not here are"),
}
"""With the seed that is played first, since it shows it, and what it is found by. When the stories have changed, others
may show it instead. The same seed plays other stories on the other database: where each plays its own half, the first
of two is shown on SQLite, the second on PostgreSQL."""


@pytest.mark.parametrize("bug", own_half(BUGS))
def test_a_planted_bug_is_found(bug, transactional_db, xsim):
    first, words = BUGS[bug]
    with bug():
        verdicts = (_verdict(seed, xsim) for seed in [first, *range(TRIED)])
        assert any(verdict.startswith(words) for verdict in verdicts), f"{TRIED} stories did not notice it"


def test_without_a_bug_the_same_stories_are_played_too():
    """They notice nothing there."""
    assert {seed for seed, _ in BUGS.values()} | set(range(TRIED)) <= set(range(test_stories.PLAYED))


def _verdict(seed: int, xsim: Any) -> str:
    """What the story complains of; "" when it notices nothing."""
    xsim.reset()
    empty_database()
    try:
        with surroundings(seed):
            Story(seed, xsim).play()
    except AssertionError as broken:
        return str(broken)
    return ""
