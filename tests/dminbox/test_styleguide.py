"""The guide is for developers, is drawn by the partials the pages use, and leaves no row behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dminbox.styleguide import sheets
from dminbox.styleguide.pieces import NOT_SHOWN, PIECES
from dminbox.styleguide.rows import FAR

pytestmark = pytest.mark.django_db
WRITES = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def guide(client, ada, settings):
    settings.DEBUG = True
    client.force_login(ada)
    return lambda **query: client.get("/styleguide/", query)


def partials() -> set[str]:
    folder = Path(settings.BASE_DIR) / "templates"
    return {str(path.relative_to(folder)) for path in folder.rglob("_*.html")}


@pytest.mark.parametrize("address", ["/styleguide/", f"/styleguide/files/1/{FAR + 1}/"])
def test_without_debug_there_is_no_guide(client, ada, address):
    client.force_login(ada)
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("address", ["/styleguide/", f"/styleguide/files/1/{FAR + 1}/"])
def test_the_guide_asks_for_a_sign_in(client, settings, address):
    settings.DEBUG = True
    answer = client.get(address)
    assert answer.status_code == 302
    assert "/accounts/login/" in answer.url


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_each_partial_is_shown_or_listed_with_a_reason(guide, direction):
    answer = guide(dir=direction)
    drawn = {template.name for template in answer.templates}
    assert partials() - drawn == set(NOT_SHOWN) - drawn
    assert set(NOT_SHOWN) <= partials()
    assert all(NOT_SHOWN.values())


def test_looking_at_the_guide_writes_nothing_and_reads_no_rows_of_the_inbox(guide):
    guide()
    with CaptureQueriesContext(connection) as asked:
        assert guide().status_code == 200
    said = [query["sql"] for query in asked]
    assert [sql for sql in said if sql.startswith(WRITES)] == []
    assert [sql for sql in said if "conversations_" in sql] == []


def test_each_section_of_components_css_has_its_place_in_the_guide():
    assert list(PIECES) == list(sheets.sections("components.css"))


def test_no_two_things_of_the_guide_have_the_same_id(guide):
    ids = re.findall(r'\sid="([^"]+)"', guide().content.decode())
    assert sorted({each for each in ids if ids.count(each) > 1}) == []


def test_the_switches_are_links_and_change_the_page(guide):
    page = guide(look="dark", dir="rtl").content.decode()
    assert 'class="look-dark"' in page
    assert 'dir="rtl"' in page.split("<head>")[0]
    assert 'href="?look=contrast&amp;dir=rtl"' in page
    assert guide(look="purple").status_code == 404
    assert guide(dir="up").status_code == 404


def test_the_pictures_of_the_guide_are_there(guide, client):
    page = guide().content.decode()
    files = set(re.findall(r'src="(/styleguide/files/[^"]+)"', page))
    assert len(files) > 3
    assert {client.get(each).status_code for each in files} == {200}
    assert client.get(f"/styleguide/files/1/{FAR + 99}/").status_code == 404


def test_the_guide_says_contrast_as_the_tokens_do():
    def block(sheet: str, opening: str) -> str:
        rules = (sheets.FOLDER / sheet).read_text().split(opening)[1].split("}")[0]
        return " ".join(rules.split())

    asked_for = block("tokens.css", "@media (prefers-contrast: more) {\n  :root {")
    assert block("styleguide.css", ":root:has(> .look-contrast) {") == asked_for
