"""On large tables no statement of a page that is opened all day reads much more than it shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Role, XAccount
from conversations import ledger
from conversations.sync import status
from conversations.views import inbox
from tests import factories, plans

pytestmark = [pytest.mark.services, pytest.mark.postgres]
CONVERSATIONS, EVENTS = 20_000, 30_000
"""So many that no planner takes reading a whole table for cheaper than looking up the fifty rows of a page."""
LONG, SILENT = 1, 2
MIDDLE = EVENTS // 2
MOST_ROWS = 1_500
"""What one step of a plan may read: some pages, and what counts look at."""
PLANNED_ANEW = 5
"""So often PostgreSQL plans a prepared statement for its values, before it tries one plan for any."""
LARGE = {
    "conversations_conversation",
    "conversations_dmevent",
    "conversations_readmark",
    "conversations_participant",
    "conversations_xuser",
}
FILL = (
    """INSERT INTO conversations_xuser (id, username, name, profile_image_url, is_protected, is_verified, verified_type,
        raw, first_seen_at, unavailable_reason, lookup_attempts)
    SELECT n, 'handle' || n, 'Name', '', false, false, '', '{}', now(), '', 0
    FROM generate_series(1, %(conversations)s) n""",
    """INSERT INTO conversations_conversation (id, x_account_id, dm_conversation_id, is_group, peer_id,
        last_dm_event_id, last_incoming_dm_event_id, has_reached_beginning, last_encrypted_id, created_at)
    SELECT n, %(x_account)s, 'c' || n, false, n, %(events)s + n, %(events)s + n, false, 0, now()
    FROM generate_series(1, %(conversations)s) n""",
    """INSERT INTO conversations_participant (conversation_id, x_user_id, is_present, seen_dm_event_id, seen_at)
    SELECT n, n, true, %(middle)s, now() FROM generate_series(1, %(conversations)s) n""",
    # The long thread, of which each third message is ours, and one in which only the very first brought a photo.
    """INSERT INTO conversations_dmevent (conversation_id, dm_event_id, event_type, created_at, sender_id, text,
        entities, raw, stored_at, has_media)
    SELECT 1 + n %% 2, n, 'MessageCreate', now() - (%(events)s - n) * interval '1 minute',
        CASE WHEN n %% 3 = 0 THEN %(us)s ELSE 1 + n %% 2 END, 'Text ' || n, '{}', '{}', now(), n < 3
    FROM generate_series(1, %(events)s) n""",
    """INSERT INTO conversations_readmark (user_id, conversation_id, dm_event_id, moved_at, was_moved_back)
    SELECT %(ada)s, n, %(events)s + n, now(), false FROM generate_series(1, %(conversations)s) n""",
    "UPDATE conversations_conversation SET has_media = true WHERE id < 3",
    "ANALYZE",
)


@pytest.fixture
def large(ada, client):
    us = factories.XUserFactory()
    x_account = factories.XAccountFactory(x_user_id=us.pk)
    factories.MembershipFactory(user=ada, x_account=x_account, role=Role.AGENT, read_before_id=1)
    factories.SyncStateFactory(x_account=x_account)
    values = {"conversations": CONVERSATIONS, "events": EVENTS, "middle": MIDDLE}
    values |= {"x_account": x_account.pk, "us": us.pk, "ada": ada.pk}
    with connection.cursor() as cursor:
        for statement in FILL:
            cursor.execute(statement, values)
    client.force_login(ada)
    return client


ADDRESSES = [
    "/",
    "/?kind=one&unanswered=1",
    f"/?only={SILENT},{CONVERSATIONS // 2},{CONVERSATIONS}",
    f"/?unread=1&only={CONVERSATIONS // 2}",
    "/?only=",
    f"/c/{LONG}/",
    f"/c/{LONG}/?at={MIDDLE}",
    f"/c/{LONG}/?before={MIDDLE}",
    f"/c/{LONG}/older/?before={MIDDLE}",
    f"/c/{LONG}/newer/?after={EVENTS - 5}",
    f"/c/{LONG}/activity/",
    f"/c/{SILENT}/media/",
    f"/people/{LONG}/",
    "/?person=handle7",
    "/?media=1",
    "/?since=2010-11-05",
    "/?since=2026-11-01&media=1",
]


def test_a_page_reads_little_however_much_there_is(large):
    """One after the other: to fill the tables takes longer than all of them."""
    found = {address: [told for plan in plans_of(large, address) for told in too_much(plan)] for address in ADDRESSES}
    assert {address: told for address, told in found.items() if told} == {}


def test_unread_ones_are_looked_for_in_one_walk_over_an_index(large):
    told = [json.dumps(plan) for plan in plans_of(large, "/?unread=1")]
    by_values, for_any = [plan for plan in told if f'"Actual Rows": {CONVERSATIONS}' in plan]
    assert "inbox_" in by_values
    assert "inbox_" in for_any


def test_where_many_are_unread_the_newest_of_them_are_found_without_a_walk_through_all(large):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE conversations_readmark SET dm_event_id = 0, was_moved_back = true WHERE conversation_id % 2 = 0"
        )
        cursor.execute("ANALYZE conversations_readmark")
    assert large.get("/?unread=1").content.count(b"data-conversation=") == inbox.PAGE
    assert [told for plan in plans_of(large, "/?unread=1") for told in too_much(plan)] == []


def test_where_one_of_several_has_many_unread_ones_the_others_are_looked_at_no_further_down(large, ada):
    other = factories.XAccountFactory()
    factories.MembershipFactory(user=ada, x_account=other, role=Role.AGENT, read_before_id=1)
    factories.SyncStateFactory(x_account=other)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conversations_readmark SET dm_event_id = 0 WHERE conversation_id % 2 = 0")
        cursor.execute("UPDATE conversations_conversation SET x_account_id = %s WHERE id %% 2 = 1", [other.pk])
        cursor.execute("ANALYZE conversations_readmark, conversations_conversation")
    assert large.get("/?unread=1").content.count(b"data-conversation=") == inbox.PAGE
    assert [told for plan in plans_of(large, "/?unread=1") for told in too_much(plan)] == []
    for _ in range(2 * PLANNED_ANEW):
        large.get("/?unread=1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT left(statement, 100), custom_plans FROM pg_prepared_statements WHERE generic_plans = 0")
        assert [row for row in cursor.fetchall() if "last_dm_event_id" in row[0] and row[1] > PLANNED_ANEW] == []


def test_what_comes_free_of_x_is_found_by_indexes_however_much_there_is(large):
    """Half of the day was billed to another of our X accounts, which also has as many events that nobody here sees."""
    today = ledger.utc_day(timezone.now())
    ours, another = XAccount.objects.get(), factories.XAccountFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO conversations_billedresource (day, kind, resource_id, x_account_id)
            SELECT %s, 'dm_event', n, CASE WHEN n %% 2 = 0 THEN %s ELSE %s END FROM generate_series(1, %s) n""",
            [today, ours.pk, another.pk, 2 * EVENTS],
        )
        cursor.execute("UPDATE conversations_conversation SET last_dm_event_id = id WHERE id > 2")
        cursor.execute("UPDATE conversations_conversation SET is_group = true WHERE id < 3")
        cursor.execute("ANALYZE")
    since = EVENTS - 400
    with plans.statements() as asked:
        assert ledger.free_today(ours, since, timezone.now(), 1000, below=EVENTS) == 400
    assert [told for plan in explained(asked) for told in too_much(plan)] == []


