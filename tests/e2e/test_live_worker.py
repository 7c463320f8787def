"""What the one stream of a browser's pages knows of each: in an order that a server would give them by chance alone."""

from __future__ import annotations

import pytest

from tests.e2e.test_live_connection import WITHOUT_SHARED_WORKERS

pytestmark = pytest.mark.browser
FAKE = """() => {
  window.EventSource = class extends EventTarget {
    static last = null;
    static opened = [];
    constructor(url) {
      super();
      EventSource.last = this;
      EventSource.opened.push(url);
    }
    close() {}
    say(name, id, data = "{}") {
      this.dispatchEvent(new MessageEvent(name, { data, lastEventId: id }));
    }
  };
  window.pages = new Pages();
  window.open_ = (from) => {
    const told = [];
    const send = ({ type, state }) => told.push(state ?? type);
    pages.hear({}, send, { type: "hello", url: "/live/", from });
    return told;
  };
}"""


@pytest.fixture
def page(visit, ada):
    """A page that has loaded the worker's script, with streams that speak when the test says so."""
    ours = visit(ada)
    ours.context.add_init_script(WITHOUT_SHARED_WORKERS)
    page = ours.open_live("/accounts/")
    page.add_script_tag(url="/static/js/live-worker.js")
    page.evaluate(FAKE)
    return page


def test_a_page_that_names_a_new_account_makes_the_server_say_whether_it_may(page):
    found = page.evaluate(
        """() => {
          const first = open_("3-120");
          EventSource.last.say("hello", "3-120");
          const second = open_("3-120.5-77");
          const asked = EventSource.opened.at(-1);
          EventSource.last.say("hello", "3-120.5-77");
          const third = open_("3-120.5-77");
          return { first, second, third, asked, opened: EventSource.opened.length };
        }"""
    )
    assert found["asked"] == "/live/?from=3-120.5-77"
    assert found["opened"] == 2
    assert "gone" not in found["first"] + found["second"] + found["third"]
    assert found["third"] == ["live"]


def test_a_page_that_names_an_account_that_is_lost_is_led_away(page):
    found = page.evaluate(
        """() => {
          open_("3-120");
          EventSource.last.say("hello", "3-120");
          const lost = open_("3-120.5-77");
          EventSource.last.say("hello", "3-120");
          return lost;
        }"""
    )
    assert found[-1] == "gone"


def test_a_page_of_several_accounts_is_behind_where_a_thread_began_the_stream_after_it_was_made(page):
    found = page.evaluate(
        """() => {
          open_("3-120");
          EventSource.last.say("hello", "3-120.5-78");
          return [open_("3-120.5-77"), open_("3-120.5-78")];
        }"""
    )
    assert found == [["live", "behind"], ["live"]]


def test_a_page_that_names_an_account_that_the_stream_has_not_heard_of_is_behind(page):
    assert page.evaluate("""() => { open_("3-120"); return open_("3-120.5-77"); }""") == ["again", "behind"]
