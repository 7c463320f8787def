"""What X pushes beside messages: somebody types, has read, writes encrypted. Drawn, and told to the local X."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.conversations.sync_support import OWN, one_to_one
from tests.conversations.sync_worlds import DrawnWorld
from tests.xsim_server import SimServer

MOST_AT_ONCE = 5


@dataclass
class Signs:
    """due: (reader, event id) of every receipt: these must show, also those that came before their conversation."""

    rng: random.Random
    xsim: SimServer
    drawn: DrawnWorld
    due: set[tuple[int, int]] = field(default_factory=set)

    def draw(self) -> str:
        """Some of them, close together: what is pushed so may come in any order."""
        make = self.rng.choice([self._type, self._read, self._read, self._read, self._write_encrypted])
        count = self.rng.randint(1, MOST_AT_ONCE)
        person = self.rng.choice(sorted(self.drawn.said_to) or self.drawn.people)
        for _ in range(count):
            make(person)
        return f"{count} x {make.__name__.strip('_')}"

    def _type(self, person: str) -> None:
        self.xsim.post("typing", {"sender_id": person, "recipient_id": OWN})

    def _read(self, person: str) -> None:
        """Anything we wrote to them, also what is older than what they have read already."""
        said = self.drawn.said_to.get(person)
        if not said:
            return
        event_id = self.rng.choice(said)
        self.due.add((int(person), event_id))
        self.xsim.post("read", {"reader_id": person, "other_id": OWN, "last_read_event_id": str(event_id)})

    def _write_encrypted(self, person: str) -> None:
        conversation_id = one_to_one(OWN, person).replace("-", ":")
        self.xsim.post("chat", {"conversation_id": conversation_id, "sender_id": self.rng.choice([OWN, person])})
