"""What a person typed into the search box -> what is wanted. Pure: names stay names, and no table is asked.

Nothing that can be typed is an error: what is not understood is said in words, and the rest is searched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import snowflake_floor
from conversations.words import Term, words_of
from dminbox.wording import number

LONGEST = 500
MOST_TERMS = 20
KINDS = ("media", "post", "link")
QUOTES = '"„“”«»'
PART = re.compile(
    rf"""(?P<no>-)?
    (?:(?P<key>[A-Za-z]+):(?=\S))?
    (?:[{QUOTES}](?P<quoted>[^{QUOTES}]*)(?:[{QUOTES}]|$)|(?P<bare>[^\s{QUOTES}]+))""",
    re.VERBOSE,
)
UNTYPED = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
LAST_YEAR = 2200


@dataclass(slots=True)
class Asked:
    """people and places: as typed after from: and in:. low, high: dm_event_ids between which it is, the upper one out.

    notes: what was not understood, each a sentence.
    """

    text: str = ""
    terms: list[Term] = field(default_factory=list)
    without: list[Term] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    low: int | None = None
    high: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        limits = self.low is not None or self.high is not None
        return not (self.terms or self.without or self.people or self.places or self.kinds or limits)


def parse(typed: str) -> Asked:
    """Words, "phrases", -without, from:, in:, has:, before: and after:; a word with a colon that is none of these stays
    a word."""
    text = UNTYPED.sub(" ", typed).strip()
    asked = Asked(text=text[:LONGEST])
    if len(text) > LONGEST:
        asked.notes.append(_("Only the first %(count)s characters are searched.") % {"count": number(LONGEST)})
    for match in PART.finditer(asked.text):
        _take(asked, match)
    if len(asked.terms) > MOST_TERMS:
        asked.notes.append(_("Only the first %(count)s words are searched.") % {"count": number(MOST_TERMS)})
        del asked.terms[MOST_TERMS:]
    del asked.without[MOST_TERMS:]
    return asked


def with_name(text: str, typed: str, name: str) -> str:
    """The same search with another name after the from: or in: that has this one."""
    for match in PART.finditer(text):
        group = "bare" if match["quoted"] is None else "quoted"
        if (match["key"] or "").lower() in ("from", "in") and match[group].strip() == typed:
            begin = match.end("key") + 1
            return text[:begin] + _as_one(name) + text[match.end() :]
    return text


def _as_one(name: str) -> str:
    plain = re.sub(f"[{QUOTES}]", "", name)
    return f'"{plain}"' if re.search(r"\s", plain) else plain


def _take(asked: Asked, match: re.Match[str]) -> None:
    key = (match["key"] or "").lower()
    value = match["bare"] if match["quoted"] is None else match["quoted"]
    is_known = key in ("from", "in", "has", "before", "after")
    if is_known and match["no"]:
        asked.notes.append(_("“%(typed)s”: only words can be left out with a minus.") % {"typed": match[0]})
    elif is_known and not value.strip():
        asked.notes.append(_("“%(typed)s” has nothing after it.") % {"typed": f"{key}:"})
    elif key in ("from", "in"):
        (asked.people if key == "from" else asked.places).append(value.strip())
    elif key == "has":
        _take_kind(asked, value.lower())
    elif is_known:
        _take_day(asked, key, value)
    else:
        _take_words(asked, match, f"{match['key']}:{value}" if key else value)


def _take_kind(asked: Asked, value: str) -> None:
    singular = value.removesuffix("s")
    if singular in KINDS:
        asked.kinds.append(singular)
    else:
        words = _("“%(typed)s”: it can be has:media, has:post or has:link.")
        asked.notes.append(words % {"typed": f"has:{value}"})


def _take_words(asked: Asked, match: re.Match[str], value: str) -> None:
    term = Term(tuple(words_of(value)), is_exact=match["quoted"] is not None)
    if term.words:
        (asked.without if match["no"] else asked.terms).append(term)
    else:
        words = _("“%(typed)s” holds no letter, digit or sign that can be searched.")
        asked.notes.append(words % {"typed": match[0]})


# --- Days: in the person's zone, as ids -------------------------------------------------------------------------------


def _take_day(asked: Asked, key: str, value: str) -> None:
    first = _first_day(value.lower())
    if first is None:
        words = _("“%(typed)s”: a day is written like 2026-11-03, 2026-11 or 2026, or it is today.")
        asked.notes.append(words % {"typed": f"{key}:{value}"})
        return
    floor = _floor(first)
    if key == "before":
        asked.high = floor if asked.high is None else min(asked.high, floor)
    else:
        asked.low = floor if asked.low is None else max(asked.low, floor)


def _first_day(value: str) -> date | None:
    today = timezone.localdate()
    if value in ("today", "yesterday"):
        return today - timedelta(days=value == "yesterday")
    match = DAY.fullmatch(value)
    if match is None or not 1 <= int(match[1]) <= LAST_YEAR:
        return None
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None


def _floor(day: date) -> int:
    """The smallest id of an event on that day; X had none before its ids carried the time."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())
    return snowflake_floor(midnight) if day.year > 1970 else 0
