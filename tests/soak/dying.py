"""Code under test in a forked child that may die by os._exit at a drawn point: before or after any request, statement
or commit. What it leaves behind is what the tables hold, and nothing else.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

import requests
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.conversations.sync_workers import _let_go_of_connections

DEAD = 137
FAILED = 1


def fork(work: Callable[[], None], dies_at: int | None = None) -> int:
    """The id of the child. dies_at: the number of the point at which it ends; None: it lives to the end of its work."""
    _let_go_of_connections()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = FAILED
    try:
        with _points(dies_at):
            work()
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def wait(*pids: int) -> int:
    """How many died; a child whose work failed fails the story."""
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert set(codes) <= {0, DEAD}, f"a worker failed: {codes}"
    return codes.count(DEAD)


def _points(dies_at: int | None) -> ExitStack:
    """Counts the points as the work passes them."""
    stack = ExitStack()
    if dies_at is None:
        return stack
    left = [dies_at]

    def point() -> None:
        left[0] -= 1
        if left[0] == 0:
            os._exit(DEAD)

    def around(inner: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            point()
            result = inner(*args, **kwargs)
            point()
            return result

        return wrapped

    def statement(execute: Callable[..., Any], *args: Any) -> Any:
        return around(execute)(*args)

    stack.enter_context(mock.patch.object(requests.Session, "request", around(requests.Session.request)))
    stack.enter_context(mock.patch.object(BaseDatabaseWrapper, "_commit", around(BaseDatabaseWrapper._commit)))
    stack.enter_context(connection.execute_wrapper(statement))
    return stack
