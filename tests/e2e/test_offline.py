"""The inbox without a network, in a browser: what is shown, to whom, and when it is gone."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import Error

from accounts.models import Membership
from tests import factories
from tests.e2e.conftest import PHONE
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser
KEPT = "() => caches.open('dminbox-kept-1').then(store => store.match('/offline/')).then(Boolean)"
IS_KEPT = f"async () => await ({KEPT})()"
IS_GONE = f"async () => !(await ({KEPT})())"
HOLDS = """async (words) => {
  const kept = await (await caches.open('dminbox-kept-1')).match('/offline/');
  return Boolean(kept) && (await kept.text()).includes(words);
}"""
PUT = """async ([words, at]) => {
  const store = await caches.open('dminbox-kept-1');
  const headers = { "kept-for": document.body.dataset.person, "kept-at": String(at ?? Date.now()) };
  await store.put('/offline/', new Response(words, { headers }));
}"""
BEFORE = "what was read before"
IS_DROPPED = f"async () => !(await ({HOLDS})('{BEFORE}'))"
"""Of a list so young that it is not read anew: it goes by being dropped alone, whatever is kept after it."""
IN_CARE = "async () => Boolean(navigator.serviceWorker.controller)"
OFFLINE = "net::ERR_INTERNET_DISCONNECTED"


def holds(page, words):
    return page.evaluate(HOLDS, words)


def wait_for(page, expression):
    """Asked time and again: `wait_for_function` takes the promise of an async function for its answer."""
    for _ in range(200):
        with suppress(Error):  # the page is being left
            if page.evaluate(f"() => ({expression})()"):
                return
        page.wait_for_timeout(50)
    raise AssertionError(f"it did not come: {expression}")


@pytest.fixture
def keeping(visit, ada, filled):
    """A browser that has kept the list of Ada's inbox."""
    found = visit(ada)
    found.expect(OFFLINE)
    wait_for(found.open("/"), IS_KEPT)
    wait_for(found.page, IN_CARE)
    return found


def without_network(found, path="/"):
    found.context.set_offline(True)
    found.page.goto(found.address + path)
    return found.page


def test_without_a_network_the_last_read_list_is_shown_and_marked_as_old(keeping):
    page = without_network(keeping)
    assert page.get_by_role("status").inner_text().startswith("There is no connection to dminbox.")
    assert page.locator(".row-title", has_text="Ben Østergård").is_visible()
    assert page.locator("form, script").count() == 0
    keeping.context.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    page.wait_for_selector("#list")


def test_a_thread_is_not_kept(keeping, filled):
    page = without_network(keeping, f"/c/{filled.long.pk}/")
    assert page.locator(".bubble").count() == 0
    assert page.get_by_role("heading", name="Saved inbox").is_visible()


def test_signing_out_drops_the_list(keeping):
    keeping.page.get_by_role("button", name="Sign out").click()
    keeping.page.wait_for_url("**/accounts/login/**")
    wait_for(keeping.page, IS_GONE)
    page = without_network(keeping)
    assert page.get_by_text("No saved list is available").is_visible()


def test_somebody_else_who_signs_in_finds_nothing_of_it(keeping, visit, cleo):
    other = visit(cleo)
    cookie = next(each for each in other.context.cookies() if each["name"] == "dminbox_session")
    keeping.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": keeping.address}])
    page = keeping.open("/")
    wait_for(
        page,
        "async () => { const kept = await (await caches.open('dminbox-kept-1')).match('/offline/');"
        " return !kept || !(await kept.text()).includes('Ben Østergård'); }",
    )


def test_a_404_drops_the_list(keeping):
    keeping.expect_answer(404)
    keeping.page.evaluate(PUT, [BEFORE, None])
    keeping.page.goto(keeping.address + "/c/999999/")
    wait_for(keeping.page, IS_DROPPED)


@pytest.mark.parametrize(
    "asked",
    [
        "fetch('/c/999999/older/?before=1')",
        "fetch('/c/999999/unread/', { method: 'POST', body: new FormData(document.getElementById('deeds')) })",
    ],
)
def test_a_404_to_what_a_script_asks_for_drops_the_list(keeping, asked):
    keeping.expect_answer(404)
    keeping.page.evaluate(PUT, [BEFORE, None])
    assert keeping.page.evaluate(f"() => {asked}.then((answer) => answer.status)") == 404
    wait_for(keeping.page, IS_DROPPED)


