"""What `test_every_page.py` does for pages, for what opens over them and for the words when something went wrong."""

from __future__ import annotations

from functools import partial

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory

from tests.e2e import places
from tests.e2e.looking import faults

pytestmark = pytest.mark.browser


def palette(page):
    page.keyboard.press("Control+k")
    page.locator("#palette-input").fill("ada")
    page.locator("#palette-list").get_by_text("@ada_lindqvist").wait_for()


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


def refused_form(page):
    for name, value in (("oldpassword", "not mine"), ("password1", "1"), ("password2", "2")):
        page.locator(f"[name={name}]").fill(value)
    page.locator("main form .button[type=submit]").click()
    page.locator(".errorlist").first.wait_for()


OPENED = {
    "palette": ("/", palette),
    "key-sheet": ("/", key_sheet),
    "filters": ("/", filters_open),
    "lightbox": ("/c/{everything}/", lightbox),
    "message-menu": ("/c/{everything}/", message_menu),
    "form-refused": ("/accounts/password/change/", refused_form),
}


def test_what_opens_over_a_page_is_open_to_everybody(visit, ada, names):
    ada.set_password("words of hers")
    ada.save()
    seen, found = visit(ada), []
    seen.expect_answer(422, "/accounts/password/change/")
    for name, (path, opened) in OPENED.items():
        page = seen.open(path.format(**names))
        opened(page)
        found += faults(page, name)
    assert found == []


def answered(html, route):
    route.fulfill(body=html, content_type="text/html")


def test_words_for_what_went_wrong_are_open_to_everybody(visit, ada, names):
    """As the server would answer; the status itself is the concern of other tests, and of the browser's console."""
    request = RequestFactory().get("/broken/")
    request.user = ada
    found = []
    for name in places.BROKEN:
        seen = visit(ada)  # anew: once there is a service worker, it is what asks
        html = render_to_string(f"{name}.html", {"user": ada}, None if name in places.WITHOUT_A_PERSON else request)
        seen.page.route("**/broken/", partial(answered, html))
        found += faults(seen.open("/broken/"), f"error-{name}")
    assert found == []
