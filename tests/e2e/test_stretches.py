"""An older stretch of a thread: how one goes on from it, and how one learns there of what is new."""

from __future__ import annotations

import pytest

from tests.e2e import rich
from tests.e2e.conftest import QUIET
from tests.e2e.test_live import arrive, is_live, wait_for
from tests.e2e.test_read_marks import marked
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser
NEAR_THE_TOP = """id => {
  const { top } = document.getElementById('scroller').getBoundingClientRect();
  const below = document.getElementById(id).getBoundingClientRect().top - top;
  return below >= 0 && below < 120;
}"""


@pytest.fixture
def ids(ada, filled):
    rich.read_most(ada, filled.long)
    return list(filled.long.events.order_by("dm_event_id").values_list("dm_event_id", flat=True))


def test_newer_messages_go_on_with_the_first_of_them(visit, filled, ada, ids):
    page = visit(ada).open(f"/c/{filled.long.pk}/?at={ids[60]}")
    page.locator("#scroller").evaluate("box => (box.scrollTop = 0)")
    last = int(page.locator("article.event").last.get_attribute("id")[1:])
    page.get_by_role("link", name="Newer messages").click()
    page.wait_for_url(f"**after={last}*")
    following = ids[ids.index(last) + 1]
    wait_until(page, NEAR_THE_TOP, f"e{following}")
    page.wait_for_function(QUIET)  # what stands above it has come in
    assert page.evaluate(NEAR_THE_TOP, f"e{following}")


def test_a_message_that_comes_while_one_reads_an_older_stretch_is_told_of(visit, filled, ada, ids):
    seen = visit(ada)
    page = seen.open_live(f"/c/{filled.long.pk}/e/{ids[60]}/")
    is_live(page)
    stretch = page.locator("article.event").count()
    first = arrive(filled.long, "One more")
    button = page.get_by_role("button", name="1 new message")
    button.wait_for()
    wait_until(page, "document.getElementById('live').innerText.startsWith('New message from')")
    page.locator("#scroller").evaluate("box => (box.scrollTop = 0)")
    last = arrive(filled.long, "And another")
    page.get_by_role("button", name="2 new messages").wait_for()
    assert page.locator("article.event").count() == stretch
    assert marked(ada, filled.long) < first.dm_event_id
    page.get_by_role("button", name="2 new messages").click()
    page.wait_for_url(f"{seen.address}/c/{filled.long.pk}/")
    page.locator(f"#e{last.dm_event_id}").wait_for()
    wait_for(page, lambda: marked(ada, filled.long) == last.dm_event_id)
