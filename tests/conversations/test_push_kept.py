"""What is pushed is kept until it was taken in, once; what nothing can be made of stays raw, and nothing for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from conversations import ledger
from conversations.models import ActivityDelivery, ApiCall, BilledResource, DmEvent
from conversations.sync import push
from tests.conversations.push_support import FIRST, STREAM, WEBHOOK, activity, chat, received, said, seen, typing
from tests.conversations.sync_support import make_reading

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = ActivityDelivery.State
x_account = pytest.fixture(make_reading)


def billed():
    return list(BilledResource.objects.values_list("kind", "resource_id"))


def test_a_received_message_that_cannot_be_read_is_billed_by_its_id_or_by_its_activitys(x_account):
    nameless = {"type": "message_create", "id": "77", "created_timestamp": "no time"}
    assert push.take_in(activity("dm.received", {"direct_message_events": [nameless]}), STREAM)
    assert billed() == [("dm_event", 77)]
    BilledResource.objects.all().delete()
    assert push.take_in(activity("dm.received", {}, uuid="18"), STREAM)
    assert push.take_in(activity("chat.received", {}, uuid="19"), STREAM)
    assert push.take_in(activity("dm.sent", {}, uuid="20"), STREAM)
    assert sorted(billed()) == [("chat", 19), ("dm_event", 18)]


def test_of_several_messages_those_that_cannot_be_read_are_billed_with_the_others(x_account):
    payload = said(1)
    payload["direct_message_events"].append({"type": "message_create", "id": "77"})
    assert push.take_in(activity("dm.received", payload), STREAM)
    assert DmEvent.objects.count() == 1
    assert sorted(billed()) == [("dm_event", 77), ("dm_event", FIRST + 1)]


def test_what_cannot_be_read_is_billed_and_kept_as_odd_or_neither(x_account, monkeypatch):
    """A death in between would leave a bill that the next attempt adds to, or an odd one that nobody bills."""
    push.keep(activity("dm.received", {}), WEBHOOK)
    (pk,) = push.waiting()
    with monkeypatch.context() as patch:
        patch.setattr(ActivityDelivery, "save", dies)
        with pytest.raises(KeyboardInterrupt):
            push.take_up(pk)
    assert not ApiCall.objects.exists()
    assert not billed()
    ActivityDelivery.objects.update(lease_until=None)
    push.take_up(pk)
    push.take_up(pk)
    assert ApiCall.objects.count() == len(billed()) == 1


def dies(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "odd",
    [
        activity("dm.new_thing", {}),
        activity("dm.received", {}),
        activity("dm.received", said(1), user_id="77"),
        activity("dm.read", {"direct_message_mark_read_events": "?"}),
        activity("chat.received", {}),
    ],
    ids=["unknown kind", "no message", "nobody's", "no list", "empty chat"],
)
def test_what_nothing_can_be_made_of_is_kept_raw(x_account, odd):
    assert push.take_in(odd, STREAM)
    delivery = ActivityDelivery.objects.get()
    assert delivery.state == State.ODD
    assert delivery.detail
    assert delivery.raw == odd.raw


@pytest.mark.parametrize("at", ["99999999999999", "4000000000000"])
def test_a_time_that_no_id_of_xs_can_hold_is_odd(x_account, at):
    assert push.take_in(chat(at=at), STREAM)
    delivery = ActivityDelivery.objects.get()
    assert (delivery.state, delivery.detail) == (State.ODD, "created_at_msec lies in no time of X")


def fails(monkeypatch, error: Exception) -> None:
    def deed(activity, received_at):
        raise error

    monkeypatch.setitem(push.DEEDS, "dm.received", deed)


def test_no_word_of_a_message_stands_in_the_reason_why_it_is_odd(x_account, monkeypatch):
    """Owners see the reason who may not read the message."""
    fails(monkeypatch, ValueError("invalid literal for int() with base 10: 'Only between us'"))
    push.take_in(received(), STREAM)
    assert ActivityDelivery.objects.get().detail == "ValueError"


def test_a_connection_that_the_database_has_closed_makes_no_message_odd(x_account, monkeypatch):
    fails(monkeypatch, InterfaceError("the connection is closed"))
    with pytest.raises(InterfaceError):
        push.take_in(received(), STREAM)
    assert not ActivityDelivery.objects.exists()


def test_what_an_older_version_took_for_an_activity_and_this_one_does_not_is_odd(x_account):
    push.keep(received(), WEBHOOK)
    ActivityDelivery.objects.update(raw={"data": {"event_type": "dm.received"}})
    push.take_up(push.waiting()[0])
    assert ActivityDelivery.objects.get().state == State.ODD


@pytest.mark.parametrize("kept", [False, True], ids=["by the listener", "by a worker"])
def test_whatever_fails_with_one_activity_is_kept_raw_and_ends_nothing(x_account, monkeypatch, kept):
    fails(monkeypatch, RecursionError("what a person wrote"))
    if kept:
        push.keep(received(), WEBHOOK)
        push.take_up(push.waiting()[0])
    else:
        assert push.take_in(received(), STREAM)
    delivery = ActivityDelivery.objects.get()
    assert (delivery.state, delivery.detail) == (State.ODD, "RecursionError")
    assert billed() == [("dm_event", FIRST + 1)]


def test_what_the_database_does_not_take_is_tried_for_a_while_and_then_kept_raw(x_account, monkeypatch):
    fails(monkeypatch, OperationalError("deadlock detected"))
    assert push.take_in(received(), STREAM)
    for _ in range(push.MOST_ATTEMPTS):
        (pk,) = push.waiting()
        push.take_up(pk)
        assert list(push.waiting()) == []
        ActivityDelivery.objects.update(due_at=timezone.now())
    delivery = ActivityDelivery.objects.get()
    assert (delivery.state, delivery.attempts) == (State.ODD, push.MOST_ATTEMPTS)
    assert delivery.detail == "the database does not take it"
    assert billed() == [("dm_event", FIRST + 1)]


def test_what_the_database_never_took_is_billed_and_given_up_or_neither(x_account, monkeypatch):
    fails(monkeypatch, OperationalError("deadlock detected"))
    push.keep(received(), WEBHOOK)
    ActivityDelivery.objects.update(attempts=push.MOST_ATTEMPTS - 1)
    (pk,) = push.waiting()
    with monkeypatch.context() as patch:
        patch.setattr(ActivityDelivery, "save", dies)
        with pytest.raises(KeyboardInterrupt):
            push.take_up(pk)
    assert not billed()
    assert ActivityDelivery.objects.get().state == State.DUE
    ActivityDelivery.objects.update(lease_until=None)
    push.take_up(pk)
    assert ActivityDelivery.objects.get().state == State.ODD
    assert ApiCall.objects.count() == len(billed()) == 1


def test_what_was_kept_is_taken_up_once_by_whoever_comes_first(x_account):
    push.keep(received(), WEBHOOK)
    (pk,) = push.waiting()
    push.take_up(pk)
    push.take_up(pk)
    assert DmEvent.objects.count() == 1
    assert list(push.waiting()) == []


def test_what_a_killed_worker_had_taken_up_is_due_again(x_account):
    push.keep(received(), WEBHOOK)
    ActivityDelivery.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
    assert list(push.waiting()) == []
    ActivityDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert len(push.waiting()) == 1


def test_what_is_played_to_us_again_months_later_is_neither_taken_up_nor_billed(x_account):
    push.take_in(received(), WEBHOOK)
    spent = ledger.spend(x_account).month
    with time_machine.travel(timezone.now() + timedelta(days=90), tick=False):
        push.forget_old()
        assert not push.take_in(received(), WEBHOOK)
        assert ledger.spend(x_account).today == 0
    assert spent > 0


def test_what_harms_nobody_a_second_time_and_what_x_alone_can_send_is_forgotten_after_a_week(x_account):
    push.take_in(received(), WEBHOOK)
    push.take_in(received(2, uuid="18"), STREAM)
    push.take_in(typing("19"), WEBHOOK)
    push.take_in(seen(1, uuid="20"), WEBHOOK)
    with time_machine.travel(timezone.now() + push.KEPT + timedelta(hours=1), tick=False):
        push.forget_old()
    assert ActivityDelivery.objects.get().event_uuid == "-17"


def test_nothing_that_was_pushed_is_kept_for_ever_or_outlives_its_x_account(x_account):
    push.take_in(received(), WEBHOOK)
    push.take_in(activity("dm.new_thing", {}, "18"), STREAM)
    now = timezone.now()
    for days, rows, texts in ((0, 2, 2), (8, 2, 1), (31, 1, 0), (366, 0, 0)):
        with time_machine.travel(now + timedelta(days=days), tick=False):
            push.forget_old()
        assert ActivityDelivery.objects.count() == rows
        assert ActivityDelivery.objects.filter(raw__isnull=False).count() == texts
    push.take_in(received(2, uuid="19"), STREAM)
    x_account.delete()
    push.forget_old()
    assert not ActivityDelivery.objects.exists()
