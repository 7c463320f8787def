"""How long a pushed message takes from X to its row, beside the bare way of the same stream."""

from __future__ import annotations

import json
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import requests

from bench import worlds
from bench.processes import LISTENER, running
from bench.setup import Bench, local_x
from bench.table import Row, p95, row
from dminbox.xsim.ids import one_to_one_id
from tests.xsim_server import SimServer

PEOPLE = 50
APART = 0.1
"""Seconds between two messages, on average; they come at random, so some come together."""
LOOK_EVERY = 0.002
PATIENCE = 30


def measure(bench: Bench) -> list[Row]:
    """Both are reckoned from the moment before X is told of the event, in real time."""
    database = bench.database("push")
    with local_x() as xsim:
        settings = {"LOCAL_X_URL": xsim.url, "X_PUSH": "stream"}
        with bench.lane(database, **settings) as lane:
            lane.call("bench.stretches:subscribe", url=xsim.url, people=PEOPLE)
        with _plain_reader(xsim) as raw, running(bench.environment(database, **settings), LISTENER):
            said, stored = _stored(bench, database, xsim)
            _wait_for(lambda: len(raw) >= bench.sizes.pushed)
    product = [stored[pk] - at for pk, at in said.items()]
    floor = [raw[pk] - at for pk, at in said.items()]
    slow = p95(product)
    also = (("p95 ≤ 300 ms", slow <= 0.3),)
    return [
        row("time from event to row, push, p95", 1000 * slow, "ms", 1000 * p95(floor), also=also),
        row("  median of it", 1000 * statistics.median(product), "ms", 1000 * statistics.median(floor)),
    ]


def _stored(bench: Bench, database: str, xsim: SimServer) -> tuple[dict[str, float], dict[str, float]]:
    """Event id -> when it was said, and when its row was there."""
    _wait_for(lambda: xsim.get("stream")["connections"] == 2)
    said: dict[str, float] = {}
    talk = threading.Thread(target=_talk, args=(xsim.url, bench.sizes.pushed, said))
    talk.start()
    stored = _rows(bench.url(database), bench.sizes.pushed)
    talk.join()
    return said, stored


@contextmanager
def _plain_reader(xsim: SimServer) -> Iterator[dict[str, float]]:
    """Event id -> when its line was read by somebody who does nothing else. Left last, it is the only stream."""
    answer, seen = xsim.stream(), {}

    def read() -> None:
        for line in answer.iter_lines(chunk_size=1):
            now = time.time()
            if line:
                seen[_event_id(line)] = now

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seen
    finally:
        xsim.post("stream", {"end": 1})
        reader.join()
        answer.close()


def _event_id(line: bytes) -> str:
    payload = json.loads(line)["data"]["payload"]
    return str(payload["direct_message_events"][0]["id"])


def _talk(url: str, count: int, said: dict[str, float]) -> None:
    rng = random.Random("push")
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(count):
            person = worlds.person(rng.randrange(PEOPLE))
            event = {"dm_conversation_id": one_to_one_id(worlds.OWN, person), "sender_id": person, "text": "Hello?"}
            at = time.time()
            answer = session.post(f"{url}/_sim/events", json=event, timeout=10)
            answer.raise_for_status()
            said[answer.json()[0]["id"]] = at
            time.sleep(rng.expovariate(1 / APART))


def _rows(url: str, count: int) -> dict[str, float]:
    """Event id -> when somebody who looks all the time has seen its row."""
    seen: dict[str, float] = {}
    deadline = time.monotonic() + PATIENCE + count * APART * 2
    with psycopg.connect(url, autocommit=True) as database:
        while len(seen) < count and time.monotonic() < deadline:
            for (pk,) in database.execute(
                "SELECT dm_event_id FROM conversations_dmevent WHERE NOT dm_event_id = ANY(%s)", [list(map(int, seen))]
            ):
                seen.setdefault(str(pk), time.time())
            time.sleep(LOOK_EVERY)
    return seen


def _wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
