"""Every page as those see it who read from right to left: mirrored, nothing wider than the page, open to everybody."""

from __future__ import annotations

import pytest

from tests.e2e import places
from tests.e2e.looking import WIDTHS, pictures, too_wide, violations

pytestmark = pytest.mark.browser
NARROW = ("phone", "small-phone", "desk")
MIDDLE = "page => page.getBoundingClientRect().left + page.getBoundingClientRect().width / 2"


@pytest.fixture
def addresses(names):
    return lambda path: path.format(**names)


@pytest.fixture
def arab(ada):
    ada.language = "ar"
    ada.save()
    return ada


def looked_at(seen, pages, names) -> list[str]:
    found = []
    for name, page in places.walk(seen, pages, names):
        assert page.evaluate("[document.documentElement.dir, document.documentElement.lang]") == ["rtl", "ar"]
        for size in NARROW:
            width, height = WIDTHS[size]
            page.set_viewport_size({"width": width, "height": height})
            # What is too wide sticks out to the left, where a page cannot even be scrolled to.
            found += [f"{name}, {size}, {each}" for each in too_wide(page)]
            if pictures() and size != "small-phone":
                page.screenshot(path=pictures() / f"rtl-{name}-{size}-light.png")
        found += [f"{name}: {each}" for each in violations(page)]
    return found


@pytest.mark.parametrize("group", places.OF_ADA)
def test_a_page_stands_mirrored(visit, arab, names, group):
    assert looked_at(visit(arab), places.OF_ADA[group], names) == []


def test_a_page_before_the_sign_in_stands_mirrored(visit, cleo, names):
    seen = visit(cleo, locale="ar")
    seen.context.clear_cookies()
    assert looked_at(seen, places.SIGNED_OUT, names) == []


def sides(page) -> dict[str, float]:
    """Where the middle of each thing is, from 0 at the left to 1 at the right of the window."""
    places = {
        "list": "#list",
        "people": "#people",
        "ours": ".event.ours .bubble",
        "theirs": ".event:not(.ours) .bubble",
        "sender": ".event:not(.ours) .avatar",
    }
    width = page.viewport_size["width"]
    return {name: page.locator(selector).last.evaluate(MIDDLE) / width for name, selector in places.items()}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_ours_stands_at_the_end_of_a_line_and_theirs_at_its_start(visit, ada, addresses, language):
    ada.language = language
    ada.save()
    page = visit(ada).open(addresses("/c/{group}/"))
    found = sides(page)
    inward = found if language == "en" else {name: 1 - place for name, place in found.items()}
    assert inward["list"] < inward["sender"] < inward["theirs"] < inward["ours"] < inward["people"]


CORNERS = """bubble => {
  const style = getComputedStyle(bubble);
  const sharp = (...corners) => corners.every((each) => parseFloat(style[`border${each}Radius`]) < 6);
  return sharp("BottomRight") ? "right" : sharp("BottomLeft") ? "left" : "none";
}"""


@pytest.mark.parametrize(("language", "ours", "theirs"), [("en", "right", "left"), ("ar", "left", "right")])
def test_the_sharp_corner_of_a_bubble_shows_whose_it_is_whatever_script_it_holds(
    visit, ada, addresses, language, ours, theirs
):
    ada.language = language
    ada.save()
    page = visit(ada).open(addresses("/c/{everything}/"))
    page.locator(".event.ours .bubble").last.wait_for()
    assert set(page.locator(".event.ours .bubble").evaluate_all(f"all => all.map({CORNERS})")) == {ours}
    assert set(page.locator(".event:not(.ours) .bubble").evaluate_all(f"all => all.map({CORNERS})")) == {theirs}


@pytest.mark.parametrize(("language", "side"), [("en", "left"), ("ar", "right")])
def test_titles_in_any_script_begin_where_the_page_begins(visit, ada, addresses, language, side):
    ada.language = language
    ada.save()
    page = visit(ada).open(addresses("/"))
    found = page.locator(".row-title, .row-preview").evaluate_all("all => all.map(e => getComputedStyle(e).textAlign)")
    assert set(found) == {side}


def test_arrows_and_the_course_of_time_are_mirrored(visit, arab, addresses):
    page = visit(arab).open(addresses("/x-accounts/{support}/"))
    mirrored = "e => new DOMMatrix(getComputedStyle(e).transform).a"
    assert page.locator(".lane svg").first.evaluate(mirrored) == -1
    ticks = page.locator(".ticks span").evaluate_all("all => all.map(e => e.getBoundingClientRect().left)")
    assert ticks == sorted(ticks, reverse=True)
    page = visit(arab).open(addresses("/search/?q=lamp"))
    assert page.locator(".tool > [aria-hidden]").evaluate(mirrored) == -1
