"""X tells most of what it tells again and again: what is known is recognised, without a look at the rows themselves."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import snowflake_floor
from conversations.models import Change, DmEvent, SyncState
from conversations.sync import store_page
from tests.conversations.sync_support import ANN, MORNING, OWN, answer_of, make_reading, message, one_to_one

pytestmark = [pytest.mark.services, pytest.mark.django_db]
PAIR = one_to_one(OWN, ANN)
FIRST = snowflake_floor(MORNING)
MOST_STATEMENTS = 3
"""The lock, the conversation, the digests."""
x_account = pytest.fixture(make_reading)


def page(*events: dict) -> dict:
    return {"data": list(events), "meta": {"result_count": len(events)}}


def store(x_account, *events: dict) -> list[str]:
    """The statements it took, but for savepoints."""
    with CaptureQueriesContext(connection) as queries:
        store_page(x_account, answer_of(page(*events)))
    return [one["sql"] for one in queries.captured_queries if "SAVEPOINT" not in one["sql"]]


def test_a_page_told_again_takes_three_statements_and_writes_nothing(x_account):
    events = [message(FIRST + number, ANN, PAIR) for number in range(30)]
    store(x_account, *events)
    again = store(x_account, *[dict(reversed(list(event.items()))) for event in events])
    selected = [sql for sql in again if sql.startswith("SELECT")]
    assert len(selected) == len(again) <= MOST_STATEMENTS, again
    assert not any('"raw"' in sql for sql in again), "no raw form is read"


def test_what_is_told_otherwise_is_stored_and_announced_once(x_account):
    store(x_account, message(FIRST, ANN, PAIR, "Hello"))
    for _ in range(2):
        store(x_account, message(FIRST, ANN, PAIR, "Hello, Ada"))
    assert DmEvent.objects.get().text == "Hello, Ada"
    kinds = [change.kind for change in Change.objects.order_by("number")]
    assert kinds == [Change.Kind.EVENT, Change.Kind.EVENT_UPDATED]


def test_less_than_was_told_before_takes_nothing_away_and_is_no_news(x_account):
    whole = message(FIRST, ANN, PAIR, "Hello")
    store(x_account, whole)
    numbers = SyncState.objects.get().last_change
    for told in ({name: whole[name] for name in ("id", "event_type", "text", "dm_conversation_id")}, whole):
        store(x_account, told)
    assert DmEvent.objects.get().raw == whole
    assert SyncState.objects.get().last_change == numbers


def test_what_was_stored_without_a_digest_is_compared_whole(x_account):
    """As all of it was in older versions."""
    store(x_account, message(FIRST, ANN, PAIR, "Hello"))
    DmEvent.objects.update(told_digest=None)
    store(x_account, message(FIRST, ANN, PAIR, "Hello"))
    assert Change.objects.count() == 1
    store(x_account, message(FIRST, ANN, PAIR, "Hello, Ada"))
    assert DmEvent.objects.get().text == "Hello, Ada"
