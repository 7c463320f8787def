"""What a phone has little room for: whom one reads, on which day, how much of the inbox is rows, and all words."""

from __future__ import annotations

import pytest

from accounts.models import Membership, User
from conversations.models import Media, MediaFile, SavedView, XUser
from tests import factories
from tests.e2e.conftest import PHONE

pytestmark = pytest.mark.browser
SMALL_PHONE = PHONE | {"viewport": {"width": 320, "height": 640}}
LONGEST = "abcdefghijklmno"
IS_IN_SIGHT = """each => {
  const { left, right } = each.getBoundingClientRect();
  return left >= 0 && right <= window.innerWidth;
}"""
LINES = """each => {
  const words = document.createRange();
  words.selectNodeContents(each);
  return new Set([...words.getClientRects()].map((part) => part.top)).size;
}"""
CUT = """all => all.filter((each) => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight + 1)
  .map((each) => each.textContent)"""


@pytest.fixture
def with_views(ada, filled):
    """Three X accounts, and two views that she keeps."""
    new = factories.XAccountFactory(username="NordlichtNew")
    Membership.objects.create(user=ada, x_account=new, role="agent")
    for name, query in (("Waiting for an answer", "unanswered=1"), ("Broken lamps", "unread=1&media=1")):
        SavedView.objects.create(user=ada, name=name, query=query)
    return filled


@pytest.mark.parametrize("options", [PHONE, SMALL_PHONE], ids=["phone", "small"])
def test_a_thread_says_in_full_whom_it_is_with_and_to_whom(visit, ada, filled, options):
    XUser.objects.filter(pk=filled.long.peer_id).update(name="Cleo Nyström-Vanderbilt of Uppsala", username=LONGEST)
    filled.support.username = LONGEST[::-1]
    filled.support.save()
    seen = visit(ada, **options)
    for conversation in (filled.long, filled.everything):
        page = seen.open(f"/c/{conversation.pk}/")
        assert page.locator(".thread-name :is(h1, p)").evaluate_all(CUT) == []
        parts = page.locator(".thread-name :is(h1, p), .thread-tools a").all()
        assert all(each.evaluate(IS_IN_SIGHT) for each in parts)


def test_beside_the_list_of_a_small_window_the_tools_stand_in_one_line_below_the_name(visit, ada, filled):
    page = visit(ada, viewport={"width": 800, "height": 800}).open(f"/c/{filled.group.pk}/")
    name, *tools = [each.bounding_box() for each in page.locator(".thread-name, .thread-tools > :visible").all()]
    assert {tool["y"] >= name["y"] + name["height"] for tool in tools} == {True}
    assert len({tool["y"] for tool in tools}) == 1


def test_the_day_one_reads_in_covers_no_part_of_a_line_and_leaves_the_rest(visit, ada, filled):
    """It stands over all of the line, as the edge of what is read does."""
    page = visit(ada, **PHONE).open(f"/c/{filled.group.pk}/")
    page.locator("#scroller").evaluate("box => (box.scrollTop = -150)")
    day = page.locator(".day").first.evaluate("each => each.getBoundingClientRect().toJSON()")
    box = page.locator("#scroller").evaluate("each => each.getBoundingClientRect().toJSON()")
    assert (day["left"], day["right"], day["top"]) == (box["left"], box["right"], box["top"])


def test_keys_lead_nowhere_behind_the_people_and_escape_closes_them(visit, ada, filled):
    """Also where a desk is zoomed so far that it has no more room than a phone."""
    page = visit(ada, viewport={"width": 320, "height": 640}).open(f"/c/{filled.group.pk}/")
    people = page.get_by_role("link", name="People", exact=True)
    people.focus()
    page.keyboard.press("Enter")
    page.locator("#people").wait_for()
    page.locator(".panel-close").focus()
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("() => document.activeElement.closest('.thread')") is None
    page.locator(".panel-close").focus()
    page.keyboard.press("Escape")
    page.locator("#people").wait_for(state="hidden")
    assert people.evaluate("each => each === document.activeElement")
    people.press("Enter")
    page.locator("#people").wait_for()
    page.locator(".panel-close").click()
    page.locator("#people").wait_for(state="hidden")
    page.keyboard.press("Tab")
    assert page.evaluate("() => Boolean(document.activeElement.closest('#scroller'))")


def test_the_people_of_a_conversation_are_left_without_loading_it_anew(visit, ada, filled):
    seen = visit(ada, **PHONE)
    page = seen.open("/")
    page.locator(f'#list .row[data-conversation="{filled.group.pk}"]').tap()
    page.wait_for_selector("#thread-title")
    page.evaluate("window.isSame = true")
    thread, people = f"{seen.address}/c/{filled.group.pk}/", page.locator("#people")
    page.get_by_role("link", name="People", exact=True).tap()
    people.wait_for()
    page.evaluate("history.back()")
    people.wait_for(state="hidden")
    page.get_by_role("link", name="People", exact=True).tap()
    page.locator(".panel-close").tap()
    people.wait_for(state="hidden")
    page.wait_for_timeout(300)
    assert page.url == thread
    assert page.evaluate("window.isSame")


