"""What answers that take long have in common."""

from __future__ import annotations

from django.db import connections


def give_back() -> None:
    """All questions are asked: this thread's connections serve others, while the answer goes on its way."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
