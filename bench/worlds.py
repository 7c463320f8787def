"""The worlds that are measured, in the local X's own words: days of a brand account, and a history without end.

Everything is drawn from a seed: the same call gives the same world.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from dminbox.xsim import ids

Json = dict[str, Any]
OWN = "1500000000000000100"
TEXTS = (
    "Hello, is the brass lamp still there?",
    "Thanks, that was quick!",
    "My order has not come yet, the parcel says it is still on its way. Could you have a look, please?",
    "נורה חדשה, בבקשה",
    "Kann man den Schirm auch einzeln bestellen? &amp; was kostet er",
    "It flickers since yesterday 💡, I have tried another bulb and another socket already.",
    "We have sent you a new one. It should be with you on Thursday; the old one may go to the recycling.",
)
SCENES = ("lamp", "pendants", "bulb", "cable", "parcel")
LATEST = timedelta(minutes=1)
"""How long after its creation X shows a message at the latest. Recorded: a few seconds."""
DAYTIME = [1.5, 0.5, 0, 0, 0, 0, 1, 3, 6, 8, 9, 8, 6, 7, 8, 8, 7, 7, 6, 5, 5, 4, 3, 2]
"""Weights of the hours of a day: nobody writes late at night."""
BURSTS = ((10.0, 20, 0.15), (15.5, 5, 0.12), (20.0, 10, 0.10))
"""Hour, minutes it lasts, share of the day's events: a newsletter, a post that everybody shares, the evening."""


