"""How busy a conversation is lately, as bars: ids into places. Pure; the template makes SVG of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from conversations.ids import time_in

LOOKED_AT = 500
"""Newest events of a conversation: a thread of any length costs the same."""
SPAN = timedelta(days=30)
LEAST_SPAN = timedelta(hours=1)
BARS = 30
UNIT, GAP = 10, 2
HEIGHT = 100
LEAST = 6
"""What is more than nothing can be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Spark:
    """begins_at: thirty days ago, or where a busy conversation's newest events begin. No bars: nothing in that time."""

    bars: tuple[Bar, ...]
    events: int
    begins_at: datetime
    width: int = BARS * UNIT
    height: int = HEIGHT


def spark_of(newest_ids: Sequence[int], now: datetime) -> Spark:
    """newest_ids: at most LOOKED_AT event ids, newest first; each holds its time."""
    begins_at = now - SPAN
    times = [moment for moment in map(time_in, newest_ids) if begins_at <= moment]
    if len(times) == LOOKED_AT:
        begins_at = min(times[-1], now - LEAST_SPAN)
    places = Counter(min(int((moment - begins_at) / (now - begins_at) * BARS), BARS - 1) for moment in times)
    top = max(places.values(), default=1)
    bars = tuple(_bar(place, count / top) for place, count in sorted(places.items()))
    return Spark(bars, len(times), begins_at)


def _bar(place: int, share: float) -> Bar:
    height = max(round(share * HEIGHT), LEAST)
    return Bar(place * UNIT, HEIGHT - height, UNIT - GAP, height)
