"""The style guide in each of its looks and both directions, on a desk and on a phone; and pictures of it."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import serving
from tests.e2e.looking import LOOKS, OF_COLOURS, WIDTHS, pictures, too_wide, violations
from tests.services import free_port

pytestmark = pytest.mark.browser
BY_NATURE = "landmark-unique"
"""Of one rule the guide breaks the letter: it shows the same landmark in several states, one beside the other."""
SIZES = ("desk", "phone", "small-phone")


@pytest.fixture(scope="module")
def shared_server(django_db_setup):
    """One that shows the guide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEBUG", "yes")
        with serving(free_port()) as address:
            yield address


@pytest.fixture
def guide(visit, ada):
    return visit(ada)


def found_in(page, rules: list[str] | None = None) -> list[str]:
    return [each for each in violations(page, rules) if not each.startswith(BY_NATURE)]


@pytest.mark.parametrize(
    ("look", "direction"), [("light", "ltr"), ("dark", "ltr"), ("contrast", "ltr"), ("light", "rtl")]
)
def test_the_guide_is_open_to_everybody(guide, look, direction):
    page = guide.open(f"/styleguide/?look={look}&dir={direction}")
    rules = None if look == "light" else OF_COLOURS
    for size in SIZES:
        width, height = WIDTHS[size]
        page.set_viewport_size({"width": width, "height": height})
        assert too_wide(page) == [], size
        if pictures() and size != "small-phone":
            page.screenshot(path=pictures() / f"styleguide-{direction}-{size}-{look}.png", full_page=True)
        if size != "phone":  # which is laid out as a small one
            assert found_in(page, rules) == [], f"{look}, {direction}, {size}"


def test_the_guide_stands_the_colours_of_a_system(guide):
    page = guide.open("/styleguide/")
    page.emulate_media(**LOOKS["forced-colors"])
    assert found_in(page, OF_COLOURS) == []


def test_the_look_of_the_address_wins_over_that_of_the_system(guide):
    page = guide.open("/styleguide/?look=light")
    page.emulate_media(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    by_day = page.evaluate(ground)
    page.get_by_role("navigation", name="Colours").get_by_role("link", name="system").click()
    assert page.evaluate(ground) != by_day


@pytest.mark.parametrize(("direction", "onward"), [("ltr", "ArrowRight"), ("rtl", "ArrowLeft")])
def test_the_arrow_keys_lead_the_way_photos_are_read(guide, direction, onward):
    page = guide.open(f"/styleguide/?dir={direction}")
    page.locator("a[data-lightbox]").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press(onward)
    assert page.locator("#lightbox [data-count]").inner_text().startswith("2")
