"""Inbox and threads of a large archive: server time over a bare view of as many bytes, and over the bare SQL."""

from __future__ import annotations

import statistics
from dataclasses import asdict, replace
from typing import Any

from bench.setup import Archive, Bench
from bench.table import Row, p95, row, side_by_side

INBOX = "inbox list"
SMALL = 100
"""The small archive holds a hundredth."""


def measure(bench: Bench) -> list[Row]:
    """The same pages on an archive of a hundredth, to show that its size does not matter."""
    sizes = bench.sizes.archive
    large, ids = archive(bench, "large", sizes)
    small, small_ids = archive(bench, "small", _small(sizes))
    rows: list[Row] = []
    with bench.lane(large) as lane, bench.lane(small) as other:
        times = bench.sizes.page_views
        for name, address, most_bytes in _pages(ids):
            found = lane.call("bench.reading:measure", address=address, user=ids["reader"], times=times)
            rows += _lines(name, found, most_bytes)
            if name == INBOX:
                less = other.call("bench.reading:measure", address="/", user=small_ids["reader"], times=times)
                rows.append(_by_size(found, less, sizes.events))
    bench.drop(large, small)
    return rows


def _small(sizes: Archive) -> Archive:
    return replace(
        sizes,
        events=sizes.events // SMALL,
        conversations=max(sizes.conversations // SMALL, 60),
        long=max(sizes.long // SMALL, 60),
    )


def archive(bench: Bench, name: str, sizes: Archive) -> tuple[str, dict[str, int]]:
    """A database with an archive of that size, and the ids of what to look at in it."""
    database = bench.database(f"archive_{name}")
    with bench.lane(database) as lane:
        return database, lane.call("bench.archive:fill", archive=asdict(sizes))


def _pages(ids: dict[str, int]) -> list[tuple[str, str, int | None]]:
    """Name, address, and how many bytes it may have."""
    return [
        (INBOX, "/", None),
        ("inbox, unread", "/?unread=1", None),
        ("thread of 20", f"/c/{ids['usual']}/", 60_000),
        ("thread of very many", f"/c/{ids['long']}/", 60_000),
        ("thread of a group", f"/c/{ids['group']}/", 60_000),
        ("older page", f"/c/{ids['long']}/older/?before={ids['middle']}", None),
    ]


def _lines(name: str, found: dict[str, Any], most_bytes: int | None) -> list[Row]:
    page, bare, sql = ([turn[part] for turn in found["turns"]] for part in ("page", "bare", "sql"))
    also = [(f"≤ {most_bytes // 1000} KB", found["bytes"] <= most_bytes)] if most_bytes else []
    if name != INBOX:
        also.append(("≤ 10 queries", found["queries"] <= 10))
    note = f"p95 {p95(page) * 1000:.1f} ms, {found['bytes'] / 1000:.0f} KB, {found['queries']} queries"
    median, floor = statistics.median(page) * 1000, statistics.median(bare) * 1000
    return [
        Row(f"{name}, p50", median, "ms", floor, side_by_side(page, bare), "≤ 8", tuple(also), note),
        row("  over its bare SQL", median, "ms", statistics.median(sql) * 1000),
    ]


def _by_size(large: dict[str, Any], small: dict[str, Any], events: int) -> Row:
    much, little = ([turn["page"] for turn in found["turns"]] for found in (large, small))
    name = f"{INBOX} at {events:,} events, over {events // SMALL:,}"
    return Row(
        name,
        statistics.median(much) * 1000,
        "ms",
        statistics.median(little) * 1000,
        statistics.median(much) / statistics.median(little),
        "≤ 1.25",
    )
