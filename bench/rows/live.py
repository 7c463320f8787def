"""Whether the simulated days tell the truth: real beat and real workers, beside the same minutes simulated."""

from __future__ import annotations

import time

from bench.processes import BEAT, WORKER, running
from bench.setup import Bench, local_x
from bench.table import Row, row

WINDOW = 15
SETTINGS = {
    "X_WINDOW_SECONDS": str(WINDOW),
    "SYNC_SETTLING_SECONDS": str(WINDOW),
    "SYNC_POLL_SECONDS": "1",
    "SYNC_POLL_SECONDS_BUSY": "1",
}
STARTING = 12
"""Seconds until worker and beat are up, at most; counted is from the first request on."""


def measure(bench: Bench) -> list[Row]:
    seconds = bench.sizes.live_windows * WINDOW
    simulated, real = _simulated(bench, seconds), _real(bench, seconds)
    also = (("within 10 %", abs(real / simulated - 1) <= 0.1),)
    name = f"requests in {bench.sizes.live_windows} windows of {WINDOW} s, real processes"
    return [row(name, real, "requests", simulated, also=also, note="floor: the same windows simulated")]


def _simulated(bench: Bench, seconds: float) -> int:
    with local_x() as xsim, bench.lane(bench.database("simulated"), LOCAL_X_URL=xsim.url, **SETTINGS) as lane:
        xsim.post("settings", {"window_seconds": WINDOW})
        return int(lane.call("bench.stretches:simulate", url=xsim.url, seconds=seconds))


def _real(bench: Bench, seconds: float) -> int:
    database = bench.database("live")
    with local_x() as xsim:
        xsim.post("settings", {"window_seconds": WINDOW})
        settings = {"LOCAL_X_URL": xsim.url, "REDIS_URL": f"{bench.redis}/0", **SETTINGS}
        with bench.lane(database, **settings) as lane:
            with running(bench.environment(database, **settings), WORKER, BEAT):
                lane.call("bench.stretches:prepare", url=xsim.url, seconds=seconds + STARTING)
                time.sleep(STARTING + seconds)
            return int(lane.call("bench.stretches:requests", url=xsim.url, seconds=seconds))
