"""The processes of real use, for the rows that are measured in real time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from bench.lane import ROOT

AS_ROOT_IS_FINE = ["-W", "ignore:You're running the worker with superuser privileges"]
CELERY = [sys.executable, *AS_ROOT_IS_FINE, "-m", "celery", "-A", "dminbox", "--quiet"]
WORKER = [*CELERY, "worker", "--pool", "threads", "--concurrency", "4", "--without-gossip", "--without-mingle"]
BEAT = [*CELERY, "beat", "--pidfile="]
LISTENER = [sys.executable, "manage.py", "listen"]
WEB = [sys.executable, "-m", "uvicorn", "dminbox.asgi:application", "--lifespan", "off", "--log-level", "error"]
WEB += ["--no-access-log", "--timeout-graceful-shutdown", "2"]
LONGEST_START = 60


@contextmanager
def running(environment: dict[str, str], *commands: list[str]) -> Iterator[list[int]]:
    """These processes, until the block ends; gives their ids."""
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


@contextmanager
def web(environment: dict[str, str], port: int, *, workers: int = 1) -> Iterator[str]:
    """The web server, once it answers; gives its address. The environment names the same port."""
    with served(environment, port, workers=workers) as (url, _):
        yield url


@contextmanager
def served(environment: dict[str, str], port: int, *, workers: int = 1) -> Iterator[tuple[str, int]]:
    """As `web`; gives the process beside the address."""
    url = f"http://127.0.0.1:{port}"
    with running(environment, [*WEB, "--port", str(port), "--workers", str(workers)]) as pids:
        wait_for(url)
        yield url, pids[0]


def wait_for(url: str) -> None:
    deadline = time.monotonic() + LONGEST_START
    while True:
        try:
            requests.get(f"{url}/healthz", timeout=5).raise_for_status()
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
