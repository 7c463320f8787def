"""Many calls at once under one cap: what each may cost is reserved before it is made, so that together they never
cross it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest import mock

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from conversations import ledger, sync
from conversations.management.commands.free_leases import free_leases
from conversations.models import Conversation, HistoryRead, Post, SpendReservation, SyncState, XUser
from conversations.sync import caps, event_pages, people, posts
from conversations.sync.caps import BeingSpent, CapReached
from tests.conversations.sync_support import OWN, begin, connect, make_person, one_to_one, poll, say, settle
from tests.conversations.x_world import named
from tests.factories import SyncStateFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
PEOPLE = [f"200000000000000000{number}" for number in range(1, 6)]
PATIENCE = 20
EACH = Decimal("0.01")


@pytest.fixture
def x_account(xsim):
    """Five conversations with a long history, read from yesterday on; $0.50 are left under the cap."""
    x_account, now = connect(xsim), datetime.now(UTC)
    for person in PEOPLE:
        make_person(xsim, person)
        moments = [now - timedelta(days=40, minutes=number) for number in range(100)]
        old = {"dm_conversation_id": one_to_one(OWN, person), "sender_id": person, "text": "Long ago"}
        xsim.post("events", [{**old, "created_at": moment.isoformat()} for moment in moments])
        say(xsim, person, "Now")
    begin(x_account, days=1)
    settle(x_account)
    caps.set_cap(x_account, ledger.spent_this_month(x_account) + Decimal("0.50"))
    return x_account


def wish_for_all() -> list[HistoryRead]:
    return [HistoryRead.objects.create(conversation=row, pages_wanted=1) for row in Conversation.objects.all()]


def assert_within_cap(x_account, xsim):
    state = SyncState.objects.get(x_account=x_account)
    assert ledger.spent_this_month(x_account) <= state.monthly_cap_usd
    assert Decimal(str(xsim.get("meter")["today"]["usd"])) <= state.monthly_cap_usd
    assert not SpendReservation.objects.exists(), "what was reserved is given back"


def test_wishes_that_are_read_while_others_await_their_answer_never_cross_the_cap(x_account, xsim):
    wishes, asked = wish_for_all(), ledger.call
    rest = wishes[1:]

    def one_within_the_other(*args):
        answer = asked(*args)
        if rest:
            sync.read_history(rest.pop().pk)
        return answer

    with mock.patch.object(ledger, "call", one_within_the_other):
        sync.read_history(wishes[0].pk)
    assert_within_cap(x_account, xsim)


@pytest.mark.django_db(transaction=True)
def test_five_workers_at_once_never_cross_the_cap(x_account, xsim):
    """Each holds its answer until all have asked, or nobody else comes."""
    together, asked = threading.Barrier(len(PEOPLE) + 1), ledger.call

    def meet(*args):
        answer = asked(*args)
        with suppress(threading.BrokenBarrierError):
            together.wait(1)
        return answer

    def work(job):
        try:
            job()
        finally:
            connection.close()

    jobs = [lambda pk=wish.pk: sync.read_history(pk) for wish in wish_for_all()]
    for person in PEOPLE:
        say(xsim, person, "And now?")
    SyncState.objects.update(next_poll_at=timezone.now())
    with mock.patch.object(ledger, "call", meet), ThreadPoolExecutor(len(PEOPLE) + 1) as pool:
        list(pool.map(work, [*jobs, lambda: sync.poll(x_account.pk)]))
    assert_within_cap(x_account, xsim)
    assert SyncState.objects.get().state != SyncState.State.CAPPED, "what others had reserved is no reason to pause"


@pytest.mark.django_db(transaction=True)
def test_of_many_who_reserve_at_once_no_more_than_fit_may_go_on():
    state = SyncStateFactory(monthly_cap_usd=Decimal("0.05"))
    together = threading.Barrier(8)

    def reserve(_):
        together.wait(PATIENCE)
        try:
            return caps._reserve(state.x_account, EACH, 1)[0]
        except BeingSpent:
            return 0
        finally:
            connection.close()  # it goes back to the pool, which has fewer than we are

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(reserve, range(8))) == [0] * 3 + [1] * 5


def test_what_does_not_fit_for_now_is_no_reached_cap():
    state = SyncStateFactory(monthly_cap_usd=Decimal("0.05"))
    with caps.room(state.x_account, EACH, 4) as fits, caps.room(state.x_account, EACH, 4) as others:
        assert (fits, others) == (4, 1)
        with pytest.raises(BeingSpent), caps.room(state.x_account, EACH, 1):
            pass
    with pytest.raises(CapReached), caps.room(state.x_account, Decimal("0.06"), 1):
        pass


def test_without_a_cap_nothing_is_reserved():
    state = SyncStateFactory()
    with caps.room(state.x_account, EACH, 100) as fits:
        assert (fits, SpendReservation.objects.count()) == (100, 0)


def test_what_a_dead_worker_has_reserved_counts_for_as_long_as_a_call_may_take():
    state = SyncStateFactory(monthly_cap_usd=Decimal("0.05"))
    caps._reserve(state.x_account, EACH, 5)
    with pytest.raises(BeingSpent):
        caps._reserve(state.x_account, EACH, 1)
    with time_machine.travel(timezone.now() + caps.longest_call() + timedelta(seconds=1)):
        assert caps._reserve(state.x_account, EACH, 5)[0] == 5
        ledger.forget_old()
        assert SpendReservation.objects.count() == 1


def test_what_a_clock_that_ran_ahead_has_reserved_counts_for_nothing():
    state = SyncStateFactory(monthly_cap_usd=Decimal("0.05"))
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        caps._reserve(state.x_account, EACH, 5)
    assert caps._reserve(state.x_account, EACH, 5)[0] == 5


def test_a_new_group_of_processes_frees_what_the_old_one_has_reserved():
    state = SyncStateFactory(monthly_cap_usd=Decimal("0.05"))
    caps._reserve(state.x_account, EACH, 5)
    free_leases()
    assert not SpendReservation.objects.exists()


def test_who_finds_the_rest_reserved_comes_back_within_seconds(x_account, xsim):
    named("77", x_account)
    Post.objects.create(pk=78, x_account=x_account, details_due_at=timezone.now())
    wish = wish_for_all()[0]
    xsim.delete("requests")
    caps._reserve(x_account, EACH, 50)
    state = poll(x_account)
    sync.read_history(wish.pk)
    people.look_up_due_people()
    posts.fetch_due_details()
    wish.refresh_from_db()
    due = [wish.due_at, XUser.objects.get(pk=77).lookup_due_at, Post.objects.get(pk=78).details_due_at]
    for moment in [state.next_poll_at, *due]:
        assert moment - timezone.now() <= caps.BACK_WITHIN
    assert (state.state, state.lease_until, wish.lease_until) == (SyncState.State.ACTIVE, None, None)
    assert not [call for call in xsim.get("requests") if call["path"].startswith("/2/")]


def test_an_answer_without_senders_and_the_one_with_them_are_both_paid_for(x_account, xsim):
    say(xsim, PEOPLE[0], "And now?")
    with mock.patch.object(event_pages, "_names_no_sender", side_effect=[True, False]):
        poll(x_account)
    assert_within_cap(x_account, xsim)
    assert SyncState.objects.get().needs_people_until
