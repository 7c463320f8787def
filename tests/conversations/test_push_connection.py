"""What is pushed of an X account whose connection was ended, at X or here."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import XAccount
from conversations import ledger
from conversations.models import ActivityDelivery, Change, Conversation, DmEvent, PushState
from conversations.sync import push
from tests.conversations.push_support import STREAM, WEBHOOK, activity, chat, received, typing
from tests.conversations.sync_support import OWN, make_reading

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = ActivityDelivery.State
x_account = pytest.fixture(make_reading)


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


@pytest.mark.parametrize("is_waiting", [True, False])
@pytest.mark.parametrize("kind", ["message", "typing", "chat"])
def test_what_x_still_pushes_after_a_person_disconnected_is_dropped(x_account, kind, is_waiting):
    PushState.objects.create(pk=1)
    one = {"message": received, "typing": typing, "chat": chat}[kind]()
    if is_waiting:
        push.keep(one, WEBHOOK)
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    if is_waiting:
        push.take_up(push.waiting()[0])
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
