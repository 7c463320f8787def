"""/metrics: numbers for who has the token, nothing for anybody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import snowflake_floor
from conversations.models import (
    ActivityDelivery,
    ActivitySubscription,
    ApiCall,
    PushState,
    RateWindow,
    ReadInterval,
    SpendDay,
    SyncState,
)
from conversations.sync import account_status
from tests.factories import SyncStateFactory, XAccountFactory

NOW = datetime(2026, 11, 11, 0, 0, tzinfo=UTC)
TOKEN = "a-token-of-a-test"
POLLS = "GET /2/dm_events"
DAY = ("polls_allowed", "requests_failed", "events", "spend_usd", "gaps", "gap_seconds")

pytestmark = [pytest.mark.services, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _token(settings):
    settings.METRICS_TOKEN = TOKEN
    with time_machine.travel(NOW, tick=False):
        yield


def scrape(client, token=TOKEN):
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["Cache-Control"] == "no-store"
    return answer.content.decode()


def samples(text):
    """name{labels} -> value, read by Prometheus' own parser."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def x_account():
    state = SyncStateFactory(
        x_account=XAccountFactory(username="NordlichtSecretName"),
        last_success_at=NOW - timedelta(seconds=42),
        monthly_cap_usd=Decimal(50),
        odd_events=3,
        horizon_id=1000,
    )
    return state.x_account


WRONG = ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ä"]


@pytest.mark.parametrize("sent", [*WRONG, None])
@pytest.mark.parametrize("method", ["get", "post", "head"])
def test_without_the_token_there_is_no_such_page(client, sent, method):
    headers = {} if sent is None else {"Authorization": sent}
    there, nowhere = (getattr(client, method)(path, headers=headers) for path in ("/metrics", "/metrics-of-nothing"))
    assert there.status_code == nowhere.status_code == 404
    assert there.content == nowhere.content


def test_an_owner_who_is_signed_in_does_not_see_it_either(client, ada):
    client.force_login(ada)
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("sent", ["", "None", TOKEN])
def test_without_a_token_in_the_settings_nobody_reads_it(client, settings, sent):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": f"Bearer {sent}"}).status_code == 404


def test_an_empty_installation_has_numbers_too(client):
    found = samples(scrape(client))
    assert found[("dminbox_push_state", "off")] == 1
    assert found[("dminbox_deliveries", "due")] == 0


def test_x_accounts_are_told_apart_by_id_and_never_named(client, x_account):
    text = scrape(client)
    assert "NordlichtSecretName" not in text
    assert str(x_account.x_user_id) not in text
    pk = str(x_account.pk)
    found = samples(text)
    assert found[("dminbox_x_account_state", pk, "active")] == 1
    assert found[("dminbox_seconds_since_success", pk)] == 42
    assert found[("dminbox_spend_cap_usd", pk)] == 50
    assert found[("dminbox_odd_events", pk)] == 3


def test_windows_tell_what_is_used_and_left_and_are_whole_again_when_over(client, x_account):
    window = {"x_account": x_account, "limit": 15, "remaining": 4, "resets": NOW}
    RateWindow.objects.create(endpoint=POLLS, reset_at=NOW + timedelta(minutes=1), **window)
    RateWindow.objects.create(endpoint="GET /2/users", reset_at=NOW - timedelta(minutes=1), **window)
    found, pk = samples(scrape(client)), str(x_account.pk)
    for endpoint, used, left in ((POLLS, 11, 4), ("GET /2/users", 0, 15)):
        key = tuple(sorted([pk, endpoint]))
        assert found[("dminbox_x_requests_used", *key)] == used
        assert found[("dminbox_x_requests_left", *key)] == left
        assert found[("dminbox_x_requests_limit", *key)] == 15


def test_calls_are_counted_by_endpoint_and_status_for_the_last_hour_and_day(client, x_account):
    for minutes, status in ((5, 200), (50, 200), (50, 429), (600, 200), (26 * 60, 200)):
        ApiCall.objects.create(x_account=x_account, endpoint=POLLS, status=status, at=NOW - timedelta(minutes=minutes))
    ApiCall.objects.create(x_account=None, endpoint="GET /2/activity/stream", status=0, at=NOW)
    found, pk = samples(scrape(client)), str(x_account.pk)

    def calls(*labels):
        return found[("dminbox_x_calls", *sorted(labels))]

    assert calls(pk, POLLS, "200", "hour") == 2
    assert calls(pk, POLLS, "200", "day") == 3
    assert calls(pk, POLLS, "429", "day") == 1
    assert calls("app", "GET /2/activity/stream", "0", "day") == 1


