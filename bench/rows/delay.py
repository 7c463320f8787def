"""How late a message is at worst when X pushes nothing, over the pace that the window allows beside the reserve.

Counted from the moment X shows it: apart for those that X shows some time after they were written, below newer ones.
"""

from __future__ import annotations

from bench.rows.dollars import simulated
from bench.setup import Bench
from bench.table import Row, row

WINDOW, LIMIT = 900, 15


def measure(bench: Bench) -> list[Row]:
    day = simulated(bench)["busy"]
    at_once, late = sorted(day["delays"]), sorted(day["late_delays"])
    with bench.lane(bench.migrated) as lane:
        floor = WINDOW / (LIMIT - lane.call("conversations.sync.pace:reserve", limit=LIMIT))
    unrefused = ((f"{day['too_many']} answers 429", day["too_many"] == 0),)
    return [
        *_of("polling", at_once, floor, f"{len(at_once)} messages that X shows within 2 s", unrefused),
        *_of(
            "shown late",
            late,
            floor,
            f"{len(late)} that it shows later, up to a minute",
            ((f"of {len(late)}", bool(late)),),
        ),
    ]


def _of(which: str, delays: list[float], floor: float, note: str, also: tuple[tuple[str, bool], ...]) -> list[Row]:
    worst, median = (delays[-1], delays[len(delays) // 2]) if delays else (0.0, 0.0)
    return [
        row(f"worst time from visible to stored, {which}", worst, "s", floor, "≤ 1.1", also=also, note=note),
        row("  median of it", median, "s", floor),
    ]
