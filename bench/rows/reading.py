"""Inbox and threads of a large archive: server time over a bare view of as many bytes, and over the bare SQL."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, replace
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
        for page in _pages(ids):
            found = lane.call("bench.reading:measure", address=page.address, user=ids["reader"], times=times)
            rows += _lines(page, found)
            if page.name == INBOX:
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


@dataclass(frozen=True, slots=True)
class Page:
    """quiet_ms: what p50 and p95 come to on a machine that does nothing else. most_bytes: how many it may have."""

    name: str
    address: str
    quiet_ms: tuple[int | None, int | None]
    most_bytes: int | None = None


def _pages(ids: dict[str, int]) -> list[Page]:
    inbox, thread = (12, 25), (12, 30)
    return [
        Page(INBOX, "/", inbox),
        Page("inbox, unread", "/?unread=1", inbox),
        Page("thread of 20", f"/c/{ids['usual']}/", thread, 60_000),
        Page("thread of very many", f"/c/{ids['long']}/", thread, 60_000),
        Page("thread of a group", f"/c/{ids['group']}/", thread, 60_000),
        Page("picture of a person", f"/c/{ids['usual']}/files/{ids['picture']}/", (None, None)),
        Page("older page", f"/c/{ids['long']}/older/?before={ids['middle']}", (15, None)),
    ]


def _lines(of: Page, found: dict[str, Any]) -> list[Row]:
    page, bare, sql = ([turn[part] * 1000 for turn in found["turns"]] for part in ("page", "bare", "sql"))
    also = [(f"≤ {of.most_bytes // 1000} KB", found["bytes"] <= of.most_bytes)] if of.most_bytes else []
    if of.name != INBOX:
        also.append(("≤ 10 queries", found["queries"] <= 10))
    note = f"{found['bytes'] / 1000:.0f} KB, {found['queries']} queries"
    median, floor = statistics.median(page), statistics.median(bare)
    said = [f"{most} ms on a quiet machine" if most else "" for most in of.quiet_ms]
    return [
        Row(f"{of.name}, p50", median, "ms", floor, side_by_side(page, bare), "≤ 8", tuple(also), note, said[0]),
        row(f"{of.name}, p95", p95(page), "ms", p95(bare), said=said[1]),
        row("  p50 over its bare SQL", median, "ms", statistics.median(sql)),
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
