"""How late a message is at worst when X pushes nothing, over the pace that the window allows beside the reserve."""

from __future__ import annotations

from bench.rows.dollars import simulated
from bench.setup import Bench
from bench.table import Row, row

WINDOW, LIMIT = 900, 15


def measure(bench: Bench) -> list[Row]:
    day = simulated(bench)["busy"]
    delays = sorted(day["delays"])
    with bench.lane(bench.migrated) as lane:
        floor = WINDOW / (LIMIT - lane.call("conversations.sync.pace:reserve", limit=LIMIT))
    also = ((f"{day['too_many']} answers 429", day["too_many"] == 0),)
    return [
        row("worst time from visible to stored, polling", delays[-1], "s", floor, "≤ 1.1", also=also),
        row("  median of it", delays[len(delays) // 2], "s", floor),
        row("  worst of those that X shows minutes late", max(day["late_delays"], default=0), "s", floor),
    ]
