"""Pages of /2/dm_events in the local X's own rendering, and a process that serves them from memory.

    python -m bench.pages PAGES EVENTS NEWEST_AT [--render]

serves pages of so many events each. They are rendered before the first request; with --render when they are asked
for, for more of them than memory should hold. It prints its port and ends with its standard input.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench import worlds
from bench.lane import ROOT
from dminbox.xapi.query import Vocabulary, dm_query
from dminbox.xsim import vocabulary
from dminbox.xsim.answers import Includes, event_json
from dminbox.xsim.world import World

APART = timedelta(seconds=2)
"""Between two events: a million of them fill 23 days."""
ORIGIN = "http://x.local"
PATH = "/2/dm_events"


def rendered(page: int, events: int, newest_at: datetime, *, is_last: bool) -> bytes:
    """The body of one page, as the local X answers a request of ours."""
    drawn = worlds.crowd(page, events, newest_at, APART)
    world = World.from_json(drawn.to_json())
    ask = vocabulary.parse(dm_query(Vocabulary.TWEET), "dm", frozenset(), "tweet", lends=True)
    includes = Includes(world, ask, ORIGIN)
    shown = sorted(world.events, key=lambda event: int(event.id), reverse=True)
    for event in shown:
        includes.add_user(event.sender_id)
        includes.add_media(event.media_keys)
        for pk in event.post_ids:
            includes.add_post(pk, "referenced_tweets.id")
    body = includes.around([event_json(event, ask) for event in shown])
    tokens = {} if is_last else {"next_token": token_of(page + 1)}
    return json.dumps({**body, "meta": {"result_count": len(shown), **tokens}}, ensure_ascii=False).encode()


def token_of(page: int) -> str:
    return f"PAGE{page:08d}"


def number_of(token: str) -> int:
    return int(token.removeprefix("PAGE"))


class Handler(BaseHTTPRequestHandler):
    """Any bearer is welcome, and no window ever ends."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes] | None
    render: Any
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path != PATH:
            self._answer(404, b"{}")
            return
        page = number_of(parse_qs(address.query).get("pagination_token", [token_of(0)])[0])
        self._answer(200, self.bodies[page] if self.bodies else self.render(page))

    def _answer(self, status: int, body: bytes) -> None:
        now = datetime.now(UTC)
        headers = {
            "date": format_datetime(now, usegmt=True),
            "content-type": "application/json; charset=utf-8",
            "content-length": str(len(body)),
            "x-rate-limit-limit": "1000000",
            "x-rate-limit-remaining": "999999",
            "x-rate-limit-reset": str(int(now.timestamp()) + 900),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.wfile.write(f"HTTP/1.1 {status} OK\r\n{lines}\r\n".encode() + body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve() -> None:
    options = _options()
    make = partial(_page, options)
    bodies = None if options.render else [make(page) for page in range(options.pages)]
    handler = type("Pages", (Handler,), {"bodies": bodies, "render": staticmethod(make)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.pages")
    parser.add_argument("pages", type=int)
    parser.add_argument("events", type=int)
    parser.add_argument("newest_at", type=datetime.fromisoformat)
    parser.add_argument("--render", action="store_true")
    return parser.parse_args()


def _page(options: argparse.Namespace, page: int) -> bytes:
    return rendered(page, options.events, options.newest_at, is_last=page == options.pages - 1)


@contextmanager
def served(pages: int, newest_at: datetime, *, events: int = 100, render: bool = False) -> Iterator[str]:
    """The address of a server of its own; ends with the block."""
    command = [sys.executable, "-m", "bench.pages", str(pages), str(events), newest_at.isoformat()]
    process = subprocess.Popen(
        [*command, *(["--render"] if render else [])],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def newest_at() -> datetime:
    """Long enough ago that X shows all of it for sure."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


if __name__ == "__main__":
    serve()
