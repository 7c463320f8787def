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
    where = f"in {bench.sizes.live_windows} windows of {WINDOW} s, real processes"
    note = "floor: the same windows simulated"
    return [
        row(
            f"{what} {where}", real[what], unit, simulated[what], also=(_agree(real[what], simulated[what]),), note=note
        )
        for what, unit in (("requests", "requests"), ("dollars", "$"))
    ]


def _agree(real: float, simulated: float) -> tuple[str, bool]:
    return "within 10 %", abs(real / simulated - 1) <= 0.1


def _simulated(bench: Bench, seconds: float) -> dict[str, float]:
    with local_x() as xsim, bench.lane(bench.database("simulated"), LOCAL_X_URL=xsim.url, **SETTINGS) as lane:
        xsim.post("settings", {"window_seconds": WINDOW})
        found: dict[str, float] = lane.call("bench.stretches:simulate", url=xsim.url, seconds=seconds, more=STARTING)
    return found


def _real(bench: Bench, seconds: float) -> dict[str, float]:
    database = bench.database("live")
    with local_x() as xsim:
        xsim.post("settings", {"window_seconds": WINDOW})
        settings = {"LOCAL_X_URL": xsim.url, "REDIS_URL": f"{bench.redis}/0", **SETTINGS}
        with bench.lane(database, **settings) as lane:
            with running(bench.environment(database, **settings), WORKER, BEAT):
                lane.call("bench.stretches:prepare", url=xsim.url, seconds=seconds + STARTING)
                time.sleep(STARTING + seconds + WINDOW)
            found: dict[str, float] = lane.call("bench.stretches:told", url=xsim.url, seconds=seconds)
    return found
