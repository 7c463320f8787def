"""Calls of the webhook that are refused: anybody can make them, so they are counted here and written down together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Timer
from time import monotonic

import structlog
from django.db import DatabaseError, connections

from conversations.sync import push

log = structlog.get_logger("conversations.push")

WRITTEN_EACH = 1.0
"""Seconds between two writes of one process, and between two lines of its log, however many calls there are."""


def in_a_thread(seconds: float, write: Callable[[], None]) -> Timer:
    def run() -> None:
        try:
            write()
        finally:
            connections.close_all()  # this thread's own

    timer = Timer(seconds, run)
    timer.daemon = True  # it holds up no end; a process that is ended forgets a second's worth
    timer.start()
    return timer


@dataclass(slots=True)
class Refusals:
    """What one process has refused and not written yet, by the column that counts it: the first of them is written at
    once, and whatever comes within a second after it at the end of that second.
    """

    later: Callable[[float, Callable[[], None]], object] = in_a_thread
    _waiting: Counter[str] = field(default_factory=Counter)
    _written_at: float = float("-inf")
    _is_timed: bool = False
    _lock: Lock = field(default_factory=Lock)

    def count(self, column: str) -> None:
        with self._lock:
            self._waiting[column] += 1
            left = self._written_at + WRITTEN_EACH - monotonic()
            if left > 0 and not self._is_timed:
                self._is_timed = True
                self.later(left, self.write)
        if left <= 0:
            self.write()

    def write(self) -> None:
        with self._lock:
            counted, self._written_at, self._is_timed = dict(self._waiting), monotonic(), False
            self._waiting.clear()
        if not counted:
            return
        try:
            push.count(**counted)
        except DatabaseError:  # a refusal is answered all the same, and counted with the next one
            log.warning("webhook_refusals_not_counted")
            with self._lock:
                self._waiting.update(counted)
        else:
            log.warning("webhook_refused", **counted)
