"""Forked workers that take turns, in an order that a seed draws; each may die by os._exit at a drawn point.

Points lie before and after each request, statement and commit. A worker goes on for so many points, then waits for its
next turn; only one goes at any moment. So the same seed plays the same story again, deaths and meetings included. What
a worker leaves behind is what the tables hold, and nothing else.
"""

from __future__ import annotations

import gc
import json
import os
import random
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from unittest import mock
from urllib.parse import urlsplit

import requests
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.conversations.sync_workers import _let_go_of_connections

DEAD = 137
FAILED = 1
GLANCE, LONGEST_GLANCE = 0.005, 0.08
"""Seconds after which the database is asked whether a worker that is silent waits for another one's lock; each time
twice as long, for most are just busy.
"""
LONGEST = 60
LABEL = 60
EXECUTED = "executed"
LISTENS = "listens"
"""Points that begin so are waited at in any case."""

Work = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Doomed:
    """dies_at: the number of the point at which it ends; None: it lives to the end of its work."""

    work: Work
    dies_at: int | None = None


@dataclass
class Worker:
    """The parent's side of a child. label: of the point at which it stands; backend: its connection at PostgreSQL."""

    number: int
    pid: int
    hears: BinaryIO
    says: int
    label: str = ""
    backend: int = 0
    is_standing: bool = False

    def is_heard(self, seconds: float) -> bool:
        return bool(select.select([self.hears], [], [], seconds)[0])

    def close(self) -> None:
        self.hears.close()
        os.close(self.says)


@dataclass
class Stage:
    """trace: every point that was passed, by whom. on_go: called before a worker goes on from a point; between: before
    each step, for what happens at X meanwhile.
    """

    rng: random.Random
    on_go: Callable[[str], None] = lambda label: None
    between: Callable[[], None] = lambda: None
    trace: list[str] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)

    def play(self, works: Sequence[Doomed]) -> int:
        """How many died. AssertionError when the work of one failed."""
        _let_go_of_connections()
        codes: list[int] = []
        patience = self.rng.choice([1, 5, 40])
        try:
            for number, doomed in enumerate(works):
                self._start(number, doomed, self.rng.getrandbits(32))
            while self.workers:
                going = self._choose()
                self.between()
                self._go(going, 1 + int(self.rng.expovariate(1 / patience)), codes)
        finally:
            self._end_all()
        assert set(codes) <= {0, DEAD}, f"a worker failed: {codes}"
        return codes.count(DEAD)

    def _start(self, number: int, doomed: Doomed, seed: int) -> None:
        (hears, child_says), (child_hears, says) = os.pipe(), os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        worker = Worker(number, pid, os.fdopen(hears, "rb"), says)
        if not pid:
            for other in [*self.workers, worker]:
                other.close()
            _be_a_worker(doomed, seed, child_hears, child_says)
        os.close(child_says)
        os.close(child_hears)
        self.workers.append(worker)
        self._hear(worker, [])

    def _end_all(self) -> None:
        """Those that are left where the story has broken off."""
        for worker in self.workers:
            os.kill(worker.pid, signal.SIGKILL)
            os.waitpid(worker.pid, 0)
            worker.close()
        self.workers.clear()

    def _choose(self) -> Worker:
        if standing := [worker for worker in self.workers if worker.is_standing]:
            return self.rng.choice(standing)
        # PostgreSQL will end one of those that wait for each other.
        ready = select.select([worker.hears for worker in self.workers], [], [], LONGEST)[0]
        assert ready, "all workers wait for each other"
        return next(worker for worker in self.workers if worker.hears in ready)

    def _go(self, worker: Worker, points: int, codes: list[int]) -> None:
        if worker.is_standing:
            self.on_go(worker.label)
            worker.is_standing = False
            os.write(worker.says, b"%d\n" % points)
        for one in [worker, *self.workers]:
            if one in self.workers and not one.is_standing:
                self._await(one, codes)

    def _await(self, worker: Worker, codes: list[int]) -> None:
        """Until it stands at its next point, has ended, or waits for a lock of another worker."""
        began, glance = time.monotonic(), GLANCE
        while not worker.is_heard(glance if worker.backend else LONGEST):
            if self._waits_for_another(worker):
                return
            glance = min(2 * glance, LONGEST_GLANCE)
            assert time.monotonic() < began + LONGEST, f"worker {worker.number} is stuck after {worker.label}"
        self._hear(worker, codes)

    def _hear(self, worker: Worker, codes: list[int]) -> None:
        while said := worker.hears.readline():
            labels, worker.backend, worker.is_standing = json.loads(said)
            self.trace += [f"{worker.number} {label}" for label in labels]
            if worker.is_standing:
                worker.label = labels[-1]
                return
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        self.trace.append(f"{worker.number} {'is dead' if code == DEAD else 'is done'}")
        codes.append(code)
        worker.close()
        self.workers.remove(worker)

    def _waits_for_another(self, worker: Worker) -> bool:
        """The dead do not count: PostgreSQL is about to take their locks away."""
        others = {one.backend for one in self.workers if one is not worker and one.backend}
        if not others:
            return False
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_blocking_pids(%s)", [worker.backend])
            return bool(others & set(cursor.fetchone()[0]))


