"""Drawn worlds for the local X, and what goes on in them: conversations, events, late ones, hidden ones."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from accounts.models import snowflake_floor
from tests.conversations.sync_support import OWN, one_to_one

GROUP = "1580000000000000000"
LATEST = 14 * 60
"""Seconds after its creation at which an event is visible at last: within the settling time."""


class DrawnWorld:
    """A world that grows. `now` is the local X's clock, which stands still between two steps."""

    def __init__(self, rng: random.Random, now: datetime) -> None:
        self.rng, self.now = rng, now
        self.people = [str(2_000_000_000_000_000_000 + 17 * n) for n in range(rng.randint(3, 12))]
        groups = [str(int(GROUP) + n) for n in range(rng.randint(0, 3))]
        pairs = [one_to_one(OWN, person) for person in self.people] + [one_to_one(OWN, OWN)]
        self.conversations = [*pairs, *groups]
        self.used: set[int] = set()

    def world(self, events: int, days: float) -> dict[str, Any]:
        members = [OWN, *self.people]
        return {
            "people": [
                {"id": pk, "username": f"user{n}", "name": f"User {n}", "is_suspended": n % 5 == 4}
                for n, pk in enumerate(members)
            ],
            "conversations": [
                {"id": pk, "member_ids": pk.split("-") if "-" in pk else members, "is_group": "-" not in pk}
                for pk in self.conversations
            ],
            "events": [self.event(self._moment(days)) for _ in range(events)],
        }

    def event(self, created_at: datetime, latest: float = 0) -> dict[str, Any]:
        conversation = self.rng.choice(self.conversations)
        event = {
            "id": str(self._new_id(created_at)),
            "created_at": created_at.isoformat(),
            "dm_conversation_id": conversation,
            "event_type": "MessageCreate",
            "is_hidden": self.rng.random() < 0.1,
        }
        if latest:
            event["visible_at"] = (created_at + timedelta(seconds=latest)).isoformat()
        if "-" not in conversation and self.rng.random() < 0.3:
            return event | self._coming_or_going()
        sender = self.rng.choice([OWN, self._other_side(conversation)])
        return event | {"sender_id": sender, "text": self.rng.choice(["Hello", "שלום", "👩‍👩‍👧", "a &amp; b", "…\n…"])}

    def arrivals(self, seconds: float) -> list[dict[str, Any]]:
        """What happens in the next `seconds`, up to then; some of it is shown late."""
        count = self.rng.choice([0, 1, 2, 5, 30])
        moments = [self.now + timedelta(seconds=self.rng.uniform(0, seconds)) for _ in range(count)]
        self.now += timedelta(seconds=seconds)
        return [self.event(moment, self.rng.choice([0, 0, self.rng.uniform(1, LATEST)])) for moment in moments]

    def _moment(self, days: float) -> datetime:
        """Somewhere in the past, now and then many events within one second."""
        back = timedelta(days=self.rng.uniform(0, days))
        return self.now - (timedelta(hours=30) if self.rng.random() < 0.1 else back)

    def _new_id(self, moment: datetime) -> int:
        pk = snowflake_floor(moment) + self.rng.randrange(1 << 22)
        while pk in self.used:
            pk += 1
        self.used.add(pk)
        return pk

    def _other_side(self, conversation: str) -> str:
        if "-" not in conversation:
            return self.rng.choice(self.people)
        left, right = conversation.split("-")
        return right if left == OWN else left

    def _coming_or_going(self) -> dict[str, Any]:
        people = self.rng.sample(self.people, self.rng.randint(1, 2))
        if self.rng.random() < 0.5:
            return {"event_type": "ParticipantsJoin", "participant_ids": people, "sender_id": OWN}
        return {"event_type": "ParticipantsLeave", "participant_ids": people}
