"""The running local X: one world with its clock, grants, limits, meter and faults, and what happens in it."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dminbox.xsim import ids
from dminbox.xsim.clock import Clock
from dminbox.xsim.composing import Composed, compose
from dminbox.xsim.faults import Fault
from dminbox.xsim.index import Index
from dminbox.xsim.limits import Limits
from dminbox.xsim.meter import Meter
from dminbox.xsim.oauth import Grants
from dminbox.xsim.settings import Settings
from dminbox.xsim.world import Arrival, Event, World

ARRIVALS_AT_ONCE = 20
"""A clock that jumps brings no more than this of each arrival."""


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
    version: int = 0
    """Goes up with every change that is worth keeping."""

    def __post_init__(self) -> None:
        self.grants = Grants(self.settings)
        self.limits = Limits(self.settings)
        self.last_id = 0
        self.start_arrivals()

    @property
    def world(self) -> World:
        return self.index.world

    def replace_world(self, world: World) -> None:
        """What belonged to the old world goes with it; grants, settings and clock stay."""
        self.index = Index(world)
        self.lag.clear()
        self.arrived.clear()
        self.start_arrivals()
        self.changed()

    def reset(self) -> None:
        """As freshly started, with an empty world and the real time."""
        fresh = Sim(Index(World()), origin=self.origin)
        version = self.version + 1
        self.__dict__.update(fresh.__dict__)
        self.version = version

    def changed(self) -> None:
        self.version += 1

    def new_id(self, moment: datetime, room: int = 1) -> str:
        """A free id of that time, with `room` free ids from it on."""
        if self.next_ids:
            return self.next_ids.pop(0)
        first = ids.snowflake(moment)
        if first <= self.last_id < first + (1 << 22):
            first = self.last_id + 1
        while any(str(first + step) in self.index.events for step in range(room)):
            first += 1
        self.last_id = first + room - 1
        return str(first)

    def add(self, event: Event) -> None:
        self.index.add(event)
        self.changed()

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
        """Brings the arrivals that are due; called before every request, since nobody can see the world between."""
        now = self.clock.now()
        for number, due in sorted(self.due.items(), key=lambda item: item[1]):
            if due <= now:
                self._bring_all(number, self.world.arrivals[number], due, now)

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

    def _bring(self, arrival: Arrival, moment: datetime) -> None:
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
