"""What real processes are given to work on: a few minutes in which something happens. In a lane."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from bench import day, worlds
from bench.clock import Clock
from conversations.models import SyncState
from conversations.sync import subscriptions
from tests.conversations.sync_support import begin, connect
from tests.xsim_server import SimServer

BEFORE, EVERY = 40, timedelta(seconds=3)


def prepare(url: str, seconds: float) -> None:
    """An X account at whom something happens every few seconds, from now on for so long."""
    _stretch(SimServer(url, None), datetime.now(UTC), seconds)


def simulate(url: str, seconds: float) -> int:
    """The same by the two clocks in step. Returns the requests."""
    xsim = SimServer(url, None)
    random.seed(0)
    with Clock(xsim, day.MIDNIGHT) as clock:
        _stretch(xsim, timezone.now(), seconds)
        clock.run_until(timezone.now() + timedelta(seconds=seconds + 10))
        return requests(url, seconds)


def requests(url: str, seconds: float) -> int:
    """Of /2/dm_events, in so many seconds from the first of them on."""
    asked = [one for one in SimServer(url, None).get("requests") if one["path"] == "/2/dm_events"]
    moments = [datetime.fromisoformat(one["at"]) for one in asked]
    return sum(moment < moments[0] + timedelta(seconds=seconds) for moment in moments)


def subscribe(url: str, people: int) -> None:
    """An X account to whom X pushes what these people write."""
    xsim = SimServer(url, None)
    world = worlds.World(random.Random("push"))
    for person in [worlds.OWN, *map(worlds.person, range(people))]:
        world.meet(person)
    xsim.post("world", world.to_json())
    begin(connect(xsim, worlds.OWN))
    SyncState.objects.update(import_finished_at=timezone.now())
    subscriptions.repair()


def _stretch(xsim: SimServer, now: datetime, seconds: float) -> None:
    world = worlds.World(random.Random("a stretch"))
    world.meet(worlds.OWN)
    for number in range(-BEFORE, int(seconds / EVERY.total_seconds())):
        world.add(now + number * EVERY, worlds.person(abs(number) // 5))
    xsim.post("world", world.to_json())
    begin(connect(xsim, worlds.OWN), days=1)
