"""One walk through all of it without a mouse, with what a screen reader is told on the way."""

from __future__ import annotations

import pytest

from conversations.models import Conversation
from tests.conversations.search_support import index_all
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def filled(filled):
    index_all()
    return filled


class Hands:
    """A keyboard, and the ears of whoever uses it: the role and name of what has the focus, and what is said."""

    def __init__(self, page):
        self.page = page

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def focus(self, expression):
        wait_until(self.page, f"document.activeElement?.matches({expression!r})")

    def tab_to(self, expression, key="Tab"):
        for _ in range(60):
            self.press(key)
            if self.page.evaluate("expression => document.activeElement.matches(expression)", expression):
                return
        raise AssertionError(f"no way to {expression}")

    def hears(self, words):
        said = "words => [...document.querySelectorAll('[role=status]')].some((each) => each.innerText.includes(words))"
        wait_until(self.page, said, words)

    def chosen(self):
        """The option of a combobox that a screen reader would name."""
        option = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
        wait_until(self.page, f"{option}?.getAttribute('role') === 'option'")
        return self.page.evaluate(f"() => {option}.innerText")


def test_the_whole_of_it_without_a_mouse(visit, ada, filled):
    seen = visit(ada)
    page = seen.open("/")
    hands = Hands(page)

    hands.press("j")
    hands.focus("#list a.row")
    assert page.evaluate("() => document.activeElement.innerText").strip(), "the row has a name"
    hands.press("e")
    hands.hears("Marked as read")
    hands.press("k", "u")
    hands.hears("Marked as unread")

    hands.press("?")
    hands.focus("#key-sheet *")
    hands.press("Escape")
    hands.focus("#list a.row")

    hands.press("Enter")
    page.wait_for_url("**/c/*/")
    hands.focus("#thread-title")
    hands.tab_to("#scroller")
    assert page.get_by_role("region", name="Messages").count() == 1
    hands.press("g", "i")
    page.wait_for_url(f"{seen.address}/")

    hands.press("/")
    hands.focus("input[type=search], input[name=q]")
    page.keyboard.type('"number 7"')
    hands.press("Enter")
    page.wait_for_url("**/search/?q=*")
    hands.tab_to("a.hit")
    hands.press("Enter")
    page.wait_for_url(f"**/c/{filled.long.pk}/?at=*")
    page.locator(".event:target").wait_for()

    hands.press("Control+k")
    hands.focus("[role=combobox]")
    page.keyboard.type("zzzz no such thing")
    wait_until(page, "document.querySelectorAll('#palette-list [role=option]').length === 1")
    assert "Search messages" in hands.chosen(), "what nobody is called can still be searched"
    hands.press("Control+a")
    page.keyboard.type("lindqvist")
    wait_until(page, "document.getElementById('palette-list').innerText.includes('Ada Lindqvist')")
    assert "Ada Lindqvist" in hands.chosen()
    hands.press("ArrowDown", "ArrowUp", "Enter")
    page.wait_for_url(f"**/c/{filled.everything.pk}/")

    hands.tab_to("a.skip[href='#thread-title']")
    hands.press("Enter")
    hands.focus("#thread-title")
    hands.tab_to("a[data-lightbox]")
    hands.press("Enter")
    wait_until(page, "document.getElementById('lightbox').open")
    hands.press("ArrowRight", "Escape")
    hands.focus("a[data-lightbox]")


def test_from_the_title_the_keys_that_scroll_do_so_and_others_lead_from_message_to_message(visit, ada, filled):
    seen = visit(ada)
    page = seen.open("/")
    hands = Hands(page)
    page.locator(f'.row[data-conversation="{filled.long.pk}"]').focus()
    hands.press("Enter")
    hands.focus("#thread-title")
    before = page.locator("article.event").count()
    hands.press("PageUp")
    wait_until(page, "document.getElementById('scroller').scrollTop < -100")
    for _ in range(40):  # without a screen a key may be lost that comes right after the page itself has scrolled
        hands.press("End")
        page.wait_for_timeout(100)
        if page.evaluate("() => document.getElementById('scroller').scrollTop > -2"):
            break
    assert page.evaluate("() => document.getElementById('scroller').scrollTop > -2")
    page.locator("#thread-title").focus()
    hands.press("p")
    newest = page.locator("article.event").last.get_attribute("id")
    hands.focus(f"#{newest}")
    assert page.evaluate("() => document.activeElement.ariaLabel").split(",")[0]
    hands.press("p", "p", "n")
    hands.focus(f"article:has(+ #{newest})")
    hands.tab_to("a.more")
    assert page.evaluate("() => document.activeElement.closest('article').nextElementSibling.id") == newest
    hands.press("n", "n")
    hands.focus(f"#{newest}")
    page.evaluate("() => document.activeElement.blur()")
    for _ in range(40):
        hands.press("Home")
        page.wait_for_timeout(250)
        if page.locator("article.event").count() > before:
            break
    assert page.locator("article.event").count() > before
    hands.press("?")
    hands.focus("#key-sheet *")
    assert "Next and previous message" in page.locator("#key-sheet").inner_text()


def test_the_filters_are_set_by_keys_and_the_list_says_what_stands_in_it(visit, ada, filled):
    Conversation.objects.filter(pk=filled.everything.pk).update(has_post=True)
    page = visit(ada).open("/")
    hands = Hands(page)
    hands.tab_to(".more-filters > summary")
    hands.press("Enter")
    hands.tab_to(".filter-form input[name=post]")
    hands.press("Space")
    hands.tab_to(".filter-form button[type=submit]")
    hands.press("Enter")
    page.wait_for_url("**post=1*")
    assert page.locator("#list a.row").count() == 1
    hands.tab_to("a.pill.removable")
    assert page.evaluate("() => document.activeElement.ariaLabel ?? document.activeElement.innerText").strip()
    hands.press("Enter")
    wait_until(page, "!location.search.includes('post=1') && document.querySelectorAll('#list a.row').length > 1")


def test_a_key_without_a_name_does_nothing(visit, ada, filled):
    """Chromium tells of one where a person chooses what it proposes to fill in."""
    seen = visit(ada)
    page = seen.open("/")
    page.evaluate("() => document.querySelector('input[name=q]').dispatchEvent(new Event('keydown', {bubbles: true}))")
    assert not page.locator("dialog[open]").count()


@pytest.mark.parametrize("comes", ["from the list", "by its address"])
def test_where_the_thread_covers_the_list_its_keys_lead_from_one_conversation_to_the_next(visit, ada, filled, comes):
    """On a desk that is zoomed so far that it has no more room than a phone."""
    page = visit(ada, viewport={"width": 640, "height": 400}).open("/")
    first, second, third = (row.get_attribute("data-conversation") for row in page.locator("#list .row").all()[:3])
    if comes == "from the list":
        page.locator("#list .row").first.click()
    else:
        page.goto(f"{page.url}c/{first}/")
    for key, now in (("j", second), ("e", third), ("k", second)):
        wait_until(page, "document.activeElement.id === 'thread-title' || document.activeElement === document.body")
        page.keyboard.press(key)
        page.locator(f"#conversation[data-conversation='{now}']").wait_for()
        page.wait_for_url(f"**/c/{now}/")
