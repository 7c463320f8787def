"""A missing encryption key stops what needs a token, and says so; it stops nothing else."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts import tokens
from accounts.models import XAccount
from conversations import actions, sync
from conversations.models import ActivityDelivery
from conversations.sync import push
from dminbox.xapi.activity import parse_activity
from tests.factories import ConversationFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def conversation(settings):
    row = ConversationFactory()
    settings.ENCRYPTION_KEYS = ["c29tZSBvdGhlciBrZXksIG5vdCB0aGUgcmlnaHQgMSE="]
    return row


def test_a_wish_for_older_messages_ends_with_the_words_for_it(ada, conversation):
    wish = actions.read_history(ada, conversation)
    sync.read_history(wish.pk)
    wish.refresh_from_db()
    assert (wish.state, wish.detail) == (wish.State.FAILED, tokens.UNREADABLE)


def test_a_wish_to_open_a_conversation_ends_with_the_words_for_it(ada, conversation):
    x_account = XAccount.objects.get()
    wish = actions.look_up_conversation(ada, x_account, "user_id", "17")
    sync.look_up_conversation(wish.pk)
    wish.refresh_from_db()
    assert (wish.state, wish.detail) == (wish.State.FAILED, tokens.UNREADABLE)


def test_an_end_at_x_is_heeded(conversation):
    x_account = XAccount.objects.get()
    payload = {"date_time": timezone.now().isoformat(), "user_id": str(x_account.x_user_id)}
    push.take_in(
        parse_activity({"data": {"event_uuid": "1", "event_type": "oauth.revoke", "payload": payload}}),
        ActivityDelivery.Source.STREAM,
    )
    assert ActivityDelivery.objects.get().state == ActivityDelivery.State.DONE
    assert XAccount.objects.get().state == XAccount.State.RECONNECT
