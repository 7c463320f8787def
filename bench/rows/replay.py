"""The same pages once more: nothing is new, so it must go faster, and leave no trace but in the ledger of calls."""

from __future__ import annotations

import statistics

from bench import pages
from bench.rows.ingest import read_once, turns
from bench.setup import Bench
from bench.table import Row, side_by_side


def measure(bench: Bench) -> list[Row]:
    """Turn by turn beside a worker to whom the pages are new."""
    with pages.served(bench.sizes.pages, pages.newest_at()) as url:
        empty, source = read_once(bench, url, "replay")
        fresh = bench.database("replay_fresh", empty)
        with bench.lane(fresh, LOCAL_X_URL=url) as first, bench.lane(source, LOCAL_X_URL=url) as again:
            before = again.call("bench.ingesting:begin_again")
            pairs = list(zip(turns(first), turns(again), strict=True))
            after = again.call("bench.ingesting:rows")
    speeds = [[turn["pages"] / turn["seconds"] for turn in lane] for lane in zip(*pairs, strict=True)]
    ingest, replay = (statistics.median(found) for found in speeds)
    added = {name: after[name] - count for name, count in before.items() if after[name] != count}
    announced = sum(turn["announced"] for _, turn in pairs)
    also = (("0 rows added", not added), ("nothing announced", announced == 0))
    ratio = side_by_side(speeds[1], speeds[0])
    note = f"rows added: {added}" if added else ""
    return [Row("replay of the same pages", replay, "pages/s", ingest, ratio, "≥ 3", also, note)]
