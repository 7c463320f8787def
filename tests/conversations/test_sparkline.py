"""How busy a conversation is lately, as bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import Membership, snowflake_floor
from conversations.showing import sparkline
from conversations.showing.sparkline import BARS, HEIGHT, LEAST, LOOKED_AT, UNIT, spark_of
from tests import factories

NOW = datetime(2026, 11, 21, 13, 2, tzinfo=UTC)


def ids(*ages):
    return [snowflake_floor(NOW - age) for age in sorted(ages)]


def test_each_event_stands_at_its_time_and_the_busiest_time_fills_the_height():
    spark = spark_of(ids(timedelta(0), timedelta(hours=1), timedelta(days=29, hours=12)), NOW)
    assert [(bar.x, bar.height) for bar in spark.bars] == [(0, HEIGHT // 2), ((BARS - 1) * UNIT, HEIGHT)]
    assert all(bar.y + bar.height == HEIGHT for bar in spark.bars)
    assert spark.events == 3
    assert spark.begins_at == NOW - timedelta(days=30)


def test_what_is_older_than_thirty_days_is_left_out():
    spark = spark_of(ids(timedelta(days=30, seconds=1), timedelta(days=400)), NOW)
    assert (spark.bars, spark.events) == ((), 0)


def test_one_event_beside_many_can_still_be_seen():
    spark = spark_of(ids(*[timedelta(minutes=1)] * 400, timedelta(days=20)), NOW)
    assert spark.bars[0].height == LEAST


def test_a_busy_conversation_begins_where_the_events_looked_at_begin():
    spark = spark_of(ids(*[timedelta(minutes=10 * number) for number in range(LOOKED_AT)]), NOW)
    assert spark.begins_at == NOW - timedelta(minutes=10 * (LOOKED_AT - 1))
    assert spark.bars[0].x == 0


def test_all_events_in_one_moment_are_one_bar_and_no_division_by_nothing():
    spark = spark_of(ids(*[timedelta(0)] * LOOKED_AT), NOW)
    assert len(spark.bars) == 1
    assert spark.events == LOOKED_AT


@pytest.fixture
def conversation(ada):
    conversation = factories.ConversationFactory()
    Membership.objects.create(user=ada, x_account=conversation.x_account)
    return conversation


def test_the_picture_comes_as_a_part_and_as_a_page(client, ada, conversation, django_assert_max_num_queries):
    for number in range(3):
        factories.DmEventFactory(conversation=conversation, dm_event_id=snowflake_floor(NOW) - number)
    client.force_login(ada)
    address = f"/c/{conversation.pk}/activity/"
    with time_machine.travel(NOW, tick=False):
        with django_assert_max_num_queries(4):
            part = client.get(address, headers={"HX-Request": "true"}).content.decode()
        whole = client.get(address).content.decode()
    assert part.count("<rect") == 1
    assert "3 messages since" in part
    assert "<html" not in part
    assert "<html" in whole
    assert "3 messages since" in whole


def test_a_stranger_sees_nothing_of_it(client, cleo, conversation):
    client.force_login(cleo)
    assert client.get(f"/c/{conversation.pk}/activity/").status_code == 404


def test_a_quiet_conversation_says_so(client, ada, conversation):
    client.force_login(ada)
    assert "No messages in the last 30 days." in client.get(f"/c/{conversation.pk}/activity/").content.decode()
    assert sparkline.LOOKED_AT == LOOKED_AT