def _be_a_worker(doomed: Doomed, seed: int, hears: int, says: int) -> None:
    """Never returns."""
    status, turns = FAILED, Turns(hears, says, doomed.dies_at)
    gc.freeze()  # to search what the parent has made would copy all of it
    try:
        random.seed(seed)
        with _points(turns):
            turns.point("begins")
            doomed.work()
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        try:
            turns.tell(is_standing=False)
        finally:  # also when the story has broken off and nobody hears it any more
            os._exit(status)


class Turns:
    """The child's side: so many points until it waits for its next turn, or dies."""

    def __init__(self, hears: int, says: int, dies_at: int | None) -> None:
        self.hears, self.says = hears, says
        self.until_death = dies_at or 0
        self.until_turn = 0
        self.backend = 0
        self.labels: list[str] = []
        self.thread = threading.get_ident()

    def point(self, label: str) -> None:
        if threading.get_ident() != self.thread:
            return
        self.labels.append(label[:LABEL])
        self.until_turn -= 1
        if self._must_wait(label):
            self.tell(is_standing=True)
            self.until_turn = int(os.read(self.hears, 20) or b"0")
        self.until_death -= 1
        if self.until_death == 0:
            self.tell(is_standing=False)
            os._exit(DEAD)

    def _must_wait(self, label: str) -> bool:
        """The one writer of SQLite goes on until its commit: it shuts the others out. On PostgreSQL the parent has to
        know the connection, to see who waits for whom.
        """
        raw, known = connection.connection, self.backend
        if connection.vendor == "postgresql":
            self.backend = raw.info.backend_pid if raw else 0
        elif raw is not None and (raw.in_transaction or label == EXECUTED):  # RETURNING holds the lock until it is read
            return False
        return self.until_turn <= 0 or self.backend != known or label.startswith(LISTENS)

    def tell(self, *, is_standing: bool) -> None:
        said = json.dumps([self.labels, self.backend, is_standing]).encode() + b"\n"
        while said:
            said = said[os.write(self.says, said) :]
        self.labels = []


def point(label: str) -> None:
    """One more place at which a worker waits for its turn, and may die. Means nothing outside of a worker."""


@contextmanager
def _points(turns: Turns) -> Iterator[None]:
    def request(session: Any, method: str, url: str, **more: Any) -> Any:
        turns.point(f"{method} {urlsplit(url).path}")
        answer = asked(session, method, url, **more)
        turns.point(f"{answer.status_code}")
        return answer

    def commit(wrapper: Any) -> None:
        turns.point("commit")
        committed(wrapper)
        turns.point("committed")

    def statement(execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        turns.point(sql.split(maxsplit=1)[0] if sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")) else sql)
        result = execute(sql, *more)
        turns.point(EXECUTED)
        return result

    asked, committed = requests.Session.request, BaseDatabaseWrapper._commit
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(requests.Session, "request", request))
        stack.enter_context(mock.patch.object(BaseDatabaseWrapper, "_commit", commit))
        stack.enter_context(connection.execute_wrapper(statement))
        stack.enter_context(mock.patch.object(sys.modules[__name__], "point", turns.point))
        yield
