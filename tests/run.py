"""`make test`: the checks, the whole suite on the embedded default, and again on PostgreSQL and Redis."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import env_example, services

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "import-linter": ["lint-imports"],
    "djlint": ["djlint", "templates", "--lint", "--check", "--quiet"],
    "migrations": ["python", "manage.py", "makemigrations", "--check", "--dry-run"],
}
COLLECTION = {"collection of tests": ["python", "-m", "pytest", "-q", "--collect-only"]}
"""Compiles what a fresh checkout has not compiled yet, before all workers want it at once."""

# mypy's plugin and Django's commands read the settings, which want keys.
KEYS = {
    "ENV_FILE": "",
    "SECRET_KEY": "for checks alone, never for an installation",
    "ENCRYPTION_KEYS": "dGVzdHMtYWxvbmUtbmV2ZXItcmVhbC1pbnN0YWxscyE=",
}


def main() -> int:
    started = time.monotonic()
    os.chdir(ROOT)
    absent = services.missing()
    if absent and must_have_services():
        print(f"These services are missing and required here: {', '.join(absent)}.", file=sys.stderr)
        return 1
    if "--checks-only" in sys.argv:
        results = {"checks": run_checks(CHECKS)}
    else:
        results = {"checks": run_checks(CHECKS | COLLECTION)} | run_suites(absent)
    failed = [name for name, is_good in results.items() if not is_good]
    print(f"\n{'FAILED: ' + ', '.join(failed) if failed else 'All good'} ({time.monotonic() - started:.0f} s)")
    return 1 if failed else 0


def must_have_services() -> bool:
    return os.environ.get("CI") == "true" or os.environ.get("REQUIRE_SERVICES") == "1"


def run_checks(checks: dict[str, list[str]]) -> bool:
    with ThreadPoolExecutor(max_workers=2) as pool:
        return all(list(pool.map(run_check, checks, checks.values())))


def run_check(name: str, command: list[str]) -> bool:
    program, *arguments = command
    ours = {name: value for name, value in compiled_once().items() if name not in env_example.names()}
    done = subprocess.run([BIN / program, *arguments], capture_output=True, text=True, check=False, env=ours | KEYS)
    print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}")
    if done.returncode:
        print(done.stdout[-8000:], done.stderr[-4000:], sep="\n")
    return done.returncode == 0


def run_suites(absent: list[str]) -> dict[str, bool]:
    if not os.environ.get("X_CONTRACT_DIR"):
        print("X_CONTRACT_DIR is not set: the tests against X's own contract are left out.")
    if "Chromium" in absent:
        print("Chromium is not installed: the browser tests are left out.")
    left_out = ["-m", "not browser"] if "Chromium" in absent else []
    has_both = not {"PostgreSQL", "Redis"} & set(absent)
    halves = {"SOAK_HALVES": "1"} if has_both else {}  # each database plays its own half of the stories
    pictures = {"SCREENSHOTS": os.environ.get("SCREENSHOTS") or tempfile.mkdtemp(prefix="dminbox-pages-")}
    results = {"embedded default": run_pytest("SQLite, no broker server", left_out, halves | pictures)}
    if not left_out:
        print(f"Pictures of every page: {pictures['SCREENSHOTS']}")
    if not has_both:
        print("PostgreSQL or Redis is not installed: the second run on both is left out.")
        return results
    with services.postgres(autovacuum=False) as database, services.redis_server() as broker:
        servers = {"DATABASE_SERVER": database, "REDIS_SERVER": broker, "ONLY_DATABASE_AND_BROKER": "1"} | halves
        results["PostgreSQL and Redis"] = run_pytest("PostgreSQL and Redis", ["-m", "not browser"], servers)
    return results


def run_pytest(name: str, options: list[str], environment: dict[str, str]) -> bool:
    print(f"\n--- Tests: {name} ---", flush=True)
    # One more than there are cores: who drives a browser, or real processes with leases of seconds, often waits. No
    # more than eight: each has a database of Redis's sixteen, and connections of PostgreSQL's hundred.
    workers = os.environ.get("TEST_WORKERS", str(min((os.cpu_count() or 1) + 1, 8)))
    command = [BIN / "python", "-m", "pytest", "-q", "-n", workers, "--dist", "loadgroup", *options]
    return subprocess.run(command, env=compiled_once() | environment, check=False).returncode == 0


def compiled_once() -> dict[str, str]:
    """The environment, but with what Python has compiled kept: many processes read the same code, and the tests' own
    takes longer to compile than to collect.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


if __name__ == "__main__":
    sys.exit(main())
