"""What `test_every_page.py` does for pages, for states of them: found and not found, opened, empty, offline, broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory

from conversations.models import Media, SavedView, XUserName
from tests.conversations.search_support import index_all
from tests.e2e import rich
from tests.e2e.conftest import PHONE
from tests.e2e.test_every_page import looked_at

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def filled(server, ada):
    ada.time_zone = "Europe/Oslo"
    ada.save()
    filled = rich.fill(ada, datetime.now(UTC))
    person, now = filled.people[0], datetime.now(UTC)
    XUserName.objects.create(
        x_user=person, name="Ada L.", username="ada_old", seen_from=now - timedelta(90), seen_until=now - timedelta(30)
    )
    Media.objects.filter(media_key="5_1").update(alt_text="A standing lamp beside a window")
    SavedView.objects.create(user=ada, name="Waiting for an answer", query="unanswered=1")
    SavedView.objects.create(user=ada, name="مصابيح مكسورة", query="media=1&unread=1")
    index_all()
    return filled


@pytest.fixture
def addresses(filled):
    event = filled.everything.events.order_by("dm_event_id").first()
    suspended = next(person for person in filled.people if person.unavailable_since or person.pk == filled.people[4].pk)
    names = {
        "everything": filled.everything.pk,
        "long": filled.long.pk,
        "group": filled.group.pk,
        "event": event.dm_event_id,
        "person": filled.people[0].pk,
        "suspended": suspended.pk,
        "support": filled.support.pk,
    }
    return lambda path: path.format(**names)


PAGES = {
    "search": "/search/",
    "search-hits": "/search/?q=lamp",
    "search-hits-beside": "/search/?q=standing",
    "search-nothing": "/search/?q=zzzz",
    "search-slip": "/search/?q=from:osian",
    "search-not-understood": "/search/?q=has:stickers+lamp",
    "gallery": "/c/{everything}/media/",
    "gallery-empty": "/c/{long}/media/",
    "person": "/people/{person}/",
    "person-suspended": "/people/{suspended}/",
    "message": "/c/{everything}/e/{event}/more/",
    "raw-event": "/c/{everything}/e/{event}/raw/",
    "view-saved": "/?unanswered=1",
    "view-in-arabic": "/?unread=1&media=1",
    "filters-by-person": "/?person=ada_lindqvist&since=2020-01-01",
    "thread-at-a-message": "/c/{everything}/?at={event}",
    "thread-joins": "/c/{group}/?show=people",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_state_of_a_page_is_open_to_everybody(visit, ada, filled, addresses, name):
    looked_at(visit(ada).open(addresses(PAGES[name])), name)


def palette(page):
    page.keyboard.press("Control+k")
    page.locator("#palette-input").fill("ada")
    page.locator("#palette-list [role=option]").first.wait_for()


def key_sheet(page):
    page.keyboard.press("?")
    page.locator("#key-sheet").wait_for()


def lightbox(page):
    page.locator("a[data-lightbox]").first.click()
    page.wait_for_function("() => document.querySelector('.lightbox-stage img').naturalWidth > 0")


def filters_open(page):
    page.locator(".more-filters > summary").click()


def message_menu(page):
    article = page.locator("article", has_text="Of course! See")
    article.hover()
    article.locator("a.more").click()
    page.locator("#message-menu").wait_for()


OPENED = {
    "palette": ("/", palette),
    "key-sheet": ("/", key_sheet),
    "filters": ("/", filters_open),
    "lightbox": ("/c/{everything}/", lightbox),
    "message-menu": ("/c/{everything}/", message_menu),
}


@pytest.mark.parametrize("name", OPENED)
def test_what_opens_over_a_page_is_open_to_everybody(visit, ada, filled, addresses, name):
    path, opened = OPENED[name]
    page = visit(ada).open(addresses(path))
    opened(page)
    looked_at(page, name)


@pytest.mark.parametrize("name", ["404", "403_csrf", "429", "500"])
def test_words_for_what_went_wrong_are_open_to_everybody(visit, ada, server, name):
    """As the server would answer; the status itself is the concern of other tests, and of the browser's console."""
    ada.time_zone = "Europe/Oslo"
    ada.save()
    request = RequestFactory().get("/broken/")
    request.user = ada
    html = render_to_string(f"{name}.html", {"user": ada}, None if name == "500" else request)
    seen = visit(ada)
    seen.page.route("**/broken/", lambda route: route.fulfill(body=html, content_type="text/html"))
    looked_at(seen.open("/broken/"), f"error-{name}")


def test_the_kept_list_is_open_to_everybody(visit, ada, filled):
    for options in ({}, PHONE):
        looked_at(visit(ada, **options).open("/offline/"), "kept-list")
