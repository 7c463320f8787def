"""The last 24 hours as bars on a grid: numbers into places. Pure; the templates make SVG of it, the styles colours.

Each lane is a picture of its own, stretched to the width of the page, so that words stay words beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import pluralize
from django.utils import timezone

from conversations.showing import usd
from conversations.sync.day import HOUR, HOURS, Day, Hour, Span

UNIT = 100
"""Width of an hour and height of a lane; whole numbers, since a decimal comma breaks an SVG."""
WIDTH = HOURS * UNIT
MARGIN = 12
LEAST = 3
"""What is more than nothing can be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """kind: which colour. words: what a pointer that rests on it reads."""

    x: int
    y: int
    width: int
    height: int
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """line: how high what X allows is; None where it is not known."""

    name: str
    words: str
    bars: tuple[Bar, ...]
    line: int | None = None


def lanes(day: Day) -> tuple[Lane, ...]:
    return (_requests(day), _events(day), _spend(day), _gaps(day))


def _requests(day: Day) -> Lane:
    allowed = max((hour.allowed or 0 for hour in day.hours), default=0)
    top = max([allowed, *(hour.polls + hour.others for hour in day.hours), 1])
    bars: list[Bar] = []
    for place, hour in enumerate(day.hours):
        words = f"{_clock(hour)}: {_requests_words(hour)}"
        polls = _column(place, hour.polls / top, "polls", words)
        others = _column(place, hour.others / top, "others", words, above=polls.height)
        bars += [bar for bar in (polls, others) if bar.height]
    words = f"{intcomma(day.requests)}"
    if allowed:
        words = f"{intcomma(day.polls)} of {intcomma(day.allowed)} polls X allowed"
        words += f", {intcomma(day.requests - day.polls)} other requests"
    words += f", {intcomma(day.failed)} of them without success" if day.failed else ""
    return Lane("Requests", words, tuple(bars), UNIT - round(UNIT * allowed / top) if allowed else None)


def _requests_words(hour: Hour) -> str:
    polls = f"{hour.polls} polls" if hour.allowed is None else f"{hour.polls} of {hour.allowed} polls"
    return f"{polls}, {hour.others} other requests, {hour.failed} without success"


def _events(day: Day) -> Lane:
    bars = _columns(day, lambda hour: hour.events, "events", lambda hour: f"{hour.events} events")
    return Lane("Events billed", intcomma(day.events), bars)


def _spend(day: Day) -> Lane:
    bars = _columns(day, lambda hour: hour.usd, "spend", lambda hour: usd(hour.usd))
    return Lane("Spend", usd(day.usd), bars)


def _gaps(day: Day) -> Lane:
    length = sum((span.ends_at - span.begins_at for span in day.gaps), timedelta(0))
    parts = f"{len(day.gaps)} part{pluralize(len(day.gaps))}"
    words = f"{_length(length)} in {parts}" if day.gaps else "nothing of these hours"
    return Lane("Still to be read", words, tuple(_stretch(day, span) for span in day.gaps))


def _columns(
    day: Day, value: Callable[[Hour], int | Decimal], kind: str, words: Callable[[Hour], str]
) -> tuple[Bar, ...]:
    top = max([value(hour) for hour in day.hours]) or 1
    bars = [
        _column(place, float(value(hour) / top), kind, f"{_clock(hour)}: {words(hour)}")
        for place, hour in enumerate(day.hours)
    ]
    return tuple(bar for bar in bars if bar.height)


def _column(place: int, share: float, kind: str, words: str, above: int = 0) -> Bar:
    height = max(round(share * UNIT), LEAST) if share else 0
    height = min(height, UNIT - above)
    return Bar(place * UNIT + MARGIN, UNIT - above - height, UNIT - 2 * MARGIN, height, kind, words)


def _stretch(day: Day, span: Span) -> Bar:
    begins, ends = (_place(day, moment) for moment in (span.begins_at, span.ends_at))
    words = f"{_moment(span.begins_at)} to {_moment(span.ends_at)}"
    return Bar(begins, 0, max(ends - begins, LEAST), UNIT, "gap", words)


def _place(day: Day, moment: datetime) -> int:
    return round((moment - day.begins_at) / HOUR * UNIT)


def ticks(day: Day, every: int = 6) -> Sequence[datetime]:
    """The hours that are written below."""
    return [hour.begins_at for hour in day.hours[::every]]


def _clock(hour: Hour) -> str:
    return _moment(hour.begins_at)


def _moment(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M}"


def _length(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    if minutes < 1:
        return "less than a minute"
    return f"{minutes} minute{pluralize(minutes)}" if minutes < 120 else f"{round(minutes / 60)} hours"
