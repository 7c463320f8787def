"""Whether ingest slows down as more is stored."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from datetime import datetime

from bench import pages
from bench.lane import Lane
from bench.rows.ingest import connected
from bench.setup import Bench
from bench.table import Row, side_by_side

PAGES_PER_TURN = 25


def measure(bench: Bench) -> list[Row]:
    """A worker for each size, that take turns."""
    newest_at, sizes = pages.newest_at(), bench.sizes
    with ExitStack() as stack:
        url = stack.enter_context(pages.served(PAGES_PER_TURN * sizes.growth_blocks + 1, newest_at))
        lanes = {size: stack.enter_context(_filled(bench, url, size, newest_at)) for size in sizes.stored}
        blocks = [_block(lanes) for _ in range(sizes.growth_blocks)][1:]  # the first warms up
    speeds = {size: [block[size] for block in blocks] for size in sizes.stored}
    smallest = sizes.stored[0]
    return [
        Row(
            f"ingest at {size:,} stored events",
            statistics.median(speeds[size]),
            "events/s",
            statistics.median(speeds[smallest]),
            side_by_side(speeds[size], speeds[smallest]),
            "≥ 0.9" if size != smallest else "",
        )
        for size in sizes.stored
    ]


def _filled(bench: Bench, url: str, events: int, newest_at: datetime) -> Lane:
    database = connected(bench, url, f"growth_{events}")
    lane = bench.lane(database, LOCAL_X_URL=url)
    lane.call("bench.filling:fill", events=events, newest_at=newest_at.isoformat())
    return lane


def _block(lanes: dict[int, Lane]) -> dict[int, float]:
    told = {size: lane.call("bench.ingesting:turn") for size, lane in lanes.items()}
    return {size: turn["events"] / turn["seconds"] for size, turn in told.items()}
