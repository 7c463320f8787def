"""The filters of the list stand in the addresses of the threads it leads to, and lead back from there."""

from __future__ import annotations

import re

import pytest

from tests.conversations.page_support import inbox, page

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def address(filled):
    return f"/c/{filled.group.pk}/"


def ways_back(html):
    """Where the list comes from, and where the arrow of a phone leads to."""
    asked = re.search(r'<section id="list".*?hx-get="([^"]*)"', html)[1]
    back = re.search(r'<a class="tool back" href="([^"]*)"', html)[1]
    return asked, back


def test_a_row_leads_to_a_thread_with_the_filters_of_its_list(as_ada, filled, address):
    html = inbox(as_ada, f"?unread=1&kind=group&account={filled.support.pk}&media=")
    expected = f"{address}?account={filled.support.pk}&amp;kind=group&amp;unread=1"
    assert f'href="{expected}"' in html
    assert f'hx-get="{expected}"' in html
    assert f'href="{address}"' in inbox(as_ada, "")
    assert f'href="{expected}"' in inbox(
        as_ada, f"?unread=1&kind=group&account={filled.support.pk}&only={filled.group.pk}"
    )


def test_a_thread_has_the_list_it_was_opened_from_beside_it(as_ada, address):
    html = page(as_ada, f"{address}?unread=1&person=ada+l&since=2026-11-01")
    assert ways_back(html) == ("/?unread=1&amp;since=2026-11-01&amp;person=ada+l",) * 2
    assert ways_back(page(as_ada, address)) == ("/", "/")


@pytest.mark.parametrize("query", ["?only=1", "?kind=none", "?next=/elsewhere/", "?unread=", "?account=x&unread=1"])
def test_what_is_no_filter_is_not_passed_on(as_ada, address, query):
    assert ways_back(page(as_ada, address + query)) == ("/", "/")


def test_all_that_stays_in_the_thread_keeps_them(as_ada, filled, address):
    html = page(as_ada, f"{address}?unanswered=1&show=messages")
    assert f'href="{address}?show=people&amp;unanswered=1"' in html
    assert f'href="{address}?unanswered=1"' in html
    assert 'data-kept="show=messages&amp;unanswered=1"' in html
    older = page(as_ada, f"/c/{filled.long.pk}/?unanswered=1")
    part = re.search(rf'href="/c/{filled.long.pk}/(\?before=[^"]*)"', older)[1].replace("&amp;", "&")
    assert part.endswith("&unanswered=1")
    assert ways_back(page(as_ada, f"/c/{filled.long.pk}/{part}"))[1] == "/?unanswered=1"


def test_permanent_addresses_of_messages_stay_clean(as_ada, filled, address):
    html = page(as_ada, f"{address}?unanswered=1")
    permanent = re.findall(rf'href="({address}e/[^"]*)"', html)
    assert permanent
    assert not [each for each in permanent if "unanswered" in each]


@pytest.mark.parametrize(("name", "fields"), [("read", {"dm_event_id": 1}), ("unread", {})])
def test_without_a_script_one_is_led_back_to_the_list_one_came_from(as_ada, address, name, fields):
    html = page(as_ada, f"{address}?kind=group")
    assert f'action="{address}{name}/?kind=group"' in html
    assert as_ada.post(f"{address}{name}/?kind=group&only=3", fields).url == "/?kind=group"


def test_an_x_account_in_the_list_beside_a_thread_leads_to_the_list(as_ada, filled):
    assert f'href="/?account={filled.studio.pk}&amp;unread=1"' in inbox(as_ada, "?unread=1")


def test_the_way_to_a_day_keeps_them(as_ada, filled):
    html = page(as_ada, f"/c/{filled.group.pk}/?unanswered=1&show=messages")
    form = re.search(r"<form[^>]*>\s*((?:<input type=\"hidden\"[^>]*>\s*)*)<input type=\"date\"", html)[1]
    assert re.findall(r'name="(\w+)" value="(\w+)"', form) == [("show", "messages"), ("unanswered", "1")]
    answer = as_ada.get(f"/c/{filled.group.pk}/?on=1999-01-01&unanswered=1")
    assert "&unanswered=1#e" in answer["Location"]
