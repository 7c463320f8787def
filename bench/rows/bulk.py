"""New messages while a long history is imported: by the webhook, whose queue is not the import's, and by polling, which
shares X's window with it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import worlds
from bench.lane import Lane
from bench.processes import BEAT, WORKER, running, web
from bench.setup import Bench, local_x
from bench.table import Row, p95, row
from dminbox.xsim import ids
from tests.services import free_port
from tests.xsim_server import SimServer

OTHER = "1500000000000000200"
CUSTOMER = "2100000000000000001"
PROCESSES = [
    [*WORKER, "--queues", "sync,send,polls", "--hostname", "sync@%h"],
    [*WORKER, "--queues", "media,bulk", "--hostname", "bulk@%h"],
    BEAT,
]
LONGEST_START = 120
BETWEEN = 0.08
POLLED_MINUTES = 90
WINDOW, LIMIT = 900, 15


def measure(bench: Bench) -> list[Row]:
    return [_by_the_webhook(bench), _by_polling(bench)]


def _by_polling(bench: Bench) -> Row:
    """In simulated time, at X's documented limit, of one and the same account."""
    with local_x() as xsim, bench.lane(bench.database("bulk_polled"), LOCAL_X_URL=xsim.url) as lane:
        done = lane.call(
            "bench.day:import_and_news", url=xsim.url, events=bench.sizes.bulk_events, minutes=POLLED_MINUTES
        )
        floor = WINDOW / (LIMIT - lane.call("conversations.sync.pace:reserve", limit=LIMIT))
    return row(
        "worst time from visible to stored, polling while a history is imported",
        max(done["delays"]),
        "s",
        floor,
        "≤ 2.1",
        also=(("the import went on all the time", done["is_importing"]),),
        note=f"{len(done['delays'])} messages, from the beginning of the import on",
    )


def _by_the_webhook(bench: Bench) -> Row:
    """X's limits are off, so the import is a greater load than X ever allows."""
    database, port = bench.database("bulk"), free_port()
    settings = {"REDIS_URL": f"{bench.redis}/9", "X_PUSH": "webhook", "PORT": str(port)}
    with local_x() as xsim, bench.lane(database, LOCAL_X_URL=xsim.url, **settings) as lane:
        _fill(xsim, bench.sizes.bulk_events)
        tokens = [xsim.grant(pk)["access_token"] for pk in (worlds.OWN, OTHER)]
        lane.call("bench.importing:connect", x_user_ids=[worlds.OWN, OTHER], tokens=tokens)
        environment = bench.environment(database, LOCAL_X_URL=xsim.url, **settings)
        with web(environment, port), running(environment, *PROCESSES):
            _wait_until(lambda: lane.call("bench.importing:stands")["connected"])
            lane.call("bench.importing:import_history", x_user_id=worlds.OWN)
            before = lane.call("bench.importing:stands")
            said = _say(xsim, bench.sizes.pushed)
            after = lane.call("bench.importing:stands")
            delays = sorted(_delays(lane, said))
    return _line(delays, before, after)


def _line(delays: list[float], before: dict[str, Any], after: dict[str, Any]) -> Row:
    slow = p95(delays)
    imported = after["imported"] - before["imported"] - len(delays)
    return Row(
        "time from event to row, webhook, while a history is imported, p95",
        slow,
        "s",
        also=(
            ("under 1 s", slow < 1),
            ("the import went on all the time", bool(after["is_importing"]) and imported > 0),
        ),
        note=f"median {statistics.median(delays):.3f} s, worst {delays[-1]:.3f} s of {len(delays)} messages to two X "
        f"accounts, {imported} events imported meanwhile",
    )


def _fill(xsim: SimServer, events: int) -> None:
    """A long history of one account, and another account that is quiet."""
    now = datetime.now(UTC)
    people = [{"id": pk, "username": f"user{pk[-4:]}", "name": "Somebody"} for pk in (worlds.OWN, OTHER, CUSTOMER)]
    talk = f"{worlds.OWN}-{CUSTOMER}"
    talks = [{"id": talk, "member_ids": [worlds.OWN, CUSTOMER], "is_group": False}]
    history = []
    for number in range(events):
        moment = now - timedelta(days=29) * (number + 1) / (events + 1)
        history.append(
            {
                "id": str(ids.snowflake(moment)),
                "created_at": moment.isoformat(),
                "event_type": "MessageCreate",
                "dm_conversation_id": talk,
                "sender_id": CUSTOMER,
                "text": worlds.TEXTS[number % len(worlds.TEXTS)],
            }
        )
    xsim.post("world", {"people": people, "conversations": talks, "events": history})
    xsim.post("settings", {"dm_get_limit": 1_000_000, "token_seconds": 10**8})


def _say(xsim: SimServer, messages: int) -> dict[str, float]:
    """Event id -> when X had it."""
    said = {}
    for number in range(messages):
        account = (worlds.OWN, OTHER)[number % 2]
        event = {"dm_conversation_id": f"{account}-{CUSTOMER}", "sender_id": CUSTOMER, "text": f"Now {number}"}
        at = time.time()
        said[xsim.post("events", event)[0]["id"]] = at
        time.sleep(BETWEEN)
    return said


def _delays(lane: Lane, said: dict[str, float]) -> Iterator[float]:
    _wait_until(lambda: len(lane.call("bench.importing:stored_at", ids=list(said))) == len(said))
    for pk, stored_at in lane.call("bench.importing:stored_at", ids=list(said)).items():
        yield stored_at - said[pk]


def _wait_until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LONGEST_START
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.2)
