"""Signs of life: long-running processes touch a file, and `python -m dminbox.alive NAME` looks how old it is."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

OLDEST = {"beat": 30, "listener": 180}
"""Seconds: beat ticks each second; the listener at each line, and between two lies up to PUSH_SILENCE_SECONDS."""


def touch(name: str) -> None:
    _sign(name).touch()


def trouble(name: str) -> str:
    """What is wrong; "" while the process lives."""
    try:
        age = time.time() - _sign(name).stat().st_mtime
    except FileNotFoundError:
        return f"{name} has given no sign of life yet"
    return "" if age < OLDEST[name] else f"{name} gave its last sign of life {age:.0f} s ago"


def _sign(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"dminbox-{os.getuid()}-{name}-alive"  # another user's cannot be touched


if __name__ == "__main__":
    sys.exit(trouble(sys.argv[1]) or 0)
