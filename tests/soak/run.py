"""`make soak`: as many stories as one has patience for; a failing seed is named, and plays again by its number."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests import services

SEEDS = os.environ.get("SEEDS", "2000")
PROCESS_SEEDS = os.environ.get("PROCESS_SEEDS", "100")
FIRST = os.environ.get("FIRST", str(int(time.time()) % 1_000_000))


def main() -> int:
    absent = {"PostgreSQL", "Redis"} & set(services.missing())
    print(f"Seeds from {FIRST} on: {SEEDS} stories on each database, {PROCESS_SEEDS} with real processes.", flush=True)
    failed = _play("SQLite", "tests/soak/test_stories.py", {})
    if absent:
        print(f"Left out for want of {' and '.join(sorted(absent))}: PostgreSQL, and the real processes.")
        return failed
    with services.postgres() as database, services.redis_server() as broker:
        servers = {"DATABASE_SERVER": database, "REDIS_SERVER": broker}
        failed |= _play("PostgreSQL", "tests/soak/test_stories.py", servers)
        failed |= _play("real processes", "tests/soak/test_processes.py", servers)
    return failed


def _play(name: str, path: str, environment: dict[str, str]) -> int:
    print(f"\n--- {name} ---", flush=True)
    workers = os.environ.get("TEST_WORKERS", "2")
    seeds = {"SOAK_FIRST": FIRST, "SOAK_SEEDS": SEEDS, "SOAK_PROCESS_SEEDS": PROCESS_SEEDS}
    command = [sys.executable, "-m", "pytest", path, "-q", "-n", workers, "--tb=short", "--show-capture=no"]
    return subprocess.run(command, env=os.environ | environment | seeds, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
