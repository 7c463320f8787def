"""The sheets hold what pages use and nothing else, each thing once, and nothing that knows left from right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

BASE = Path(settings.BASE_DIR)
CSS = BASE / "static" / "css"
OF_PAGES = ("tokens.css", "layout.css", "components.css")
SHEETS = (*OF_PAGES, "styleguide.css")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
CLASS = re.compile(r"\.([a-z][\w-]*)")
SIDED = re.compile(
    r"(?:^|[\s;{])(?:margin|padding|border|inset)-(?:left|right)|(?:^|[\s;{])(?:left|right|float|clear) *:|"
    r"(?:border-(?:top|bottom)-(?:left|right)-radius)|text-align: *(?:left|right)|(?:^|[\s;{])border-(?:top|bottom)\b"
)
NUMBERED_COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|light-dark)\(", re.I)
BY_LIBRARIES = {"htmx-request", "htmx-indicator", "helptext"}


def rules_of(sheet: str) -> str:
    return COMMENT.sub("", (CSS / sheet).read_text())


def blocks(text: str, media: str = "") -> list[tuple[str, str, str]]:
    """(at-rule around it, selector, declarations) of each rule, in their order."""
    found, rest = [], text
    while match := re.search(r"\s*([^{}]+?)\s*\{", rest):
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(rest[end], 0)
            end += 1
        inner = rest[match.end() : end - 1]
        found += blocks(inner, match[1]) if match[1].startswith("@") else [(media, match[1], inner.strip())]
        rest = rest[end:]
    return found


def told_to_pages() -> str:
    """Everything that can give an element a class: templates, scripts, and what Python draws."""
    python = [
        *(BASE / "conversations").rglob("*.py"),
        *(BASE / "accounts").rglob("*.py"),
        *(BASE / "dminbox").rglob("*.py"),
    ]
    files = [*(BASE / "templates").rglob("*.html"), *(BASE / "static/js").glob("*.js"), *python]
    return "\n".join(path.read_text() for path in files)


def test_the_sheets_of_a_page_are_three_and_each_rule_is_in_one_of_them():
    assert {path.name for path in CSS.glob("*.css")} == set(SHEETS)


@pytest.mark.django_db
def test_a_page_asks_for_three_sheets():
    page = Client().get("/accounts/login/").content.decode()
    assert re.findall(r'rel="stylesheet" href="[^"]*/([a-z]+)[^"/]*\.css"', page) == ["tokens", "layout", "components"]


@pytest.mark.parametrize("sheet", SHEETS)
def test_each_class_with_a_rule_is_used(sheet):
    told = set(re.findall(r"[\w-]+", told_to_pages())) | BY_LIBRARIES
    # Composed where they are used: avatar c1 to c5, media-set n2 to n4, bar-polls and its like.
    composed = {f"c{number}" for number in range(1, 6)} | {f"n{number}" for number in range(2, 5)}
    composed |= {f"bar-{kind}" for kind in ("polls", "others", "events", "spend", "gap")}
    composed |= {f"look-{look}" for look in ("light", "dark", "contrast")}
    classes = {name for _, selector, _ in blocks(rules_of(sheet)) for name in CLASS.findall(selector)}
    assert classes - told - composed == set()


@pytest.mark.parametrize("sheet", SHEETS)
def test_no_selector_is_ruled_twice_under_the_same_conditions(sheet):
    at = [(media, selector) for media, selector, _ in blocks(rules_of(sheet))]
    # What is asked of it differs from section to section; within one set of conditions nothing is said twice.
    assert sorted({each for each in at if at.count(each) > 1}) == []


def test_no_rule_stands_in_two_sheets():
    seen: dict[tuple[str, str], str] = {}
    for sheet in OF_PAGES:
        for media, selector, _ in blocks(rules_of(sheet)):
            if not selector.startswith(":root"):
                assert seen.setdefault((media, selector), sheet) == sheet, (
                    f"{selector} stands in {seen[media, selector]} too"
                )


@pytest.mark.parametrize("sheet", SHEETS)
def test_sides_are_told_by_start_and_end(sheet):
    assert [line for line in rules_of(sheet).splitlines() if SIDED.search(line)] == []


@pytest.mark.parametrize("sheet", ["layout.css", "components.css", "styleguide.css"])
def test_colours_stand_in_the_tokens_alone(sheet):
    assert NUMBERED_COLOUR.findall(rules_of(sheet)) == []


def test_each_token_is_set_and_used():
    rules = "".join(rules_of(sheet) for sheet in SHEETS)
    of_root = set(re.findall(r"(--[\w-]+):", rules_of("tokens.css")))
    used = set(re.findall(r"var\((--[\w-]+)\)", rules))
    assert used == of_root


def test_the_table_of_contents_names_the_sections_in_their_order():
    text = (CSS / "components.css").read_text()
    contents = " ".join(text.split("*/")[0].split("\n\n")[1].split())
    assert contents.split(" · ") == re.findall(r"^/\* --- ([^-:]+?)(?::[^-]+?)? -+ \*/$", text, re.M)
