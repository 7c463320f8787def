"""Waking whoever reads the change log: through Redis where there is one, so that nobody has to look all the time.

What is said here may get lost: readers look at the numbers by themselves too, and the log is the truth.
"""

from __future__ import annotations

import functools
import time

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger("conversations.live")
PATIENCE_SECONDS = 0.5
"""For one that hangs. Whoever stores messages waits here."""
REST_SECONDS = 10.0
"""For which a Redis that did not answer is left alone: else each commit would wait for it."""


def channel() -> str:
    """One per installation: Redis' channels know no database numbers, so two of them may share a server."""
    return f"dminbox:changes:{settings.PUBLIC_URL}"


def tell(x_account_pk: int, number: int) -> None:
    """After the commit of these changes. A Redis that is away delays nothing but the news."""
    if not settings.REDIS_URL or time.monotonic() < _rests_until[0]:
        return
    try:
        _client(settings.REDIS_URL).publish(channel(), f"{x_account_pk}-{number}")
    except redis.RedisError as error:
        _rests_until[0] = time.monotonic() + REST_SECONDS
        log.warning("live_not_told", error=type(error).__name__)


_rests_until = [0.0]


@functools.cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS, retry=Retry(NoBackoff(), 0)
    )
