"""`make bench`: servers of its own, the rows asked for, one table, and the same as JSON under bench/results/."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from bench import elsewhere, table
from bench.setup import QUICK, Bench, Sizes, scratch
from tests import services

ROWS = (
    *("dollars", "delay", "push", "full_import", "ingest", "replay", "growth", "memory", "live", "bulk", "webhook"),
    *("reading", "search", "browsing", "readers", "streams"),
)
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    options = _options()
    if absent := {"PostgreSQL", "Redis"} & set(services.missing()):
        print(f"The bench starts servers of its own, and misses {' and '.join(sorted(absent))}.", file=sys.stderr)
        return 1
    with services.postgres() as server, services.redis_server() as redis, scratch() as folder:
        bench = Bench(server, redis, folder, QUICK if options.size == "quick" else Sizes())
        measured = {name: _measured(name, bench) for name in options.rows}
    rows = [row for found in measured.values() for row in found or []]
    print(f"\n{table.rendered(rows)}\n")
    for row in rows:
        if row.note:
            print(f"{row.name}: {row.note}")
    path = table.write(rows, RESULTS, _about(options.size), datetime.now(UTC))
    print(f"\n{path.relative_to(RESULTS.parent.parent)}")
    failed = [name for name, found in measured.items() if found is None]
    if failed:
        print(f"Not measured, for what is said above: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed or any(row.is_met is False for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("rows", nargs="?", default="", help=f"of these, with commas between: {','.join(ROWS)}")
    parser.add_argument("--size", choices=["full", "quick"], default="full")
    options = parser.parse_args()
    options.rows = [name for name in options.rows.split(",") if name] or list(ROWS)
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    return options


def _measured(name: str, bench: Bench) -> list[table.Row] | None:
    """None where it has failed: what else was measured, perhaps for an hour, is told all the same."""
    print(f"{name} …", end=" ", flush=True, file=sys.stderr)
    started = time.monotonic()
    try:
        rows: list[table.Row] = import_module(f"bench.rows.{name}").measure(bench) + elsewhere.rows(name)
    except Exception:  # noqa: BLE001 (whatever it is: it is printed, and the run fails in the end)
        traceback.print_exc()
        return None
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return rows


def _about(size: str) -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "commit": commit.stdout.strip(),
        "size": size,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "machine": platform.machine(),
    }


if __name__ == "__main__":
    sys.exit(main())
