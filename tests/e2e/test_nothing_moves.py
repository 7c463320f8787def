"""What somebody reads stays where it is: while a page comes in over a slow line, when it is live, while they scroll."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import DESK, PHONE, QUIET
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser
BYTES_PER_SECOND = 60_000
WATCH = """
{
  window.moved = [];
  const name = (node) => node?.id || node?.className || node?.nodeName;
  const told = ({ node, previousRect, currentRect }) => `${name(node)}: ${previousRect.y} → ${currentRect.y}`;
  const note = (entries) => {
    for (const { value, sources } of entries) window.moved.push({ value, nodes: sources.map(told) });
  };
  const watching = new PerformanceObserver((list) => note(list.getEntries()));
  watching.observe({ type: "layout-shift", buffered: true });
  window.allMoves = () => {
    note(watching.takeRecords());
    return PerformanceObserver.supportedEntryTypes.includes("layout-shift") ? window.moved : null;
  };
}
"""


@pytest.fixture(params=[DESK, PHONE], ids=["desktop", "phone"])
def slow(request, visit, ada, filled):
    """open(path): a page on its way in pieces, looked at until it is quiet and live."""
    found = visit(ada, **request.param)
    found.page.add_init_script(WATCH)
    speed = {"downloadThroughput": BYTES_PER_SECOND, "uploadThroughput": BYTES_PER_SECOND}
    session = found.context.new_cdp_session(found.page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {"offline": False, "latency": 5, **speed})

    def open_(path):
        page = found.open_live(path)
        wait_until(page, "document.querySelector('.live-state[data-state=live]') !== null")
        page.wait_for_function(QUIET)
        return page

    return open_


def assert_nothing_moved(page):
    moved = page.evaluate("window.allMoves()")
    assert sum(each["value"] for each in moved) < 0.01, moved


def test_in_an_inbox(slow):
    page = slow("/")
    assert_nothing_moved(page)
    rows = page.locator("#list .row").count()
    page.mouse.move(200, 600)
    page.mouse.wheel(0, 20_000)
    wait_until(page, "rows => document.querySelectorAll('#list .row').length > rows", rows)
    page.wait_for_function(QUIET)
    assert_nothing_moved(page)


def test_rows_out_of_sight_take_the_room_they_have_when_they_are_looked_at(slow):
    page = slow("/")
    heights = "[...document.querySelectorAll('#list .row')].map((row) => row.getBoundingClientRect().height)"
    before = page.evaluate(heights)
    page.evaluate("for (const row of document.querySelectorAll('#list .row')) row.style.contentVisibility = 'visible'")
    assert page.evaluate(heights) == before
    assert len(before) > 20


@pytest.mark.parametrize("which", ["everything", "group", "long"])
def test_in_a_thread(slow, filled, which):
    page = slow(f"/c/{getattr(filled, which).pk}/")
    assert_nothing_moved(page)


def test_in_a_thread_while_older_messages_come_in(slow, filled):
    page = slow(f"/c/{filled.long.pk}/")
    messages = page.locator("#scroller .event").count()
    box = page.locator("#scroller").bounding_box()
    page.mouse.move(box["x"] + 80, box["y"] + 200)
    page.mouse.wheel(0, -20_000)
    wait_until(page, "messages => document.querySelectorAll('#scroller .event').length > messages", messages)
    page.wait_for_function(QUIET)
    assert_nothing_moved(page)


@pytest.mark.parametrize("which", ["everything", "group", "long"])
def test_when_a_thread_is_opened_from_the_list(slow, filled, which):
    page = slow("/")
    row = page.locator(f'.row[data-conversation="{getattr(filled, which).pk}"]')
    row.scroll_into_view_if_needed()
    row.evaluate("row => row.click()")  # no key or pointer, after which the browser would forgive what moves
    page.wait_for_selector("#thread-title")
    page.wait_for_function(QUIET)
    assert_nothing_moved(page)
