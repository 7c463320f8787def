"""X's ids as numbers: what the tables can hold, and the time that stands in an id."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from accounts.models import X_EPOCH_MS

LARGEST = 2**63 - 1
"""A column holds no more; X's ids of 2026 are a fifth of it."""
EPOCH = datetime.fromtimestamp(0, UTC)


def as_number(x_id: str | None) -> int | None:
    """None for what is absent or too large for a column."""
    if not x_id or not (x_id.isascii() and x_id.isdigit()):
        return None
    number = int(x_id)
    return number if number <= LARGEST else None


def as_numbers(x_ids: Iterable[str | None]) -> list[int]:
    """Each once, in the order they came; what is no id is left out."""
    return list(dict.fromkeys(number for x_id in x_ids if (number := as_number(x_id)) is not None))


def time_in(x_id: int) -> datetime:
    """The millisecond at which X made the id."""
    return EPOCH + timedelta(milliseconds=(x_id >> 22) + X_EPOCH_MS)


def people_in(dm_conversation_id: str) -> tuple[int, int] | None:
    """The two sides of a one-to-one conversation (the same twice with oneself); None for a group."""
    sides = [as_number(part) for part in dm_conversation_id.split("-")]
    if len(sides) != 2 or sides[0] is None or sides[1] is None:
        return None
    return sides[0], sides[1]


def peer_in(dm_conversation_id: str, own_id: int) -> int | None:
    """The other side of a one-to-one, which may stand left or right; ourselves in a conversation with oneself."""
    sides = people_in(dm_conversation_id)
    if sides is None:
        return None
    return sides[1] if sides[0] == own_id else sides[0]
