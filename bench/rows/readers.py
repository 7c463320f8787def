"""A hundred people at work on the archive at once: each opens the inbox or a thread, reads a while, and goes on."""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

from bench.processes import web
from bench.rows.reading import archive
from bench.setup import Bench
from bench.table import Row, p95, side_by_side
from tests.services import free_port

READS = (2.0, 8.0)
"""Seconds that somebody looks at a page before opening the next: a page each five seconds."""
STRETCHES, SECONDS = 4, 10.0
MOST = 0.2
AS_A_BROWSER = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "none"}
WORKERS = 2
"""As the image has them, one for each core."""


def measure(bench: Bench) -> list[Row]:
    """The floor is the bare view, asked for by as many people as often, in turns of some seconds."""
    database, _ = archive(bench, "read", bench.sizes.archive)
    with bench.lane(database) as lane:
        team = lane.call("bench.archive:team", people=bench.sizes.readers)
        threads = lane.call("bench.archive:some_threads", count=500)
    port = free_port()
    own = {"PORT": str(port), "REDIS_URL": f"{bench.redis}/10", "DJANGO_SETTINGS_MODULE": "bench.serving"}
    with web(bench.environment(database, **own), port, workers=WORKERS) as url:
        crowd = Crowd(url, [f"{session['name']}={session['value']}" for session in team])
        pages = ["/", *(f"/c/{pk}/" for pk in threads)]
        bare = [f"/bare/{crowd.open('/', 0, {})}/"]
        crowd.read(pages)
        turns = [(crowd.read(bare), crowd.read(pages)) for _ in range(STRETCHES)]
    bench.drop(database)
    return [_line(len(team), turns, crowd.errors)]


def _line(people: int, turns: Sequence[tuple[list[float], list[float]]], errors: list[str]) -> Row:
    floors, times = ([taken for turn in turns for taken in turn[part]] for part in (0, 1))
    ratio = side_by_side([p95(pages) for _, pages in turns], [p95(bare) for bare, _ in turns])
    also = (("p95 ≤ 200 ms", p95(times) <= MOST), ("no error", not errors))
    each = f"{len(times) / STRETCHES / SECONDS:.0f} pages a second on {WORKERS} workers"
    medians = f"medians {statistics.median(times) * 1000:.0f} and {statistics.median(floors) * 1000:.0f} ms"
    note = f"{each}, {medians}, {len(errors)} errors; the floor is the bare view, asked for as often"
    name = f"{people} people reading at once, each a page every {sum(READS) / 2:.0f} s, p95"
    return Row(name, p95(times) * 1000, "ms", p95(floors) * 1000, ratio, also=also, note=note)


class Crowd:
    """People who read at once, on one server, each with a cookie of their own. errors: what did not come, of all that
    was asked for.
    """

    def __init__(self, url: str, cookies: Sequence[str]) -> None:
        self.url, self.cookies = url, cookies
        self.errors: list[str] = []

    def read(self, addresses: Sequence[str]) -> list[float]:
        """Seconds each page took."""
        taken: list[float] = []
        ends = time.monotonic() + SECONDS
        crowd = [
            threading.Thread(target=self._person, args=(addresses, ends, number, taken))
            for number in range(len(self.cookies))
        ]
        for person in crowd:
            person.start()
        for person in crowd:
            person.join()
        return taken

    def _person(self, addresses: Sequence[str], ends: float, number: int, taken: list[float]) -> None:
        rng = random.Random(number)
        time.sleep(rng.uniform(0, sum(READS) / 2))
        while time.monotonic() < ends:
            address = rng.choice(addresses) if rng.random() < 0.7 else addresses[0]
            started = time.perf_counter()
            try:
                self.open(address, number)
            except (OSError, RuntimeError) as error:
                self.errors.append(f"{type(error).__name__}: {error}")
            else:
                taken.append(time.perf_counter() - started)
            time.sleep(rng.uniform(*READS))

    def open(self, address: str, number: int, headers: Mapping[str, str] = AS_A_BROWSER) -> int:
        """Its bytes. On a connection of its own: the server has closed the last one by the time a page is read."""
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=30)) as connection:
            connection.request("GET", address, headers={"Cookie": self.cookies[number]} | headers)
            answer = connection.getresponse()
            size = len(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{address.split('/')[1]}: {answer.status}")
        return size
