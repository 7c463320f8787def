"""A search over a long history as a person waits for it, beside its statements alone and a view of as many bytes."""

from __future__ import annotations

import statistics

from bench.setup import Bench
from bench.table import Row, p95, side_by_side

KINDS = ("rare word", "common word", "phrase", "substring", "no hit")
P50, P95 = 25, 80


def measure(bench: Bench) -> list[Row]:
    with bench.lane(bench.database("search")) as lane:
        speeds = lane.call("bench.searching:fill", events=bench.sizes.searched)
        timed = {kind: lane.call("bench.searching:timed", kind=kind, count=bench.sizes.searches) for kind in KINDS}
    return [*(_line(bench, kind, found) for kind, found in timed.items()), *_speeds(speeds)]


def _line(bench: Bench, kind: str, found: list[dict[str, float]]) -> Row:
    of = {name: [one[name] for one in found] for name in found[0]}
    p50, slow = statistics.median(of["page"]), p95(of["page"])
    to_bare = side_by_side(of["page"], of["bare"])
    return Row(
        f"search: {kind}, p50",
        p50,
        "ms",
        statistics.median(of["sql"]),
        side_by_side(of["page"], of["sql"]),
        "≤ 5",
        also=((f"p50 ≤ {P50} ms", p50 <= P50), (f"p95 ≤ {P95} ms", slow <= P95)),
        note=f"p95 {slow:.1f} ms, {to_bare:.1f} × a bare view of as many bytes, {statistics.mean(of['hits']):.1f} hits "
        f"on the page and {max(of['queries']):.0f} queries at most, among {bench.sizes.searched:,} messages; the floor "
        "is the same statements by the driver alone",
    )


def _speeds(speeds: dict[str, float]) -> list[Row]:
    return [Row(f"  indexing of {name}", speed, f"{name}/s") for name, speed in speeds.items()]
