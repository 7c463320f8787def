"""When an open thread counts as read, and that nothing on the way to the server loses that."""

from __future__ import annotations

import pytest

from conversations.actions import mark_read
from conversations.models import ReadMark, XUser
from tests.e2e import rich
from tests.e2e.test_live import arrive, hide, is_live, wait_for
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser
IS_IN_SIGHT = """line => {
    const { top, bottom } = document.getElementById('scroller').getBoundingClientRect();
    const place = line.getBoundingClientRect();
    return place.top >= top && place.bottom <= bottom;
}"""


def marked(user, conversation):
    return ReadMark.objects.filter(user=user, conversation=conversation).values_list("dm_event_id", flat=True).first()


@pytest.mark.parametrize(
    "happens", ["window.dispatchEvent(new Event('online'))", "window.htmx.trigger(document, 'visibilitychange')"]
)
@pytest.mark.parametrize("answer", ["none", "error"])
def test_a_mark_that_did_not_arrive_is_sent_again(visit, ada, filled, answer, happens):
    seen = visit(ada)
    seen.expect("/read/", "console: ")  # the browser tells of the failure
    is_well = []

    def fail_at_first(route):
        if is_well:
            route.continue_()
        elif answer == "none":
            route.abort()
        else:
            route.fulfill(status=503, body="Not now")

    seen.context.route("**/read/", fail_at_first)
    page = seen.open(f"/c/{filled.everything.pk}/")
    wait_until(page, "document.querySelector('#mark-read:not([data-sent])') !== null")
    assert marked(ada, filled.everything) is None
    is_well.append(True)
    page.evaluate(f"() => {happens}")
    wait_until(page, "document.querySelector('#mark-read') === null")
    assert marked(ada, filled.everything) == filled.everything.last_dm_event_id


def test_a_mark_that_did_not_arrive_is_sent_with_the_next_news(visit, ada, filled):
    seen = visit(ada)
    seen.expect("/read/", "console: ")
    seen.context.route("**/read/", lambda route: route.abort())
    page = seen.open_live(f"/c/{filled.everything.pk}/")
    is_live(page)
    wait_until(page, "document.querySelector('#mark-read:not([data-sent])') !== null")
    seen.context.unroute("**/read/")
    event = arrive(filled.everything, "One more")
    wait_for(page, lambda: marked(ada, filled.everything) == event.dm_event_id)


def test_what_somebody_wants_unread_again_stays_so_in_the_open_thread(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.everything.pk}/")
    is_live(page)
    newest = filled.everything.last_dm_event_id
    wait_for(page, lambda: marked(ada, filled.everything) == newest)
    page.keyboard.press("u")
    wait_for(page, lambda: marked(ada, filled.everything) < newest)
    XUser.objects.filter(pk=filled.everything.peer_id).update(name="Looked at anew")
    page.evaluate("() => liveThread.want()")
    wait_until(page, "document.getElementById('thread-title').textContent === 'Looked at anew'")
    assert page.locator("#mark-read").count() == 0
    assert marked(ada, filled.everything) < newest


# --- More than a page is new ------------------------------------------------------------------------------------------


@pytest.fixture
def long(ada, filled):
    """Ada has read the first hundred of 240."""
    read = filled.long.events.order_by("dm_event_id")[100].dm_event_id
    ReadMark.objects.create(user=ada, conversation=filled.long, dm_event_id=read)
    filled.long.read_to = read
    return filled.long


def is_marked(page, to):
    wait_until(page, "document.querySelector('#mark-read:not([data-sent])') === null")
    return to == ReadMark.objects.get().dm_event_id


def test_what_is_new_above_is_not_read_before_its_line_was_seen(visit, ada, long):
    page = visit(ada).open(f"/c/{long.pk}/")
    assert ReadMark.objects.get().dm_event_id == long.read_to
    above = page.locator("#unread-above")
    assert "new since" in above.inner_text()
    for _ in range(12):
        page.locator("#scroller").evaluate("box => { box.scrollTop = -box.scrollHeight }")
        page.wait_for_timeout(150)
        if page.locator("#unread-line").count():
            break
    page.locator("#unread-line").scroll_into_view_if_needed()
    above.wait_for(state="detached")
    assert is_marked(page, long.last_dm_event_id)
    assert page.locator("#list .row[aria-current]:not(.unread)").count() == 1


