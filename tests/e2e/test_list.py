"""The list as a place to work: filters stay set, rows stay where one works, and one comes back to one's place."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import PHONE
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser


def row(page, pk):
    return page.locator(f'#list .row[data-conversation="{pk}"]')


def test_filters_stay_set_when_a_thread_is_opened_loaded_anew_and_left(visit, ada, filled):
    seen = visit(ada)
    page = seen.open("/?unread=1&kind=group")
    row(page, filled.group.pk).click()
    page.wait_for_url(f"**/c/{filled.group.pk}/?kind=group&unread=1")
    page.reload()
    wait_until(page, "document.querySelectorAll('#list .pill[aria-current]').length === 3")
    assert page.locator("#list .row").count() == 0, "it has been read, and is the only group"
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url(f"{seen.address}/?kind=group&unread=1")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url(f"{seen.address}/")


def test_on_a_phone_the_way_back_leads_to_the_list_with_its_filters(visit, ada, filled):
    seen = visit(ada, **PHONE)
    page = seen.open("/?unanswered=1")
    row(page, filled.long.pk).tap()
    page.wait_for_selector("#thread-title")
    page.get_by_role("link", name="Back to the inbox").tap()
    page.wait_for_url(f"{seen.address}/?unanswered=1")


def test_coming_back_to_an_older_part_of_a_thread_keeps_the_filters_of_the_list(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.long.pk}/?kind=one")
    page.evaluate("() => document.getElementById('scroller').scrollTo(0, -99999)")
    page.locator("article", has_text="Message number 150").scroll_into_view_if_needed()
    page.goto(page.url.split("/c/")[0] + "/open/")
    page.go_back()
    page.wait_for_url("**?kind=one&at=*")
