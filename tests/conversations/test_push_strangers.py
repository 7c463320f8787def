"""One X app may serve several programs: what another one subscribed to comes over our stream, too, and is not ours."""

from __future__ import annotations

import json

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import ActivityDelivery, DmEvent, PushState
from conversations.sync import push, webhooks
from conversations.sync.listening import Listener
from dminbox.xapi.activity import Activity, parse_activity
from tests.conversations.sync_support import ANN, OWN, make_reading
from tests.xsim.receiving import signature

pytestmark = [pytest.mark.services, pytest.mark.django_db]
STREAM, WEBHOOK = ActivityDelivery.Source.STREAM, ActivityDelivery.Source.WEBHOOK
STRANGER = "2000000000000000002"
OTHERS = "price-watch"
x_account = pytest.fixture(make_reading)


@pytest.fixture(autouse=True)
def _set_up(settings):
    settings.X_CONSUMER_SECRET = "the consumer secret"
    PushState.objects.create(pk=1)


def activity(kind: str, *, tag: str | None, user_id: str = OWN, uuid: str = "-17") -> Activity:
    said = {
        "type": "message_create",
        "id": "1991422222200000001",
        "created_timestamp": "1795000000000",
        "message_create": {
            "target": {"recipient_id": user_id},
            "sender_id": ANN,
            "message_data": {"text": "Hello", "entities": {}},
        },
    }
    data = {"event_uuid": uuid, "filter": {"user_id": user_id}, "event_type": kind}
    payload = {"direct_message_events": [said]} if kind == "dm.received" else {"text": "Only theirs"}
    return parse_activity({"data": {**data, "payload": payload, **({"tag": tag} if tag else {})}})


def take_by_stream(one: Activity) -> None:
    Listener()._take(one)


def take_by_webhook(one: Activity) -> None:
    raw = json.dumps(one.raw).encode()
    receipt = webhooks.receive(raw, signature(raw, django_settings.X_CONSUMER_SECRET))
    assert receipt.status == 200
    if receipt.delivery is not None:
        push.take_up(receipt.delivery)


@pytest.mark.parametrize("take", [take_by_stream, take_by_webhook])
@pytest.mark.parametrize(("kind", "user_id"), [("post.create", OWN), ("dm.received", STRANGER), ("dm.new", STRANGER)])
def test_what_another_program_subscribed_to_is_counted_and_dropped(x_account, take, kind, user_id):
    take(activity(kind, tag=OTHERS, user_id=user_id))
    assert not ActivityDelivery.objects.exists()
    assert PushState.objects.get().strangers == 1


@pytest.mark.parametrize("take", [take_by_stream, take_by_webhook])
def test_messages_of_ours_are_taken_in_though_another_program_subscribed_first(x_account, take):
    """X refuses a second subscription to the same: its tag is then theirs, and the message ours."""
    take(activity("dm.received", tag=OTHERS))
    assert DmEvent.objects.get().text == "Hello"
    assert PushState.objects.get().strangers == 0


@pytest.mark.parametrize("tag", [None, push.TAG])
def test_an_unknown_kind_of_our_own_subscriptions_is_kept_raw(x_account, tag):
    take_by_stream(activity("dm.new", tag=tag))
    assert ActivityDelivery.objects.get().state == ActivityDelivery.State.ODD
    assert PushState.objects.get().strangers == 0


@pytest.mark.parametrize("state", [ActivityDelivery.State.DONE, ActivityDelivery.State.ODD, ActivityDelivery.State.DUE])
def test_what_was_pushed_for_an_x_account_goes_when_a_person_disconnects_it(x_account, state):
    push.keep(activity("dm.received", tag=push.TAG), STREAM)
    ActivityDelivery.objects.update(state=state)
    XAccount.objects.update(state=XAccount.State.RECONNECT)
    push.forget_old()
    assert ActivityDelivery.objects.count() == 1, "nobody has ended this one"
    XAccount.objects.update(state=XAccount.State.DISCONNECTED, state_since=timezone.now())
    push.forget_old()
    assert not ActivityDelivery.objects.exists()
