"""The state file: world, grants, subscriptions, meter, settings, clock; written whole and put in place at once."""

import asyncio
import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from dminbox.xsim.clock import Clock
from dminbox.xsim.index import Index
from dminbox.xsim.meter import Meter
from dminbox.xsim.oauth_app import AppBearer
from dminbox.xsim.push.webhooks import plan_check
from dminbox.xsim.settings import Settings
from dminbox.xsim.sim import Sim
from dminbox.xsim.world import World, time_from_json, time_to_json

VERSION = 1
EVERY = 0.9
"""Seconds between two looks at whether something changed: what a kill -9 can lose."""
log = logging.getLogger(__name__)


class StateFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = -1
        self.stopped = asyncio.Event()
        self.world: tuple[Index | None, int, str] = (None, 0, "")
        """The world's JSON is made again only when the world is another one than before."""

    def read(self) -> Sim:
        """ValueError when the file is not one of ours."""
        data = json.loads(self.path.read_text())
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise ValueError(f"{self.path} is no state of a local X in version {VERSION}")
        return loaded(data)

    async def keep(self, sim: Sim) -> None:
        """Until `stopped` is set; never two writes at a time."""
        while not self.stopped.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), EVERY)
            if sim.version == self.written:
                continue
            version, text = sim.version, self._text(sim)
            try:
                await asyncio.to_thread(self._put, text)
                self.written = version
            except OSError as error:
                log.warning("state not written, tried again in a moment: %s", error)

    def write(self, sim: Sim) -> None:
        self._put(self._text(sim))
        self.written = sim.version

    def _text(self, sim: Sim) -> str:
        index = sim.index
        if self.world[:2] != (index, index.version):
            self.world = (index, index.version, json.dumps(sim.world.to_json(), ensure_ascii=False))
        rest = json.dumps(rest_of(sim), ensure_ascii=False)
        return f'{rest[:-1]}, "world": {self.world[2]}}}\n'

    def _put(self, text: str) -> None:
        fresh = self.path.with_name(f"{self.path.name}.new")
        with fresh.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)


def rest_of(sim: Sim) -> dict[str, Any]:
    """Everything but the world."""
    frozen = sim.clock.frozen_at
    return {
        "version": VERSION,
        "clock": {"offset": sim.clock.offset.total_seconds(), "frozen_at": time_to_json(frozen) if frozen else None},
        "settings": sim.settings.to_json(),
        "grants": sim.grants.state(),
        "meter": sim.meter.state(),
        "push": sim.feed.state(),
        "app_bearer": asdict(sim.app_bearer),
        "now": time_to_json(sim.clock.now()),
        "arrived": sim.arrived,
    }


def loaded(data: dict[str, Any]) -> Sim:
    settings = Settings()
    settings.update(data["settings"])
    frozen = data["clock"]["frozen_at"]
    clock = Clock(timedelta(seconds=data["clock"]["offset"]), time_from_json(frozen) if frozen else None)
    world = World.from_json(data["world"])
    sim = Sim(
        Index(world), settings=settings, clock=clock, meter=Meter.from_state(data["meter"]), arrived=data["arrived"]
    )
    sim.grants.load(data["grants"])
    sim.feed.load(data.get("push", {}))
    sim.app_bearer = AppBearer(**data.get("app_bearer", {}))
    sim.plan_unseen(time_from_json(data["now"]) if "now" in data else clock.now())
    for webhook in sim.feed.webhooks.values():
        plan_check(sim, webhook)
    return sim
