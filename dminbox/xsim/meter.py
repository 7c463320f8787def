"""What X would charge: prices per resource, each resource once in a UTC day, and what was spent on which call."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dminbox.xsim.world import time_to_json

PRICES = {"events": 0.010, "users": 0.010, "posts": 0.005, "sent": 0.015, "deleted": 0.010, "chat_events": 0.010}
"""In dollars, for each resource returned or pushed, message sent, and message deleted."""


@dataclass
class Billed:
    """Resources of one answer, by id."""

    events: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    chat_events: list[str] = field(default_factory=list)

    def by_kind(self) -> dict[str, list[str]]:
        return {kind: getattr(self, kind) for kind in PRICES}


@dataclass
class Meter:
    days: dict[str, dict[str, int]] = field(default_factory=dict)
    """UTC day -> kind -> how many were charged."""
    charged: dict[str, set[str]] = field(default_factory=dict)
    """Kind -> ids charged on `charged_on`."""
    charged_on: str = ""
    calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=5000))
    credit_from: float = 0.0
    """What was spent when the credit was set."""

    def charge(self, billed: Billed, now: datetime, call: dict[str, Any]) -> None:
        """`call` says who asked for what; it is kept with the counts beside it."""
        day = now.date().isoformat()
        if day != self.charged_on:
            self.charged_on, self.charged = day, {}
        counts = {kind: self._count(kind, found) for kind, found in billed.by_kind().items()}
        if any(counts.values()):
            today = self.days.setdefault(day, dict.fromkeys(PRICES, 0))
            for kind, count in counts.items():
                today[kind] = today.get(kind, 0) + count
        returned = {kind: len(found) for kind, found in billed.by_kind().items()}
        self.calls.append({**call, **returned, "charged": counts, "usd": usd(counts), "at": time_to_json(now)})

    def spent(self) -> float:
        return round(sum(usd(counts) for counts in self.days.values()), 6)

    def to_json(self, now: datetime) -> dict[str, Any]:
        days = {day: {**counts, "usd": usd(counts)} for day, counts in self.days.items()}
        nothing = {**dict.fromkeys(PRICES, 0), "usd": 0.0}
        today = days.get(now.date().isoformat(), nothing)
        return {"today": today, "days": days, "spent_usd": self.spent(), "calls": list(self.calls)}

    def state(self) -> dict[str, Any]:
        charged = {kind: sorted(found) for kind, found in self.charged.items()}
        return {
            "days": self.days,
            "charged": charged,
            "charged_on": self.charged_on,
            "credit_from": self.credit_from,
        }

    @classmethod
    def from_state(cls, data: dict[str, Any]) -> "Meter":
        charged = {kind: set(found) for kind, found in data["charged"].items()}
        return cls(data["days"], charged, data["charged_on"], credit_from=data["credit_from"])

    def _count(self, kind: str, found: list[str]) -> int:
        """How many of them are new today."""
        known = self.charged.setdefault(kind, set())
        fresh = set(found) - known
        known |= fresh
        return len(fresh)


def usd(counts: dict[str, int]) -> float:
    return round(sum(PRICES[kind] * count for kind, count in counts.items()), 6)
