"""A person searches: from the box in the list to the very message, by keyboard, on a phone, without JavaScript."""

from __future__ import annotations

import pytest

from conversations.models import EventPost
from tests.conversations.search_support import index_all
from tests.e2e.looking import LOOKS, violations
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def filled(filled):
    index_all()
    return filled


@pytest.mark.parametrize("look", ["light", "dark"])
def test_what_is_marked_in_faint_words_can_be_read(visit, ada, filled, look):
    shared = EventPost.objects.filter(event__conversation=filled.everything, post__author__isnull=False).first()
    handle = shared.post.author.username
    page = visit(ada).open(f"/c/{filled.everything.pk}/?find=@{handle}&at={shared.event.dm_event_id}")
    page.emulate_media(**LOOKS[look])
    mark = page.locator(".post-by mark", has_text=handle).first
    mark.scroll_into_view_if_needed()
    assert violations(page, ["color-contrast"]) == []


def test_from_the_box_in_the_list_to_the_message_in_its_thread(visit, ada, filled):
    page = visit(ada).open("/")
    page.get_by_role("searchbox", name="Search messages").fill('"message number 7"')
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=*")
    assert page.locator(".hit mark").all_inner_texts() == ["Message number 7"]
    page.locator(".hit").click()
    page.wait_for_url(f"**/c/{filled.long.pk}/?at=*")
    target = page.locator(".event:target")
    target.wait_for()
    assert "Message number 7" in target.inner_text()
    assert target.evaluate("row => row.getBoundingClientRect().top >= 0")


def test_from_inside_a_conversation_to_a_message_and_to_a_day_of_it(visit, ada, filled):
    seen = visit(ada)
    page = seen.open(f"/c/{filled.long.pk}/")
    page.keyboard.press("f")
    page.get_by_role("searchbox", name="Search this conversation").wait_for()
    wait_until(page, "document.activeElement.id === 'find-q'")
    page.keyboard.press("Escape")
    wait_until(page, "document.activeElement.matches('#find:not([open]) > summary')")
    page.keyboard.press("Enter")
    wait_until(page, "document.activeElement.id === 'find-q'")
    page.keyboard.type("number 7:")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=in*")
    page.locator(".hit").last.click()
    page.wait_for_url(f"**/c/{filled.long.pk}/?at=*&find=*")
    assert "number" in page.locator(".event:target mark").all_inner_texts()
    day = page.locator(".day").first.get_attribute("id")[4:]
    page = seen.open(f"/c/{filled.long.pk}/")
    page.locator("#find > summary").click()
    page.get_by_label("Day").fill(day)
    page.get_by_role("button", name="Go to this day").click()
    page.wait_for_url("**?after=*")
    assert page.locator(".event:target").evaluate("row => row.previousElementSibling.id") == f"day-{day}"
    wait_until(page, "document.querySelector('.event:target').getBoundingClientRect().top < innerHeight / 2")


def test_all_of_it_without_javascript(visit, ada, filled):
    page = visit(ada, java_script_enabled=False).open("/search/?q=message")
    assert page.locator(".hit").count() == 20
    page.get_by_role("link", name="Older messages").click()
    assert page.locator(".hit").count() > 0
    page.locator(".hit").first.click()
    assert "/c/" in page.url


def test_by_keyboard_alone(visit, ada, filled):
    page = visit(ada).open("/search/")
    page.locator("#search-q").focus()
    page.keyboard.type("from:osian")
    page.keyboard.press("Enter")
    guess = page.get_by_role("link", name="Ossian")
    guess.wait_for()
    guess.focus()
    page.keyboard.press("Enter")
    page.locator(".hit").first.wait_for()
    assert page.locator("#search-q").input_value() == "from:@odd_ossian"


def test_j_and_k_walk_what_was_found_and_go_on_to_the_next_page(visit, ada, filled):
    page = visit(ada).open("/search/?q=message")
    places = page.locator(".hit").evaluate_all("hits => hits.map(hit => hit.href)")
    for key, place in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        assert page.evaluate("() => document.activeElement.href") == places[place]
    page.keyboard.press("e")  # there is nothing to mark as read here
    page.locator(".hit").last.focus()
    for key, end in (("j", "below="), ("j", "below="), ("k", places[-1]), ("j", "below=")):
        page.keyboard.press(key)
        assert end in page.evaluate("() => document.activeElement.href"), "the way on is the end, not the beginning"
    page.keyboard.press("Enter")
    page.wait_for_url("**below=*")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/*/?at=*")


def test_the_filter_for_a_person_offers_whom_it_may_mean_without_javascript(visit, ada, filled):
    page = visit(ada, java_script_enabled=False).open("/")
    page.locator(".more-filters summary").click()
    page.get_by_label("With a person: name, handle or X user ID").fill("nordlicht")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_text("” matches").locator("a").first.click()
    page.wait_for_url("**/?person=*")
    assert page.get_by_text("” matches").count() == 0
    assert page.locator("#list .row").count() > 0
    page.locator(".more-filters summary").click()
    page.get_by_label("With a person: name, handle or X user ID").fill("osian")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_role("link", name="Ossian").click()
    assert page.locator("#list .row").count() == 1
