"""Cards of linked pages in a thread: the picture comes from here, in its place before it arrives."""

from __future__ import annotations

import pytest

from tests.e2e import rich
from tests.e2e.conftest import PHONE
from tests.e2e.looking import pictures, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def filled(filled):
    rich.link_cards(filled)
    return filled


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_both_sizes_of_pictures_are_shown_and_fit(visit, ada, filled, options):
    page = visit(ada, **options).open(f"/c/{filled.everything.pk}/")
    for card in page.locator("a.link-card").all():
        card.scroll_into_view_if_needed()
        page.wait_for_function(
            "image => image.complete && image.naturalWidth > 0", arg=card.locator("img").element_handle()
        )
        if pictures():
            page.screenshot(
                path=pictures() / f"link-card-{'phone' if options else 'desk'}-{card.get_attribute('class')}.png"
            )
    assert page.locator("a.link-card").count() == 2
    assert page.locator("a.link-card.with-small img").bounding_box()["width"] < 100
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
