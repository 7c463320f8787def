"""What reading would bring and cost, said before anybody asks for it: from what is known, and only "about". Pure.

X tells no counts. What is known is how many events came in a stretch of time that was read whole, and since when a
conversation can exist at all; from these follows what the stretch before it may hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from conversations.ids import as_number, time_in

PAGE = 100
LEAST_KNOWN = timedelta(days=1)
"""A shorter stretch tells of an hour of the day, not of a month."""
MOST = Decimal("1.5")
"""A wish for all there is stops at so many times what was estimated."""
MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """So many events, by and to so many people, came within a stretch of time that was read whole."""

    events: int
    span: timedelta
    people: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """About so many events, with people and posts that X bills with them; where none are reckoned with, new ones come
    on top. again: of the events, those that are stored already, whose number is known.
    """

    events: int
    people: int = 0
    posts: int = 0
    again: int = 0

    @property
    def usd(self) -> Decimal:
        return Decimal(
            self.events * settings.PRICE_DM_EVENT_USD
            + self.people * settings.PRICE_USER_USD
            + self.posts * settings.PRICE_POST_USD
        )

    @property
    def pages(self) -> int:
        """What a wish for all of it asks for at most."""
        return min(max(math.ceil(((self.events - self.again) * MOST + self.again) / PAGE), 1), MOST_PAGES)

    @property
    def most(self) -> Estimate:
        return of_pages(self.pages, self.people)


def expected(known: Pace | None, over: timedelta) -> Estimate | None:
    """What another stretch may hold at the same pace; None when too little is known to say anything."""
    if known is None or not known.events or known.span < LEAST_KNOWN:
        return None
    share = max(over, timedelta(0)) / known.span
    return Estimate(_rounded(known.events * share), _rounded(known.people * share))


def older_events(known: Pace | None, known_since: datetime, birth: datetime | None) -> Estimate | None:
    """What a conversation may hold from before `known_since`; None when its age or its pace is not known."""
    return None if birth is None else expected(known, known_since - birth)


def birth_of(dm_conversation_id: str, created: Iterable[datetime | None]) -> datetime | None:
    """Since when a conversation can exist: a group's id tells it; two people have no older one than the younger of
    their X accounts. created: when those were made, as far as X has told."""
    if (number := as_number(dm_conversation_id)) is not None:
        return time_in(number)
    return max((moment for moment in created if moment), default=None)


def pages_past(again: int) -> int:
    """What a wish for one page of older events asks for at most, with so many stored ones on its way."""
    return min(1 + math.ceil(again / PAGE), MOST_PAGES)


def of_pages(pages: int, people: int = 0) -> Estimate:
    """As much as so many pages hold at most."""
    return Estimate(pages * PAGE, people)


def _rounded(events: float) -> int:
    """To two digits: 1,234 is about 1,200."""
    whole = math.ceil(events)
    return round(whole, 2 - len(str(whole))) if whole >= 100 else whole
