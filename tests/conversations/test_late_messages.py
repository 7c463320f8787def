"""A message that X shows late is not read by who has read on past it, wherever it came from."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import snowflake_floor
from conversations import actions
from conversations.models import Conversation, ReadMark
from conversations.sync import store_page
from tests import factories
from tests.conversations.page_support import unread_of
from tests.conversations.sync_support import ANN, MORNING, OWN, answer_of, make_reading, message, one_to_one

pytestmark = [pytest.mark.services, pytest.mark.django_db]
PAIR = one_to_one(OWN, ANN)
FIRST = snowflake_floor(MORNING)
x_account = pytest.fixture(make_reading)


@pytest.fixture
def member(ben, x_account):
    factories.MembershipFactory(user=ben, x_account=x_account, read_before_id=FIRST)
    return ben


def store(x_account, *events):
    store_page(x_account, answer_of({"data": list(events), "meta": {"result_count": len(events)}}))


@pytest.fixture
def read_on(x_account, member):
    """Everything is read, up to an answer of ours."""
    store(x_account, message(FIRST + 10, ANN, PAIR), message(FIRST + 20, OWN, PAIR))
    actions.mark_read(member, Conversation.objects.get(), FIRST + 20)
    ReadMark.objects.update(moved_at=timezone.now() - timedelta(days=1))


def is_unread(member) -> bool:
    return unread_of(member).exists()


@pytest.mark.usefixtures("read_on")
def test_a_late_message_of_the_other_side_is_unread_and_open_pages_are_told(x_account, member):
    assert not is_unread(member)
    store(x_account, message(FIRST + 12, OWN, PAIR), message(FIRST + 15, ANN, PAIR), message(FIRST + 17, ANN, PAIR))
    store(x_account, message(FIRST + 30, OWN, PAIR))
    assert is_unread(member)
    mark = ReadMark.objects.get()
    assert mark.dm_event_id == FIRST + 14
    assert mark.moved_at > timezone.now() - timedelta(hours=1)
    actions.mark_read(member, Conversation.objects.get(), FIRST + 20)
    assert not is_unread(member)


@pytest.mark.usefixtures("read_on")
@pytest.mark.parametrize(
    "event",
    [
        pytest.param(message(FIRST + 15, OWN, PAIR), id="ours"),
        pytest.param(message(FIRST + 10, ANN, PAIR, "Otherwise"), id="known"),
        pytest.param(message(FIRST - 5, ANN, PAIR), id="from before the person joined"),
    ],
)
def test_what_else_comes_late_leaves_read_what_is_read(x_account, member, event):
    store(x_account, event)
    assert ReadMark.objects.get().dm_event_id == FIRST + 20


@pytest.mark.usefixtures("read_on")
def test_a_page_of_old_ones_asks_once_for_the_marks_and_news_never(x_account):
    def count(*events):
        with CaptureQueriesContext(connection) as asked:
            store(x_account, *events)
        return sum('FROM "conversations_readmark"' in each["sql"] for each in asked.captured_queries)

    assert count(message(FIRST + 40, ANN, PAIR)) == 0
    assert count(*(message(FIRST - each, ANN, PAIR) for each in range(1, 9))) <= 1
