"""The inbox in other languages: chosen in the profile, and no page is too wide for its words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts.models import User
from tests.e2e import rich
from tests.e2e.looking import pictures

pytestmark = pytest.mark.browser
SIZES = {"desk": (1280, 800), "phone": (390, 844), "small-phone": (320, 640)}


def html(page) -> tuple[str, str]:
    return page.evaluate("[document.documentElement.lang, getComputedStyle(document.body).direction]")


def test_a_language_chosen_in_the_profile_is_spoken_from_then_on_in_any_browser(visit, ada):
    seen = visit(ada, locale="en-GB")
    page = seen.open("/profile/")
    assert html(page) == ["en", "ltr"]
    page.get_by_label("Language").select_option(label="العربية")
    page.get_by_role("button", name="Save").click()
    page.wait_for_function("document.documentElement.lang === 'ar'")
    assert html(page) == ["ar", "rtl"]
    assert html(visit(ada, locale="ja-JP").open("/")) == ["ar", "rtl"]


def test_without_a_choice_pages_speak_the_language_of_the_browser(visit, ada, ben):
    assert html(visit(ada, locale="de-AT").open("/profile/")) == ["de", "ltr"]
    assert html(visit(ben, locale="fr-FR").open("/profile/")) == ["en", "ltr"]


@pytest.mark.parametrize("language", ["de", "ja"])
def test_no_page_is_too_wide_in_another_language(visit, ada, language):
    filled = rich.fill(ada, datetime.now(UTC))
    User.objects.filter(pk=ada.pk).update(language=language, time_zone="Europe/Oslo")
    pages = {
        "inbox": "/",
        "thread": f"/c/{filled.everything.pk}/",
        "group": f"/c/{filled.group.pk}/#people",
        "x-account": f"/x-accounts/{filled.support.pk}/",
        "profile": "/profile/",
        "open": "/open/",
        "search": "/search/?q=lamp",
    }
    seen = visit(ada)
    for name, path in pages.items():
        page = seen.open(path)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, (name, size)
            if folder := pictures():
                page.screenshot(path=folder / f"{name}-{language}-{size}.png")
