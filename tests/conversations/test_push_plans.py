"""Some of what was pushed is remembered for a year, and tidied each hour without a look at most of it; wishes that are
due are found among all that were ever fulfilled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from psycopg import ClientCursor

from conversations.models import ActivityDelivery, ConversationLookup, HistoryRead, UnfinishedDay
from conversations.sync import push, wishes
from tests.conversations.sync_support import make_reading
from tests.factories import ConversationFactory

pytestmark = [pytest.mark.services, pytest.mark.postgres, pytest.mark.django_db]
x_account = pytest.fixture(make_reading)
TABLE = ActivityDelivery._meta.db_table
YEAR = """
    INSERT INTO conversations_activitydelivery
        (event_uuid, event_type, x_user_id, source, raw, received_at, state, attempts, due_at, detail)
    SELECT n, 'dm.received', CASE WHEN n %% 1000 > 1 THEN %(ours)s WHEN n %% 1000 = 1 THEN 77 END, 'webhook',
        CASE WHEN n < 500 OR n %% 1000 = 0 THEN '{}'::jsonb END, now() - n * interval '20 minutes',
        CASE WHEN n %% 1000 = 0 THEN 'odd' ELSE 'done' END, 1, now(), ''
    FROM generate_series(1, 24000) n"""
WALKED = re.compile(r"(?:Index(?: Only)? Scan|Bitmap Index Scan) (?:Backward )?(?:using|on) (\w+)")


@contextmanager
def plans(table: str = TABLE) -> Iterator[list[list[str]]]:
    """Of all that is asked or changed inside: the lines of each plan."""
    found: list[list[str]] = []

    def explain(execute: Any, sql: str, params: Any, *of: Any) -> Any:
        if table in sql:
            with ClientCursor(connection.connection) as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                found.append([line for (line,) in cursor.fetchall()])
        return execute(sql, params, *of)

    with connection.execute_wrapper(explain):
        yield found


@pytest.mark.parametrize(
    ("model", "index"),
    [(HistoryRead, "history_read_due"), (ConversationLookup, "lookup_due"), (UnfinishedDay, "unfinished_day_due")],
)
def test_each_second_the_few_wishes_that_are_due_are_found_by_an_index(x_account, model, index):
    conversation = ConversationFactory(x_account=x_account)
    whose = {"conversation": conversation} if model is HistoryRead else {"x_account": x_account}
    rows = [model(**whose, state="due" if number == 5000 else "failed") for number in range(5001)]
    if model is UnfinishedDay:
        for number, row in enumerate(rows):
            row.day = date(2000, 1, 1) + timedelta(days=number)
    model.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {model._meta.db_table}")
    with plans(model._meta.db_table) as found:
        assert len(wishes.waiting(model)) == 1
    assert WALKED.findall("\n".join(found[0]))[0] == index


def test_each_hour_the_few_that_are_to_go_are_found_by_an_index(x_account):
    with connection.cursor() as cursor:
        cursor.execute(YEAR, {"ours": x_account.x_user_id})
        cursor.execute(f"ANALYZE {TABLE}")
    with plans() as found:
        push.forget_old()
    told = ["\n".join(lines) for lines in found]
    assert [one for one in told if f"Seq Scan on {TABLE}" in one] == []
    *first, of_nobody = [WALKED.findall(one)[0].removeprefix("activity_") for one in told]
    # The raw ones (some go, some lose their content alone), the odd ones and the oldest; for whom some are kept: a
    # stranger, us, nobody more; the stranger's.
    assert first == ["still_raw", "still_raw", "odd", "oldest_first", *["of_whom"] * 3, "of_whom"]
    assert of_nobody in ("odd", "of_whom")
    assert not ActivityDelivery.objects.filter(x_user_id=77).exists()
    assert ActivityDelivery.objects.filter(x_user_id=x_account.x_user_id).count() > 20_000
