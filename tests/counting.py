"""How much work something is, as a number that is the same on every machine: what it calls."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls_of(work: Callable[[], object]) -> Counter[str]:
    """How often each place calls something: a function of Python's or one built in."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _called: Any) -> None:
        if event in ("call", "c_call"):
            calls[f"{frame.f_code.co_filename}:{frame.f_code.co_name}"] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls
