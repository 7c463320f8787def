"""A hundred people at work on the archive at once: each opens the inbox or a thread, reads a while, and goes on."""

from __future__ import annotations

import random
import statistics
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

from bench.processes import web
from bench.rows.reading import archive
from bench.setup import Bench
from bench.table import Row
from tests.services import free_port

READS = (2.0, 8.0)
"""Seconds that somebody looks at a page before opening the next."""
MOST = 0.2
WORKERS = 2


def measure(bench: Bench) -> list[Row]:
    """The floor is one person alone on the same machine, a moment before."""
    database, ids = archive(bench, "read", bench.sizes.archive)
    with bench.lane(database) as lane:
        session = lane.call("bench.archive:session", user=ids["reader"])
        cookie = f"{session['name']}={session['value']}"
        threads = lane.call("bench.archive:some_threads", count=500)
    addresses = ["/", *(f"/c/{pk}/" for pk in threads)]
    port = free_port()
    environment = bench.environment(database, PORT=str(port), REDIS_URL=f"{bench.redis}/10")
    with web(environment, port, workers=WORKERS) as url:
        _read(url, cookie, addresses, people=1, seconds=5, pause=(0.05, 0.1))
        alone, _ = _read(url, cookie, addresses, people=1, seconds=10, pause=(0.05, 0.1))
        times, errors = _read(url, cookie, addresses, people=bench.sizes.readers, seconds=30, pause=READS)
    bench.drop(database)
    p95, floor = sorted(times)[int(len(times) * 0.95)], sorted(alone)[int(len(alone) * 0.95)]
    also = (("p95 ≤ 200 ms", p95 <= MOST), ("no error", not errors))
    note = f"{len(times)} pages in 30 s, median {statistics.median(times) * 1000:.0f} ms, {errors} errors"
    name = f"{bench.sizes.readers} people reading at once, p95"
    return [Row(name, p95 * 1000, "ms", floor * 1000, p95 / floor, also=also, note=note)]


def _read(
    url: str, cookie: str, addresses: list[str], *, people: int, seconds: float, pause: tuple[float, float]
) -> tuple[list[float], int]:
    """Seconds each page took, and how many did not come."""
    taken: list[float] = []
    errors: list[str] = []
    ends = time.monotonic() + seconds
    crowd = [
        threading.Thread(target=_person, args=(url, cookie, addresses, ends, pause, number, taken, errors))
        for number in range(people)
    ]
    for person in crowd:
        person.start()
    for person in crowd:
        person.join()
    return taken, len(errors)


def _person(
    url: str,
    cookie: str,
    addresses: list[str],
    ends: float,
    pause: tuple[float, float],
    number: int,
    taken: list[float],
    errors: list[str],
) -> None:
    rng = random.Random(number)  # noqa: S311 (no secret)
    time.sleep(rng.uniform(0, pause[1]))
    while time.monotonic() < ends:
        address = rng.choice(addresses) if rng.random() < 0.7 else "/"
        started = time.perf_counter()
        try:
            status = _open(url, address, cookie)
        except OSError as error:
            errors.append(type(error).__name__)
        else:
            taken.append(time.perf_counter() - started)
            if status != 200:
                errors.append(str(status))
        time.sleep(rng.uniform(*pause))


def _open(url: str, address: str, cookie: str) -> int:
    """On a connection of its own: the server has closed the last one by the time somebody has read the page."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request("GET", address, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        return answer.status
