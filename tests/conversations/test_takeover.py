"""Two listeners as real processes: whoever holds X's stream is killed, and the other takes it over within its lease."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from conversations.models import DmEvent, PushState, SyncState
from conversations.sync import subscriptions
from tests.conversations.sync_support import ANN, OWN, begin, connect, make_person, one_to_one, say
from tests.conversations.test_sync_celery import ROOT, environment, wait_until

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
LEASE, SLACK = 4, 6
"""Seconds. The lease is a setting, 20 preset: with it and the same slack the other has the stream within 30."""


@contextmanager
def a_listener(env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "listen"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def holder() -> str:
    """Who holds the stream and hears it; "" when nobody does."""
    state = PushState.objects.filter(pk=1, state=PushState.State.CONNECTED).first()
    return state.holder if state and state.is_alive else ""


def test_the_stream_of_a_killed_listener_is_held_by_another_within_its_lease(xsim, tmp_path):
    xsim.post("settings", {"keep_alive_seconds": 0.5, "token_seconds": 10**8})
    make_person(xsim, ANN)
    begin(connect(xsim))
    SyncState.objects.update(import_finished_at=timezone.now(), next_poll_at=timezone.now() + timedelta(hours=1))
    subscriptions.repair()
    env = environment(tmp_path, xsim.url) | {"PUSH_LEASE_SECONDS": str(LEASE), "PUSH_SILENCE_SECONDS": "3"}
    with a_listener(env) as first:
        wait_until(lambda: bool(holder()))
        held_by = holder()
        with a_listener(env):
            time.sleep(1)  # it waits; whether it is up already makes the takeover later, never sooner
            first.kill()
            killed = time.monotonic()
            wait_until(lambda: holder() not in ("", held_by), 60)
            assert time.monotonic() - killed < LEASE + SLACK
            said = say(xsim, ANN, "after the takeover")
            wait_until(lambda: DmEvent.objects.filter(dm_event_id=int(said["id"])).exists(), 10)
    assert DmEvent.objects.get().conversation.dm_conversation_id == one_to_one(OWN, ANN)
