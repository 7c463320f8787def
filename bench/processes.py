"""The processes of real use, for the rows that are measured in real time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.lane import ROOT

AS_ROOT_IS_FINE = ["-W", "ignore:You're running the worker with superuser privileges"]
CELERY = [sys.executable, *AS_ROOT_IS_FINE, "-m", "celery", "-A", "dminbox", "--quiet"]
WORKER = [*CELERY, "worker", "--pool", "threads", "--concurrency", "4", "--without-gossip", "--without-mingle"]
BEAT = [*CELERY, "beat", "--pidfile="]
LISTENER = [sys.executable, "manage.py", "listen"]


@contextmanager
def running(environment: dict[str, str], *commands: list[str]) -> Iterator[None]:
    """These processes, until the block ends."""
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
