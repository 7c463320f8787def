"""How many there are, as pages say it, where looking at all of them would cost too much. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MANY = 100
"""Counting stops here; pages say 99+."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many were found among those looked at, and whether there are more to look at."""

    found: int = 0
    has_more: bool = False
    most: int = MANY - 1
    """The highest number that pages say."""

    def __str__(self) -> str:
        """With a + where there may be more: 0, 3, 0+, 3+, 99+."""
        return f"{self.number}{'+' if self.is_open else ''}"

    @property
    def number(self) -> int:
        return min(self.found, self.most)

    @property
    def is_open(self) -> bool:
        return self.has_more or self.found > self.number

    @property
    def may_be_any(self) -> bool:
        return self.found > 0 or self.has_more


def added_up(counts: Iterable[Count]) -> Count:
    """Of several X accounts together."""
    each = list(counts)
    return Count(sum(count.found for count in each), any(count.has_more for count in each))
