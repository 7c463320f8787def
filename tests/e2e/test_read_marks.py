"""When an open thread counts as read, and that nothing on the way to the server loses that."""

from __future__ import annotations

import pytest

from conversations.models import ReadMark, XUser
from tests.e2e.test_live import arrive, is_live, wait_for
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser


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