def test_what_is_stored_is_counted_no_further_than_it_is_told(large, monkeypatch):
    """The X account that is asked about came last: its rows stand at the end of each table."""
    monkeypatch.setattr(status, "MOST_COUNTED", 1_000)
    monkeypatch.setattr(status, "LOOKED_AT", 100)
    late = factories.XAccountFactory()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conversations_conversation SET x_account_id = %s WHERE id > 1", [late.pk])
        cursor.execute("UPDATE conversations_conversation SET last_dm_event_id = 9e9 WHERE id = %s", [SILENT])
        cursor.execute("ANALYZE")
    with plans.statements() as asked:
        assert [str(count) for count in status.stored(late)] == ["1000+", "1000+"]
    assert [told for plan in explained(asked) for told in too_much(plan)] == []


def plans_of(client, address) -> list[dict[str, Any]]:
    """As they were run, with what each step read."""
    client.get(address)
    with plans.statements() as asked:
        assert client.get(address).status_code == 200
    return explained(asked)


def explained(asked: list[plans.Statement]) -> list[dict[str, Any]]:
    assert asked
    return [told[0]["Plan"] for statement in asked for [told] in plans.explained(statement, "ANALYZE, FORMAT JSON")]


def too_much(plan: dict[str, Any]) -> Iterator[str]:
    """Of the steps that were run: what is looked up for short threads alone is not, in long ones."""
    for step in steps(plan):
        if not step["Actual Loops"]:
            continue
        table, kind = step.get("Relation Name"), step["Node Type"]
        removed = step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Join Filter", 0)
        rows = (step["Actual Rows"] + removed) * step["Actual Loops"]
        if rows > MOST_ROWS or (kind == "Seq Scan" and table in LARGE):
            yield f"{kind} on {table} reads {rows} rows"


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from steps(part)
