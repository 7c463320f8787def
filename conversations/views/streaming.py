"""What answers that stay open for a while have in common."""

from __future__ import annotations

from django.db import connections


def give_back_connections() -> None:
    """All queries are done, the middlewares' too: a slow reader shall not keep a connection of the pool."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
