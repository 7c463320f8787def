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


def simulate(url: str, seconds: float, more: float) -> dict[str, float]:
    """The same by the two clocks in step, for so many seconds more: until all of it is read."""
    xsim = SimServer(url, None)
    random.seed(0)
    with Clock(xsim, day.MIDNIGHT) as clock:
        _stretch(xsim, timezone.now(), seconds + more)
        clock.run_until(timezone.now() + timedelta(seconds=seconds + more + 15))
        return told(url, seconds)


def told(url: str, seconds: float) -> dict[str, float]:
    """Requests of /2/dm_events in so many seconds from the first of them on; and dollars of all that was read."""
    xsim = SimServer(url, None)
    asked = [one for one in xsim.get("requests") if one["path"] == "/2/dm_events"]
    moments = [datetime.fromisoformat(one["at"]) for one in asked]
    days = xsim.get("meter")["days"].values()
    return {
        "requests": sum(moment < moments[0] + timedelta(seconds=seconds) for moment in moments),
        "dollars": sum(day["usd"] for day in days),
    }


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
