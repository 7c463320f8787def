"""Opening conversations from the list: two quick ones, one in another tab, and where the page is then."""

from __future__ import annotations

import pytest

from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser
GROUND = "each => getComputedStyle(each).backgroundColor"
SHOWN = "document.getElementById('conversation').dataset.conversation"


def rows_of(page, *places):
    return [page.locator("#list .row").nth(place).get_attribute("data-conversation") for place in places]


def unworked(visit, user):
    """Without the service worker, which asks by itself, past the routes of a test."""
    seen = visit(user, service_workers="block")
    seen.expect("console: Service Worker registration blocked")
    return seen


def opens(page, pk, **how):
    page.locator(f'#list .row[data-conversation="{pk}"]').click(**how)


def test_of_two_that_are_opened_quickly_the_page_shows_and_names_the_last(visit, ada, filled):
    seen = unworked(visit, ada)
    seen.expect("console: htmx:")  # the first question is given up
    page = seen.open("/")
    first, last = rows_of(page, 1, 3)
    held = []
    page.route(f"**/c/{first}/", lambda route: held.append(route))
    opens(page, first)
    page.wait_for_timeout(100)
    opens(page, last)
    wait_until(page, f"pk => {SHOWN} === pk", last)
    title = page.title().split(") ")[-1]  # the number before it goes down as it is read
    for route in held:
        route.continue_()
    page.wait_for_timeout(500)
    assert held
    assert page.url == f"{seen.address}/c/{last}/"
    assert page.title().endswith(title)
    assert page.evaluate(SHOWN) == last
    assert page.locator("#list .row[aria-current]").get_attribute("data-conversation") == last


def test_an_older_page_of_the_list_and_a_conversation_do_not_end_each_other(visit, ada, filled):
    seen = unworked(visit, ada)
    page = seen.open("/")
    count = page.locator("#list .row").count()
    held = []
    page.route("**/?*after=*", lambda route: held.append(route))
    page.locator("#list .list-scroll").evaluate("box => (box.scrollTop = box.scrollHeight)")
    wait_until(page, "document.querySelector('.more-pages a.htmx-request') !== null")
    (pk,) = rows_of(page, count - 1)
    opens(page, pk)
    wait_until(page, f"pk => {SHOWN} === pk", pk)
    for route in held:
        route.continue_()
    wait_until(page, "count => document.querySelectorAll('#list .row').length > count", count)
    assert page.url == f"{seen.address}/c/{pk}/"


@pytest.mark.parametrize("key", ["Control", "Shift"])
def test_a_click_for_another_tab_is_left_to_the_browser(visit, ada, filled, key):
    seen = visit(ada)
    page = seen.open("/")
    (pk,) = rows_of(page, 2)
    with seen.context.expect_page(timeout=5000) as opened:
        opens(page, pk, modifiers=[key])
    opened.value.wait_for_url(f"**/c/{pk}/")
    assert page.url == f"{seen.address}/"
    assert page.locator("#thread-title").count() == 0


def test_a_conversation_that_takes_long_is_marked_at_once_and_the_one_before_steps_back(visit, ada, filled):
    page, held = unworked(visit, ada).open(f"/c/{filled.long.pk}/"), []
    page.route(f"**/c/{filled.group.pk}/", lambda route: held.append(route))
    asked = page.locator(f'#list .row[data-conversation="{filled.group.pk}"]')
    ground = page.locator("#list .row[aria-current]").evaluate(GROUND)
    assert asked.evaluate(GROUND) != ground
    asked.click()
    page.mouse.move(0, 0)
    wait_until(page, "getComputedStyle(document.getElementById('conversation')).opacity < 1")
    assert asked.evaluate(GROUND) == ground
    held[0].continue_()
    page.locator(f"#conversation[data-conversation='{filled.group.pk}']").wait_for()
    wait_until(page, "getComputedStyle(document.getElementById('conversation')).opacity === '1'")
