"""Pieces into HTML: each example is drawn by its template, with pictures of our own and ids that no other has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import get_urlconf, set_urlconf
from django.utils.safestring import SafeString

from dminbox.styleguide import sheets
from dminbox.styleguide.pieces import PIECES, Example

NAMES = re.compile(r'(?<=\s)(id|for|aria-labelledby|aria-describedby|aria-controls)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Shown:
    words: str
    template: str
    frame: str
    html: SafeString


@dataclass(frozen=True, slots=True)
class Piece:
    name: str
    when: str
    tokens: list[str]
    examples: list[Shown]


def pieces(request: HttpRequest) -> list[Piece]:
    """In the order of components.css, which has a section for each."""
    rules = sheets.sections("components.css")
    with _pictures_of_our_own():
        return [
            Piece(name, when, sheets.tokens_of(rules[name]), [_drawn(request, name, each) for each in examples()])
            for name, (when, examples) in PIECES.items()
        ]


def _drawn(request: HttpRequest, piece: str, example: Example) -> Shown:
    html = render_to_string(example.template, {"is_quoted": False, **example.context}, request)
    return Shown(example.words, example.template, example.frame, _apart(html, f"{piece}-{example.words}"))


def _apart(html: str, where: str) -> SafeString:
    """The same with ids that stand on no page: many examples of one template can stand beside each other.

    Nothing but the values of these attributes changes in what templates have escaped already.
    """
    end = re.sub(r"\W+", "-", where).lower()
    return SafeString(NAMES.sub(lambda found: f'{found[1]}="{_with_end(found[2], end)}"', html))


def _with_end(ids: str, end: str) -> str:
    return " ".join(f"{each}-{end}" for each in ids.split())


@contextmanager
def _pictures_of_our_own() -> Iterator[None]:
    before = get_urlconf()
    set_urlconf("dminbox.styleguide.addresses")
    try:
        yield
    finally:
        set_urlconf(before)
