"""A worker process of its own, on a database of its own, that runs one function at a time when it is told to.

What is compared runs in lanes side by side: each has its own connections and memory, and its work is timed inside it,
without the way there and back. The parent speaks JSON lines to it, and needs no Django.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import django

ROOT = Path(__file__).resolve().parent.parent


class LaneFailed(Exception):  # noqa: N818 (no error of ours: it drags the lane's own words along)
    """What was called raised; the words are the lane's traceback."""


class Lane:
    """The parent's side. `call("bench.day:simulate", world="busy")` waits for the result."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.lane"],
            cwd=ROOT, env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Lane:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def call(self, function: str, **arguments: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"function": function, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise LaneFailed(f"{function}: the process ended with {self.process.wait()}")
        answer = json.loads(line)
        if "failed" in answer:
            raise LaneFailed(answer["failed"])
        return answer["result"]

    def resident_bytes(self) -> int:
        """Memory of the process that is in RAM (RSS)."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def serve() -> None:
    """The lane's side: until the parent closes the pipe."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints, prints to stderr
    django.setup()
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    module, _, name = order["function"].partition(":")
    try:
        return {"result": getattr(import_module(module), name)(**order["arguments"])}
    except Exception:  # noqa: BLE001 (the parent raises it again)
        return {"failed": traceback.format_exc()}


if __name__ == "__main__":
    serve()
