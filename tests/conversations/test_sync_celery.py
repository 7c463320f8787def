"""The real worker and the real beat on the real broker: what is due is done, also after a kill -9."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection

from conversations.models import ConversationLookup, DmEvent, SyncState
from tests.conversations.sync_support import begin, connect, held_by_x, say, stored, stored_ids
from tests.conversations.sync_worlds import DrawnWorld

pytestmark = pytest.mark.services
ROOT = Path(__file__).parent.parent.parent
CELERY = [sys.executable, "-m", "celery", "-A", "dminbox", "--quiet"]
WORKER = [*CELERY, "worker", "-P", "threads", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
BEAT = [*CELERY, "beat", "--pidfile="]


def environment(folder: Path, xsim_url: str) -> dict[str, str]:
    """Of processes that share the test's database and the local X, with a broker folder of their own."""
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(folder),
        "LOCAL_X_URL": xsim_url,
        "SYNC_LEASE_SECONDS": "5",
        "SYNC_POLL_SECONDS": "1",
        "LOG_LEVEL": "warning",
    }


def database_url() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return (
        f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    )


@contextmanager
def running(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def test_a_worker_that_is_killed_between_pages_is_replaced_and_nothing_is_missing(transactional_db, xsim, tmp_path):
    drawn = DrawnWorld(random.Random("celery"), datetime.now(UTC))
    xsim.post("world", drawn.world(events=700, days=20))
    xsim.post("settings", {"dm_get_limit": 10_000})
    xsim.post("faults", {"kind": "slow", "path": "dm_events", "seconds": 0.4, "times": -1})
    x_account = connect(xsim)
    begin(x_account)
    env = environment(tmp_path, xsim.url)
    with running(BEAT, env):
        with running(WORKER, env) as worker:
            wait_until(lambda: DmEvent.objects.count() >= 150)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert SyncState.objects.get().import_finished_at is None, "it died in the middle"
        xsim.delete("faults")
        with running(WORKER, env):
            wait_until(lambda: SyncState.objects.get().import_finished_at is not None)
            assert stored(x_account) == held_by_x(xsim, x_account.access_token)
            other = next(person for person in drawn.people if not xsim.get("world")["people"][person]["is_suspended"])
            new = say(xsim, other, "Is anybody there?")
            wait_until(lambda: int(new["id"]) in stored_ids(x_account))
            lookup = ConversationLookup.objects.create(x_account=x_account, kind="user_id", target=other)
            wait_until(lambda: ConversationLookup.objects.get(pk=lookup.pk).state == ConversationLookup.State.FOUND)
