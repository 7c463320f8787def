"""What X pushes stands on its thread at once, once, whatever the order; a read confirms it without a second row."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import InterfaceError, connection
from django.utils import timezone

from accounts.models import XAccount
from conversations import ledger, sync
from conversations.models import (
    ActivityDelivery,
    BilledResource,
    Change,
    Conversation,
    DmEvent,
    EventMedia,
    Media,
    Participant,
    PushState,
    SyncState,
    XUser,
)
from conversations.sync import caps, pace, push, store_page
from dminbox.xapi.activity import parse_activity
from tests.conversations.sync_support import OWN, answer_of, begin, connect, message, one_to_one, settle
from tests.factories import SyncStateFactory, XAccountFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
ANN = "2000000000000000001"
FIRST = 1_900_000_000_000_000_000
STREAM, WEBHOOK = ActivityDelivery.Source.STREAM, ActivityDelivery.Source.WEBHOOK
State = ActivityDelivery.State
PHOTO = {
    "type": "media",
    "media": {
        "id": 1589472151165317121,
        "id_str": "1589472151165317121",
        "media_url_https": "https://ton.twitter.com/1.1/ton/data/dm/1900/1589472151165317121/ncc3LNYu.jpg",
        "type": "photo",
        "sizes": {"large": {"w": 1200, "h": 630, "resize": "fit"}},
        "url": "https://t.co/B1JOBPfhXD",
        "indices": [1, 24],
    },
}


@pytest.fixture
def x_account():
    x_account = XAccountFactory(x_user_id=int(OWN))
    SyncStateFactory(x_account=x_account)
    return x_account


def activity(kind: str, payload: dict, uuid: str = "-17", user_id: str = OWN):
    return parse_activity(
        {
            "data": {
                "event_uuid": uuid,
                "filter": {"user_id": user_id} if user_id else {},
                "event_type": kind,
                "payload": payload,
            }
        }
    )


def said(number: int, text: str = "Hello", *, sender: str = ANN, to: str = OWN, **data) -> dict:
    at = int((datetime(2026, 11, 20, 9, tzinfo=UTC) + timedelta(seconds=number)).timestamp() * 1000)
    return {
        "direct_message_events": [
            {
                "type": "message_create",
                "id": str(FIRST + number),
                "created_timestamp": str(at),
                "message_create": {
                    "target": {"recipient_id": to},
                    "sender_id": sender,
                    "message_data": {
                        "text": text,
                        "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
                        **data,
                    },
                },
            }
        ],
        "users": {ANN: {"data": {"id": ANN, "username": "ann_lamps", "name": "Ann"}}},
    }


def received(number: int = 1, uuid: str = "-17", **more):
    return activity("dm.received", said(number, **more), uuid)


def read(*numbers: int, **more) -> None:
    events = [message(FIRST + number, ANN, one_to_one(OWN, ANN), **more) for number in numbers]
    store_page(XAccount.objects.get(), answer_of({"data": events, "meta": {"result_count": len(events)}}))


# --- Messages ---------------------------------------------------------------------------------------------------------


def test_a_pushed_message_stands_on_its_thread_with_its_sender(x_account):
    assert push.take_in(received(text="Where is my lamp?"), STREAM)
    event = DmEvent.objects.get()
    assert (event.text, event.event_type, event.sender_id) == ("Where is my lamp?", "MessageCreate", int(ANN))
    assert event.conversation.dm_conversation_id == one_to_one(OWN, ANN)
    assert event.conversation.last_incoming_dm_event_id == event.dm_event_id
    assert XUser.objects.get(pk=int(ANN)).username == "ann_lamps"
    assert ActivityDelivery.objects.get().state == State.DONE
    assert Change.objects.get().event == event


def test_a_read_confirms_what_was_pushed_without_a_second_row_or_word(x_account):
    push.take_in(received(), STREAM)
    read(1)
    event = DmEvent.objects.get()
    assert event.raw["event_type"] == "MessageCreate"
    assert event.raw["message_create"]["sender_id"] == ANN
    assert [change.kind for change in Change.objects.all()] == [Change.Kind.EVENT]


@pytest.mark.parametrize("is_pushed_first", [True, False])
@pytest.mark.parametrize("between", ["-", ":"])
def test_in_whatever_order_x_names_the_two_it_is_one_conversation(x_account, is_pushed_first, between):
    backwards = between.join(reversed(one_to_one(OWN, ANN).split("-")))
    page = answer_of({"data": [message(FIRST + 1, ANN, backwards)], "meta": {"result_count": 1}})
    if is_pushed_first:
        push.take_in(received(), STREAM)
    store_page(x_account, page)
    push.take_in(received(), STREAM)
    assert DmEvent.objects.count() == 1
    assert Conversation.objects.get().dm_conversation_id == one_to_one(OWN, ANN)


def test_a_push_that_comes_after_the_read_changes_nothing(x_account):
    read(1, text="Hello", attachments={"media_keys": ["5_1589472151165317121"]})
    before = DmEvent.objects.values().get()
    push.take_in(received(attachment=PHOTO), STREAM)
    assert DmEvent.objects.values().get() == before
    assert EventMedia.objects.count() == 1
    assert Change.objects.count() == 1


def test_the_same_delivery_is_taken_in_once_by_whatever_way(x_account):
    assert push.take_in(received(), STREAM)
    assert not push.take_in(received(), STREAM)
    assert not push.keep(received(), WEBHOOK)
    assert DmEvent.objects.count() == ActivityDelivery.objects.count() == 1


def test_another_delivery_of_the_same_message_adds_no_row(x_account):
    push.take_in(received(uuid="1"), STREAM)
    push.take_in(received(uuid="2"), STREAM)
    assert (DmEvent.objects.count(), Change.objects.count()) == (1, 1)


def test_our_own_message_from_xs_app_is_ours_and_free(x_account):
    push.take_in(activity("dm.sent", said(1, sender=OWN, to=ANN)), STREAM)
    event = DmEvent.objects.get()
    assert event.sender_id == int(OWN)
    assert event.conversation.last_incoming_dm_event_id == 0
    assert ledger.billed_today(x_account).usd == 0


def test_a_received_message_is_billed_once_with_the_read_that_confirms_it(x_account):
    push.take_in(received(), STREAM)
    assert ledger.billed_today(x_account).dm_events == 1
    assert ledger.free_today(x_account, 0, timezone.now(), 10) == 1


def test_what_waited_over_midnight_is_billed_on_the_day_it_came(x_account):
    push.keep(received(), WEBHOOK)
    late = datetime(2026, 11, 20, 23, 59, 50, tzinfo=UTC)
    ActivityDelivery.objects.update(received_at=late, due_at=late)
    with time_machine.travel(late + timedelta(hours=2), tick=False):
        push.take_up(push.due()[0])
    assert BilledResource.objects.get().day == late.date()


def test_a_pushed_photo_takes_the_name_that_a_read_gives_it(x_account):
    push.take_in(received(attachment=PHOTO), STREAM)
    media = Media.objects.get()
    assert (media.type, media.file is not None) == ("photo", True)
    read(1, text="Hello", attachments={"media_keys": ["5_1589472151165317121"]})
    assert Media.objects.get().media_key == "5_1589472151165317121"
    assert EventMedia.objects.get().media == media


def test_messages_of_the_time_before_the_horizon_are_no_matter_of_push(x_account):
    push.take_in(received(2), STREAM)
    push.take_in(received(1, uuid="18"), STREAM)
    assert Conversation.objects.get().last_dm_event_id == FIRST + 2, "order is by id, not by arrival"


def test_a_push_that_uses_up_the_months_cap_pauses_the_account_at_once(x_account):
    SyncState.objects.update(monthly_cap_usd=Decimal("0.02"), state=SyncState.State.ACTIVE)
    PushState.objects.create(pk=1, subscriptions_checked_at=timezone.now())
    push.take_in(received(1, uuid="1"), STREAM)
    assert SyncState.objects.get().state == SyncState.State.ACTIVE
    assert PushState.objects.get().subscriptions_checked_at is not None
    push.take_in(received(2, uuid="2"), STREAM)
    state = SyncState.objects.get()
    assert state.state == SyncState.State.CAPPED
    assert timedelta(0) <= state.next_poll_at - ledger.next_month(timezone.now()) <= caps.MONTH_SPREAD
    assert "$0.02" in state.detail
    assert PushState.objects.get().subscriptions_checked_at is None, "the subscriptions are to end now"


# --- Typing, receipts -------------------------------------------------------------------------------------------------


def typing(uuid: str = "5", at: datetime | None = None):
    stamp = str(int((at or timezone.now()).timestamp() * 1000))
    event = {"created_timestamp": stamp, "sender_id": ANN, "target": {"recipient_id": OWN}}
    return activity("dm.indicate_typing", {"direct_message_indicate_typing_events": [event]}, uuid)


def seen(number: int, uuid: str = "6"):
    stamp = str(int(timezone.now().timestamp() * 1000))
    event = {
        "created_timestamp": stamp,
        "sender_id": ANN,
        "target": {"recipient_id": OWN},
        "last_read_event_id": str(FIRST + number),
    }
    return activity("dm.read", {"direct_message_mark_read_events": [event]}, uuid)


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
    for pk in push.due():
        push.take_up(pk)


@pytest.mark.parametrize("source", [STREAM, WEBHOOK])
def test_a_receipt_that_comes_before_its_conversation_waits_for_it(x_account, source):
    PushState.objects.create(pk=1)
    push.keep(seen(1), source) if source == WEBHOOK else push.take_in(seen(1), source)
    take_up_later()
    assert ActivityDelivery.objects.get().state == State.DUE
    assert push.due() == [], "it is not tried again at once"
    push.take_in(received(1), STREAM)
    take_up_later()
    assert Participant.objects.get(x_user=int(ANN)).seen_dm_event_id == FIRST + 1
    assert not ActivityDelivery.objects.exclude(state=State.DONE).exists()
    assert PushState.objects.get().activities == int(source == WEBHOOK)


def test_nobody_elses_conversation_is_touched_and_waiting_for_it_ends(x_account):
    push.take_in(seen(1), STREAM)
    for _ in range(push.MOST_ATTEMPTS):
        assert ActivityDelivery.objects.get().state == State.DUE
        take_up_later()
    assert not Participant.objects.exists()
    assert ActivityDelivery.objects.get().state == State.DONE


# --- Encrypted X Chat, an ended connection ----------------------------------------------------------------------------


def chat(uuid: str = "9", at: str = "1784841183370"):
    return activity(
        "chat.received",
        {"id": "e4f4", "created_at_msec": at, "sender_id": ANN, "conversation_id": f"{ANN}:{OWN}"},
        uuid,
    )


def test_a_notice_of_an_encrypted_message_locks_the_conversation_and_holds_nothing_of_it(x_account):
    push.take_in(chat(), STREAM)
    conversation = Conversation.objects.get()
    assert conversation.dm_conversation_id == one_to_one(OWN, ANN)
    assert conversation.encrypted_at == conversation.last_encrypted_at
    assert conversation.last_dm_event_id == conversation.last_encrypted_id > 0
    assert not DmEvent.objects.exists()
    assert {row.x_user_id for row in conversation.participants.all()} == {int(ANN), int(OWN)}
    assert Change.objects.get().kind == Change.Kind.CONVERSATION
    assert ledger.billed_today(x_account).chat_events == 1


def test_a_later_read_of_an_old_message_keeps_its_place_in_the_inbox(x_account):
    push.take_in(chat(), STREAM)
    read(1)
    conversation = Conversation.objects.get()
    assert conversation.last_dm_event_id == max(conversation.last_encrypted_id, FIRST + 1)


def revoked(at: datetime):
    return activity("oauth.revoke", {"date_time": at.isoformat(), "user_id": OWN, "app_id": "1"}, "11", user_id="")


@pytest.mark.django_db(transaction=True)
def test_an_ended_connection_turns_to_reconnect_at_once(x_account):
    push.take_in(revoked(timezone.now() + timedelta(seconds=1)), STREAM)
    x_account.refresh_from_db()
    assert x_account.state == XAccount.State.RECONNECT
    assert Change.objects.get().kind == Change.Kind.ACCOUNT


def test_an_end_that_lies_before_the_present_connection_says_nothing(x_account):
    push.take_in(revoked(x_account.connected_at - timedelta(minutes=5)), STREAM)
    x_account.refresh_from_db()
    assert x_account.state == XAccount.State.CONNECTED


# --- What is odd ------------------------------------------------------------------------------------------------------


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
    push.take_up(push.due()[0])
    assert ActivityDelivery.objects.get().state == State.ODD


@pytest.mark.parametrize("kept", [False, True], ids=["by the listener", "by a worker"])
def test_whatever_fails_with_one_activity_is_kept_raw_and_ends_nothing(x_account, monkeypatch, kept):
    fails(monkeypatch, RecursionError("what a person wrote"))
    if kept:
        push.keep(received(), WEBHOOK)
        push.take_up(push.due()[0])
    else:
        assert push.take_in(received(), STREAM)
    delivery = ActivityDelivery.objects.get()
    assert (delivery.state, delivery.detail) == (State.ODD, "RecursionError")


def test_what_was_kept_is_taken_up_once_by_whoever_comes_first(x_account):
    push.keep(received(), WEBHOOK)
    (pk,) = push.due()
    push.take_up(pk)
    push.take_up(pk)
    assert DmEvent.objects.count() == 1
    assert push.due() == []


def test_what_a_killed_worker_had_taken_up_is_due_again(x_account):
    push.keep(received(), WEBHOOK)
    ActivityDelivery.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
    assert push.due() == []
    ActivityDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert len(push.due()) == 1


def shared_post(uuid: str = "-17"):
    link = {
        "url": "https://t.co/a",
        "expanded_url": "https://twitter.com/nordlicht/status/1900",
        "display_url": "x",
        "indices": [0, 14],
    }
    urls = {"hashtags": [], "symbols": [], "user_mentions": [], "urls": [link]}
    return received(int(uuid) if int(uuid) > 0 else 1, uuid, text="https://t.co/a", entities=urls)


def test_a_post_in_it_makes_the_next_read_come_soon(x_account):
    SyncState.objects.update(next_poll_at=timezone.now() + timedelta(minutes=5))
    push.take_in(shared_post(), STREAM)
    assert SyncState.objects.get().next_poll_at < timezone.now() + timedelta(minutes=1)


def test_many_posts_in_a_row_leave_the_window_its_reserve(xsim):
    x_account = connect(xsim)
    begin(x_account)
    settle(x_account)
    SyncState.objects.update(next_poll_at=timezone.now() + timedelta(minutes=5))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(1, 21):
            push.take_in(shared_post(str(number)), STREAM)
            clock.shift(10)
            xsim.post("clock", {"advance": 10})
            sync.poll(x_account.pk)
    state = SyncState.objects.get()
    assert (state.state, state.failures) == (SyncState.State.ACTIVE, 0)
    assert state.rate_remaining >= pace.reserve(state.rate_limit)
    assert not [call for call in xsim.get("requests") if call["status"] == 429]


def test_a_post_in_it_leaves_a_window_alone_that_is_used_up(x_account):
    resets = timezone.now() + timedelta(minutes=5)
    SyncState.objects.update(next_poll_at=resets, rate_remaining=pace.KEPT, rate_reset_at=resets)
    push.take_in(shared_post(), STREAM)
    assert SyncState.objects.get().next_poll_at == resets


@pytest.mark.parametrize("is_waiting", [True, False])
@pytest.mark.parametrize("kind", ["message", "typing", "chat"])
def test_what_x_still_pushes_after_a_person_disconnected_is_dropped(x_account, kind, is_waiting):
    PushState.objects.create(pk=1)
    one = {"message": received, "typing": typing, "chat": chat}[kind]()
    if is_waiting:
        push.keep(one, WEBHOOK)
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    if is_waiting:
        push.take_up(push.due()[0])
    else:
        push.take_in(one, STREAM)
    delivery = ActivityDelivery.objects.get()
    assert (delivery.state, delivery.raw) == (State.DONE, None)
    assert not Conversation.objects.exists()
    assert not Change.objects.exists()
    assert ledger.billed_today(x_account).usd == 0
    assert PushState.objects.get().strangers == 1


def test_what_is_pushed_while_a_connection_waits_to_be_made_again_is_stored(x_account):
    XAccount.objects.update(state=XAccount.State.RECONNECT)
    push.take_in(received(), STREAM)
    assert DmEvent.objects.exists()


def test_what_is_played_to_us_again_months_later_is_neither_taken_up_nor_billed(x_account):
    push.take_in(received(), STREAM)
    spent = ledger.spend(x_account).month
    with time_machine.travel(timezone.now() + timedelta(days=90), tick=False):
        push.forget_old()
        assert not push.take_in(received(), STREAM)
        assert ledger.spend(x_account).today == 0
    assert spent > 0


def test_nothing_that_was_pushed_is_kept_for_ever_or_outlives_its_x_account(x_account):
    push.take_in(received(), STREAM)
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
