"""Worker processes of their own, and their sudden death: kill -9 at a drawn point of reading a page."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from unittest import mock

from django.db import connections

from accounts import tokens
from conversations.sync import history, intervals, polling, store, turns


def start(work: Callable[[], None]) -> int:
    """A child process with connections of its own; returns its id."""
    _let_go_of_connections()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def wait(*pids: int) -> list[int]:
    """How they ended: 0, or the negative number of the signal; a worker that failed fails the test."""
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert set(codes) <= {0, -signal.SIGKILL}, codes
    return codes


def _let_go_of_connections() -> None:
    """No process may go on with another's connection, nor with a pool whose threads stayed behind."""
    for connection in connections.all():
        connection.close()
        if getattr(connection, "pool", None):
            connection.close_pool()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def doomed(work: Callable[[], None], countdown: int) -> Callable[[], None]:
    """`work`, killed at the countdown-th of the points that each page passes: before the request, after the answer,
    with the events stored, with the claim stored (both before the commit), and after the commit."""
    left = [countdown]

    def point() -> None:
        left[0] -= 1
        if left[0] <= 0:
            die()

    def around(inner: Callable, *, before: bool = False) -> Callable:
        def wrapped(*args, **kwargs):
            if before:
                point()
            result = inner(*args, **kwargs)
            point()
            return result

        return wrapped

    def doomed_work() -> None:
        with (
            mock.patch.object(tokens, "call", around(tokens.call, before=True)),
            mock.patch.object(polling, "store_page", around(store.store_page)),
            mock.patch.object(history, "store_page", around(store.store_page)),
            mock.patch.object(intervals, "record", around(intervals.record)),
            mock.patch.object(polling, "_commit", around(polling._commit)),
        ):
            work()

    return doomed_work


def heedless(work: Callable[[], None]) -> Callable[[], None]:
    """`work` by a worker that takes no notice of anybody's lease: two of them read one account at once."""

    def heedless_work() -> None:
        with (
            mock.patch.object(turns, "claim", return_value="heedless"),
            mock.patch.object(turns, "renew"),
        ):
            work()

    return heedless_work