def test_a_404_to_a_form_drops_the_list(keeping):
    keeping.expect_answer(404)
    keeping.page.evaluate(PUT, [BEFORE, None])
    with keeping.page.expect_navigation():
        keeping.page.evaluate(
            """() => {
              const form = document.querySelector("form.bar-leave");
              form.action = "/c/999999/unread/";
              form.submit();
            }"""
        )
    wait_for(keeping.page, IS_DROPPED)


def test_a_picture_that_is_missing_drops_nothing(keeping, filled):
    keeping.expect_answer(404)
    keeping.page.evaluate(PUT, [BEFORE, None])
    address = f"/c/{filled.long.pk}/files/999999/"
    assert keeping.page.evaluate(f"() => fetch('{address}').then((answer) => answer.status)") == 404
    assert holds(keeping.page, BEFORE)


def test_who_is_removed_keeps_the_list_no_longer_than_to_the_next_answer(keeping, ada, filled):
    keeping.expect_answer(404)
    keeping.page.evaluate(PUT, [BEFORE, None])
    Membership.objects.filter(user=ada).delete()
    keeping.page.goto(keeping.address + f"/c/{filled.long.pk}/")
    wait_for(keeping.page, IS_DROPPED)


def test_rows_of_an_x_account_that_is_lost_while_one_looks_are_not_kept(visit, ben, filled):
    own = factories.MembershipFactory(user=ben).x_account
    factories.SyncStateFactory(x_account=own)
    lost = Membership.objects.create(user=ben, x_account=filled.long.x_account)
    found = visit(ben)
    page = found.open("/")
    wait_for(page, IS_KEPT)
    wait_until(page, "document.getElementById('live-state')?.dataset.state === 'live'")
    assert holds(page, "Ben Østergård")
    lost.delete()
    page.wait_for_selector(f'.row[data-conversation="{filled.long.pk}"]', state="detached")
    wait_for(page, f"async () => await ({IS_KEPT})() && !(await ({HOLDS})('Ben Østergård'))")


def test_a_whole_list_that_is_read_anew_is_kept_anew(keeping):
    page = keeping.page
    page.evaluate(PUT, [BEFORE, 1])
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
    wait_for(page, f"async () => await ({HOLDS})('Ben Østergård')")


def test_a_list_older_than_a_day_is_not_shown(keeping):
    keeping.context.set_offline(True)  # else the page may keep it anew, for it is old
    keeping.page.evaluate(
        """async () => {
          const store = await caches.open("dminbox-kept-1");
          const kept = await store.match("/offline/");
          const headers = new Headers(kept.headers);
          headers.set("kept-at", String(Date.now() - 25 * 3600 * 1000));
          await store.put("/offline/", new Response(await kept.blob(), { headers }));
        }"""
    )
    assert without_network(keeping).get_by_text("No saved list is available").is_visible()


def test_the_kept_list_fits_a_phone(visit, ada, filled):
    found = visit(ada, **PHONE)
    found.expect(OFFLINE)
    wait_for(found.open("/"), IS_KEPT)
    page = without_network(found)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_401_drops_the_list(keeping):
    """The server leads people to the sign-in instead; what stands before it may say 401."""
    keeping.expect_answer(401)
    keeping.context.route("**/c/*/older/**", lambda route: route.fulfill(status=401, body=""))
    keeping.page.evaluate(PUT, [BEFORE, None])
    keeping.page.evaluate("() => htmx.ajax('GET', '/c/1/older/', {target: '#said'}).catch(() => {})")
    wait_for(keeping.page, IS_DROPPED)


def test_a_404_to_a_key_drops_the_list(keeping):
    keeping.expect_answer(404)
    keeping.context.route("**/unread/", lambda route: route.fulfill(status=404, body=""))
    keeping.open("/")
    keeping.page.evaluate(PUT, [BEFORE, None])
    keeping.page.locator("#list .row").first.focus()
    keeping.page.keyboard.press("u")
    wait_for(keeping.page, IS_DROPPED)


def test_switched_off_by_the_setting_a_browser_forgets_what_it_kept(keeping):
    worker = keeping.page.evaluate("async () => (await navigator.serviceWorker.ready).scope")
    assert worker
    keeping.page.evaluate(
        """async () => {
          document.body.dataset.offline = 'no';  // what the server writes there with OFFLINE_INBOX=no
          const script = document.createElement('script');
          script.src = document.querySelector('script[src*="/app."]').src + '?again';
          document.head.append(script);
        }"""
    )
    wait_for(keeping.page, "async () => (await caches.keys()).length === 0")
    wait_for(keeping.page, "async () => (await navigator.serviceWorker.getRegistrations()).length === 0")
