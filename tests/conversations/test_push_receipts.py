"""Typing and receipts that X pushes: shown for a while, moving forward only, and waiting for their conversation."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from conversations import ledger
from conversations.models import ActivityDelivery, Change, Participant, PushState
from conversations.sync import push
from tests.conversations.push_support import FIRST, STREAM, WEBHOOK, activity, received, seen, typing
from tests.conversations.sync_support import ANN, make_reading

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = ActivityDelivery.State
BOB, SEEN = "2000000000000000002", "direct_message_mark_read_events"
x_account = pytest.fixture(make_reading)


def test_typing_is_shown_for_a_while_and_ends_with_the_message(x_account):
    push.take_in(received(), STREAM)
    push.take_in(typing(), STREAM)
    participant = Participant.objects.get(x_user=int(ANN))
    assert participant.typing_until > timezone.now()
    push.take_in(received(2, uuid="18"), STREAM)
    participant.refresh_from_db()
    assert participant.typing_until is None
    assert ledger.billed_today(x_account).usd == 2 * ledger.Bill(1).usd, "typing is free"


def test_old_typing_and_typing_again_at_once_are_no_news(x_account):
    push.take_in(received(), STREAM)
    push.take_in(typing("5", timezone.now() - timedelta(minutes=2)), STREAM)
    assert not Change.objects.filter(kind=Change.Kind.TYPING).exists()
    push.take_in(typing("6"), STREAM)
    push.take_in(typing("7"), STREAM)
    assert Change.objects.filter(kind=Change.Kind.TYPING).count() == 1


def test_a_receipt_moves_forward_only(x_account):
    push.take_in(received(3), STREAM)
    push.take_in(seen(3), STREAM)
    push.take_in(seen(1, uuid="8"), STREAM)
    assert Participant.objects.get(x_user=int(ANN)).seen_dm_event_id == FIRST + 3
    assert Change.objects.filter(kind=Change.Kind.RECEIPT).count() == 1


@pytest.mark.postgres  # SQLite writes one after the other anyway
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("numbers", [(200, 100), (200, 200)], ids=["an older one late", "the same one twice"])
def test_receipts_at_the_same_time_move_forward_only_and_are_told_once(x_account, monkeypatch, numbers):
    push.take_in(received(300), STREAM)
    first_has_looked, second_is_done = threading.Event(), threading.Event()
    tell = push._tell

    def tell_late(*args, **values):
        first_has_looked.set()
        second_is_done.wait(1)  # where the second waits for the lock, this is the whole second
        tell(*args, **values)

    def take_in(number, uuid):
        try:
            push.take_in(seen(number, uuid), STREAM)
        finally:
            connection.close()

    monkeypatch.setattr(push, "_tell", tell_late)
    threads = [threading.Thread(target=take_in, args=(numbers[0], "81"))]
    threads[0].start()
    assert first_has_looked.wait(10)
    monkeypatch.setattr(push, "_tell", tell)
    threads.append(threading.Thread(target=take_in, args=(numbers[1], "82")))
    threads[1].start()
    threads[1].join(20)
    second_is_done.set()
    threads[0].join(20)
    assert Participant.objects.get(x_user=int(ANN)).seen_dm_event_id == FIRST + 200
    assert Change.objects.filter(kind=Change.Kind.RECEIPT).count() == 1


def take_up_later() -> None:
    ActivityDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    for pk in push.waiting():
        push.take_up(pk)


@pytest.mark.parametrize("source", [STREAM, WEBHOOK])
def test_a_receipt_that_comes_before_its_conversation_waits_for_it(x_account, source):
    PushState.objects.create(pk=1)
    push.keep(seen(1), source) if source == WEBHOOK else push.take_in(seen(1), source)
    take_up_later()
    assert ActivityDelivery.objects.get().state == State.DUE
    assert list(push.waiting()) == [], "it is not tried again at once"
    push.take_in(received(1), STREAM)
    take_up_later()
    assert Participant.objects.get(x_user=int(ANN)).seen_dm_event_id == FIRST + 1
    assert not ActivityDelivery.objects.exclude(state=State.DONE).exists()
    assert PushState.objects.get().activities == int(source == WEBHOOK)


def test_nobody_elses_conversation_is_touched_and_waiting_for_it_ends(x_account):
    push.take_in(seen(1), STREAM)
    for _ in range(push.MOST_ATTEMPTS + 1):
        take_up_later()
        assert ActivityDelivery.objects.get().state == State.DUE
    assert ActivityDelivery.objects.get().due_at > timezone.now() + timedelta(minutes=59), "no longer often"
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        take_up_later()
    assert not Participant.objects.exists()
    assert ActivityDelivery.objects.get().state == State.DONE


def test_a_receipt_whose_conversation_comes_hours_later_is_noted_then(x_account):
    push.take_in(seen(1), STREAM)
    ActivityDelivery.objects.update(attempts=push.MOST_ATTEMPTS)
    take_up_later()
    push.take_in(received(1), STREAM)
    take_up_later()
    assert Participant.objects.get(x_user=int(ANN)).seen_dm_event_id == FIRST + 1
    assert not ActivityDelivery.objects.exclude(state=State.DONE).exists()


def test_a_receipt_that_nobody_was_there_to_take_up_for_days_waits_for_its_conversation_all_the_same(x_account):
    push.keep(seen(1), WEBHOOK)
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        take_up_later()
        assert ActivityDelivery.objects.get().state == State.DUE
        push.take_in(received(1), STREAM)
        take_up_later()
    assert Participant.objects.get(x_user=int(ANN)).seen_dm_event_id == FIRST + 1


def test_of_two_receipts_at_once_the_one_is_noted_and_the_other_waits_for_its_conversation(x_account):
    push.take_in(received(1), STREAM)
    both = [seen(1).payload[SEEN][0], seen(2).payload[SEEN][0] | {"sender_id": BOB}]
    push.take_in(activity("dm.read", {SEEN: both}, "30"), STREAM)
    assert Participant.objects.get(x_user=int(ANN)).seen_dm_event_id == FIRST + 1
    push.take_in(received(2, uuid="31", sender=BOB), STREAM)
    take_up_later()
    assert Participant.objects.get(x_user=int(BOB)).seen_dm_event_id == FIRST + 2
    assert Change.objects.filter(kind=Change.Kind.RECEIPT).count() == 2
