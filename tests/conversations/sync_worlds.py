"""Drawn worlds for the local X, and what goes on in them: conversations, events, late ones, hidden ones."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from accounts.models import snowflake_floor
from tests.conversations.sync_support import OWN, one_to_one

GROUP = "1580000000000000000"
POST, PHOTO = 1_600_000_000_000_000_000, 1_610_000_000_000_000_000
LINK = "https://t.co/lamp"
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
        self.said_to: dict[str, list[int]] = {}
        """Person -> what we wrote to them, of which X pushes that they have read it."""
        self.posts = [self._post(number) for number in range(6)]
        self.media = [_photo(number) for number in range(6)]

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
            "posts": self.posts,
            "media": self.media,
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
        other = self._other_side(conversation)
        sender = self.rng.choice([OWN, other])
        if sender == OWN and "-" in conversation and other != OWN and not event["is_hidden"]:
            self.said_to.setdefault(other, []).append(int(event["id"]))
        return event | {"sender_id": sender} | self._contents()

    def arrivals(self, seconds: float) -> list[dict[str, Any]]:
        """What happens in the next `seconds`, up to then; some of it is shown late."""
        count = self.rng.choice([0, 1, 2, 5, 30])
        moments = [self.now + timedelta(seconds=self.rng.uniform(0, seconds)) for _ in range(count)]
        self.now += timedelta(seconds=seconds)
        return [self.event(moment, self.rng.choice([0, 0, self.rng.uniform(1, LATEST)])) for moment in moments]

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


def _photo(number: int) -> dict[str, Any]:
    media_id = PHOTO + number
    path = f"/1.1/ton/data/dm/{media_id}/{media_id}/lamp.jpg"
    return {"media_key": f"5_{media_id}", "type": "photo", "width": 40, "height": 30, "url_path": path}
