"""Calls of the webhook that are refused: anybody can make them, so they are counted here and written down together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

import structlog
from django.db import DatabaseError

from conversations.sync import push

log = structlog.get_logger("conversations.push")

WRITTEN_EACH = 1.0
"""Seconds between two writes of one process, and between two lines of its log, however many calls there are."""


@dataclass(slots=True)
class Refusals:
    """What one process has refused and not written yet, by the column that counts it.

    The first is written at once, and whatever comes within a second after it with the next call from then on, of X or
    of anybody: a process that is ended meanwhile forgets a second's worth at most.
    """

    _waiting: Counter[str] = field(default_factory=Counter)
    _written_at: float = float("-inf")
    _lock: Lock = field(default_factory=Lock)

    def count(self, column: str) -> None:
        with self._lock:
            self._waiting[column] += 1
        self.write()

    def write(self) -> None:
        counted = self._due()
        if not counted:
            return
        try:
            push.count(**counted)
        except DatabaseError:  # a refusal is answered all the same
            log.warning("webhook_refusals_not_counted")
            with self._lock:
                self._waiting.update(counted)
        else:
            log.warning("webhook_refused", **counted)

    def _due(self) -> dict[str, int]:
        with self._lock:
            now = monotonic()
            if not self._waiting or now < self._written_at + WRITTEN_EACH:
                return {}
            counted, self._written_at = dict(self._waiting), now
            self._waiting.clear()
            return counted
