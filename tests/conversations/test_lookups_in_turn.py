"""Who is missing in the conversations of an X account is asked for by it, and billed to it; a stranger by nobody."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import BilledResource, Conversation, EventPost, Participant, Post, XUser
from conversations.sync import by_id, caps, who_may_ask
from conversations.sync.people import look_up_due_people
from conversations.sync.posts import fetch_due_details
from tests import plans
from tests.conversations.test_reading_plans import MOST_ROWS, explained, steps
from tests.conversations.x_world import ADA, BEN, CLEO, HELP, STUDIO, asked, connected, due, named, post, shared
from tests.factories import ConversationFactory, DmEventFactory, ParticipantFactory, SyncStateFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
HOUR = timedelta(hours=1)


@pytest.fixture
def help_(x):
    return connected(x)


@pytest.fixture
def studio(x, help_):
    return connected(x, STUDIO)


def calls(x, path="/2/users"):
    """Who asked, and for whom."""
    who = [request["user_id"] for request in x.get("requests") if request["path"] == path]
    return sorted(zip(who, asked(x, path), strict=True))


def wait_of(pk):
    return XUser.objects.get(pk=int(pk)).lookup_due_at - timezone.now()


def cap(x_account, usd):
    SyncStateFactory(x_account=x_account, import_finished_at=timezone.now(), monthly_cap_usd=Decimal(usd))


# --- Who pays ---------------------------------------------------------------------------------------------------------


def test_each_pays_for_who_is_missing_in_its_own_conversations(x, help_, studio):
    named(ADA, help_)
    named(BEN, studio)
    look_up_due_people()
    assert calls(x) == [(HELP, [ADA]), (STUDIO, [BEN])]
    assert set(BilledResource.objects.values_list("x_account", "resource_id")) == {
        (help_.pk, int(ADA)),
        (studio.pk, int(BEN)),
    }


def test_whom_several_know_goes_along_with_the_others_in_one_call(x, help_, studio):
    named(ADA, help_, studio)
    named(BEN, studio)
    named(CLEO, help_, studio)
    look_up_due_people()
    assert calls(x) == [(STUDIO, [ADA, BEN, CLEO])]


def test_nobody_buys_the_profile_of_a_stranger(x, help_):
    due(ADA)
    named(BEN, help_)
    look_up_due_people()
    assert calls(x) == [(HELP, [BEN])]
    assert HOUR - timedelta(minutes=1) < wait_of(ADA) <= HOUR


def test_whom_only_a_disconnected_account_knows_waits(x, help_, studio):
    named(ADA, studio)
    XAccount.objects.filter(pk=studio.pk).update(state=XAccount.State.DISCONNECTED)
    look_up_due_people()
    assert calls(x) == []
    assert wait_of(ADA) > HOUR - timedelta(minutes=1)


def test_in_every_way_in_which_x_names_people_it_is_known_to_whom(x, help_, studio):
    group = ConversationFactory(x_account=help_, peer=None, is_group=True, dm_conversation_id="99")
    ParticipantFactory(conversation=group, x_user=due("1"))
    shown, hidden, foreign = due("2"), due("3"), due("4")
    quoted = Post.objects.create(pk=12, author=hidden)
    shared(help_, 11)
    Post.objects.filter(pk=11).update(author=shown, quoted=quoted, x_account=None)
    shared(studio, 13)
    Post.objects.filter(pk=13).update(author=foreign)
    assert who_may_ask.people([1, 2, 3, 4, 5]) == {
        1: {help_.pk},
        2: {help_.pk},
        3: {help_.pk},
        4: {studio.pk},
        5: set(),
    }


def test_an_x_account_of_ours_is_known_to_itself_and_to_those_it_has_written_to(help_, studio):
    us = due(HELP)
    for number in range(3):
        ParticipantFactory(conversation=ConversationFactory(x_account=help_), x_user=us, pk=number + 1)
    assert who_may_ask.people([us.pk]) == {us.pk: {help_.pk}}
    ConversationFactory(x_account=studio, peer=us)
    assert who_may_ask.people([us.pk]) == {us.pk: {help_.pk, studio.pk}}
    XAccount.objects.filter(pk=help_.pk).update(state=XAccount.State.RECONNECT)
    assert who_may_ask.people([us.pk]) == {us.pk: {studio.pk}}


# --- Who asks when one cannot -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"kind": "403"}, {"kind": "429-no-reset"}, {"kind": "401", "times": 5}])
def test_what_one_account_is_refused_the_next_that_knows_them_asks_for(x, help_, studio, fault):
    named(ADA, help_, studio)
    named(BEN, help_)
    x.post("faults", fault | {"user_id": HELP})
    look_up_due_people()
    assert XUser.objects.get(pk=int(ADA)).username == "ada_lamps"
    assert (STUDIO, [ADA]) in calls(x)
    ben = XUser.objects.get(pk=int(BEN))
    assert (ben.username, ben.lookup_attempts) == ("", 0), "X said nothing of him"
    assert timedelta(seconds=30) < wait_of(BEN) <= HOUR


def test_as_many_are_asked_for_as_the_cap_pays_for(x, help_):
    cap(help_, "0.02")
    for pk in (ADA, BEN, CLEO):
        named(pk, help_)
    look_up_due_people()
    assert [len(pks) for _, pks in calls(x)] == [2]
    [left] = XUser.objects.filter(lookup_due_at__isnull=False)
    assert wait_of(left.pk) <= caps.BACK_WITHIN, "those may have cost less than they could"
    XUser.objects.filter(pk=left.pk).update(lookup_due_at=timezone.now())
    look_up_due_people()
    assert HOUR - timedelta(minutes=1) < wait_of(left.pk) <= HOUR
    assert len(calls(x)) == 1


def test_what_the_cap_of_one_does_not_pay_for_the_next_that_knows_them_pays(x, help_, studio):
    cap(help_, "0.02")
    for pk in (ADA, BEN):
        named(pk, help_)
    named(CLEO, help_, studio)
    look_up_due_people()
    assert calls(x) == [(HELP, [ADA, BEN]), (STUDIO, [CLEO])]


def test_whoever_waits_for_several_comes_back_for_the_first_of_them(x, help_, studio):
    cap(help_, "0.00")
    cap(studio, "0.01")
    caps._reserve(studio, Decimal("0.01"), 1)
    named(ADA, help_, studio)
    look_up_due_people()
    assert wait_of(ADA) <= caps.BACK_WITHIN
    assert calls(x) == []


def test_without_credit_the_next_account_is_not_even_tried(x, help_, studio):
    SyncStateFactory(x_account=help_)
    named(ADA, help_)
    named(BEN, studio)
    x.post("faults", {"kind": "402", "times": 5})
    look_up_due_people()
    assert calls(x) == [(HELP, [ADA])]
    assert wait_of(BEN) < timedelta(0), "it is due, and has_credit says when"


def test_without_credit_one_call_is_refused_however_many_are_due(x, help_, monkeypatch):
    monkeypatch.setattr(by_id, "BATCH", 1)
    monkeypatch.setattr("conversations.sync.people.MOST_DUE", 2)
    SyncStateFactory(x_account=help_)
    for number in range(10):
        named(str(3_000_000 + number), help_)
    x.post("faults", {"kind": "402", "times": -1})
    for _ in range(5):
        look_up_due_people()
    assert len(calls(x)) == 1


def test_what_is_too_much_for_one_call_of_an_account_stays_due(x, help_, studio, monkeypatch):
    monkeypatch.setattr(by_id, "BATCH", 2)
    cap(help_, "0.00")
    for pk in (ADA, BEN):
        named(pk, studio)
    named(CLEO, help_, studio)
    look_up_due_people()
    assert calls(x) == [(STUDIO, [ADA, BEN])]
    assert wait_of(CLEO) < timedelta(0), "the cap of the one is no reason to wait for the other"


@pytest.mark.parametrize("fault", [{"kind": "403"}, {"kind": "429"}, {"kind": "401", "times": 5}])
def test_an_account_that_is_refused_asks_for_none_of_the_others_before_its_time(x, help_, monkeypatch, fault):
    monkeypatch.setattr(by_id, "BATCH", 1)
    for pk in (ADA, BEN, CLEO):
        named(pk, help_)
    x.post("faults", fault | {"user_id": HELP, "times": -1})
    look_up_due_people()
    tried = len(calls(x))
    look_up_due_people()
    assert len(calls(x)) == tried <= 2, "one, and once more with a new token"
    assert all(timedelta(seconds=30) < wait_of(pk) <= HOUR for pk in (ADA, BEN, CLEO))


@pytest.mark.parametrize("kind", ["403", "429"])
def test_one_call_of_an_account_is_refused_however_many_are_due(x, help_, studio, monkeypatch, kind):
    monkeypatch.setattr(by_id, "BATCH", 1)
    monkeypatch.setattr("conversations.sync.people.MOST_DUE", 2)
    theirs = [str(3_000_000 + number) for number in range(7)]
    for pk in theirs:
        named(pk, help_)
    named(ADA, studio)
    x.post("faults", {"kind": kind, "user_id": HELP, "times": -1})
    for _ in range(5):
        look_up_due_people()
    assert len([pks for who, pks in calls(x) if who == HELP]) == 1
    assert all(wait_of(pk) > timedelta(seconds=30) for pk in theirs)
    assert (STUDIO, [ADA]) in calls(x), "who is not refused goes on"


def test_who_was_claimed_by_another_worker_meanwhile_is_left_to_it(x, help_, monkeypatch):
    named(ADA, help_)
    real = caps.room

    def claimed_meanwhile(*args, **more):
        XUser.objects.update(lookup_due_at=timezone.now() + by_id.LEASE)
        return real(*args, **more)

    monkeypatch.setattr(caps, "room", claimed_meanwhile)
    look_up_due_people()
    assert calls(x) == []
    assert wait_of(ADA) > by_id.LEASE - timedelta(minutes=1)


def test_posts_go_the_same_way(x, help_, studio):
    cap(help_, "0.05")
    for number in (11, 12):
        post(x, number)
    lamp, vase = shared(help_, 11, 12)
    EventPost.objects.create(event=DmEventFactory(conversation__x_account=studio), post=vase)
    fetch_due_details()
    assert calls(x, "/2/tweets") == [(HELP, ["11"]), (STUDIO, ["12"])]
    assert set(Post.objects.values_list("state", flat=True)) == {Post.State.COMPLETE}


def test_a_post_that_a_refused_account_could_not_ask_for_counts_no_attempt(x, help_):
    [lamp] = shared(help_, 11)
    x.post("faults", {"kind": "403", "user_id": HELP})
    fetch_due_details()
    lamp.refresh_from_db()
    assert (lamp.state, lamp.details_attempts) == (Post.State.DUE, 0)
    assert lamp.details_due_at > timezone.now()


# --- How much is asked of the database --------------------------------------------------------------------------------


def queries_for(count):
    for number in range(count):
        named(str(3_000_000 + 1000 * count + number))
    with CaptureQueriesContext(connection) as queries:
        look_up_due_people()
    assert not XUser.objects.filter(lookup_due_at__lte=timezone.now()).exists()
    return len(queries)


def test_many_people_take_no_more_queries_than_one(x, help_, studio):
    queries_for(2)  # the first bill of a day takes a query or two more
    few = queries_for(1)
    assert queries_for(60) == few <= 20


LARGE_WORLD = 20_000


@pytest.mark.postgres
def test_on_large_tables_only_what_is_about_them_is_read(x, help_, studio):
    us = due(HELP)
    peers = XUser.objects.bulk_create(XUser(pk=10_000_000 + number) for number in range(LARGE_WORLD))
    rows = Conversation.objects.bulk_create(
        Conversation(x_account=help_, dm_conversation_id=f"c{peer.pk}", peer=peer) for peer in peers
    )
    Participant.objects.bulk_create(
        Participant(conversation=row, x_user_id=pk) for row in rows for pk in (row.peer_id, us.pk)
    )
    lamp = Post.objects.create(pk=5, author=peers[0], x_account=help_)
    event = DmEventFactory(conversation=rows[0])
    Post.objects.bulk_create(Post(pk=100 + number, x_account=help_) for number in range(LARGE_WORLD))
    EventPost.objects.bulk_create(EventPost(event=event, post_id=100 + number) for number in range(LARGE_WORLD))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with plans.statements() as heard:
        who_may_ask.people([us.pk, 999, *(peer.pk for peer in peers[:50])])
        who_may_ask.posts([lamp.pk, *range(100, 150)])
    assert [told for plan in explained(heard) for told in too_much_of(plan)] == []


def too_much_of(plan):
    return [
        step["Node Type"]
        for step in steps(plan)
        if (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"] > MOST_ROWS
    ]
