"""How late open pages show a message while 490 more streams are open, and what an open stream weighs on the server."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench import processes
from bench.lane import Lane
from bench.setup import Bench
from bench.table import Row, p95
from tests.services import chromium, free_port

COOKIE = "dminbox_session"
PER_PERSON = 18
"""Streams of one person; a server gives a few more."""
PAGES = 10
ALLOWED_MS, ALLOWED_KB = 300, 100
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
NOTE_TIMES = """
window.toldAt = {};
window.answeredAt = 0;
window.shown = {};
window.SharedWorker = class extends SharedWorker {
  constructor(...how) {
    super(...how);
    this.port.addEventListener("message", ({ data }) => {
      if (data.type === "answer") window.answeredAt = Date.now();
      if (data.change?.event) window.toldAt[`e${data.change.event}`] = Date.now();
    });
  }
};
new MutationObserver(() => {
  for (const { id } of document.querySelectorAll(".events > [id^='e']")) {
    // Of two that come at once the second may stand there with the answer to the first.
    window.shown[id] ??= [window.toldAt[id] ?? window.answeredAt, window.answeredAt, Date.now()];
  }
}).observe(document, { childList: true, subtree: true });
"""


def measure(bench: Bench) -> list[Row]:
    streams = bench.sizes.streams
    database, port = bench.database("streams"), free_port()
    settings = {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}", "REDIS_URL": f"{bench.redis}/9"}
    environment = bench.environment(database, **settings)
    with bench.lane(database, **settings) as lane, processes.served(environment, port) as (url, server):
        sessions = lane.call("bench.streams:prepare", people=streams // PER_PERSON + 2)
        lane.call("bench.streams:store")
        with ExitStack() as opened:
            _listen(opened, port, sessions[0]).recv(4096)
            before = _resident(server)
            held = [_listen(opened, port, sessions[1 + n // PER_PERSON]) for n in range(streams)]
            weight = (_resident(server) - before) / streams / 1024
            times = _times(lane, url, sessions[0], bench.sizes.told, held)
    whole = p95(last for *_, last in times)
    told = f"told after {p95(told for told, *_ in times):.0f}"
    fetched = f"the message fetched in {p95(answered - told for told, answered, _ in times):.0f} more"
    put = f"put into the page in {p95(last - answered for _, answered, last in times):.0f} more"
    note = f"p95 of the parts in ms: {told}, {fetched}, {put}"
    name = f"with {streams} streams open"
    also = (("≤ 300 ms", whole <= ALLOWED_MS),)
    return [
        Row(f"commit to DOM in {PAGES} pages, p95, {name}", whole, "ms", also=also, note=note),
        Row(f"memory of an open stream, {name}", weight, "KB", also=(("≤ 100 KB", weight <= ALLOWED_KB),)),
    ]


def _listen(opened: ExitStack, port: int, session: str) -> socket.socket:
    """A stream whose hello has come; what follows stays in the kernel's buffer until it is read."""
    held = opened.enter_context(socket.create_connection(("127.0.0.1", port), 30))
    lines = ["GET /live/ HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Cookie: {COOKIE}={session}", "", ""]
    held.sendall("\r\n".join(lines).encode())
    answer = b""
    while b"event: hello" not in answer:
        piece = held.recv(4096)
        if not piece:
            raise RuntimeError(f"no stream: {answer[:80]!r}")
        answer += piece
    return held


def _times(lane: Lane, url: str, session: str, messages: int, held: list[socket.socket]) -> list[list[float]]:
    """Milliseconds from the commit until a page was told, until it had its answer, until the message stood there."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context()
        context.add_cookies([{"name": COOKIE, "value": session, "url": url}])
        pages = [context.new_page() for _ in range(PAGES)]
        for page in pages:
            page.add_init_script(NOTE_TIMES)
            page.goto(f"{url}/c/1/")
            page.wait_for_selector('#live-state[data-state="live"]', state="attached")
        found = [times for _ in range(messages) for times in _shown(lane, pages, held)]
        browser.close()
    return found


def _shown(lane: Lane, pages: list[Page], held: list[socket.socket]) -> Iterator[list[float]]:
    number, committed = lane.call("bench.streams:store")
    for each in held:
        each.recv(65536)
    for page in pages:
        page.wait_for_function("id => window.shown[id]", arg=f"e{number}")
        yield [at - committed * 1000 for at in page.evaluate("id => window.shown[id]", f"e{number}")]
    time.sleep(0.2)


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
