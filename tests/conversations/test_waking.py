"""Whoever stores messages tells open pages through Redis, and never waits long for one that is away or hangs."""

from __future__ import annotations

import socket
import time

import pytest

from conversations import waking


@pytest.fixture(autouse=True)
def _afresh(monkeypatch):
    monkeypatch.setattr(waking, "_rests_until", [0.0])
    # A client of its own for each test, whatever another has left.
    monkeypatch.setattr(waking, "_client", waking._client.__wrapped__)


@pytest.fixture
def silent(settings):
    """It takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        yield


def test_a_redis_that_hangs_is_waited_for_once_and_then_left_alone(silent):
    began = time.monotonic()
    for number in range(20):
        waking.tell(1, number)
    assert time.monotonic() - began < 4 * waking.PATIENCE_SECONDS, "twenty commits would each wait"


def test_after_a_rest_it_is_tried_again(silent, monkeypatch):
    tried = []
    nobody = waking.redis.Redis.from_url("redis://127.0.0.1:1")
    monkeypatch.setattr(waking, "_client", lambda url: tried.append(url) or nobody)
    waking.tell(1, 1)
    waking.tell(1, 2)
    assert len(tried) == 1
    monkeypatch.setattr(waking, "_rests_until", [time.monotonic() - 1])
    waking.tell(1, 3)
    assert len(tried) == 2


def test_without_redis_nobody_is_told(settings, monkeypatch):
    settings.REDIS_URL = ""
    monkeypatch.setattr(waking, "_client", lambda url: pytest.fail("there is none"))
    waking.tell(1, 1)
