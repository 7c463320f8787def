"""A language in which every text that translators are given stands between brackets, and what of a page does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html.parser import HTMLParser

from django.conf import settings
from django.utils import translation
from django.utils.translation import trans_real

from conversations.templatetags import constant
from dminbox import catalogues, wording

OPEN, CLOSE = "⟦", "⟧"
UNREAD = {"script", "style", "code", "kbd", "time", "pre"}
"""Addresses, keys, X's own words and dates: nobody translates them by a catalogue."""
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
READ_ALOUD = {"alt", "aria-label", "placeholder", "title"}
DATA_WORDS = re.compile(
    r"data-(said|is-live|is-again|is-polling|words|one|many|none|play|pause|copied|refused)(-[a-z]+)?"
)
NO_WORDS = re.compile(r"\S*[@/:]\S+|\S+\.\S+|\w{0,2}…\w+")
"""Handles, their ends, addresses and e-mail addresses."""


@contextmanager
def brackets() -> Iterator[None]:
    """Everything that asks for a translation meanwhile gets its own text between brackets."""
    real = {name: getattr(translation._trans, name) for name in ("gettext", "ngettext", "pgettext", "npgettext")}
    fakes = {
        "gettext": lambda message: bracketed(message, message),
        "ngettext": lambda singular, plural, number: bracketed(singular, singular if number == 1 else plural),
        "pgettext": lambda _context, message: bracketed(message, message),
        "npgettext": lambda _context, singular, plural, number: bracketed(
            singular, singular if number == 1 else plural
        ),
    }
    forget()
    for name, fake in fakes.items():
        setattr(translation._trans, name, fake)
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(translation._trans, name, function)
        forget()


def forget() -> None:
    """What was made of translations once and for all."""
    for kept in (wording._any_time_of, wording._written, constant.made):
        kept.cache_clear()


def bracketed(msgid: object, words: object) -> str:
    """Commas that join texts are no words, and what is in no catalogue stays as it is for everybody."""
    return f"{OPEN}{words}{CLOSE}" if str(msgid) in given() and re.search(r"\w", str(words)) else str(words)


@cache
def given() -> frozenset[str]:
    """What translators are given: our texts, and those of the libraries."""
    ours = {text for message in catalogues.texts()["django"] for text in _forms(message.id)}
    libraries = trans_real.translation("de")._catalog.keys()
    return frozenset(ours | {text.split("\x04")[-1] for key in libraries for text in _forms(key)[:1]})


def _forms(msgid: object) -> tuple[str, ...]:
    return tuple(map(str, msgid)) if isinstance(msgid, tuple) else (str(msgid),)


class _Page(HTMLParser):
    """What a person meets, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.attributes: list[str] = []
        self.unread: list[str] = []
        self.option = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.unread or tag in UNREAD:
            self.unread += [] if tag in VOID else [tag]
            return
        self.texts.append("\n")
        found = dict(attrs)
        self.option = (found.get("value") or "") if tag == "option" else ""
        read = [value for name, value in found.items() if name in READ_ALOUD or DATA_WORDS.fullmatch(name)]
        if tag == "input" and found.get("type") in ("submit", "button"):
            read.append(found.get("value"))
        self.attributes += [words for value in read if value for words in _words_in(value)]

    def handle_endtag(self, tag: str) -> None:
        if self.unread and tag == self.unread[-1]:
            self.unread.pop()

    def handle_data(self, data: str) -> None:
        if not self.unread and not _is_a_name(self.option, data.strip()):
            self.texts.append(data)


def _words_in(value: str) -> list[str]:
    """An attribute may hold one text, or several in JSON."""
    return list(json.loads(value).values()) if value.startswith('{"') else [value]


def _is_a_name(option: str, words: str) -> bool:
    """Time zones are called by their names, and languages in their own words."""
    return bool(option) and (words == option.replace("_", " ") or dict(settings.LANGUAGES).get(option) == words)


def unmarked(html: str) -> list[str]:
    """Texts of a page that no translation was asked for. A translated text may go on through elements."""
    page = _Page()
    page.feed(html)
    left = _outside("".join(page.texts))
    for attribute in page.attributes:
        left += f"\n{_outside(attribute)}"
    return [words for line in left.split("\n") if _has_words(words := line.strip())]


def _outside(text: str) -> str:
    depth, kept = 0, []
    for character in text:
        depth -= character == CLOSE
        kept += [character] if depth < 1 and character not in (OPEN, CLOSE) else []
        depth += character == OPEN
    assert depth == 0, f"{depth} brackets too many in {text!r}"
    return "".join(kept)


def _has_words(line: str) -> bool:
    """Data of the tests is written in Greek letters."""
    return re.search(r"[A-Za-z]{2,}", re.sub(NO_WORDS, "", line).replace("dminbox", "")) is not None
