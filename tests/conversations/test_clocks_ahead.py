"""A clock that ran days ahead, once, leaves nothing leased and nothing waiting for longer than by right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import tokens
from accounts.models import XAccount
from conversations import sync
from conversations.media import fetching, files_due
from conversations.models import (
    ActivityDelivery,
    ActivitySubscription,
    ConversationLookup,
    HistoryRead,
    MediaFile,
    Post,
    PushState,
    ReadInterval,
    SyncState,
    UnfinishedDay,
    XUser,
)
from conversations.sync import (
    chats,
    intervals,
    listening,
    people,
    polling,
    posts,
    push,
    subscription_rows,
    subscriptions,
    turns,
    wishes,
)
from conversations.sync.listening import Listener
from dminbox.xapi.activity import parse_activity
from tests.conversations.sync_support import OWN, begin, connect, make_person, one_to_one, poll, say, settle
from tests.factories import ConversationFactory, ParticipantFactory, SyncStateFactory, XAccountFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = SyncState.State
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AHEAD = timedelta(days=2)
PEER = "2000000000000000007"


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def x_account(clock):
    x_account = XAccountFactory(x_user_id=int(OWN))
    SyncStateFactory(x_account=x_account, state=State.ACTIVE, import_finished_at=NOW, next_poll_at=NOW)
    return x_account


def while_ahead(clock, work, by: timedelta = AHEAD):
    clock.shift(by)
    result = work()
    clock.shift(-by)
    return result


def test_who_was_polled_by_a_clock_ahead_is_due_by_the_right_one(xsim):
    make_person(xsim, PEER)
    say(xsim, PEER, "Hello")
    x_account = connect(xsim)
    begin(x_account)
    settle(x_account)
    with time_machine.travel(timezone.now() + AHEAD):
        poll(x_account)
    assert polling.due() == [x_account.pk]
    sync.poll(x_account.pk)
    state = SyncState.objects.get()
    assert state.next_poll_at < timezone.now() + timedelta(hours=1)
    assert polling.due() == []


def test_a_lease_taken_by_a_clock_ahead_is_nobodys(x_account, clock):
    assert while_ahead(clock, lambda: turns.claim(x_account.pk))
    assert polling.due() == [x_account.pk]
    assert turns.claim(x_account.pk)
    assert turns.claim(x_account.pk) == ""


def test_the_lease_of_a_clock_a_little_ahead_holds(x_account, clock):
    assert while_ahead(clock, lambda: turns.claim(x_account.pk), timedelta(seconds=2))
    assert turns.claim(x_account.pk) == ""


def test_an_import_leased_by_a_clock_ahead_takes_nobodys_place(x_account, clock):
    SyncState.objects.update(import_finished_at=None)
    while_ahead(clock, lambda: turns.claim(x_account.pk))
    others = [
        SyncStateFactory(x_account=XAccountFactory(), state=State.ACTIVE, next_poll_at=NOW)
        for _ in range(polling.IMPORTS_AT_ONCE)
    ]
    assert len(polling.imports_due()) == polling.IMPORTS_AT_ONCE == len(others)


@pytest.mark.parametrize("state", [State.RATE_LIMITED, State.UNAVAILABLE, State.REFUSED, State.NO_CREDIT, State.CAPPED])
def test_waits_that_are_right_are_waited_for_and_no_others(x_account, clock, state):
    by_right = {State.NO_CREDIT: timedelta(minutes=90), State.CAPPED: timedelta(days=10, hours=12, minutes=5)}
    wait = by_right.get(state, timedelta(hours=1))
    SyncState.objects.update(state=state, next_poll_at=NOW + wait)
    assert polling.due() == []
    SyncState.objects.update(next_poll_at=NOW + wait + timedelta(days=31))
    assert polling.due() == [x_account.pk]


@pytest.mark.parametrize("model", [HistoryRead, ConversationLookup, UnfinishedDay])
def test_a_wish_put_off_or_leased_by_a_clock_ahead_is_taken_up(x_account, clock, model):
    if model is HistoryRead:
        wish = HistoryRead.objects.create(conversation=ConversationFactory(x_account=x_account))
    elif model is ConversationLookup:
        wish = ConversationLookup.objects.create(x_account=x_account, kind="user_id", target=PEER)
    else:
        wish = UnfinishedDay.objects.create(x_account=x_account, day=NOW.date(), state="due")
    claimed = while_ahead(clock, lambda: wishes.claim(model, wish.pk))
    assert list(wishes.waiting(model)) == [wish.pk]
    while_ahead(clock, lambda: wishes.put_off(claimed, timedelta(minutes=15), "later"))
    assert list(wishes.waiting(model)) == [wish.pk]
    assert wishes.claim(model, wish.pk)
    assert wishes.claim(model, wish.pk) is None


def test_a_wish_waits_for_the_new_month_and_not_for_the_one_after(x_account, clock):
    wish = ConversationLookup.objects.create(x_account=x_account, kind="user_id", target=PEER, waits_for_month=True)
    ConversationLookup.objects.update(due_at=datetime(2026, 12, 1, tzinfo=UTC))
    assert list(wishes.waiting(ConversationLookup)) == []
    ConversationLookup.objects.update(due_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert list(wishes.waiting(ConversationLookup)) == [wish.pk]


def test_people_posts_files_and_gaps_put_off_by_a_clock_ahead_are_due(x_account, clock):
    later = NOW + AHEAD
    XUser.objects.create(pk=1, lookup_due_at=later)
    Post.objects.create(pk=2, x_account=x_account, details_due_at=later)
    gap = ReadInterval.objects.create(x_account=x_account, low_id=10, high_id=20, next_token="A", due_at=later)
    assert [person.pk for person in people._claim([1])] == [1]
    assert [post.pk for post in posts._claim([2])] == [2]
    assert (people.due().count(), posts.due().count()) == (0, 0)
    assert intervals.next_gap(x_account) == gap
    file = MediaFile.objects.create(source_url="https://x.example/1", source_hash="1", state="due", due_at=later)
    assert files_due(8) == [file.pk]
    assert fetching._claim(file.pk)
    assert fetching._claim(file.pk) is None
    SyncState.objects.update(chats_checked_at=later)
    assert list(chats.waiting()) == [x_account.pk]


def test_a_gap_rests_a_day_where_it_may(x_account, clock):
    ReadInterval.objects.create(
        x_account=x_account, low_id=10, high_id=20, next_token="A", due_at=NOW + intervals.LONGEST_REST
    )
    assert intervals.next_gap(x_account) is None


def test_a_refresh_leased_by_a_clock_ahead_is_nobodys(clock):
    x_account = XAccountFactory()
    assert while_ahead(clock, lambda: tokens._claim(x_account))
    x_account.refresh_from_db()
    assert tokens._claim(x_account)
    assert tokens._claim(x_account) == ""


def test_the_stream_leased_by_a_clock_ahead_is_taken_over_at_once(clock, settings):
    settings.X_CONSUMER_KEY = "key"
    assert while_ahead(clock, Listener()._may_try)
    PushState.objects.update(next_try_at=NOW + AHEAD)
    assert Listener()._may_try()
    assert not Listener()._may_try()


def test_a_delivery_put_off_or_leased_by_a_clock_ahead_is_taken_up(x_account, clock):
    delivery = ActivityDelivery.objects.create(event_uuid="1", event_type="dm.new", source="webhook", raw={})
    for ahead in ({"due_at": NOW + AHEAD}, {"due_at": NOW, "lease_until": NOW + AHEAD}):
        ActivityDelivery.objects.update(state=ActivityDelivery.State.DUE, **ahead)
        assert list(push.waiting()) == [delivery.pk]
    ActivityDelivery.objects.update(due_at=NOW + push.AGAIN, lease_until=None)
    assert list(push.waiting()) == []


def test_subscriptions_that_a_clock_ahead_has_checked_are_due_for_a_check(x_account, clock, settings):
    settings.X_CONSUMER_KEY = "key"
    PushState.objects.create(pk=1, subscriptions_checked_at=NOW)
    XAccount.objects.update(state_since=NOW - AHEAD, connected_at=NOW - AHEAD)
    assert not subscriptions.is_due()
    PushState.objects.update(subscriptions_checked_at=NOW + AHEAD)
    assert subscriptions.is_due()


def test_a_subscription_put_off_by_a_clock_ahead_is_tried(clock):
    row = ActivitySubscription(event_type="dm.read", due_at=NOW + timedelta(hours=1))
    assert not subscription_rows.is_due(row)
    row.due_at = NOW + AHEAD
    assert subscription_rows.is_due(row)


@pytest.mark.parametrize("way", ["stream", "webhook"])
def test_a_sign_of_life_by_a_clock_ahead_is_none(clock, settings, way):
    settings.X_PUSH = way
    push_state = PushState(state=PushState.State.CONNECTED, webhook_is_valid=True)
    push_state.last_line_at = push_state.webhook_listed_at = NOW
    assert push_state.is_alive
    push_state.last_line_at = push_state.webhook_listed_at = NOW + AHEAD
    assert not push_state.is_alive


def test_a_last_line_by_a_clock_ahead_has_all_asked_for_that_x_repeats(clock):
    assert listening._minutes_since(NOW) == 1
    assert listening._minutes_since(NOW + AHEAD) > listening.MOST_BACKFILL


def test_who_types_by_a_clock_ahead_is_not_typing_for_days(x_account, clock):
    conversation = ConversationFactory(x_account=x_account, dm_conversation_id=one_to_one(OWN, PEER))
    person = ParticipantFactory(conversation=conversation, x_user=XUser.objects.create(pk=int(PEER)))
    type(person).objects.update(typing_until=NOW + AHEAD)
    said = {"created_timestamp": str(int(NOW.timestamp() * 1000)), "sender_id": PEER, "target": {"recipient_id": OWN}}
    told = {"event_uuid": "1", "filter": {"user_id": OWN}, "event_type": "dm.indicate_typing"}
    typing = {"payload": {"direct_message_indicate_typing_events": [said]}}
    push.take_in(parse_activity({"data": told | typing}), "stream")
    person.refresh_from_db()
    assert person.typing_until == NOW + push.TYPING_LASTS
