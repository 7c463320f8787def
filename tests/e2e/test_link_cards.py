"""Cards of linked pages in a thread: the picture comes from here, in its place before it arrives."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conversations.models import DmEvent, LinkPicture, MediaFile, Post
from tests.e2e import rich
from tests.e2e.conftest import PHONE
from tests.e2e.test_every_page import pictures, violations

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def linked(url, title):
    return {
        "urls": [
            {
                "url": "https://t.co/shop000001",
                "expanded_url": "https://nordlicht.example/winter",
                "title": title,
                "description": "Lamps for long nights, and what to do about a dimmer that hums.",
                "images": [{"url": url, "width": 1200, "height": 630}],
            }
        ]
    }


@pytest.fixture
def filled(server, ada):
    ada.time_zone = "Europe/Oslo"
    ada.save()
    filled = rich.fill(ada, datetime.now(UTC))
    event = filled.everything.events.filter(text__startswith="Of course! See").get()
    for name, size, where in (("large", (1200, 630), {"post_id": 7001}), ("small", (150, 150), {"event": event})):
        file = rich.photo_file(f"page-{name}", *size)
        MediaFile.objects.filter(pk=file.pk).update(
            source_url=f"https://pbs.twimg.com/news_img/{name}", width=size[0], height=size[1]
        )
        LinkPicture.objects.create(file=file, **where)
    Post.objects.filter(pk=7001).update(entities=linked("https://pbs.twimg.com/news_img/large", "Winter catalogue"))
    DmEvent.objects.filter(pk=event.pk).update(entities=linked("https://pbs.twimg.com/news_img/small", "قائمة الشتاء"))
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
