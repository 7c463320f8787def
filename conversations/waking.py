"""Waking whoever reads the change log: through Redis where there is one, so that nobody has to look all the time.

What is said here may get lost: readers look at the numbers by themselves too, and the log is the truth.
"""

from __future__ import annotations

import functools

import redis
import structlog
from django.conf import settings

log = structlog.get_logger("conversations.live")
PATIENCE_SECONDS = 1.0


def channel() -> str:
    """One per installation: Redis' channels know no database numbers, so two of them may share a server."""
    return f"dminbox:changes:{settings.PUBLIC_URL}"


def tell(x_account_pk: int, number: int) -> None:
    """After the commit of these changes. A Redis that is away delays nothing but the news."""
    if not settings.REDIS_URL:
        return
    try:
        _client(settings.REDIS_URL).publish(channel(), f"{x_account_pk}-{number}")
    except redis.RedisError as error:
        log.warning("live_not_told", error=type(error).__name__)


@functools.cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS)
