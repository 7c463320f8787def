"""What open pages and their streams ask of the database: by an index on large tables, and no more for more."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from conversations import live
from conversations.models import Change
from tests import factories, plans
from tests.e2e import rich

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 13, 2, tzinfo=UTC)
LARGE = re.compile(r"Seq Scan on conversations_(readmark|change|conversation)\b")
FILL = (
    """INSERT INTO conversations_conversation (id, x_account_id, dm_conversation_id, is_group, last_dm_event_id,
        last_incoming_dm_event_id, has_reached_beginning, last_encrypted_id, created_at)
    SELECT n, %(x_account)s, 'c' || n, false, 0, 0, false, 0, now() FROM generate_series(1, 20000) n""",
    """INSERT INTO conversations_readmark (user_id, conversation_id, dm_event_id, moved_at, was_moved_back)
    SELECT %(user)s, n, 0, now() - n * interval '1 minute', false FROM generate_series(1, 20000) n""",
    """INSERT INTO conversations_change (x_account_id, number, kind, data, created_at)
    SELECT %(x_account)s, n, 'account', '{}', now() FROM generate_series(1, 20000) n""",
    "ANALYZE",
)


@pytest.fixture
def large(ada):
    x_account = factories.SyncStateFactory(last_change=20_000).x_account
    factories.MembershipFactory(user=ada, x_account=x_account)
    with connection.cursor() as cursor:
        for statement in FILL:
            cursor.execute(statement, {"x_account": x_account.pk, "user": ada.pk})
    return x_account


def plans_of(question) -> list[str]:
    with plans.statements() as asked:
        question()
    return ["\n".join(lines) for statement in asked for lines in plans.explained(statement)]


@pytest.mark.services
@pytest.mark.postgres
def test_what_a_reader_of_the_log_asks_goes_by_an_index(large, ada):
    questions = [
        lambda: live.marks_since([ada.pk], timezone.now() - timedelta(minutes=3)),
        lambda: live.changes_after(large.pk, 19_990, live.CATCH_UP_MOST),
        lambda: live.changes_after(large.pk, 10, live.CATCH_UP_MOST),
        lambda: live.highest_of([large.pk]),
        lambda: live.ages_of([large.pk]),
        lambda: live.allowed_to({live.Ticket(ada.pk, "session", "hash")}),
    ]
    found = [plan for question in questions for plan in plans_of(question)]
    assert "read_mark_moved_last" in found[0]
    assert [plan for plan in found if LARGE.search(plan)] == []


def test_a_look_at_people_takes_as_many_questions_for_many_as_for_one(ada, ben, django_assert_num_queries):
    x_account = factories.SyncStateFactory().x_account
    for user in (ada, ben):
        factories.MembershipFactory(user=user, x_account=x_account)
    for tickets in (
        [live.Ticket(ada.pk, "a", "hash")],
        [live.Ticket(pk, str(n), "h") for pk in (ada.pk, ben.pk) for n in range(50)],
    ):
        with django_assert_num_queries(3):
            live.allowed_to(tickets)


def test_changes_come_in_one_question(django_assert_num_queries):
    x_account = factories.SyncStateFactory().x_account
    Change.objects.bulk_create([Change(x_account=x_account, number=n, kind="account") for n in range(1, 101)])
    with django_assert_num_queries(1):
        assert len(live.changes_after(x_account.pk, 0, 500)) == 100


@pytest.mark.parametrize("size", [1, 45])
def test_what_is_new_in_a_thread_takes_as_many_questions_for_many_as_for_one(
    client, ada, size, django_assert_max_num_queries
):
    with time_machine.travel(NOW, tick=False):
        filled = rich.fill(ada, NOW)
        client.force_login(ada)
        ids = list(filled.long.events.order_by("-dm_event_id").values_list("dm_event_id", flat=True)[: size + 1])
        with django_assert_max_num_queries(14):
            answer = client.get(f"/c/{filled.long.pk}/newer/?after={ids[-1]}")
    assert answer.content.count(b'class="bubble"') == size
