"""The running local X: one world with its clock, grants, limits, meter and faults, and what happens in it."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from dminbox.xsim import ids
from dminbox.xsim.clock import Clock
from dminbox.xsim.composing import Composed, compose
from dminbox.xsim.faults import Fault
from dminbox.xsim.index import Index
from dminbox.xsim.limits import Limits
from dminbox.xsim.meter import Meter
from dminbox.xsim.oauth import Grant, Grants
from dminbox.xsim.oauth_app import AppBearer
from dminbox.xsim.push import happenings
from dminbox.xsim.push.feed import Feed
from dminbox.xsim.settings import Settings
from dminbox.xsim.world import Arrival, ChatConversation, Event, World

ARRIVALS_AT_ONCE = 20
"""A clock that jumps brings no more than this of each arrival."""

FLEETING = timedelta(seconds=30)
"""Older than this nobody is told that somebody types, or of an encrypted message: a clock that jumped passed it."""


@dataclass
class Sim:
    index: Index
    origin: str = ""
    """What the URLs in its answers begin with."""
    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=Clock)
    meter: Meter = field(default_factory=Meter)
    faults: list[Fault] = field(default_factory=list)
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=20_000))
    unknown: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=20_000))
    lag: dict[tuple[str, str], int] = field(default_factory=dict)
    """(event id, reader) -> reads of /2/dm_events since it is there."""
    arrived: list[int] = field(default_factory=list)
    """Positions of the arrivals that come once and have come."""
    next_ids: list[str] = field(default_factory=list)
    """Ids that the next new events get, in this order, before the clock gives any again."""
    feed: Feed = field(default_factory=Feed)
    app_bearer: AppBearer = field(default_factory=AppBearer)
    version: int = 0
    """Goes up with every change that is worth keeping."""
    presets: dict[str, Any] = field(default_factory=dict)
    """Settings that were given on the command line: a reset goes back to them."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by every change: something may be due earlier now than whoever sleeps until then knows."""

    def __post_init__(self) -> None:
        self.grants = Grants(self.settings)
        self.limits = Limits(self.settings)
        self.last_id = 0
        self.planned: list[tuple[datetime, int, Callable[[], None]]] = []
        """A heap of what will happen at which time."""
        self.numbers = count()
        self.start_arrivals()

    @property
    def world(self) -> World:
        return self.index.world

    def replace_world(self, world: World) -> None:
        """What belonged to the old world goes with it; grants, settings and clock stay."""
        self.index = Index(world)
        self.lag.clear()
        self.arrived.clear()
        self.feed.read_marks.clear()
        self.start_arrivals()
        self.plan_unseen(self.clock.now())
        self.changed()

    def reset(self) -> None:
        """As freshly started, with an empty world and the real time; open streams end."""
        self.feed.end_all()
        fresh = Sim(Index(World()), origin=self.origin, presets=self.presets, woken=self.woken)
        fresh.settings.update(self.presets)
        version = self.version
        self.__dict__.update(fresh.__dict__)
        self.version = version
        self.changed()

    def changed(self) -> None:
        self.version += 1
        self.woken.set()

    def has_credit(self) -> bool:
        credit = self.settings.credit_usd
        return credit is None or self.meter.spent() - self.meter.credit_from < credit

    def new_id(self, moment: datetime, room: int = 1) -> str:
        """A free id of that time, with `room` free ids from it on."""
        return self.next_ids.pop(0) if self.next_ids else self.free_id(moment, room)

    def free_id(self, moment: datetime, room: int = 1) -> str:
        first = ids.snowflake(moment)
        if first <= self.last_id < first + (1 << 22):
            first = self.last_id + 1
        while any(str(first + step) in self.index.events for step in range(room)):
            first += 1
        self.last_id = first + room - 1
        return str(first)

    def add(self, event: Event) -> None:
        """Who is subscribed is told as soon as it can be seen."""
        self.index.add(event)
        self.changed()
        moment = self.visible_from(event)
        if moment <= self.clock.now():
            happenings.message(self, event)
        else:
            self.plan_message(event)

    def plan_unseen(self, since: datetime) -> None:
        """Who is subscribed will be told of what nobody can see at this time."""
        for event in self.world.events:
            if self.visible_from(event) > since:
                self.plan_message(event)

    def plan_message(self, event: Event) -> None:
        self.plan(self.visible_from(event), partial(self._tell, event))

    def visible_from(self, event: Event) -> datetime:
        return max(event.created_at, event.visible_at or event.created_at)

    def write_encrypted(self, conversation_id: str, sender_id: str) -> ChatConversation:
        """Makes the conversation where there is none yet. ValueError for an id of no form that X has."""
        now = self.clock.now()
        known = self.world.chats.get(conversation_id)
        if known is None:
            if not ids.may_write(conversation_id, sender_id):
                raise ValueError(f"{conversation_id} is no chat that {sender_id} could write into")
            members = conversation_id.split(":") if ":" in conversation_id else [sender_id]
            known = self.world.chats[conversation_id] = ChatConversation(conversation_id, members, now, now)
        known.updated_at = now
        self.index.version += 1
        self.changed()
        happenings.chat(self, known, sender_id)
        return known

    def end_grants(self, grants: list[Grant]) -> None:
        """As when people take back in the settings of X what they allowed."""
        for grant in grants:
            self.grants.end(grant)
        for user_id in {grant.user_id for grant in grants if grant.user_id}:
            if not any(one.user_id == user_id for one in self.grants.grants):
                happenings.revoked(self, user_id)
        self.changed()

    def plan(self, moment: datetime, deed: Callable[[], None]) -> None:
        heapq.heappush(self.planned, (moment, next(self.numbers), deed))
        self.woken.set()

    def compose(self, text: str, media_url: str = "") -> Composed:
        return compose(
            text,
            self.world.posts,
            self._user_id_of,
            escapes=self.settings.escape_text,
            media_url=media_url,
        )

    def start_arrivals(self) -> None:
        now = self.clock.now()
        self.due = {
            number: now + timedelta(seconds=arrival.after)
            for number, arrival in enumerate(self.world.arrivals)
            if number not in self.arrived
        }

    def tick(self) -> None:
        """Brings what is due; called before every request, and while somebody listens as soon as it is due."""
        now = self.clock.now()
        for number, due in sorted(self.due.items(), key=lambda item: item[1]):
            if due <= now:
                self._bring_all(number, self.world.arrivals[number], due, now)
        while self.planned and self.planned[0][0] <= now:
            heapq.heappop(self.planned)[2]()

    def seconds_to_next(self) -> float | None:
        """Until something is due; None when nothing is, or the clock stands still."""
        moments = [*self.due.values(), *(planned[0] for planned in self.planned[:1])]
        if self.clock.frozen_at or not moments:
            return None
        return max(0.001, (min(moments) - self.clock.now()).total_seconds())

    def _bring_all(self, number: int, arrival: Arrival, due: datetime, now: datetime) -> None:
        if not arrival.every:
            self._bring(arrival, due)
            self.arrived.append(number)
            del self.due[number]
            return
        period = timedelta(seconds=arrival.every)
        due = max(due, due + ((now - due) // period - ARRIVALS_AT_ONCE + 1) * period)
        while due <= now:
            self._bring(arrival, due)
            due += period
        self.due[number] = due

    def _tell(self, event: Event) -> None:
        """Of an event that was planned to be seen, if it is still there."""
        if self.index.events.get(event.id) is event:
            happenings.message(self, event)

    def _bring(self, arrival: Arrival, moment: datetime) -> None:
        if arrival.kind == "message":
            self._bring_message(arrival, moment)
        elif self.clock.now() - moment > FLEETING:
            return
        elif arrival.kind == "chat":
            self.write_encrypted(arrival.dm_conversation_id, arrival.sender_id)
        else:
            for other in ids.members_of_one_to_one(arrival.dm_conversation_id):
                if other != arrival.sender_id:
                    happenings.read_newest(self, arrival.sender_id, other)
                    happenings.typing(self, arrival.sender_id, other)

    def _bring_message(self, arrival: Arrival, moment: datetime) -> None:
        composed = self.compose(arrival.text)
        event = Event(
            self.new_id(moment),
            "MessageCreate",
            arrival.dm_conversation_id,
            moment,
            sender_id=arrival.sender_id,
            text=composed.text,
            entities=composed.entities,
            post_ids=composed.post_ids,
        )
        self.add(event)

    def _user_id_of(self, username: str) -> str | None:
        person = self.index.usernames.get(username.lower())
        return person.id if person else None
