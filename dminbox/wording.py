"""Numbers, amounts and dates as the reader writes them, and sentences that were stored in English, in their language.

What goes wrong at X is met by workers, and stored in English as one sentence, which the admin and an older version
show as it is. The sentence is its own msgid, so that a page only looks it up; those that hold values are listed here.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache

from django.utils.formats import date_format, number_format, time_format
from django.utils.translation import get_language, get_language_bidi, gettext_noop
from django.utils.translation import gettext as _

DISCONNECTED_BY = gettext_noop("Disconnected by %(person)s.")
CAP_REACHED = gettext_noop("This month's cap of $%(usd)s is reached: no more messages are read or pushed.")
CEILING_REACHED = gettext_noop(
    "The import paused at its limit of $%(usd)s; there is more to import. No more messages are imported until someone "
    "continues it."
)
NO_PERSON = gettext_noop("X has no user called @%(handle)s.")
X_REFUSES = gettext_noop("X rejected our request: %(reason)s")
WITH_ID = gettext_noop("%(sentence)s (X's transaction %(transaction)s)")


def number(value: Decimal | int, places: int = 0) -> str:
    """With the thousands apart."""
    return number_format(value, places, force_grouping=True)


def usd(amount: Decimal) -> str:
    """$1.00, $0.005: cents, and tenths of a cent where there are any."""
    amount = round(amount, 3)  # SQLite adds up in floating point
    return in_dollars(number(amount, 2 if amount == round(amount, 2) else 3))


def about_usd(amount: Decimal) -> str:
    """$12, $1.20: what is only "about" has no cents."""
    return in_dollars(number(round(amount), 0) if amount >= 10 else number(amount, 2))


def in_dollars(amount: str) -> str:
    return _("$%(amount)s") % {"amount": amount}


def handle(username: str) -> str:
    """@ada; where text runs from the right it is kept apart from it, else its @ would land at the wrong end."""
    return f"\u2066@{username}\u2069" if get_language_bidi() else f"@{username}"


# --- Dates and times --------------------------------------------------------------------------------------------------


def day(value: date, form: str) -> str:
    """form: a name of dminbox/formats."""
    value = value.date() if isinstance(value, datetime) else value
    return _written(value, form, get_language())


def clock(local: datetime) -> str:
    return _written(local.time().replace(second=0, microsecond=0), "TIME_FORMAT", get_language())


def day_and_clock(local: datetime, form: str) -> str:
    return _("%(day)s, %(time)s") % {"day": day(local, form), "time": clock(local)}


def whole_moment(local: datetime) -> str:
    """Friday, 21 November 2025, 14:02:09 CET."""
    return _any_time_of(local.date(), get_language()).format(f"{local.time().isoformat('seconds')} {local.tzname()}")


@lru_cache(maxsize=1_000)
def _any_time_of(value: date, language: str | None) -> str:
    """A whole day, and a place for the time."""
    return _("%(day)s, %(time)s") % {"day": _written(value, "DAY_FORMAT", language), "time": "{}"}


@lru_cache(maxsize=10_000)
def _written(value: date | time, form: str, _language: str | None) -> str:
    """Django's way of it is slow, and a page writes the same days and minutes again and again."""
    return time_format(value, form) if isinstance(value, time) else date_format(value, form)


# --- Stored sentences -------------------------------------------------------------------------------------------------


def _pattern(sentence: str) -> re.Pattern[str]:
    """What a sentence looks like with its values in it."""
    parts = re.split(r"%\((\w+)\)s", sentence)
    named = (f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile("".join(named), re.DOTALL)


PATTERNS = {
    sentence: _pattern(sentence)
    for sentence in (WITH_ID, DISCONNECTED_BY, CAP_REACHED, CEILING_REACHED, NO_PERSON, X_REFUSES)
}


def worded(stored: str) -> str:
    """A stored sentence in the reader's language; X's own words, and what nobody has translated, as they are."""
    for sentence, pattern in PATTERNS.items():
        if match := pattern.fullmatch(stored):
            return _(sentence) % {name: _value(name, said) for name, said in match.groupdict().items()}
    return _(stored) if stored else ""


def _value(name: str, said: str) -> str:
    match name:
        case "sentence":
            return worded(said)
        case "usd" if re.fullmatch(r"[0-9]+\.[0-9]{2}", said):
            return number(Decimal(said), 2)
    return said
