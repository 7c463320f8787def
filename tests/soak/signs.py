"""What X pushes beside messages: somebody types, has read, writes encrypted. Drawn, and told to the local X."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime

from tests.conversations.sync_support import one_to_one
from tests.conversations.sync_worlds import DrawnWorld
from tests.xsim_server import SimServer

MOST_AT_ONCE = 5
GROUP = "g1800000000000000001"


@dataclass
class Signs:
    """due: (whom X tells, reader, event id) of every receipt: these must show, also those that came before their
    conversation. encrypted: (one of us, conversation) in which somebody wrote so; when last, where X's list tells it.
    """

    rng: random.Random
    xsim: SimServer
    drawn: DrawnWorld
    due: set[tuple[str, str, int]] = field(default_factory=set)
    encrypted: dict[tuple[int, str], datetime | None] = field(default_factory=dict)
    written: int = 0

    def draw(self) -> str:
        """Some of them, close together: what is pushed so may come in any order."""
        make = self.rng.choice([self._type, self._read, self._read, self._read, self._write_encrypted])
        count = self.rng.randint(1, MOST_AT_ONCE)
        own, person = self.rng.choice(self._pairs())
        for _ in range(count):
            make(own, person)
        return f"{count} x {make.__name__.strip('_')}"

    def _pairs(self) -> list[tuple[str, str]]:
        """One of us, and somebody who was written to; as often as not two of ours, where there are several."""
        pairs = sorted(self.drawn.said_to) or [(own, one) for own in self.drawn.ours for one in self.drawn.people]
        among_us = [(own, one) for own, one in pairs if one in self.drawn.ours]
        return among_us if among_us and self.rng.random() < 0.5 else pairs

    def _type(self, own: str, person: str) -> None:
        self.xsim.post("typing", {"sender_id": person, "recipient_id": own})

    def _read(self, own: str, person: str) -> None:
        """Anything we wrote to them, also what is older than what they have read already."""
        said = self.drawn.said_to.get((own, person))
        if not said:
            return
        event_id = self.rng.choice(said)
        self.due.add((own, person, event_id))
        self.xsim.post("read", {"reader_id": person, "other_id": own, "last_read_event_id": str(event_id)})

    def _write_encrypted(self, own: str, person: str) -> None:
        """Each third time into the group that all are in."""
        sender_id = self.rng.choice([own, person])
        self.written += 1
        if self.written % 3 == 0:
            self._write_into_the_group(sender_id)
            return
        where = one_to_one(own, person)
        self.encrypted |= dict.fromkeys((int(one), where) for one in {own, person} & set(self.drawn.ours))
        self.xsim.post("chat", {"conversation_id": where.replace("-", ":"), "sender_id": sender_id})

    def _write_into_the_group(self, sender_id: str) -> None:
        if self.written == 3:
            now = self.xsim.get("clock")["now"]
            members = {"member_ids": [*self.drawn.ours, *self.drawn.people], "created_at": now, "updated_at": now}
            self.xsim.post("chats", {"id": GROUP, **members})
        told = self.xsim.post("chat", {"conversation_id": GROUP, "sender_id": sender_id})
        at = datetime.fromisoformat(told["updated_at"])
        self.encrypted |= dict.fromkeys(((int(one), GROUP) for one in self.drawn.ours), at)
