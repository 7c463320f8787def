"""Rows that tests of several files look at."""

from __future__ import annotations

import pytest
import time_machine
from django.db import connection

from accounts.models import Role
from conversations.models import Conversation
from conversations.sync import reconciling
from tests import factories
from tests.conversations.page_support import NOW
from tests.conversations.x_world import people
from tests.e2e import rich


@pytest.fixture(autouse=True)
def _no_evening(monkeypatch):
    """Before midnight UTC the day is read once more: only where a test sets the clock, not where it runs so late."""
    real = reconciling._may_begin
    is_set = time_machine.escape_hatch.is_travelling
    monkeypatch.setattr(reconciling, "_may_begin", lambda turn, now: is_set() and real(turn, now))


@pytest.fixture
def x_account(ada):
    """In which Ada answers, where a file has none of its own."""
    row = factories.XAccountFactory(username="NordlichtHelp")
    factories.MembershipFactory(user=ada, x_account=row, role=Role.AGENT)
    return row


@pytest.fixture
def talk(x_account):
    """One to one with Ossian."""
    return factories.ConversationFactory(x_account=x_account, peer__username="odd_ossian", peer__name="Ossian Berg")


@pytest.fixture
def x(xsim):
    """A local X with the people of x_world."""
    people(xsim)
    return xsim


@pytest.fixture
def noon():
    """Time stands still, shortly after noon in Oslo."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def filled(ada, noon):
    """An inbox of Ada's with one of everything, as it is then."""
    ada.time_zone = "Europe/Oslo"
    ada.save()
    return rich.fill(ada, NOW)


@pytest.fixture
def many(x_account):
    """20,000 conversations of the file's X account, of which one in five has what a filter looks for.

    Of fewer than are looked at PostgreSQL rightly reads all and sorts them; of so many it never comes near that.
    """
    new = 1_000
    first = factories.ConversationFactory(x_account=x_account, last_dm_event_id=new, last_incoming_dm_event_id=new)
    varied = {
        "dm_conversation_id": "CAST(100000000000000000 + n AS varchar)",
        "is_group": "n % 5 = 0",
        "has_media": "n % 5 = 1",
        "has_post": "n % 5 = 2",
        "last_dm_event_id": f"{new} + n * 7919 % 20000",
        "last_own_dm_event_id": f"CASE WHEN n % 5 = 3 THEN 0 ELSE {new} END",
    }
    columns = [field.column for field in Conversation._meta.local_concrete_fields if not field.primary_key]
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 19999)"
            f" INSERT INTO conversations_conversation ({', '.join(columns)})"
            f" SELECT {', '.join(varied.get(column, column) for column in columns)}"
            f" FROM conversations_conversation, numbers WHERE id = {first.pk}"
        )
        if connection.vendor == "postgresql":
            # Rows of other tests, rolled back, have left their room in the indexes, in some more than in others.
            cursor.execute("REINDEX TABLE conversations_conversation")
            cursor.execute("ANALYZE conversations_conversation")
    return x_account