def test_what_x_billed_today_and_this_month_and_where_that_leads(client, x_account):
    for day, usd in ((11, "2.50"), (1, "7.50"), (9, "0")):
        SpendDay.objects.create(
            x_account=x_account, day=NOW.date().replace(day=day), dm_events=100, users=2, posts=3, usd=Decimal(usd)
        )
    SpendDay.objects.create(x_account=x_account, day=NOW.date().replace(month=10), usd=Decimal(99))
    found, pk = samples(scrape(client)), str(x_account.pk)
    assert found[("dminbox_spend_usd", pk, "today")] == 2.5
    assert found[("dminbox_spend_usd", pk, "month")] == 10
    assert found[("dminbox_spend_forecast_usd", pk)] == pytest.approx(30)
    assert found[("dminbox_billed", pk, "dm_events", "month")] == 300
    assert found[("dminbox_billed", pk, "posts", "today")] == 3


def test_the_last_24_hours_are_those_of_the_page(client, x_account):
    SyncState.objects.update(
        rate_limit=15, import_finished_at=NOW, next_poll_at=NOW, horizon_id=snowflake_floor(NOW) // 2
    )
    read = {"low_id": snowflake_floor(NOW - timedelta(hours=2)), "high_id": snowflake_floor(NOW)}
    ReadInterval.objects.create(x_account=x_account, next_token="on", **read)
    hours = {"endpoint": POLLS, "status": 200, "dm_events": 3, "usd": Decimal("0.03"), "rate_limit": 15}
    for ago in (0, 1, 5, 30):
        ApiCall.objects.create(x_account=x_account, at=NOW - timedelta(hours=ago), **hours)
    ApiCall.objects.create(x_account=x_account, endpoint="GET /2/users", status=503, at=NOW)
    ApiCall.objects.create(x_account=x_account, endpoint="push dm.received", status=200, at=NOW, dm_events=1)
    ApiCall.objects.create(x_account=XAccountFactory(), at=NOW, **hours)
    found, pk, day = samples(scrape(client)), str(x_account.pk), account_status(x_account).day
    told = {name: found[(f"dminbox_day_{name}", pk)] for name in DAY}
    assert told == {
        "polls_allowed": day.allowed,
        "requests_failed": 1,
        "events": 10,
        "spend_usd": 0.09,
        "gaps": len(day.gaps),
        "gap_seconds": day.missing.total_seconds(),
    }
    assert [found[("dminbox_day_requests", *sorted([pk, kind]))] for kind in ("polls", "others")] == [3, 1]
    assert day.allowed == 24 * 60
    assert day.gaps


def test_gaps_are_those_above_the_horizon(client, x_account):
    for low in (500, 2000, 3000):
        ReadInterval.objects.create(x_account=x_account, low_id=low, high_id=low + 10, next_token="on")
    ReadInterval.objects.create(x_account=x_account, low_id=4000, high_id=4010)
    assert samples(scrape(client))[("dminbox_gaps", str(x_account.pk))] == 2


def test_push_tells_its_state_and_what_it_dropped_and_refused(client, x_account, settings):
    settings.X_PUSH = "stream"
    PushState.objects.create(
        pk=1,
        state="connected",
        last_line_at=NOW - timedelta(seconds=7),
        activities=9,
        duplicates=2,
        odd_lines=1,
        webhook_unsigned=5,
    )
    ActivitySubscription.objects.create(x_account=x_account, event_type="dm.received", state="active")
    for number, state in enumerate(["due", "due", "odd", "done"]):
        ActivityDelivery.objects.create(
            event_uuid=str(number),
            event_type="dm.received",
            source="stream",
            state=state,
            received_at=NOW - timedelta(minutes=number),
            due_at=NOW - timedelta(seconds=number),
        )
    found = samples(scrape(client))
    assert found[("dminbox_push_state", "connected")] == found[("dminbox_push_alive",)] == 1
    assert found[("dminbox_push_seconds_since_line",)] == 7
    assert found[("dminbox_push_activities_total",)] == 9
    assert found[("dminbox_push_duplicates_total",)] == 2
    assert found[("dminbox_push_odd_lines_total",)] == 1
    assert found[("dminbox_webhook_refused_total", "unsigned")] == 5
    assert found[("dminbox_push_subscriptions", "active", "dm.received")] == 1
    assert (found[("dminbox_deliveries", "due")], found[("dminbox_deliveries", "odd")]) == (2, 1)
    assert found[("dminbox_deliveries_oldest_due_seconds",)] == 1


@pytest.mark.parametrize("accounts", [1, 20])
def test_a_scrape_takes_the_same_queries_however_many_x_accounts_there_are(client, accounts, django_assert_num_queries):
    for number in range(accounts):
        state = SyncStateFactory(last_success_at=NOW)
        SpendDay.objects.create(x_account=state.x_account, day=NOW.date(), usd=Decimal(number))
        ApiCall.objects.create(x_account=state.x_account, endpoint=POLLS, status=200, at=NOW)
        ReadInterval.objects.create(x_account=state.x_account, low_id=snowflake_floor(NOW), high_id=1, next_token="on")
    with django_assert_num_queries(9) as asked:
        scrape(client)
    calls = [query["sql"] for query in asked.captured_queries if ApiCall._meta.db_table in query["sql"]]
    assert len(calls) == 1, "they are gone through once"
