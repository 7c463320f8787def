"""The last 24 hours as bars on a grid: numbers into places. Pure; the templates make SVG of it, the styles colours.

Each lane is a picture of its own, stretched to the width of the page, so that words stay words beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conversations.showing.moments import clock
from conversations.showing.names import comma
from conversations.sync.day import HOUR, HOURS, Day, Hour, Span
from dminbox.wording import number, usd

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
        words = _at(hour, _requests_words(hour))
        polls = _column(place, hour.polls / top, "polls", words)
        others = _column(place, hour.others / top, "others", words, above=polls.height)
        bars += [bar for bar in (polls, others) if bar.height]
    line = UNIT - round(UNIT * allowed / top) if allowed else None
    return Lane(_("Requests"), requests_words(day), tuple(bars), line)


def requests_words(day: Day) -> str:
    words = [number(day.requests)]
    if day.allowed:
        of = {"polls": number(day.polls), "allowed": number(day.allowed)}
        words = [_("%(polls)s of %(allowed)s polls allowed by X") % of, _others(day.requests - day.polls)]
    if day.failed:
        failed = ngettext("%(count)s failed", "%(count)s failed", day.failed)
        words.append(failed % {"count": number(day.failed)})
    return comma().join(words)


def _requests_words(hour: Hour) -> str:
    polls = ngettext("%(count)s poll", "%(count)s polls", hour.polls) % {"count": number(hour.polls)}
    if hour.allowed is not None:
        of = {"polls": number(hour.polls), "allowed": number(hour.allowed)}
        polls = ngettext("%(polls)s of %(allowed)s poll", "%(polls)s of %(allowed)s polls", hour.allowed) % of
    failed = ngettext("%(count)s failed", "%(count)s failed", hour.failed)
    return comma().join([polls, _others(hour.others), failed % {"count": number(hour.failed)}])


def _others(count: int) -> str:
    return ngettext("%(count)s other request", "%(count)s other requests", count) % {"count": number(count)}


def _events(day: Day) -> Lane:
    bars = _columns(day, lambda hour: hour.events, "events", lambda hour: _events_words(hour.events))
    return Lane(_("Events billed"), number(day.events), bars)


def _events_words(count: int) -> str:
    return ngettext("%(count)s event", "%(count)s events", count) % {"count": number(count)}


def _spend(day: Day) -> Lane:
    bars = _columns(day, lambda hour: hour.usd, "spend", lambda hour: usd(hour.usd))
    return Lane(_("Spend"), usd(day.usd), bars)


def _gaps(day: Day) -> Lane:
    return Lane(_("Gaps"), gaps_words(day), tuple(_stretch(day, span) for span in day.gaps))


def gaps_words(day: Day) -> str:
    if not day.gaps:
        return _("none in these hours")
    parts = len(day.gaps)
    told = {"length": _length(day.missing), "count": number(parts)}
    return ngettext("%(length)s in %(count)s part", "%(length)s in %(count)s parts", parts) % told


def _columns(
    day: Day, value: Callable[[Hour], int | Decimal], kind: str, words: Callable[[Hour], str]
) -> tuple[Bar, ...]:
    top = max([value(hour) for hour in day.hours]) or 1
    bars = [
        _column(place, float(value(hour) / top), kind, _at(hour, words(hour))) for place, hour in enumerate(day.hours)
    ]
    return tuple(bar for bar in bars if bar.height)


def _column(place: int, share: float, kind: str, words: str, above: int = 0) -> Bar:
    height = max(round(share * UNIT), LEAST) if share else 0
    height = min(height, UNIT - above)
    return Bar(place * UNIT + MARGIN, UNIT - above - height, UNIT - 2 * MARGIN, height, kind, words)


def _stretch(day: Day, span: Span) -> Bar:
    begins, ends = (_place(day, moment) for moment in (span.begins_at, span.ends_at))
    words = _("%(begin)s to %(end)s") % {"begin": clock(span.begins_at), "end": clock(span.ends_at)}
    return Bar(begins, 0, max(ends - begins, LEAST), UNIT, "gap", words)


def _place(day: Day, moment: datetime) -> int:
    return round((moment - day.begins_at) / HOUR * UNIT)


def ticks(day: Day) -> Sequence[datetime]:
    """The hours that are written below."""
    return [hour.begins_at for hour in day.hours[::6]]


def _at(hour: Hour, words: str) -> str:
    return _("%(time)s: %(words)s") % {"time": clock(hour.begins_at), "words": words}


def _length(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    if minutes < 1:
        return _("less than a minute")
    if minutes < 120:
        return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": number(minutes)}
    hours = round(minutes / 60)
    return ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": number(hours)}
