"""What can break while people look: a killed server, a proxy that keeps, a removed member, an ended session."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from accounts import actions as accounts
from accounts import grants
from accounts.models import Membership
from conversations.models import ReadMark
from tests.e2e import rich
from tests.e2e.conftest import process_at, serving
from tests.e2e.test_live import arrive, is_live
from tests.e2e.test_live_connection import (
    REFUSED,
    WITHOUT_SHARED_WORKERS,
    begin_tabs,
    says,
    shows_once,
    wait_until_open,
)
from tests.e2e.test_reading import wait_until
from tests.services import free_port

pytestmark = pytest.mark.browser
SOON = 8_000
"""Milliseconds: two looks, of a page or of the server at who may see what, on a busy machine."""
NO_STREAMS = """window.EventSource = class extends EventTarget {
  readyState = 0;
  close() {}
}"""


@pytest.fixture
def filled(transactional_db, ada):
    return rich.fill(ada, datetime.now(UTC))


@pytest.fixture
def both(visit, ada, ben, filled):
    """The browsers of Ada and of Ben, each on the same thread and live."""
    Membership.objects.create(user=ben, x_account=filled.long.x_account)
    rich.read_most(ada, filled.long)
    visits = visit(ada), visit(ben)
    for each in visits:
        is_live(each.open_live(f"/c/{filled.long.pk}/"))
    return visits


def test_eight_tabs_catch_up_after_the_web_process_was_killed(through, proxy, ada, filled):
    ours, port = through(ada), free_port()
    proxy.upstream = f"127.0.0.1:{port}"
    with process_at(port) as process:
        pages = begin_tabs(ours, filled, 8)
        before = arrive(filled.long, "Before")
        for page in pages:
            shows_once(page, before)
        process.kill()
        process.wait(20)
    for page in pages:
        wait_until(page, "document.getElementById('live-state').dataset.state !== 'live'")
    missed = [arrive(filled.long, "While nobody served"), arrive(filled.long, "And one more")]
    with serving(port):
        for page in pages:
            is_live(page)
            shows_once(page, before, *missed)
        after = arrive(filled.long, "After")
        for page in pages:
            shows_once(page, after)
        wait_until_open(page, proxy, 1)
        for page in pages:
            page.close()


def test_behind_a_proxy_that_keeps_what_comes_pages_look_by_themselves(through, proxy, ada, filled):
    proxy.streams = "hold"
    page = through(ada).open_live(f"/c/{filled.long.pk}/")
    says(page, "polling")
    found = arrive(filled.long, "Found by looking")
    shows_once(page, found)
    proxy.streams = "pass"
    is_live(page)
    shows_once(page, found, arrive(filled.long, "Told by the stream"))


@pytest.fixture
def looking(visit, filled):
    """looking(user) -> Visit on a thread, without streams: its page looks every few seconds whether there is news."""

    def begin(user, **options):
        ours = visit(user, **options)
        for script in (WITHOUT_SHARED_WORKERS, NO_STREAMS):
            ours.context.add_init_script(script)
        page = ours.open_live(f"/c/{filled.long.pk}/")
        page.wait_for_selector(".bubble")
        wait_until(page, "document.getElementById('live-state')?.dataset.state === 'polling'")
        return ours

    return begin


def test_who_is_removed_sees_no_more_within_seconds_where_pages_look(looking, ben, filled):
    """Without hurry: the look finds it long before all is asked for again."""
    Membership.objects.create(user=ben, x_account=filled.long.x_account)
    ours = looking(ben)
    page = ours.page
    Membership.objects.filter(user=ben).delete()
    page.wait_for_selector(".bubble", state="detached", timeout=SOON)
    ours.expect_answer(404)


def test_where_pages_look_they_find_what_is_new_within_seconds_and_ask_for_nothing_else(looking, ada, filled):
    ours = looking(ada)
    page = ours.page
    asked = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(ours.address)))
    for _ in range(4):
        page.wait_for_event("response", lambda answer: answer.url.endswith("/live/now/"))
    # Once in a while a page asks for everything, so not between each two.
    assert ("/live/now/", "/live/now/") in pairwise(asked)
    found = arrive(filled.long, "Found by looking")
    page.wait_for_selector(f"#e{found.dm_event_id}", timeout=SOON)


def test_where_pages_look_they_learn_too_that_dminbox_was_updated(looking, ada, filled):
    """They keep what somebody may be typing, and ask for nothing more than before."""
    ours = looking(ada, service_workers="block")  # one would ask in place of the page, out of reach of a route
    ours.expect("console: Service Worker registration blocked")
    page = ours.page
    assert not page.locator("#updated").is_visible()

    def answer_as_after_an_update(route):
        stand, _ = route.fetch().text().split("\n")
        route.fulfill(body=f"{stand}\n2", content_type="text/plain")

    page.route("**/live/now/", answer_as_after_an_update)
    page.locator("#updated").wait_for(timeout=SOON)
    assert page.locator("#live").text_content() == "dminbox was updated."
    page.unroute_all(behavior="wait")


def test_one_of_two_people_is_removed_and_the_other_goes_on(both, ben, filled):
    adas, bens = both
    Membership.objects.filter(user=ben).delete()
    bens.page.wait_for_selector(".bubble", state="detached", timeout=SOON)
    shows_once(adas.page, arrive(filled.long, "For Ada alone"))
    is_live(adas.page)
    bens.expect(*REFUSED)


def test_what_one_person_reads_is_read_for_this_person_alone(visit, both, ada, ben, filled):
    there = [visit(user).open_live("/") for user in (ada, ben)]
    for page in there:
        is_live(page)
    both[1].page.close()
    row = f'.row[data-conversation="{filled.long.pk}"]'
    event = arrive(filled.long, "Read by Ada")
    for page in there:
        page.locator(row, has_text="Read by Ada").wait_for()
    there[0].wait_for_selector(f"{row}:not(.unread)")
    assert ReadMark.objects.get(user=ada, conversation=filled.long).dm_event_id == event.dm_event_id
    arrive(filled.group, "Shown to both after that")
    for page in there:
        page.get_by_text("Shown to both after that").first.wait_for()
    assert there[1].locator(f"{row}.unread").count() == 1


def test_an_account_that_is_disconnected_says_so_in_the_open_thread(both, ada, filled, monkeypatch):
    monkeypatch.setattr(grants, "revoke", lambda *tokens: True)
    accounts.disconnect(filled.support, ada)
    for each in both:
        each.page.wait_for_selector(".thread > .notice")
        assert "has been disconnected since" in each.page.locator(".thread > .notice").inner_text()
        assert each.page.locator(".bubble").count() > 0


def test_who_signs_out_in_one_tab_is_signed_out_in_all(visit, ada, filled):
    ours = visit(ada)
    thread, inbox = ours.open_live(f"/c/{filled.long.pk}/"), ours.context.new_page()
    inbox.goto(f"{ours.address}/")
    for page in (thread, inbox):
        is_live(page)
    inbox.locator(".bar-leave button").click()
    thread.wait_for_selector(".bubble", state="detached", timeout=SOON)
    thread.wait_for_url("**/login/**")
