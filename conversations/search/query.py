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
from conversations.showing.names import comma, unlisted
from conversations.words import Term, words_of
from dminbox.wording import number

LONGEST = 500
MOST_TERMS = 20
MOST_NAMES = 5
MOST_NOTES = 5
KINDS = ("media", "post", "link")
QUOTES = '"„“”«»＂'
KEY = "(?:from|in|has|before|after)[:：]"
# What stands after a key may be written apart from it, unless it is a key itself.
PART = re.compile(
    rf"""(?P<no>-)?
    (?:(?P<key>(?={KEY})[a-z]+)[:：](?:\s+(?!-?{KEY}))?)?
    (?:[{QUOTES}](?P<quoted>[^{QUOTES}]*)(?:[{QUOTES}]|$)|(?P<bare>[^\s{QUOTES}]+)|(?(key)|(?!)))""",
    re.VERBOSE | re.IGNORECASE,
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
    _cut(asked)
    if asked.low is not None and asked.high is not None and asked.low >= asked.high:
        asked.notes.append(
            _("There is no day between these dates: “after:” is the first day, “before:” the day after the last.")
        )
    return asked


def _cut(asked: Asked) -> None:
    """To what one search is worth: so it takes its time, and no more, whatever is typed."""
    if len(asked.terms) > MOST_TERMS:
        asked.notes.append(_("Only the first %(count)s words are searched.") % {"count": number(MOST_TERMS)})
    if max(len(asked.people), len(asked.places)) > MOST_NAMES:
        words = _("Only the first %(count)s names after “from:” and after “in:” are used.")
        asked.notes.append(words % {"count": number(MOST_NAMES)})
    del asked.terms[MOST_TERMS:], asked.without[MOST_TERMS:]
    del asked.people[MOST_NAMES:], asked.places[MOST_NAMES:]
    asked.notes = list(dict.fromkeys(asked.notes))[:MOST_NOTES]


def with_name(text: str, typed: str, name: str) -> str:
    """The same search with another name after the from: or in: that has this one."""
    named = [match for match in PART.finditer(text) if (match["key"] or "").lower() in ("from", "in")]
    for match in named:
        if _value(match) == typed:
            return _with_value(text, match, name)
    for match in named:  # in the title of a group it is one of several names
        if typed in (pieces := unlisted(_value(match))):
            return _with_value(text, match, comma().join(name if piece == typed else piece for piece in pieces))
    return text


def _with_value(text: str, match: re.Match[str], value: str) -> str:
    return f"{text[: match.end('key')]}:{_as_one(value)}{text[match.end() :]}"


def _value(match: re.Match[str]) -> str:
    return ((match["bare"] if match["quoted"] is None else match["quoted"]) or "").strip()


def _as_one(name: str) -> str:
    plain = re.sub(f"[{QUOTES}]", "", name)
    return f'"{plain}"' if re.search(r"\s", plain) else plain


def _take(asked: Asked, match: re.Match[str]) -> None:
    key, value = (match["key"] or "").lower(), _value(match)
    if not key:
        _take_words(asked, match, value)
    elif match["no"]:
        asked.notes.append(_("“%(typed)s”: only words can be excluded with a minus.") % {"typed": match[0]})
    elif not value:
        asked.notes.append(_("“%(typed)s” has nothing after it.") % {"typed": f"{key}:"})
    elif key in ("from", "in"):
        (asked.people if key == "from" else asked.places).append(value)
    elif key == "has":
        _take_kind(asked, value.lower())
    else:
        _take_day(asked, key, value)


def _take_kind(asked: Asked, value: str) -> None:
    singular = value.removesuffix("s")
    if singular in KINDS:
        asked.kinds.append(singular)
    else:
        words = _("“%(typed)s”: use has:media, has:post or has:link.")
        asked.notes.append(words % {"typed": f"has:{value}"})


def _take_words(asked: Asked, match: re.Match[str], value: str) -> None:
    term = Term(tuple(words_of(value)), is_exact=match["quoted"] is not None)
    if term.words:
        (asked.without if match["no"] else asked.terms).append(term)
    else:
        words = _("“%(typed)s” has no letter, digit or symbol to search for.")
        asked.notes.append(words % {"typed": match[0]})


# --- Days: in the person's zone, as ids -------------------------------------------------------------------------------


def _take_day(asked: Asked, key: str, value: str) -> None:
    first = _first_day(value.lower())
    if first is None:
        words = _("“%(typed)s”: write a day like 2026-11-03, 2026-11 or 2026, or use today.")
        asked.notes.append(words % {"typed": f"{key}:{value}"})
        return
    floor = first_id_of(first)
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


def first_id_of(day: date) -> int:
    """The smallest id of an event on that day; X had none before its ids carried the time."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())
    return snowflake_floor(midnight) if day.year > 1970 else 0
