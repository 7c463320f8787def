"""A look at X's list costs what there is to do, however many X accounts there are; and many news are few statements."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import ActivitySubscription, Change, PushState, SpendDay, SyncState
from conversations.sync import caps, push, subscription_rows, subscriptions
from dminbox.xapi.activity import Subscription
from dminbox.xapi.app import XApp
from tests.conversations.sync_support import MORNING, OWN, begin, connect
from tests.factories import SyncStateFactory, XAccountFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = ActivitySubscription.State


@pytest.fixture
def listed(settings, monkeypatch) -> list[Subscription]:
    """What X lists, without X: to make all that over HTTP would take minutes."""
    settings.X_SUBSCRIPTION_CAP = 10_000
    rows: list[Subscription] = []
    monkeypatch.setattr(XApp, "subscriptions", lambda app: tuple(rows))
    return rows


def connect_many(count: int) -> None:
    XAccount.objects.bulk_create(XAccountFactory.build_batch(count))
    missing = XAccount.objects.filter(sync=None)
    SyncState.objects.bulk_create(
        SyncState(x_account=x_account, state=SyncState.State.ACTIVE, monthly_cap_usd=Decimal(5))
        for x_account in missing
    )


def all_at_x() -> list[Subscription]:
    users = XAccount.objects.order_by("pk").values_list("x_user_id", flat=True)
    subjects = [("oauth.revoke", None), *((kind, str(user)) for kind in subscription_rows.KINDS for user in users)]
    return [
        Subscription(str(number), kind, user_id=user, tag=push.TAG)
        for number, (kind, user) in enumerate(subjects, start=1)
    ]


def repair() -> list[str]:
    """The statements of one look."""
    PushState.objects.update(subscriptions_checked_at=None)
    with CaptureQueriesContext(connection) as captured:
        subscriptions.repair()
    return [query["sql"] for query in captured]


def test_a_look_with_nothing_to_do_takes_the_same_queries_for_3_and_for_300_x_accounts(listed):
    told = []
    for count in (3, 297):
        connect_many(count)
        listed[:] = all_at_x()
        repair()
        told.append(repair())
    few, many = told
    assert ActivitySubscription.objects.filter(state=State.ACTIVE).count() == 1501
    assert len(few) == len(many) == 11
    assert not [sql for sql in many if sql.startswith("UPDATE") and "activitysubscription" in sql]


def test_what_x_lists_anew_is_written_and_told_in_few_statements(listed):
    connect_many(200)
    listed[:] = all_at_x()
    assert len(repair()) <= 40
    assert set(ActivitySubscription.objects.values_list("state", flat=True)) == {State.ACTIVE}
    assert Change.objects.count() == Change.objects.values("x_account").distinct().count() == 200


def test_rows_that_nobody_wants_any_more_go_in_one_statement_and_the_end_of_push_is_told(listed):
    connect_many(50)
    listed[:] = all_at_x()
    repair()
    del listed[1:]
    SyncState.objects.update(monthly_cap_usd=Decimal(0))
    before = Change.objects.count()
    deletes = [sql for sql in repair() if sql.startswith("DELETE")]
    assert len(deletes) == 1
    assert ActivitySubscription.objects.filter(x_account__isnull=False).count() == 0
    assert Change.objects.count() - before == 50


def test_one_query_tells_whose_cap_is_reached_as_each_would_be_told_alone(django_assert_num_queries):
    spent = {"none": {}, "some": {20: "4.98"}, "almost": {20: "4.99"}, "all": {20: "4.995"}}
    spent |= {"twice": {1: "2.50", 20: "2.495"}, "before": {-1: "9"}}
    for name, days in spent.items():
        x_account = SyncStateFactory(x_account__username=name, monthly_cap_usd=Decimal(5)).x_account
        for day, usd in days.items():
            at = MORNING.date() + timedelta(days=day - MORNING.day)
            SpendDay.objects.create(x_account=x_account, day=at, usd=Decimal(usd))
    SyncStateFactory(x_account__username="without")
    with time_machine.travel(MORNING, tick=False):
        with django_assert_num_queries(1):
            found = {x_account.username for x_account in caps.with_room(XAccount.objects.all())}
        alone = {x_account.username for x_account in XAccount.objects.all() if not caps.is_reached(x_account)}
    assert found == alone == {"none", "some", "almost", "before", "without"}


# --- One at a time ----------------------------------------------------------------------------------------------------


@pytest.fixture
def x_account(xsim):
    x_account = connect(xsim)
    begin(x_account)
    return x_account


def posts(xsim) -> int:
    calls = [call for call in xsim.get("requests") if call["method"] == "POST" and "subscriptions" in call["path"]]
    return len(calls)


def test_no_second_process_begins_while_one_is_at_it(x_account, xsim, monkeypatch):
    ask, began = subscriptions._ask, []

    def ask_and_let_another_try(app, row, webhook_id):
        if not began:
            began.append(row)
            PushState.check_subscriptions_soon()
            subscriptions.repair()
        return ask(app, row, webhook_id)

    monkeypatch.setattr(subscriptions, "_ask", ask_and_let_another_try)
    subscriptions.repair()
    assert posts(xsim) == 6
    assert PushState.objects.get().subscriptions_lease_until is None
    assert subscriptions.is_due(), "what was to be looked at soon is not forgotten"


def test_the_lease_of_a_process_that_died_runs_out(x_account, xsim):
    now = timezone.now()
    PushState.objects.create(pk=1, subscriptions_lease_until=now + timedelta(minutes=1))
    subscriptions.repair()
    assert posts(xsim) == 0
    for until in (now - timedelta(seconds=1), now + timedelta(days=2)):
        ActivitySubscription.objects.all().delete()
        PushState.objects.update(subscriptions_lease_until=until, subscriptions_checked_at=None)
        subscriptions.repair()
        assert ActivitySubscription.objects.filter(state=State.ACTIVE).count() == 6, (
            "also one of a clock that ran ahead"
        )


def test_a_look_ends_in_time_and_the_next_goes_on_at_once(x_account, xsim, monkeypatch):
    ask = subscriptions._ask
    with time_machine.travel(timezone.now(), tick=False) as clock:

        def ask_slowly(app, row, webhook_id):
            clock.shift(25)
            return ask(app, row, webhook_id)

        monkeypatch.setattr(subscriptions, "_ask", ask_slowly)
        subscriptions.repair()
        assert posts(xsim) == 3
        assert subscriptions.is_due()
        subscriptions.repair()
    assert posts(xsim) == 6
    assert ActivitySubscription.objects.filter(state=State.ACTIVE).count() == 6


def test_one_subscription_that_x_does_not_end_holds_up_nothing_else(x_account, xsim):
    subscriptions.repair()
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    first = ActivitySubscription.objects.get(event_type="dm.received").subscription_id
    xsim.post("faults", {"kind": "503", "path": f"subscriptions/{first}", "method": "DELETE", "times": -1})
    PushState.objects.update(subscriptions_checked_at=None)
    subscriptions.repair()
    listed = xsim.api(xsim.app_token(), "/2/activity/subscriptions").json()["data"]
    assert sorted((row["event_type"], row.get("filter", {}).get("user_id")) for row in listed) == [
        ("dm.received", OWN),
        ("oauth.revoke", None),
    ]