@dataclass
class World:
    """What goes to the local X; `events` in the order of their ids."""

    rng: random.Random
    people: dict[str, Json] = field(default_factory=dict)
    media: dict[str, Json] = field(default_factory=dict)
    posts: dict[str, Json] = field(default_factory=dict)
    conversations: dict[str, Json] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    salts: Iterator[int] = field(default_factory=count)

    def to_json(self) -> Json:
        kinds = {"people": self.people, "media": self.media, "posts": self.posts, "conversations": self.conversations}
        return {name: list(found.values()) for name, found in kinds.items()} | {"events": self.events}

    def add(self, moment: datetime, person: str, *, late: bool = False) -> Json:
        """A message in this person's one-to-one with us, or now and then in the group that they share with others."""
        self.meet(person)
        event = {
            "id": str(ids.snowflake(moment) + next(self.salts)),
            "created_at": moment.isoformat(),
            "event_type": "MessageCreate",
            "dm_conversation_id": self._group_of(person) or self._one_to_one(person),
            "sender_id": OWN if self.rng.random() < 0.45 else person,
            "text": self.rng.choice(TEXTS),
        }
        event |= self._extras(event["id"], moment)
        if late:
            event["visible_at"] = (moment + self.rng.random() * LATEST).isoformat()
        self.events.append(event)
        return event

    def meet(self, person: str) -> None:
        fields = {"created_at": "2019-03-01T08:00:00.000Z", "verified": False}
        if person == OWN:
            self.people[OWN] = {"id": OWN, "username": "NordlichtHelp", "name": "Nordlicht Lamps", "fields": fields}
            return
        fields = {**fields, "profile_image_url": f"/profile_images/{person}/face_normal.png"}
        name = f"customer{int(person) % 10_000_000}"
        self.people[person] = {"id": person, "username": name, "name": name.title(), "fields": fields}

    def _one_to_one(self, person: str) -> str:
        pk = ids.one_to_one_id(OWN, person)
        self.conversations.setdefault(pk, {"id": pk, "member_ids": [OWN, person]})
        return pk

    def _group_of(self, person: str) -> str:
        """Each twentieth person speaks with us in a group of four."""
        number = int(person) // 1009
        if number % 20:
            return ""
        group = str(1_580_000_000_000_000_000 + number // 80)
        members = self.conversations.setdefault(group, {"id": group, "member_ids": [OWN], "is_group": True})
        if person not in members["member_ids"]:
            members["member_ids"].append(person)
        return group

    def _extras(self, event_id: str, moment: datetime) -> Json:
        kind = self.rng.random()
        if kind < 0.06:
            return {"media_keys": [self._photo(event_id)]}
        if kind < 0.10:
            return {"post_ids": [self._post(moment)]}
        if kind < 0.15:
            url = {"start": 0, "end": 23, "url": "https://t.co/lampsandmore", "expanded_url": "https://lamps.example/"}
            return {"entities": {"urls": [{**url, "display_url": "lamps.example"}]}}
        return {}

    def _photo(self, event_id: str) -> str:
        media_id = str(int(event_id) + 1)
        name = f"photo-{self.rng.choice(SCENES)}-{self.rng.randrange(100)}-64x64.jpg"
        path = f"/1.1/ton/data/dm/{event_id}/{media_id}/{event_id[-6:]}.jpg"
        key = f"3_{media_id}"
        files = {"url_path": path, "files": {path: name}}
        self.media[key] = {"media_key": key, "type": "photo", "width": 64, "height": 64, **files}
        return key

    def _post(self, moment: datetime, quotes: bool = True) -> str:
        """Of one of a few hundred authors; some posts quote another."""
        created_at = moment - timedelta(hours=1 + 300 * self.rng.random())
        pk = str(ids.snowflake(created_at) + next(self.salts))
        author = str(2_500_000_000_000_000_000 + self.rng.randrange(300) * 1009)
        self.meet(author)
        post = {"id": pk, "author_id": author, "text": "A lamp a day.", "created_at": created_at.isoformat()}
        if quotes and self.rng.random() < 0.2:
            post["referenced"] = [{"type": "quoted", "id": self._post(created_at, quotes=False)}]
        self.posts[pk] = post
        return pk


def person(number: int) -> str:
    return str(2_000_000_000_000_000_000 + number * 1009)


def day(seed: str, begins_at: datetime, events: int, *, is_busy: bool) -> World:
    """A day from midnight UTC on, the day and a half before it, and half an hour after it.

    Half of the people who write have written before.
    """
    world = World(random.Random(seed))
    world.meet(OWN)
    for back in (2, 1, 0):
        _fill(world, begins_at - timedelta(days=back), events, is_busy=is_busy)
    _fill(world, begins_at + timedelta(days=1), events, is_busy=is_busy)
    first, last = begins_at - timedelta(hours=36), begins_at + timedelta(days=1, minutes=30)
    world.events = sorted(
        (one for one in world.events if first <= datetime.fromisoformat(one["created_at"]) < last),
        key=lambda one: int(one["id"]),
    )
    return world


def month(seed: str, ends_at: datetime, events: int, days: int) -> World:
    """Evenly spread."""
    world = World(random.Random(seed))
    world.meet(OWN)
    step = timedelta(days=days) / events
    for number in range(events):
        world.add(ends_at - timedelta(minutes=30) - (events - 1 - number) * step * 0.99, person(number // 8))
    return world


def _fill(world: World, begins_at: datetime, events: int, *, is_busy: bool) -> None:
    """Conversations of a few messages each, that overlap."""
    known = [one for one in world.people if one < "25" and one != OWN]
    newcomers = (person(len(known) + number) for number in count())
    speaking: list[str] = []
    for moment in _moments(world.rng, begins_at, events, is_busy=is_busy):
        if len(speaking) < 3 or world.rng.random() < 0.2:
            is_known = bool(known) and world.rng.random() < 0.5
            speaking.append(world.rng.choice(known) if is_known else next(newcomers))
            speaking = speaking[-12:]
        world.add(moment, world.rng.choice(speaking), late=world.rng.random() < 0.01)


def _moments(rng: random.Random, begins_at: datetime, events: int, *, is_busy: bool) -> list[datetime]:
    bursts = [
        begins_at + timedelta(hours=hour, minutes=minutes * rng.random())
        for hour, minutes, share in (BURSTS if is_busy else ())
        for _ in range(int(events * share))
    ]
    others = [
        begins_at + timedelta(hours=hour + rng.random())
        for hour in rng.choices(range(24), DAYTIME, k=events - len(bursts))
    ]
    return sorted(bursts + others)


def crowd(page: int, events: int, newest_at: datetime, apart: timedelta) -> World:
    """Page `page` of a history without end, as of an inbox with 400 people at a time, five of them new on each page.

    Any page is made without those before it. Its events stand newest first, as on a page of X.
    """
    world = World(random.Random(f"crowd {page}"))
    world.meet(OWN)
    for place in range(events):
        number = page * events + place
        world.salts = iter(range(4 * number % (1 << 22), 1 << 22))
        moment = newest_at - number * apart
        world.add(moment, person(5 * page + int(400 * world.rng.random() ** 2)))
    return world


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def moments_of(events: Iterable[Json]) -> dict[str, datetime]:
    """Event id -> when X shows it."""
    return {one["id"]: datetime.fromisoformat(one.get("visible_at") or one["created_at"]) for one in events}


def needed(world: World, horizon_id: int, until: datetime) -> dict[str, set[str]]:
    """What the inbox must have read of X by then: events since the horizon, who speaks in them and with whom, the posts
    shared in them with those they quote, and the authors of these. Our own profile came with the sign-in.
    """
    shown = moments_of(world.events)
    events = [one for one in world.events if int(one["id"]) >= horizon_id and shown[one["id"]] < until]
    shared = {pk for one in events for pk in one.get("post_ids", ())}
    posts = shared | {quoted["id"] for pk in shared for quoted in world.posts[pk].get("referenced", ())}
    people = {one["sender_id"] for one in events} | {world.posts[pk]["author_id"] for pk in posts}
    for one in events:
        conversation = world.conversations[one["dm_conversation_id"]]
        if not conversation.get("is_group"):
            people.update(conversation["member_ids"])
    return {"events": {one["id"] for one in events}, "users": people - {OWN}, "posts": posts}
