"""Pages of X into PostgreSQL by one worker, over the least that a database must do for the same rows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from bench import pages, worlds
from bench.lane import Lane
from bench.setup import Bench
from bench.table import Row, row, side_by_side

EVENTS_PER_PAGE = 100
HOPED_FOR = 2000


def measure(bench: Bench) -> list[Row]:
    """Turn by turn of the product, the floor writes what that turn has brought."""
    newest_at = pages.newest_at()
    with pages.served(bench.sizes.pages, newest_at) as url:
        empty, source = read_once(bench, url, "ingest")
        databases = {name: bench.database(f"ingest_{name}", empty) for name in ("product", "floor", "copy")}
        with bench.lane(databases["product"], LOCAL_X_URL=url) as product, bench.lane(bench.migrated) as floor:
            floor.call("bench.floor:prepare", url=bench.url(source), own_id=worlds.OWN, events_per_page=EVENTS_PER_PAGE)
            blocks = list(_blocks(product, floor, url, bench.url(databases["floor"])))
            copied = floor.call("bench.floor:copy", url=bench.url(databases["copy"]))
            differences = floor.call(
                "bench.floor:differences", url=bench.url(databases["product"]), other=bench.url(databases["floor"])
            )
    return _lines(bench, blocks, copied, differences)


def read_once(bench: Bench, url: str, name: str) -> tuple[str, str]:
    """Two databases: one with an X account that waits for its import, and one in which that has happened."""
    empty = connected(bench, url, f"{name}_empty")
    source = bench.database(f"{name}_source", empty)
    with bench.lane(source, LOCAL_X_URL=url) as lane:
        for _ in turns(lane):
            pass
        lane.call("bench.filling:tidy")
    return empty, source


def connected(bench: Bench, url: str, name: str) -> str:
    database = bench.database(name)
    with bench.lane(database, LOCAL_X_URL=url) as lane:
        lane.call("bench.ingesting:connect")
    return database


def turns(lane: Lane) -> Iterator[dict[str, Any]]:
    """Until all pages are read."""
    is_done = False
    while not is_done:
        told = lane.call("bench.ingesting:turn")
        is_done = told["is_done"]
        yield told


def _blocks(product: Lane, floor: Lane, url: str, floor_url: str) -> Iterator[dict[str, float]]:
    done = 0
    for turn in turns(product):
        count = turn["events"] // EVENTS_PER_PAGE
        yield {
            "events": turn["events"],
            "product": turn["seconds"],
            "floor": floor.call("bench.floor:insert", url=floor_url, first=done, count=count),
            "fetch": floor.call("bench.ingesting:fetch", url=url, first=done, count=count),
        }
        done += count


def _lines(bench: Bench, blocks: list[dict[str, float]], copied: float, differences: dict[str, int]) -> list[Row]:
    speed = {name: [block["events"] / block[name] for block in blocks] for name in ("product", "floor", "fetch")}
    median = {name: statistics.median(found) for name, found in speed.items()}
    also = (("tables equal after both", not differences),)
    note = f"rows that differ: {differences}" if differences else f"{HOPED_FOR} events/s hoped for"
    ratio = side_by_side(speed["product"], speed["floor"])
    return [
        Row("ingest of pages", median["product"], "events/s", median["floor"], ratio, "≥ 0.25", also, note),
        row("  fetch and json.loads alone", median["fetch"], "events/s", median["floor"]),
        row("  COPY of the same rows", sum(block["events"] for block in blocks) / copied, "events/s", median["floor"]),
    ]