def test_going_back_to_the_people_of_another_conversation_shows_that_one(visit, ada, filled):
    seen = visit(ada, viewport={"width": 1000, "height": 800})
    page = seen.open("/")
    page.locator(f'#list .row[data-conversation="{filled.group.pk}"]').click()
    page.wait_for_url(f"**/c/{filled.group.pk}/")
    page.get_by_role("link", name="People", exact=True).click()
    page.locator("#people").wait_for()
    page.locator(f'#list .row[data-conversation="{filled.long.pk}"]').click()
    page.wait_for_url(f"**/c/{filled.long.pk}/")
    page.evaluate("history.back()")
    page.wait_for_url(f"**/c/{filled.group.pk}/#people")
    page.wait_for_selector(f'#conversation[data-conversation="{filled.group.pk}"]')


@pytest.mark.parametrize("options", [PHONE, SMALL_PHONE], ids=["phone", "small"])
def test_the_inbox_leaves_its_room_to_rows_however_many_accounts_and_views_there_are(visit, ada, with_views, options):
    page = visit(ada, **options).open("/")
    assert page.locator(".list-head").bounding_box()["height"] <= 200
    small = "all => all.map((each) => each.getBoundingClientRect().height).filter((height) => height < 44)"
    assert page.locator(".list-head :is(summary, .pill, input[type=search])").evaluate_all(small) == []


@pytest.mark.parametrize("language", ["ar", "ja"])
def test_the_heading_of_the_inbox_stands_in_one_line(visit, ada, filled, language):
    User.objects.filter(pk=ada.pk).update(language=language)
    page = visit(ada, **SMALL_PHONE).open_live("/")
    page.locator("#live-state").wait_for()
    page.locator("#read-at").evaluate("each => { each.textContent = 'as of 21:15 · pushed until 21:18'; }")
    assert page.locator("#list h1").evaluate(LINES) == 1


def test_pills_that_are_pushed_aside_are_reached_by_keys(visit, ada, with_views):
    page = visit(ada, **SMALL_PHONE).open("/")
    last = page.locator("#views .pill").last
    assert not last.evaluate(IS_IN_SIGHT)
    page.locator(".more-filters > summary").focus()
    for _ in range(4 + 5 + 2):  # all and three accounts, five filters, two views
        page.keyboard.press("Tab")
        assert page.locator(":focus").evaluate(IS_IN_SIGHT)
    assert last.evaluate("each => each === document.activeElement")


def test_what_is_chosen_of_them_is_in_sight_at_once(visit, ada, with_views):
    page = visit(ada, **SMALL_PHONE).open("/?unanswered=1")
    chosen = page.locator("#views .pill[aria-current]")
    assert chosen.inner_text().startswith("Waiting for an answer")
    assert chosen.evaluate(IS_IN_SIGHT)


def test_more_filters_unfold_below_the_words_that_unfold_them(visit, ada, with_views):
    page = visit(ada, **SMALL_PHONE).open("/")
    words = page.locator(".more-filters > summary")
    before = words.bounding_box()
    words.tap()
    form = page.locator(".filter-form").first.bounding_box()
    assert words.bounding_box() == before
    assert form["y"] >= before["y"] + before["height"]
    assert form["width"] > 280


def test_the_box_to_search_in_keeps_its_room_and_its_button_is_there_for_keys(visit, ada, filled):
    page = visit(ada, **SMALL_PHONE).open("/")
    box = page.locator("#search-q")
    before = box.bounding_box()
    box.focus()
    assert box.bounding_box() == before
    page.keyboard.press("Tab")
    button = page.locator("#search .button")
    assert button.evaluate("each => each === document.activeElement")
    assert button.bounding_box()["height"] >= 44
    assert button.evaluate(IS_IN_SIGHT)


def test_all_of_the_palette_stands_on_the_screen(visit, ada, with_views):
    """Its words and buttons may be long: here in German."""
    User.objects.update(language="de")
    page = visit(ada, **SMALL_PHONE).open("/")
    page.keyboard.press("Control+k")
    page.locator("#palette-list [role=option]").first.wait_for()
    parts = page.locator("#palette :is(input, button, [role=option])").all()
    assert len(parts) > 5
    assert all(each.evaluate(IS_IN_SIGHT) for each in parts)


def test_a_tile_of_the_gallery_is_as_high_as_the_words_for_what_is_missing(visit, ada, filled):
    User.objects.update(language="de")
    MediaFile.objects.filter(state="gone").update(state="refused")
    page = visit(ada, **PHONE).open(f"/c/{filled.everything.pk}/media/")
    assert page.locator(".gallery :is(.media:has(.media-state), .media-state)").evaluate_all(CUT) == []
    assert page.locator(".gallery .media-state .button").count() == 1


def test_what_a_gif_is_held_by_covers_no_word_of_what_it_shows(visit, ada, filled):
    Media.objects.filter(media_key="16_1").update(alt_text="A lamp that glows")
    page = visit(ada, **PHONE).open(f"/c/{filled.everything.pk}/")
    gif = page.locator(".media:has(video[data-loop])")
    gif.scroll_into_view_if_needed()
    button, words = gif.locator(".loop-toggle").bounding_box(), gif.locator("figcaption").bounding_box()
    assert button["y"] + button["height"] <= words["y"]
