"""Whether a worker's memory grows with what it has read."""

from __future__ import annotations

from contextlib import ExitStack

from bench import pages
from bench.rows.ingest import EVENTS_PER_PAGE, connected, turns
from bench.setup import Bench
from bench.table import Row, row

MIB = 1024 * 1024


def measure(bench: Bench) -> list[Row]:
    """RSS of one worker, looked at after so many events and again after many more."""
    few, many = bench.sizes.memory
    found: dict[int, int] = {}
    with ExitStack() as stack:
        url = stack.enter_context(pages.served(many // EVENTS_PER_PAGE, pages.newest_at(), render=True))
        lane = stack.enter_context(bench.lane(connected(bench, url, "memory"), LOCAL_X_URL=url))
        done = 0
        for turn in turns(lane):
            done += turn["events"]
            for count in (few, many):
                if done >= count:
                    found.setdefault(count, lane.resident_bytes())
    name = f"memory of a worker after {many:,} events"
    return [row(name, found[many] / MIB, "MiB", found[few] / MIB, "≤ 1.1", note=f"floor: after {few:,} events")]
