"""The list as a place to work: filters stay set, rows stay where one works, and one comes back to one's place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from conversations.models import SyncState
from tests.conversations.page_support import unread_of
from tests.e2e.conftest import DESK, PHONE
from tests.e2e.test_live import arrive, is_live
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


def listed(page):
    return page.locator("#list .row").evaluate_all("rows => rows.map(row => row.dataset.conversation)")


def told_anew(page, act):
    """Until the page shows what it was told of the list after `act`: another number of unread ones, or another age."""
    told = "[document.getElementById('accounts').textContent, document.getElementById('read-at').textContent].join()"
    before = page.evaluate(told)
    act()
    wait_until(page, f"before => {told} !== before", before)


def opens(page, pk):
    """Without a pointer, under which no row would move."""
    row(page, pk).evaluate("row => row.click()")


def told_of_all(page):
    """What a page does that was away: it asks for the whole list."""

    def ask():
        SyncState.objects.update(last_success_at=datetime.now(UTC) - timedelta(hours=3))
        page.evaluate("window.dispatchEvent(new Event('online'))")

    told_anew(page, ask)


def test_the_open_row_stays_in_a_list_of_unread_ones_until_another_is_opened(visit, ada, filled):
    page = visit(ada).open("/?unread=1")
    before = listed(page)
    told_anew(page, lambda: opens(page, before[2]))
    wait_until(page, "document.querySelector('#list .row[aria-current]:not(.unread):not(:has(.dot))') !== null")
    assert listed(page) == before
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.dataset.conversation") == before[3]
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.dataset.conversation") == before[2]
    told_anew(page, lambda: opens(page, before[4]))
    wait_until(page, "pk => !document.querySelector(`#list .row[data-conversation='${pk}']`)", before[2])
    assert listed(page)[:4] == [before[0], before[1], before[3], before[4]]


def test_the_open_row_stays_where_the_whole_list_is_asked_for(visit, ada, filled):
    page = visit(ada).open("/?unread=1")
    before = listed(page)
    told_anew(page, lambda: opens(page, before[2]))
    told_of_all(page)
    assert listed(page)[: len(before)] == before


def test_the_last_one_worked_off_stays_while_it_is_open(visit, ada, filled):
    page = visit(ada).open("/?unread=1&kind=group")
    told_anew(page, lambda: opens(page, filled.group.pk))
    told_of_all(page)
    assert listed(page) == [str(filled.group.pk)]
    page.keyboard.press("u")
    wait_until(page, "document.querySelector('#list .row.unread') !== null")
    assert page.locator("#thread-title").is_visible()


def test_the_last_row_of_those_loaded_stays_when_it_shows_otherwise(visit, ada, filled):
    page = visit(ada).open("/")
    before = listed(page)
    told_anew(
        page,
        lambda: page.evaluate("pk => document.querySelector(`.row[data-conversation='${pk}']`).click()", before[-1]),
    )
    assert before[-1] in listed(page)


def test_keys_work_on_an_open_conversation_that_has_no_row(visit, ada, filled):
    seen = visit(ada)
    page = seen.open(f"/c/{filled.long.pk}/?kind=group")
    page.wait_for_selector("#list .row")
    page.keyboard.press("u")
    wait_until(page, "document.getElementById('said').textContent === 'Marked as unread'")
    assert unread_of(ada).filter(pk=filled.long.pk).exists()
    assert page.url == f"{seen.address}/c/{filled.long.pk}/?kind=group"
    page.keyboard.press("e")
    page.wait_for_url(f"**/c/{filled.group.pk}/?kind=group")
    assert not unread_of(ada).filter(pk=filled.long.pk).exists()


def test_on_a_phone_e_marks_what_is_open_and_u_leads_back_to_the_list(visit, ada, filled):
    seen = visit(ada, **PHONE)
    page = seen.open(f"/c/{filled.long.pk}/?kind=one")
    page.keyboard.press("e")
    wait_until(page, "document.getElementById('said').textContent === 'Marked as read'")
    page.keyboard.press("u")
    page.wait_for_url(f"{seen.address}/?kind=one")
    assert row(page, filled.long.pk).locator(".dot").count() == 1


def test_a_page_left_open_over_midnight_tells_all_times_anew(visit, ada, filled):
    page = visit(ada).open("/")
    to_the_end(page)
    page.evaluate(
        """() => {
          document.getElementById("list").dataset.over = "1";
          for (const each of document.querySelectorAll("#list .row time")) each.textContent = "14:02";
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    wait_until(
        page, "() => ![...document.querySelectorAll('#list .row time')].some((each) => each.textContent === '14:02')"
    )
    assert len(listed(page)) == len(set(listed(page))) > 60


TOP_ROW = """() => {
  const box = document.querySelector("#list .list-scroll").getBoundingClientRect();
  const rows = [...document.querySelectorAll("#list .row")];
  const row = rows.find((each) => each.getBoundingClientRect().top >= box.top);
  return [row.dataset.conversation, Math.round(row.getBoundingClientRect().top - box.top)];
}"""


def to_the_end(page):
    for known in (30, 60):
        page.evaluate("document.querySelector('#list .more-pages').scrollIntoView()")
        wait_until(page, f"document.querySelectorAll('#list .row').length > {known}")


def far_down(page):
    """Below the first page of rows; the row at the top of the list, and where it stands."""
    to_the_end(page)
    page.evaluate("document.querySelectorAll('#list .row')[58].scrollIntoView()")
    page.evaluate("document.querySelector('#list .list-scroll').scrollBy(0, -11)")
    return page.evaluate(TOP_ROW)


@pytest.mark.parametrize("options", [PHONE, DESK], ids=["phone", "desktop"])
def test_the_list_is_where_it_was_left_for_who_comes_back_by_the_browser(visit, ada, filled, options):
    page = visit(ada, **options).open("/?kind=one")
    place = far_down(page)
    row(page, place[0]).click()
    page.wait_for_selector("#thread-title")
    page.go_back()
    wait_until(page, f"place => String(({TOP_ROW})()) === String(place)", place)


@pytest.mark.parametrize("options", [PHONE, DESK], ids=["phone", "desktop"])
def test_the_list_is_where_it_was_left_for_who_comes_back_from_the_thread(visit, ada, filled, options):
    seen = visit(ada, **options)
    page = seen.open("/?kind=one")
    place = far_down(page)
    row(page, place[0]).click()
    page.wait_for_selector("#thread-title")
    if options is PHONE:
        page.reload()
        page.get_by_role("link", name="Back to the inbox").tap()
    else:
        page.keyboard.press("g")
        page.keyboard.press("i")
    page.wait_for_url(f"{seen.address}/?kind=one")
    wait_until(page, f"place => String(({TOP_ROW})()) === String(place)", place)


def test_who_opens_the_list_by_a_link_begins_at_its_top(visit, ada, filled):
    seen = visit(ada)
    page = seen.open("/")
    far_down(page)
    seen.open("/open/")
    seen.open("/")
    assert page.evaluate("document.querySelector('#list .list-scroll').scrollTop") == 0
    assert len(listed(page)) == 30


def test_no_row_moves_under_a_pointer_until_it_rests(visit, ada, filled):
    page = visit(ada).open_live("/")
    is_live(page)
    before = listed(page)
    ben = before.index(str(filled.everything.pk))
    aim = row(page, before[1]).bounding_box()
    page.mouse.move(aim["x"] + 40, aim["y"] + 20)
    arrive(filled.everything, "A wholly new question")
    row(page, filled.everything.pk).get_by_text("A wholly new question").wait_for()
    assert listed(page) == before, "it shows what is new of it where it stands"
    assert ben > 1
    page.mouse.move(aim["x"] + 60, aim["y"] + 20)
    wait_until(page, "pk => document.querySelector('#list .row').dataset.conversation === pk", before[ben])
    assert len(listed(page)) == len(before)


def test_who_walks_the_list_by_keys_finds_it_as_it_was(visit, ada, filled):
    page = visit(ada).open_live("/")
    is_live(page)
    before = listed(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    arrive(filled.everything, "A wholly new question")
    row(page, filled.everything.pk).get_by_text("A wholly new question").wait_for()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.dataset.conversation") == before[2]
    wait_until(
        page, "pk => document.querySelector('#list .row').dataset.conversation === pk", str(filled.everything.pk)
    )


def test_what_is_worked_off_by_keys_leaves_the_list_when_they_rest(visit, ada, filled):
    page = visit(ada).open("/?unread=1")
    before = listed(page)
    page.keyboard.press("j")
    told_anew(page, lambda: page.keyboard.press("e"))
    page.keyboard.press("e")
    wait_until(page, "pk => document.activeElement.dataset.conversation === pk", before[2])
    assert listed(page) == before
    wait_until(page, "pk => document.querySelector('#list .row').dataset.conversation === pk", before[2])
    assert page.evaluate("document.activeElement.dataset.conversation") == before[2]