def test_from_the_line_downwards_it_is_read_page_by_page(visit, ada, long):
    page = visit(ada).open(f"/c/{long.pk}/")
    page.locator("#unread-above a").click()
    page.locator("#unread-line").wait_for()
    assert ReadMark.objects.get().dm_event_id == long.read_to
    while page.get_by_role("link", name="Newer messages").count():
        last = int(page.locator("article.event").last.get_attribute("id")[1:])
        assert page.locator("#unread-line").evaluate(IS_IN_SIGHT)
        page.locator("#scroller").evaluate("box => { box.scrollTop = 0 }")
        wait_for(page, lambda: ReadMark.objects.get().dm_event_id == last)  # noqa: B023 (asked at once)
        assert page.locator("#list .row.unread[aria-current]").count() == 1
        page.get_by_role("link", name="Newer messages").click()
        page.wait_for_url(f"**after={last}*")
    wait_for(page, lambda: ReadMark.objects.get().dm_event_id == long.last_dm_event_id)


def test_the_button_marks_all_of_it_as_read(visit, ada, long):
    page = visit(ada).open(f"/c/{long.pk}/")
    page.get_by_role("button", name="Mark as read").click()
    page.locator("#unread-above").wait_for(state="detached")
    assert is_marked(page, long.last_dm_event_id)


def test_without_scripts_the_button_does_too(visit, ada, long):
    page = visit(ada, java_script_enabled=False).open(f"/c/{long.pk}/")
    page.get_by_role("button", name="Mark as read").click()
    assert page.url.endswith("/")
    assert ReadMark.objects.get().dm_event_id == long.last_dm_event_id


def test_news_do_not_read_what_is_new_above_them(visit, ada, long):
    page = visit(ada).open_live(f"/c/{long.pk}/")
    is_live(page)
    event = arrive(long, "One more")
    page.wait_for_selector(f"#e{event.dm_event_id}")
    wait_until(
        page, "id => document.querySelector('#mark-read [name=dm_event_id]').value === id", str(event.dm_event_id)
    )
    assert ReadMark.objects.get().dm_event_id == long.read_to
    page.get_by_role("button", name="Mark as read").click()
    page.locator("#unread-above").wait_for(state="detached")
    assert is_marked(page, event.dm_event_id)


def test_what_is_read_elsewhere_is_no_longer_called_new_here(visit, ada, long):
    page = visit(ada).open_live(f"/c/{long.pk}/")
    is_live(page)
    page.locator("#unread-above").wait_for()
    mark_read(ada, long, long.last_dm_event_id)
    page.evaluate("() => liveThread.want()")
    page.locator("#unread-above").wait_for(state="detached")
    assert page.locator("#mark-read").count() == 0


# --- While nobody looks -----------------------------------------------------------------------------------------------

LINE_ABOVE = "id => document.querySelector(`#unread-line + #e${id}`) !== null"


def leave(page, is_away=True):
    """For another window, and back; this one is still to be seen."""
    page.evaluate(
        "isAway => { document.hasFocus = () => !isAway; dispatchEvent(new Event(isAway ? 'blur' : 'focus')) }", is_away
    )


def test_what_comes_while_one_works_in_another_window_is_read_when_one_is_back(visit, ada, filled):
    rich.read_most(ada, filled.long)
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    newest = filled.long.last_dm_event_id
    wait_for(page, lambda: marked(ada, filled.long) == newest)
    leave(page)
    first, last = arrive(filled.long, "Nobody looks"), arrive(filled.long, "Still nobody")
    page.wait_for_selector(f"#e{last.dm_event_id}")
    wait_until(page, LINE_ABOVE, str(first.dm_event_id))
    page.wait_for_timeout(300)
    assert marked(ada, filled.long) == newest
    leave(page, False)
    wait_for(page, lambda: marked(ada, filled.long) == last.dm_event_id)
    wait_until(page, "document.querySelector('#mark-read') === null")
    seen = arrive(filled.long, "Somebody looks")
    wait_for(page, lambda: marked(ada, filled.long) == seen.dm_event_id)
    wait_until(page, "document.querySelector('#mark-read') === null")
    assert page.evaluate(LINE_ABOVE, str(first.dm_event_id)), "it stays where one came back to"
    leave(page)
    away = arrive(filled.long, "Gone again")
    wait_until(page, LINE_ABOVE, str(away.dm_event_id))
    assert page.locator(".unread-line").count() == 1


def test_what_comes_to_a_page_that_nobody_sees_comes_under_a_line(visit, ada, filled):
    rich.read_most(ada, filled.long)
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    wait_until(page, "document.querySelector('#mark-read') === null")
    hide(page, True)
    first, last = arrive(filled.long, "While nobody looks"), arrive(filled.long, "Still nobody")
    page.wait_for_timeout(1500)
    hide(page, False)
    page.wait_for_selector(f"#e{last.dm_event_id}")
    assert page.evaluate(LINE_ABOVE, str(first.dm_event_id))
    wait_for(page, lambda: marked(ada, filled.long) == last.dm_event_id)
