"""What a day costs by polling alone, over what the same events, people and posts cost when each is read once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from bench.setup import Bench, local_x
from bench.table import Row, row

TARGETS = {"busy": "≤ 1.05", "quiet": "≤ 1.5"}


def measure(bench: Bench) -> list[Row]:
    plain = {kind: _run(bench, "bench.day:plain_poller", kind) for kind in TARGETS}
    return [line for kind in TARGETS for line in _lines(kind, simulated(bench)[kind], plain[kind])]


@cache
def simulated(bench: Bench) -> dict[str, dict[str, Any]]:
    """Both days at the same time, once for all rows that tell of them: no clock on a wall is read."""
    with ThreadPoolExecutor() as pool:
        days = {kind: pool.submit(_run, bench, "bench.day:simulate", kind) for kind in TARGETS}
        return {kind: day.result() for kind, day in days.items()}


def _run(bench: Bench, function: str, kind: str) -> dict[str, Any]:
    sizes = {"busy": bench.sizes.busy_events, "quiet": bench.sizes.quiet_events}
    database = bench.database(f"day_{kind}")
    with local_x() as xsim, bench.lane(database, LOCAL_X_URL=xsim.url) as lane:
        amount = {"events": sizes[kind], "hours": bench.sizes.day_hours}
        result: dict[str, Any] = lane.call(function, url=xsim.url, is_busy=kind == "busy", **amount)
    return result


def _lines(kind: str, day: dict[str, Any], plain: dict[str, Any]) -> list[Row]:
    floor, whole = day["floor_usd"], (("everything X shows is stored", day["is_complete"]),)
    note = f"billed {_counted(day['billed'])}; needed {_counted(day['needed'])}; {day['requests']} requests"
    return [
        row(f"dollars of a {kind} day", day["usd"], "$", floor, TARGETS[kind], also=whole, note=note),
        row(f"  a plain poller, {kind}", plain["usd"], "$", floor, note=f"billed {_counted(plain['billed'])}"),
    ]


def _counted(counts: dict[str, int]) -> str:
    return f"{counts['events']} events, {counts['users']} people, {counts['posts']} posts"
