"""Drawn worlds for the local X, and what goes on in them: conversations, events, late ones, hidden ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import combinations_with_replacement
from typing import Any

from accounts.models import snowflake_floor
from tests.conversations.sync_support import OWN, one_to_one

GROUP = "1580000000000000000"
POST, PHOTO = 1_600_000_000_000_000_000, 1_610_000_000_000_000_000
LINK = "https://t.co/lamp"
LATEST = 14 * 60
"""Seconds after its creation at which an event is visible at last: within the settling time."""


class DrawnWorld:
    """A world that grows. `now` is the local X's clock, which stands still between two steps.

    ours: the X accounts that we are; where there are several, they write to each other and are in groups together.
    """

    def __init__(self, rng: random.Random, now: datetime, ours: Sequence[str] = (OWN,)) -> None:
        self.rng, self.now, self.ours = rng, now, ours
        self.people = [str(2_000_000_000_000_000_000 + 17 * n) for n in range(rng.randint(3, 12))]
        self.groups = [str(int(GROUP) + n) for n in range(rng.randint(int(self.are_several), 3))]
        pairs = [one_to_one(own, person) for own in ours for person in self.people]
        self.among_us = [one_to_one(own, other) for own, other in combinations_with_replacement(ours, 2)]
        self.conversations = [*pairs, *self.among_us, *self.groups]
        self.away: set[tuple[str, str]] = set()
        """(group, one of us) who has left it."""
        self.has_begun = False
        self.used: set[int] = set()
        self.late: set[str] = set()
        """Ids of events that X shows some time after they were sent."""
        self.said_to: dict[tuple[str, str], list[int]] = {}
        """(one of us, person) -> what was written to them, of which X pushes that they have read it."""
        self.posts = [self._post(number) for number in range(6)]
        self.media = [_photo(number) for number in range(6)]

    @property
    def are_several(self) -> bool:
        return len(self.ours) > 1

    def world(self, events: int, days: float) -> dict[str, Any]:
        members = [*self.ours, *self.people]
        happened = [self.event(self._moment(days)) for _ in range(events)]
        self.has_begun = True
        return {
            "people": [
                {"id": pk, "username": f"user{n}", "name": f"User {n}", "is_suspended": n % 5 == 4}
                for n, pk in enumerate(members)
            ],
            "conversations": [
                {"id": pk, "member_ids": sorted({*pk.split("-")}) if "-" in pk else members, "is_group": "-" not in pk}
                for pk in self.conversations
            ],
            "posts": self.posts,
            "media": self.media,
            "events": happened,
        }

    def event(self, created_at: datetime, latest: float = 0) -> dict[str, Any]:
        conversation = self._somewhere()
        event = {
            "id": str(self._new_id(created_at)),
            "created_at": created_at.isoformat(),
            "dm_conversation_id": conversation,
            "event_type": "MessageCreate",
            "is_hidden": self.rng.random() < 0.1,
        }
        if latest:
            event["visible_at"] = (created_at + timedelta(seconds=latest)).isoformat()
            self.late.add(event["id"])
        if "-" not in conversation and self.rng.random() < 0.3:
            return event | self._coming_or_going(conversation)
        sender, other = self._sides(conversation)
        if sender in self.ours and "-" in conversation and other != sender and not event["is_hidden"]:
            self.said_to.setdefault((sender, other), []).append(int(event["id"]))
        return event | {"sender_id": sender} | self._contents()

    def arrivals(self, seconds: float, latest: float = LATEST) -> list[dict[str, Any]]:
        """What happens in the next `seconds`, up to then; some of it is shown late, by up to `latest` seconds."""
        count = self.rng.choice([0, 1, 2, 5, 30])
        moments = sorted(self.now + timedelta(seconds=self.rng.uniform(0, seconds)) for _ in range(count))
        self.now += timedelta(seconds=seconds)
        return [self.event(moment, self.rng.choice([0, 0, self.rng.uniform(1, latest)])) for moment in moments]

    def _contents(self) -> dict[str, Any]:
        """Mostly words; now and then a post or a photo, which X gives apart from the event."""
        kind = self.rng.random()
        if kind < 0.1:
            post = self.rng.choice(self.posts)
            link = {"start": 0, "end": len(LINK), "url": LINK, "display_url": "x.com/status"}
            expanded = f"https://x.com/{post['author_id']}/status/{post['id']}"
            return {"text": LINK, "post_ids": [post["id"]], "entities": {"urls": [{**link, "expanded_url": expanded}]}}
        if kind < 0.2:
            return {"text": f" {LINK}", "media_keys": [self.rng.choice(self.media)["media_key"]]}
        return {"text": self.rng.choice(["Hello", "שלום", "👩‍👩‍👧", "a &amp; b", "…\n…"])}

    def _post(self, number: int) -> dict[str, Any]:
        """One of them is gone, one shows another."""
        post = {
            "id": str(POST + number),
            "author_id": self.rng.choice(self.people),
            "text": f"Post {number}",
            "created_at": self.now.isoformat(),
            "state": "deleted" if number == 0 else "public",
        }
        return post | ({"referenced": [{"type": "quoted", "id": str(POST + 2)}]} if number == 1 else {})

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

    def _somewhere(self) -> str:
        """Where several of us are, as often as anywhere else."""
        shared = [*self.among_us, *self.groups]
        return self.rng.choice(shared if self.are_several and self.rng.random() < 0.5 else self.conversations)

    def _sides(self, conversation: str) -> tuple[str, str]:
        """Who writes, and somebody who reads it."""
        if "-" in conversation:
            sides = conversation.split("-")
        else:
            sides = [self.rng.choice(self.ours), self.rng.choice(self.people)]
        sender, other = self.rng.sample(sides, 2)
        return sender, other

    def _coming_or_going(self, group: str) -> dict[str, Any]:
        if self.are_several and self.has_begun and self.rng.random() < 0.5:
            return self._one_of_us_moves(group)
        people = self.rng.sample(self.people, self.rng.randint(1, 2))
        if self.rng.random() < 0.5:
            return {"event_type": "ParticipantsJoin", "participant_ids": people, "sender_id": self.ours[0]}
        return {"event_type": "ParticipantsLeave", "participant_ids": people}

    def _one_of_us_moves(self, group: str) -> dict[str, Any]:
        """Out of the group, or back: between the two the others see what that one does not."""
        own = self.rng.choice(self.ours[1:])
        if (group, own) in self.away:
            self.away.remove((group, own))
            return {"event_type": "ParticipantsJoin", "participant_ids": [own], "sender_id": self.ours[0]}
        self.away.add((group, own))
        return {"event_type": "ParticipantsLeave", "participant_ids": [own]}


def _photo(number: int) -> dict[str, Any]:
    media_id = PHOTO + number
    path = f"/1.1/ton/data/dm/{media_id}/{media_id}/lamp.jpg"
    return {"media_key": f"5_{media_id}", "type": "photo", "width": 40, "height": 30, "url_path": path}
