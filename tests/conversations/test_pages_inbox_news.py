"""What an open inbox asks for when it hears of a change: the rows in question and the counts, and how old all is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from accounts.models import Membership
from conversations import actions
from conversations.models import ActivitySubscription, PushState, SyncState
from tests import factories
from tests.conversations.page_support import NOW, inbox

pytestmark = pytest.mark.usefixtures("noon")


def rows(html):
    return [int(pk) for pk in re.findall(r'data-conversation="(\d+)"', html)]


def row(html, pk):
    return re.search(rf'<a class="row[^>]*?data-conversation="{pk}".*?</a>', html)[0]


def test_the_rows_asked_for_come_as_the_list_shows_them(as_ada, filled):
    whole = inbox(as_ada, "")
    asked = rows(whole)[3:6]
    html = inbox(as_ada, f"?only={asked[2]},{asked[0]},{asked[1]}")
    assert rows(html) == asked
    assert [row(html, pk) for pk in asked] == [row(whole, pk) for pk in asked]


def test_the_counts_come_with_any_of_them_and_alone(as_ada, filled):
    for query in (f"?only={filled.long.pk}", "?only=", "?account=&only="):
        html = inbox(as_ada, query)
        assert re.search(r'@NordlichtStudio</span>\s*<span class="count">1<', html)
    assert rows(inbox(as_ada, "?only=")) == []


def test_what_the_filters_leave_out_does_not_come(as_ada, ada, filled):
    assert rows(inbox(as_ada, f"?kind=group&only={filled.long.pk},{filled.group.pk}")) == [filled.group.pk]
    assert rows(inbox(as_ada, f"?account={filled.studio.pk}&only={filled.long.pk}")) == []
    assert rows(inbox(as_ada, f"?unread=1&only={filled.long.pk}")) == [filled.long.pk]
    actions.mark_read(ada, filled.long, filled.long.last_dm_event_id)
    assert rows(inbox(as_ada, f"?unread=1&only={filled.long.pk}")) == []


def test_a_stranger_gets_no_row_by_its_number(client, cleo, filled):
    factories.MembershipFactory(user=cleo, x_account=factories.SyncStateFactory().x_account)
    client.force_login(cleo)
    assert rows(inbox(client, f"?only={filled.long.pk}")) == []
    Membership.objects.filter(user=cleo).delete()
    assert filled.long.peer.name not in inbox(client, f"?only={filled.long.pk}")


@pytest.mark.parametrize("only", ["x", "1,", ",1", "-1", "9" * 19, ",".join(["1"] * 51)])
def test_what_are_no_rows_is_no_address(as_ada, filled, only):
    assert as_ada.get(f"/?only={only}").status_code == 404


@pytest.mark.parametrize("size", [1, 20])
def test_the_number_of_queries_is_that_of_the_list(as_ada, filled, size, django_assert_max_num_queries):
    asked = rows(inbox(as_ada, ""))[:size]
    with django_assert_max_num_queries(15):
        assert rows(inbox(as_ada, "?only=" + ",".join(map(str, asked)))) == asked


@pytest.fixture
def pushed(filled, settings):
    """X pushes for the support account, over its stream."""
    settings.X_CONSUMER_KEY, settings.X_PUSH = "key", "stream"
    SyncState.objects.update(last_success_at=NOW - timedelta(minutes=10))
    active = ActivitySubscription.State.ACTIVE
    ActivitySubscription.objects.create(x_account=filled.support, event_type="dm.received", state=active)
    PushState.objects.create(pk=1, state=PushState.State.CONNECTED, last_line_at=NOW - timedelta(minutes=1))


def ages(html):
    return re.findall(r"(as of|pushed until) <time[^>]*>([0-9:]+)</time>", html)


def test_pushes_that_are_newer_than_the_last_read_are_said(as_ada, filled, pushed):
    address = f"?account={filled.support.pk}"
    assert ages(inbox(as_ada, address)) == [("as of", "13:52"), ("pushed until", "14:01")]
    SyncState.objects.update(last_success_at=NOW)
    assert ages(inbox(as_ada, address)) == [("as of", "14:02")]


def test_of_several_accounts_the_one_that_is_known_the_least_far_counts(as_ada, filled, pushed):
    assert ages(inbox(as_ada, "")) == [("as of", "13:52")]
    SyncState.objects.filter(x_account=filled.studio).update(last_success_at=NOW - timedelta(minutes=2))
    assert ages(inbox(as_ada, "")) == [("as of", "13:52"), ("pushed until", "14:00")]


def test_where_x_does_not_push_nothing_is_said_of_pushes(as_ada, filled, pushed, settings):
    address = f"?account={filled.support.pk}"
    ActivitySubscription.objects.update(state=ActivitySubscription.State.REFUSED)
    assert ages(inbox(as_ada, address)) == [("as of", "13:52")]
    ActivitySubscription.objects.update(state=ActivitySubscription.State.ACTIVE)
    settings.X_PUSH = "off"
    assert ages(inbox(as_ada, address)) == [("as of", "13:52")]


def test_the_one_that_is_open_comes_whether_the_filters_leave_it_or_not(as_ada, ada, filled):
    actions.mark_read(ada, filled.long, filled.long.last_dm_event_id)
    asked = f"?unread=1&only={filled.long.pk},{filled.group.pk}"
    assert rows(inbox(as_ada, asked)) == [filled.group.pk]
    html = inbox(as_ada, f"{asked}&stays={filled.long.pk}")
    assert rows(html) == [filled.long.pk, filled.group.pk]
    assert "unread" not in row(html, filled.long.pk).split(">")[0].split("href")[0]
    assert rows(inbox(as_ada, f"{asked}&stays={filled.everything.pk}")) == [filled.group.pk], "it was not asked for"
    assert rows(inbox(as_ada, f"{asked}&account={filled.studio.pk}&stays={filled.long.pk}")) == []


def test_who_may_not_see_it_does_not_get_the_one_that_is_open(client, cleo, filled):
    factories.MembershipFactory(user=cleo, x_account=factories.SyncStateFactory().x_account)
    client.force_login(cleo)
    assert rows(inbox(client, f"?unread=1&only={filled.long.pk}&stays={filled.long.pk}")) == []
