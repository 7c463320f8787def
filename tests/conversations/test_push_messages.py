"""What X pushes stands on its thread at once, once, whatever the order; a read confirms it without a second row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from conversations import ledger, sync
from conversations.models import (
    ActivityDelivery,
    BilledResource,
    Change,
    Conversation,
    DmEvent,
    EventMedia,
    Media,
    PushState,
    SyncState,
    XUser,
)
from conversations.sync import caps, pace, push, store_page
from tests.conversations.push_support import FIRST, STREAM, WEBHOOK, activity, chat, read, received, said
from tests.conversations.sync_support import (
    ANN,
    OWN,
    answer_of,
    begin,
    connect,
    make_reading,
    message,
    one_to_one,
    settle,
)

pytestmark = [pytest.mark.services, pytest.mark.django_db]
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
x_account = pytest.fixture(make_reading)


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
        push.take_up(push.waiting()[0])
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


# --- Posts in them ----------------------------------------------------------------------------------------------------


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


# --- Encrypted X Chat -------------------------------------------------------------------------------------------------


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
