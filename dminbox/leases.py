"""Leases and due times are columns, compared with our clock. What a clock wrote that ran ahead counts as past.

A clock two days ahead, once, would otherwise leave a row leased, or not due, for two days. So whatever lies further
ahead than anybody could have written by right is nobody's lease, and due. The conditions stand in the conditional
UPDATE itself that claims the row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

SLACK = 4
"""A time may lie a quarter (1 / SLACK) further ahead than the longest: the clocks of two machines differ a little."""


def is_free(column: str, now: datetime, longest: timedelta) -> Q:
    """No lease, or none that holds. longest: for which one is ever taken."""
    return is_free_within(column, now, furthest(now, longest))


def is_free_within(column: str, now: datetime, until: datetime) -> Q:
    """The same for a statement that is put together once: until is `furthest` of now."""
    return Q(**{column: None}) | _is_due_within(column, now, until)


def is_due(column: str, now: datetime, longest: timedelta) -> Q:
    """Past, or further ahead than `longest`, the longest wait there is."""
    return _is_due_within(column, now, furthest(now, longest))


def _is_due_within(column: str, now: datetime, until: datetime) -> Q:
    return Q(**{f"{column}__lte": now}) | Q(**{f"{column}__gt": until})


def is_past(moment: datetime | None, now: datetime, longest: timedelta) -> bool:
    """The same of a row that is at hand, or no time set."""
    return moment is None or not now < moment <= furthest(now, longest)


def furthest(now: datetime, longest: timedelta) -> datetime:
    """Whatever lies beyond was written by a clock that ran ahead."""
    return now + longest + longest / SLACK
