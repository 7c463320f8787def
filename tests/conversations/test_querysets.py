"""Who sees which rows, what counts as unread, and how the inbox is paged."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, Role
from conversations import actions, counts, querysets
from conversations.models import Conversation, DmEvent, Participant
from conversations.querysets import NAMED
from tests import factories, plans
from tests.conversations.page_support import unread_of

NEW, OLD = 1_000, 10


@pytest.fixture
def x_account(ada):
    x_account = factories.XAccountFactory()
    Membership.objects.create(user=ada, x_account=x_account, role=Role.VIEWER, read_before_id=100)
    return x_account


def conversation(x_account, newest=NEW, incoming=None, **fields):
    return factories.ConversationFactory(
        x_account=x_account,
        last_dm_event_id=newest,
        last_incoming_dm_event_id=newest if incoming is None else incoming,
        **fields,
    )


def unread(user):
    return set(unread_of(user))


def test_a_member_sees_the_conversations_and_events_of_the_account_and_a_stranger_none(ada, cleo, x_account):
    row = conversation(x_account)
    event = factories.DmEventFactory(conversation=row)
    elsewhere = factories.ConversationFactory()
    assert set(Conversation.objects.visible_to(ada)) == {row}
    assert set(DmEvent.objects.visible_to(ada)) == {event}
    assert elsewhere not in Conversation.objects.visible_to(ada)
    assert not Conversation.objects.visible_to(cleo).exists()
    assert not DmEvent.objects.visible_to(cleo).exists()


def test_a_role_too_small_sees_nothing_where_more_is_asked(ada, x_account):
    conversation(x_account)
    assert not Conversation.objects.visible_to(ada, Role.AGENT).exists()


def test_new_messages_by_others_are_unread_until_the_mark_reaches_them(ada, x_account):
    row = conversation(x_account)
    assert unread(ada) == {row}
    actions.mark_read(ada, row, NEW - 1)
    assert unread(ada) == {row}
    actions.mark_read(ada, row, NEW)
    assert unread(ada) == set()


def test_what_was_there_when_a_person_joined_counts_as_read(ada, x_account):
    conversation(x_account, newest=OLD)
    assert unread(ada) == set()


def test_our_own_newest_message_does_not_make_a_conversation_unread(ada, x_account):
    conversation(x_account, newest=NEW, incoming=0)
    assert unread(ada) == set()


def test_unread_is_each_persons_own(ada, ben, x_account):
    Membership.objects.create(user=ben, x_account=x_account, read_before_id=1)
    row = conversation(x_account)
    actions.mark_read(ada, row, NEW)
    assert unread(ada) == set()
    assert unread(ben) == {row}


def test_unread_conversations_are_counted_per_account_and_no_further_than_needed(ada, x_account):
    other = factories.XAccountFactory()
    Membership.objects.create(user=ada, x_account=other, read_before_id=1)
    for number in range(counts.MANY + 3):
        conversation(x_account, newest=NEW + number)
    conversation(other)
    conversation(other, newest=0)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = Conversation.objects.count_unread(ada, [x_account.pk, other.pk])
    assert found == {x_account.pk: counts.Count(counts.MANY), other.pk: counts.Count(1)}
    assert str(found[x_account.pk]) == "99+"
    assert len(queries) == 1


@pytest.mark.services
def test_a_count_of_unread_ones_says_where_it_may_have_missed_some(ada, x_account, monkeypatch):
    monkeypatch.setattr(querysets, "LOOKED_AT", 5)

    def counted():
        return str(Conversation.objects.count_unread(ada, [x_account.pk])[x_account.pk])

    for number in range(5):
        conversation(x_account, newest=NEW + number)
    assert counted() == "5"
    for number in range(3):
        conversation(x_account, newest=OLD + number)  # from before the person joined: read
    assert counted() == "5"
    conversation(x_account, newest=NEW - 1)
    assert counted() == "5+"
    for row in Conversation.objects.filter(last_dm_event_id__gte=NEW):
        actions.mark_read(ada, row, row.last_dm_event_id)
    assert counted() == "0+"


@pytest.mark.services
def test_what_is_marked_as_unread_is_counted_and_found_wherever_it_stands(ada, client, x_account, monkeypatch):
    monkeypatch.setattr(querysets, "LOOKED_AT", 3)
    rows = [conversation(x_account, newest=OLD + number) for number in range(6)]
    client.force_login(ada)
    for row in (rows[5], rows[0]):  # one among those that are looked at, one far below
        actions.mark_unread(ada, row)
    assert Conversation.objects.count_unread(ada, [x_account.pk]) == {x_account.pk: counts.Count(2)}
    html = client.get("/?unread=1").content.decode()
    assert [row for row in rows if f'data-conversation="{row.pk}"' in html] == [rows[0], rows[5]]
    actions.mark_read(ada, rows[0], rows[0].last_dm_event_id)
    assert Conversation.objects.count_unread(ada, [x_account.pk]) == {x_account.pk: counts.Count(1)}


@pytest.mark.services
@pytest.mark.parametrize("size", [1, 4, 50])
def test_unread_ones_of_several_accounts_come_newest_first_whether_few_or_many_are(ada, x_account, size):
    few, none = (factories.MembershipFactory(user=ada, read_before_id=1).x_account for _ in range(2))
    rows = [conversation(x_account, newest=NEW + 3 * number) for number in range(10)]
    rows += [conversation(few, newest=NEW + 1 + 5 * number) for number in range(3)]
    for number in range(8):
        for account in (few, none):
            row = conversation(account, newest=NEW + 2 + 4 * number)
            actions.mark_read(ada, row, row.last_dm_event_id)
    counted = Conversation.objects.count_unread(ada, [x_account.pk, few.pk, none.pk])
    expected = [row.pk for row in sorted(rows, key=lambda row: (row.last_dm_event_id, row.pk), reverse=True)]
    assert unread_of(ada).newest_unread(counted, size) == expected[:size]


def test_pages_over_several_accounts_give_every_conversation_once_newest_first(ada, x_account):
    other = factories.XAccountFactory()
    # Several share their newest event: the row's own id then decides.
    rows = [conversation(account, newest=NEW + number // 3) for number in range(20) for account in (x_account, other)]
    expected = [row.pk for row in sorted(rows, key=lambda row: (row.last_dm_event_id, row.pk), reverse=True)]
    seen, below = [], Conversation.objects.all()
    while page := below.newest_of([x_account.pk, other.pk], 7):
        seen += page
        last = Conversation.objects.get(pk=page[-1])
        below = Conversation.objects.older_than(last.last_dm_event_id, last.pk)
    assert seen == expected


def test_a_group_is_named_after_those_present_who_wrote_last_and_counts_the_others(x_account):
    group = conversation(x_account, is_group=True, peer=None, dm_conversation_id="1800000000000000001")
    us = factories.XUserFactory(id=x_account.x_user_id)
    factories.ParticipantFactory(conversation=group, x_user=us)
    gone = factories.ParticipantFactory(conversation=group, is_present=False)
    rows = [factories.ParticipantFactory(conversation=group) for _ in range(NAMED + 2)]
    named = list(Participant.objects.filter(conversation=group).naming())
    assert [row.pk for row in named] == [row.pk for row in rows[:NAMED]]
    assert {row.people for row in named} == {len(rows)}
    assert gone not in named


def plans_of(queryset):
    """On PostgreSQL two: by its values, and for any."""
    sql, params = queryset.query.sql_with_params()
    if connection.vendor == "postgresql":
        return ["\n".join(lines) for lines in plans.explained(plans.Statement(sql, params))]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return ["\n".join(str(row[-1]) for row in cursor.fetchall())]


@pytest.mark.parametrize("only_groups", [False, True])
def test_the_inbox_is_read_from_its_index_without_a_scan_or_a_sort(many, only_groups):
    rows = Conversation.objects.filter(x_account=many)
    if only_groups:
        rows = rows.filter(is_group=True)
    for page in (rows, rows.older_than(NEW + 9_000, 5_000)):
        for plan in plans_of(page.newest_first().values_list("last_dm_event_id", "pk")[:51]):
            assert "inbox_groups_newest_first" in plan if only_groups else "inbox_" in plan, plan
            assert "Seq Scan" not in plan, plan
            assert "Sort" not in plan, plan
            assert "TEMP B-TREE" not in plan, plan


def test_kinds_nobody_knows_are_counted_from_an_index_of_their_own(x_account):
    row = conversation(x_account)
    factories.DmEventFactory.create_batch(20, conversation=row)
    factories.DmEventFactory(conversation=row, event_type="MessageEdit")
    found = DmEvent.objects.of_unknown_kind()
    assert [event.event_type for event in found] == ["MessageEdit"]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # so few rows are read faster as they lie
    for plan in plans_of(found.values_list("event_type").annotate(Count("pk")).order_by("event_type")):
        assert "event_of_unknown_kind" in plan, plan


def test_events_of_a_thread_are_read_from_its_index_without_a_sort(x_account):
    row = conversation(x_account)
    for page in (
        row.events.order_by("-dm_event_id")[:51],
        row.events.filter(dm_event_id__lt=7).order_by("-dm_event_id")[:51],
    ):
        for plan in plans_of(page):
            assert "TEMP B-TREE" not in plan, plan


@pytest.mark.postgres
@pytest.mark.services
def test_our_newest_message_is_looked_for_in_the_conversation_and_not_among_all_we_wrote(x_account):
    """In large groups each of the others wrote little: of an average sender it would be the other way round."""
    us = factories.XUserFactory(id=x_account.x_user_id)
    groups = [conversation(x_account, is_group=True, peer=None, dm_conversation_id=f"18{n}") for n in range(50)]
    with connection.cursor() as cursor:
        cursor.execute(WRITERS)
        cursor.execute(EVENTS_OF_GROUPS, {"first": groups[0].pk, "groups": len(groups), "us": us.pk})
        cursor.execute("ANALYZE conversations_dmevent")
    with plans.statements() as asked:
        assert groups[1].events.newest_by(us.pk, 30_000) == 29_951
    [found] = [list(plans.explained(statement)) for statement in asked]
    for lines in found:
        assert "dm_event_once_per_conversation" in str(lines), lines


WRITERS = """
    INSERT INTO conversations_xuser (id, username, name, profile_image_url, is_protected, is_verified, verified_type,
        raw, first_seen_at, unavailable_reason, lookup_attempts)
    SELECT 10000000 + n, 'handle' || n, 'Name', '', false, false, '', '{}', now(), '', 0
    FROM generate_series(1, 30000) n
"""
EVENTS_OF_GROUPS = """
    INSERT INTO conversations_dmevent
        (conversation_id, dm_event_id, event_type, created_at, sender_id, text, entities, raw, stored_at)
    SELECT %(first)s + n %% %(groups)s, n, 'MessageCreate', now(),
        CASE WHEN n %% 3 = 2 THEN %(us)s ELSE 10000000 + n END, 'Text', '{}', '{}', now()
    FROM generate_series(1, 30000) n
"""
