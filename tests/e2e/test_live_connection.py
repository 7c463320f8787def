"""What pages do while the way to the server is bad: they say so, help themselves, and miss nothing in the end."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Membership
from tests.e2e import rich
from tests.e2e.conftest import NETWORK, PHONE, serving
from tests.e2e.test_live import arrive, is_live
from tests.e2e.test_reading import wait_until
from tests.services import free_port

pytestmark = pytest.mark.browser
WITHOUT_SHARED_WORKERS = "delete window.SharedWorker"
MUTE = "window.SharedWorker = class { port = { postMessage() {} } }"
FAILING = """window.SharedWorker = class {
  port = { postMessage() {} };
  constructor() { setTimeout(() => this.onerror(new Event('error'))); }
}"""
REFUSED = ("404", "console: Failed to load resource")


@pytest.fixture
def filled(transactional_db, ada):
    return rich.fill(ada, datetime.now(UTC))


def says(page, state):
    wait_until(page, "state => document.getElementById('live-state')?.dataset.state === state", state)


def shows_once(page, *events):
    for event in events:
        page.wait_for_selector(f"#e{event.dm_event_id}", state="attached")
        assert page.locator(f"[id='e{event.dm_event_id}']").count() == 1
    ids = page.locator("#scroller .events > [id^='e']").evaluate_all(
        "all => all.map((each) => BigInt(each.id.slice(1)))"
    )
    assert ids == sorted(set(ids))


def begin_tabs(ours, filled, number):
    """Pages of one browser, each opened and live."""
    pages = [ours.page, *[ours.context.new_page() for _ in range(number - 1)]]
    for page in pages[1:]:
        ours.watch(page)
    for page in pages:
        page.goto(f"{ours.address}/c/{filled.long.pk}/")
        is_live(page)
    return pages


def test_after_a_restart_of_the_server_pages_catch_up_without_duplicates(through, proxy, ada, filled):
    ours, port = through(ada), free_port()
    proxy.upstream = f"127.0.0.1:{port}"
    with serving(port):
        thread = ours.open_live(f"/c/{filled.long.pk}/")
        inbox = ours.context.new_page()
        inbox.goto(f"{ours.address}/")
        is_live(thread)
        is_live(inbox)
        before = arrive(filled.long, "Before")
        shows_once(thread, before)
    wait_until(thread, "document.getElementById('live-state').dataset.state !== 'live'")
    while_away = [arrive(filled.long, "While nobody served"), arrive(filled.long, "And one more")]
    with serving(port):
        is_live(thread)
        shows_once(thread, before, *while_away)
        is_live(inbox)
        wait_until(inbox, "document.querySelector('#list .row .row-preview').innerText.includes('And one more')")
        shows_once(thread, arrive(filled.long, "After"))
        for page in (thread, inbox):
            page.close()


def test_a_page_with_scripts_of_before_an_update_offers_to_be_loaded_anew(through, proxy, ada, filled, monkeypatch):
    """It does not do so by itself, for somebody may type."""
    ours, port = through(ada), free_port()
    proxy.upstream = f"127.0.0.1:{port}"
    with serving(port):
        page = ours.open_live(f"/c/{filled.long.pk}/")
        is_live(page)
        page.evaluate("window.isOld = true")
    wait_until(page, "document.getElementById('live-state').dataset.state !== 'live'")
    with serving(port):
        is_live(page)
        assert not page.locator("#updated").is_visible(), "nothing but a restart"
    wait_until(page, "document.getElementById('live-state').dataset.state !== 'live'")
    monkeypatch.setenv("STATIC_VERSION", "2")
    with serving(port):
        page.locator("#updated").wait_for()
        wait_until(page, "document.getElementById('live').textContent === 'dminbox was updated.'")
        assert page.evaluate("window.isOld")
        page.get_by_role("link", name="Reload").click()
        page.wait_for_function("!window.isOld")
        is_live(page)
        assert not page.locator("#updated").is_visible()
        page.close()


@pytest.mark.parametrize("streams", ["swallow", "refuse"])
def test_where_no_stream_comes_through_the_page_asks_and_says_so_until_one_does(through, proxy, ada, filled, streams):
    proxy.streams = streams
    page = through(ada).open_live(f"/c/{filled.long.pk}/")
    says(page, "polling")
    assert page.locator("#live-state").inner_text() == "checking every 4 s"
    asked = arrive(filled.long, "Found by asking")
    shows_once(page, asked)
    proxy.streams = "pass"
    is_live(page)
    shows_once(page, asked, arrive(filled.long, "Told by the stream"))


def test_a_phone_says_in_the_thread_how_news_come_and_tells_when_that_changes(through, proxy, ada, filled):
    proxy.streams = "refuse"
    page = through(ada, **PHONE).open_live(f"/c/{filled.long.pk}/")
    shown = page.locator(".thread-name .live-state")
    wait_until(page, "document.getElementById('live').textContent === 'checking every 4 s'")
    assert shown.inner_text() == "checking every 4 s"
    proxy.streams = "pass"
    wait_until(page, "document.getElementById('live').textContent === 'live'")
    assert shown.is_visible()
    page.set_viewport_size({"width": 1280, "height": 800})
    assert not shown.is_visible()


def test_what_came_while_the_network_was_away_is_there_when_it_is_back(through, proxy, ada, filled):
    page = through(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    proxy.lose_network()
    wait_until(page, "document.getElementById('live-state').dataset.state !== 'live'")
    missed = [arrive(filled.long, "One"), arrive(filled.long, "Two")]
    proxy.find_network()
    is_live(page)
    shows_once(page, *missed)


def test_where_the_server_does_not_answer_the_page_says_since_when_until_it_does(through, proxy, ada, filled):
    page = through(ada, timezone_id="Europe/Oslo").open_live("/")
    is_live(page)
    before = datetime.now(ZoneInfo("Europe/Oslo"))
    proxy.lose_network()
    says(page, "lost")
    since = page.locator("#live-state").inner_text().removeprefix("offline since ")
    assert f"{before:%H:%M}" <= since <= f"{datetime.now(ZoneInfo('Europe/Oslo')):%H:%M}"
    assert page.locator("#live").inner_text() == f"offline since {since}"
    proxy.streams = "refuse"
    proxy.find_network()
    says(page, "polling")
    assert page.locator("#live-state").inner_text() == "checking every 4 s"
    proxy.streams = "pass"
    is_live(page)


def test_a_stream_that_fell_silent_while_the_machine_slept_is_opened_anew(through, proxy, ada, filled):
    page = through(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    proxy.streams = "swallow"
    missed = arrive(filled.long, "Into a dead line")
    wait_until(page, "document.getElementById('live-state').dataset.state !== 'live'")
    proxy.streams = "pass"
    is_live(page)
    shows_once(page, missed, arrive(filled.long, "Into a living one"))


def test_eight_tabs_hold_one_stream_and_each_is_live(through, proxy, ada, filled):
    pages = begin_tabs(through(ada), filled, 8)
    assert proxy.open_streams == 1
    event = arrive(filled.long, "To all of you")
    for page in pages:
        shows_once(page, event)
    assert proxy.open_streams == 1


def test_without_shared_workers_one_tab_speaks_for_all_and_another_when_it_is_closed(through, proxy, ada, filled):
    ours = through(ada)
    ours.context.add_init_script(WITHOUT_SHARED_WORKERS)
    speaker, *others = begin_tabs(ours, filled, 3)
    assert proxy.open_streams == 1
    first = arrive(filled.long, "To all of you")
    for page in (speaker, *others):
        shows_once(page, first)
    speaker.close()
    second = arrive(filled.long, "To those who are left")
    for page in others:
        shows_once(page, first, second)
        is_live(page)
    wait_until_open(others[0], proxy, 1)


def test_without_shared_workers_a_tab_that_comes_back_out_of_the_browsers_memory_hears_again(
    through, proxy, ada, filled
):
    ours = through(ada)
    ours.context.add_init_script(WITHOUT_SHARED_WORKERS)
    speaker, other = begin_tabs(ours, filled, 2)
    turn = "name => { dispatchEvent(new PageTransitionEvent(name, { persisted: true })) }"
    other.evaluate(turn, "pagehide")
    first = arrive(filled.long, "To those who are here")
    shows_once(speaker, first)
    assert other.locator(f"#e{first.dm_event_id}").count() == 0
    other.evaluate(turn, "pageshow")
    shows_once(other, first)
    second = arrive(filled.long, "To all of you")
    for page in (speaker, other):
        shows_once(page, first, second)


def test_without_shared_workers_no_tab_claims_to_be_live_while_the_one_that_speaks_is_not(through, proxy, ada, filled):
    ours = through(ada)
    ours.context.add_init_script(WITHOUT_SHARED_WORKERS)
    proxy.streams = "swallow"
    pages = [ours.page, ours.context.new_page()]
    for page in pages:
        page.goto(f"{ours.address}/c/{filled.long.pk}/")
    for page in pages:
        says(page, "polling")
    event = arrive(filled.long, "Found by asking")
    for page in pages:
        shows_once(page, event)
    proxy.streams = "pass"
    for page in pages:
        is_live(page)


@pytest.mark.parametrize("shared_worker", [MUTE, FAILING])
def test_where_the_shared_worker_cannot_be_loaded_the_page_listens_by_itself(visit, server, ada, filled, shared_worker):
    ours = visit(ada)
    ours.context.add_init_script(shared_worker)
    page = ours.open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    shows_once(page, arrive(filled.long, "Told all the same"))


def test_an_answer_that_never_comes_is_not_waited_for_for_ever(through, ada, filled):
    ours = through(ada)
    ours.context.add_init_script(WITHOUT_SHARED_WORKERS)
    ours.context.add_init_script("AbortSignal.timeout = ((real) => () => real(200))(AbortSignal.timeout)")
    page = ours.open_live("/")
    is_live(page)
    ours.context.route("**/never/", lambda route: None)
    asked = page.evaluate("() => Promise.race([answerTo('/never/'), new Promise((late) => setTimeout(late, 3000))])")
    assert asked == {"status": 0, "isLed": False, "text": ""}


def wait_until_open(page, proxy, streams):
    for _ in range(100):
        if proxy.open_streams == streams:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{proxy.open_streams} streams are open")


@pytest.mark.parametrize("path", ["/c/{}/", "/"])
def test_a_removed_member_sees_no_more_where_pages_ask(through, proxy, ben, filled, path):
    Membership.objects.create(user=ben, x_account=filled.long.x_account)
    proxy.streams = "swallow"
    page = through(ben, expected=NETWORK + REFUSED).open_live(path.format(filled.long.pk))
    says(page, "polling")
    page.wait_for_selector(f'.row[data-conversation="{filled.long.pk}"]')
    Membership.objects.filter(user=ben).delete()
    page.wait_for_selector(f'.row[data-conversation="{filled.long.pk}"]', state="detached")
    assert page.locator(".bubble").count() == 0


def test_who_was_removed_before_the_stream_began_is_led_away_too(through, proxy, ben, filled):
    Membership.objects.create(user=ben, x_account=filled.long.x_account)
    proxy.streams = "refuse"
    page = through(ben, expected=NETWORK + REFUSED).open_live(f"/c/{filled.long.pk}/")
    page.wait_for_selector(".bubble")
    Membership.objects.filter(user=ben).delete()
    proxy.streams = "pass"
    page.wait_for_selector(".bubble", state="detached")
