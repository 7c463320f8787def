"""A person finds things without a mouse: keys in the list, the key sheet, the palette, filters, a person's page."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from accounts.models import User
from conversations import actions
from tests.conversations.page_support import unread_of
from tests.e2e import rich
from tests.e2e.conftest import NETWORK, PHONE
from tests.e2e.looking import pictures, violations
from tests.e2e.test_nothing_moves import WATCH, assert_nothing_moved
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser


def focused_pk(page):
    return page.evaluate("() => document.activeElement.dataset.conversation ?? null")


def listed(page):
    return page.locator("#list .row").evaluate_all("rows => rows.map(row => row.dataset.conversation)")


def test_j_and_k_move_in_the_list_and_enter_opens(visit, ada, filled):
    page = visit(ada).open("/")
    rows = listed(page)
    for key, expected in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        assert focused_pk(page) == rows[expected]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/c/{rows[1]}/")
    wait_until(page, "document.activeElement.id === 'thread-title'")
    page.keyboard.press("j")
    assert focused_pk(page) == rows[2], "j goes on from the open conversation"


def test_j_at_the_end_of_the_list_brings_older_conversations(visit, ada, filled):
    page = visit(ada).open("/")
    count = len(listed(page))
    page.locator("#list .row").nth(count - 1).focus()
    page.keyboard.press("j")
    wait_until(page, "n => document.querySelectorAll('#list .row').length > n", count)


def test_e_marks_read_and_goes_on_and_u_takes_it_back(visit, ada, filled):
    page = visit(ada).open("/")
    rows = listed(page)
    page.keyboard.press("j")
    page.keyboard.press("e")
    wait_until(page, "pk => document.activeElement.dataset.conversation === pk", rows[1])
    first = page.locator(f'.row[data-conversation="{rows[0]}"]')
    assert "unread" not in first.get_attribute("class")
    assert not is_unread(ada, rows[0])
    wait_until(page, "document.getElementById('said').textContent === 'Marked as read'")
    page.keyboard.press("k")
    page.keyboard.press("u")
    wait_until(page, "document.getElementById('said').textContent === 'Marked as unread'")
    wait_until(page, "pk => document.querySelector(`.row.unread[data-conversation='${pk}'] .dot`)", rows[0])
    assert first.locator(".dot").count() == 1
    assert is_unread(ada, rows[0])


def is_unread(user, pk):
    return unread_of(user).filter(pk=pk).exists()


def test_an_open_conversation_is_marked_unread_and_stays_so_until_it_is_opened_again(visit, ada, filled):
    rich.read_most(ada, filled.long)
    page = visit(ada).open("/")
    with page.expect_response(lambda answer: answer.url.endswith("/read/")):
        page.locator(f'.row[data-conversation="{filled.long.pk}"]').click()
    with page.expect_response(lambda answer: answer.url.endswith("/unread/")):
        page.keyboard.press("u")
    row = page.locator(f'.row[data-conversation="{filled.long.pk}"]')
    wait_until(
        page, "pk => document.querySelector(`.row[data-conversation='${pk}']`).matches('.unread')", filled.long.pk
    )
    page.reload()
    page.wait_for_selector("#thread-title")
    row.wait_for()
    wait_until(page, "pk => !document.querySelector(`.row.unread[data-conversation='${pk}']`)", filled.long.pk)
    assert row.count() == 1


def test_g_i_leads_to_the_inbox_and_the_keys_are_told_on_a_sheet(visit, ada, filled):
    page = visit(ada).open("/profile/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_selector("#list")
    page.keyboard.press("?")
    sheet = page.locator("#key-sheet")
    sheet.wait_for(state="visible")
    assert "Mark as unread" in sheet.inner_text()
    assert violations(page) == []
    page.keyboard.press("j")
    assert focused_pk(page) is None, "keys rest while a dialog is open"
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")


def test_an_inbox_where_nothing_is_open_names_the_keys_where_there_are_some(visit, ada, filled):
    page = visit(ada).open("/")
    assert page.locator("#conversation kbd").all_inner_texts() == ["j", "k", "Enter", "/", "?"]
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#thread-title")
    assert page.locator(".key-hints").count() == 0
    assert visit(ada, java_script_enabled=False).open("/").locator(".key-hints").is_hidden()
    assert visit(ada, has_touch=True).open("/").locator(".key-hints").is_hidden()
    User.objects.update(uses_key_shortcuts=False)
    assert visit(ada).open("/").locator(".key-hints").count() == 0


def test_keys_rest_while_one_writes_and_when_a_person_switched_them_off(visit, ada, filled):
    page = visit(ada).open("/")
    page.locator(".more-filters summary").click()
    box = page.locator(".filter-form input[name=person]")
    box.focus()
    page.keyboard.type("jk?e")
    assert box.input_value() == "jk?e"
    assert page.locator("#key-sheet").is_hidden()
    ada.uses_key_shortcuts = False
    ada.save()
    page.goto(page.url)
    page.keyboard.press("j")
    page.keyboard.press("?")
    assert focused_pk(page) is None
    assert page.locator("#key-sheet").is_hidden()
    page.keyboard.press("Control+k")
    page.locator("#palette").wait_for(state="visible")


def test_the_palette_leads_to_a_conversation_by_a_name(visit, ada, filled):
    page = visit(ada).open("/profile/")
    page.keyboard.press("Control+k")
    wait_until(page, "document.querySelectorAll('#palette-list [role=option]').length > 5")
    assert page.evaluate("() => document.activeElement.id") == "palette-input"
    assert violations(page) == []
    page.keyboard.type("østergård")
    wait_until(page, "document.querySelector('#palette-list [role=option]')?.innerText.includes('Østergård')")
    chosen = page.locator("#palette-input").get_attribute("aria-activedescendant")
    assert page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/c/{filled.long.pk}/")


def test_the_palette_is_walked_with_arrows_and_does_deeds(visit, ada, filled):
    page = visit(ada).open("/")
    page.keyboard.press("Control+k")
    wait_until(page, "document.querySelectorAll('#palette-list [role=option]').length > 5")
    page.keyboard.press("ArrowUp")
    last = page.locator("#palette-list [role=option]").last
    assert last.get_attribute("aria-selected") == "true"
    assert last.inner_text().strip() == "Sign out"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.locator("#key-sheet").wait_for(state="visible")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("sign out")
    wait_until(page, "document.querySelectorAll('#palette-list [role=option]').length === 2")
    assert "Search messages" in page.locator("#palette-list [role=option]").last.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/login/**")


PRESS = """([key, code, modifiers]) => document.activeElement.dispatchEvent(
  new KeyboardEvent('keydown', { key, code, bubbles: true, cancelable: true, ...modifiers })
)"""


@pytest.mark.parametrize("key", ["j", "J", "ت", "о"], ids=["latin", "CapsLock", "arabic", "cyrillic"])
def test_keys_are_those_at_their_place_whatever_letters_a_keyboard_writes(visit, ada, filled, key):
    page = visit(ada).open("/")
    rows = listed(page)
    page.evaluate(PRESS, [key, "KeyJ", {}])
    assert focused_pk(page) == rows[0]
    page.evaluate(PRESS, ["л" if key > "z" else "K", "KeyK", {"ctrlKey": True}])
    page.locator("#palette").wait_for(state="visible")
    page.keyboard.press("Escape")
    page.evaluate(PRESS, ["؟" if key > "z" else "?", "Slash", {"shiftKey": True}])
    page.locator("#key-sheet").wait_for(state="visible")


def test_a_letter_of_another_key_is_not_taken_for_the_one_at_its_place(visit, ada, filled):
    """On a Dvorak keyboard h is written where others have j."""
    page = visit(ada).open("/")
    page.evaluate(PRESS, ["h", "KeyJ", {}])
    assert focused_pk(page) is None
    page.evaluate(PRESS, ["j", "KeyC", {}])
    assert focused_pk(page) == listed(page)[0]


def test_keys_go_on_after_a_long_message_was_unfolded(visit, ada, filled):
    told = rich.Teller(filled.everything, datetime.now(UTC))
    told.say(filled.people[0], "The lamp flickers, then hums, then flickers again. " * 40)
    rich.recount(filled.everything)
    page = visit(ada).open(f"/c/{filled.everything.pk}/")
    page.get_by_label("Show the whole message").last.check()
    assert page.evaluate("() => document.activeElement.type") == "checkbox"
    page.keyboard.press("j")
    assert focused_pk(page) is not None


def test_where_a_thread_covers_the_box_to_search_in_its_key_opens_the_palette(visit, ada, filled):
    page = visit(ada, viewport={"width": 640, "height": 400}).open("/")
    page.locator("#list .row").nth(1).click()
    wait_until(page, "document.activeElement.id === 'thread-title'")
    page.keyboard.press("/")
    page.locator("#palette").wait_for(state="visible")


def test_enter_waits_for_what_is_found_of_all_that_was_typed(visit, ada, filled):
    page = visit(ada).open("/")
    page.keyboard.press("Control+k")
    wait_until(page, "document.querySelectorAll('#palette-list [role=option]').length > 5")
    page.keyboard.type("østergård")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/c/{filled.long.pk}/")


def test_enter_takes_nothing_once_the_palette_is_closed_or_something_else_is_typed(visit, ada, filled):
    seen = visit(ada, service_workers="block")
    seen.expect("console: Service Worker registration blocked")
    page, held = seen.open("/"), []
    page.keyboard.press("Control+k")
    wait_until(page, "document.querySelectorAll('#palette-list [role=option]').length > 5")
    page.route("**/palette/?q=lindqvist", lambda route: held.append(route))
    page.keyboard.type("lindqvist")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    page.keyboard.press("Control+a")
    page.keyboard.type("østergård")
    wait_until(page, "document.querySelector('#palette-list [role=option]')?.innerText.includes('Østergård')")
    page.keyboard.press("Control+a")
    page.keyboard.type("lindqvist")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    assert held
    for route in held[1:]:
        route.continue_()
    page.wait_for_timeout(500)
    assert page.url == f"{seen.address}/"


MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"


@pytest.mark.parametrize(
    ("language", "options", "key", "pressed"),
    [
        ("en", {}, "Ctrl", "Control+k"),
        ("de", {}, "Strg", "Control+k"),
        ("de", {"user_agent": MAC}, "⌘", "Meta+k"),
    ],
)
def test_the_key_of_the_palette_is_named_as_it_is_on_the_keyboard(visit, ada, filled, language, options, key, pressed):
    ada.language = language
    ada.save()
    seen = visit(ada, **options)
    seen.page.add_init_script(WATCH)
    page = seen.open("/")
    assert page.locator("[data-opens-palette] kbd").inner_text() == f"{key} K"
    assert_nothing_moved(page)
    page.keyboard.press("?")
    assert page.locator("#key-sheet kbd").all_inner_texts()[:2] == [key, "K"]
    page.keyboard.press("Escape")
    page.keyboard.press(pressed)
    page.locator("#palette").wait_for(state="visible")


@pytest.mark.parametrize("status", [0, 503], ids=["no network", "a server that is restarted"])
def test_the_palette_says_that_the_server_cannot_be_reached_until_it_is(visit, ada, filled, status):
    seen = visit(ada)
    seen.expect(*NETWORK, f"{status}: {seen.address}/palette/")
    page = seen.open("/")
    page.evaluate("() => (window.isSame = true)")
    seen.context.route("**/palette/**", lambda route: route.fulfill(status=status) if status else route.abort("failed"))
    page.keyboard.press("Control+k")
    said = page.locator("#palette [role=status]")
    wait_until(page, "document.querySelector('#palette [role=status]').textContent.trim() !== ''")
    assert said.inner_text() == "The server cannot be reached."
    if folder := pictures():
        page.screenshot(path=folder / f"palette-lost-{status}.png")
    seen.context.unroute("**/palette/**")
    page.keyboard.type("zzzz")
    wait_until(page, "document.querySelectorAll('#palette-list [role=option]').length === 1")
    assert said.inner_text() == ""
    assert page.evaluate("() => window.isSame"), "the page was not loaded anew"


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_filters_are_set_kept_as_a_view_and_taken_away(visit, ada, filled, options):
    page = visit(ada, **options).open("/")
    page.get_by_role("link", name="Unanswered").click()
    page.locator(".more-filters summary").click()
    page.get_by_label("Photo, video or GIF").check()
    page.get_by_role("button", name="Filter", exact=True).click()
    page.wait_for_url("**/?unanswered=1&media=1**")
    page.locator(".more-filters summary").click()
    assert violations(page) == []
    page.get_by_label("Save these filters as").fill("Broken lamps")
    page.get_by_role("button", name="Save view").click()
    assert page.locator("#views a[aria-current]").inner_text().startswith("Broken lamps")
    page.get_by_role("link", name="With media").click()
    page.wait_for_url("**/?unanswered=1")
    page.get_by_role("link", name="Broken lamps").click()
    page.wait_for_url("**/?unanswered=1&media=1")
    width = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width == 0


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(("kind", "link"), [("group", ".event-by a.by"), ("everything", "#thread-handle")])
def test_a_persons_page_is_one_click_from_their_message(visit, ada, filled, options, kind, link):
    page = visit(ada, **options).open(f"/c/{getattr(filled, kind).pk}/")
    page.locator(link).first.click()
    page.wait_for_url("**/people/*/")
    assert page.locator("h1").inner_text() != ""
    assert violations(page) == []
    page.locator(".person-rows a").first.click()
    page.wait_for_selector("#thread-title")


def test_the_activity_of_a_conversation_is_drawn_beside_it(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.long.pk}/")
    page.wait_for_selector(".spark rect")
    assert "since" in page.locator(".spark figcaption").inner_text()


def test_views_say_anew_how_many_there_are_when_one_was_read(visit, ada, filled):
    actions.save_view(ada, "New ones", "unread=1&kind=group")
    page = visit(ada).open("/")
    assert page.locator("#views .count").inner_text().startswith("1")
    page.locator(f'.row[data-conversation="{filled.group.pk}"]').focus()
    page.keyboard.press("e")
    wait_until(page, "document.querySelector('#views .count').innerText.startsWith('0')")


def test_the_panel_of_a_group_goes_on_to_everybody_in_it(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.group.pk}/")
    everybody = filled.group.participants.count()
    page.locator(".members").get_by_text("All people").scroll_into_view_if_needed()
    wait_until(page, f"document.querySelectorAll('.members > .member').length === {everybody}")
    assert re.match(r"(\(\d+\) )?Nordlicht Studio", page.title()), "no page of its own has come in"
    assert page.locator(".members").get_by_text("All people").count() == 0
