"""The same archive in a browser: first paint, rows readable, weight and shift of the inbox; a thread opened from it."""

from __future__ import annotations

import statistics
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.processes import web
from bench.rows.reading import archive
from bench.setup import Bench
from bench.table import Row, side_by_side
from tests.services import chromium, free_port

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
MOST_BYTES = 100_000
MOST_MS = {"paint": 90, "readable": 120, "thread": 60}

# Watches a page from its first byte on, without being part of it.
WATCH = """() => {
  window.seen = { paint: 0, readable: 0, shift: 0, thread: 0, moved: [] };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntriesByName("first-contentful-paint")) window.seen.paint = entry.startTime;
  }).observe({ type: "paint", buffered: true });
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries()) {
      window.seen.shift += value; // also what a browser forgives because somebody has just clicked
      for (const { node } of sources) window.seen.moved.push(node?.id || node?.className || node?.nodeName);
    }
  }).observe({ type: "layout-shift", buffered: true });
  const painted = (name, from) =>
    requestAnimationFrame(() => setTimeout(() => (window.seen[name] = performance.now() - from)));
  let clicked = 0;
  document.addEventListener("click", () => (clicked = performance.now()), true);
  new MutationObserver(() => {
    if (!window.seen.readable && document.querySelector(".row:nth-child(1)")) {
      window.seen.readable = -1;
      painted("readable", 0);
    }
    if (clicked && document.querySelector("#thread-title") && document.querySelector(".event")) {
      painted("thread", clicked);
      clicked = 0;
    }
  }).observe(document, { childList: true, subtree: true });
}"""


def measure(bench: Bench) -> list[Row]:
    """Each time with an empty cache; the floor is the same browser on a page of one word."""
    database, ids = archive(bench, "browsed", bench.sizes.archive)
    with bench.lane(database) as lane:
        session = lane.call("bench.archive:session", user=ids["reader"])
    port = free_port()
    environment = bench.environment(database, PORT=str(port), REDIS_URL=f"{bench.redis}/9")
    with web(environment, port) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        _look(browser, url, session)
        looks = [_look(browser, url, session) for _ in range(bench.sizes.looks)]
        browser.close()
    bench.drop(database)
    return _lines(looks)


def _look(browser: Browser, url: str, session: dict[str, str]) -> dict[str, float]:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        context.add_cookies([{**session, "url": url}])
        floor = _first_paint(context, f"{url}/healthz")
        page = _watched(context)
        weight = _weighed(context, page)
        missing: list[str] = []
        page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
        page.goto(url, wait_until="load")
        page.wait_for_function("() => window.seen.paint > 0 && window.seen.readable > 0")
        bytes_of_inbox = sum(weight)
        page.locator(".row").nth(2).click()
        page.wait_for_function("() => window.seen.thread > 0")
        seen: dict[str, float] = page.evaluate("() => window.seen")
    if missing:
        raise RuntimeError(f"not there: {missing[0]}")  # a page without its pictures is another one
    return seen | {"bytes": bytes_of_inbox, "floor": floor}


def _watched(context: BrowserContext) -> Page:
    page = context.new_page()
    page.add_init_script(f"({WATCH})()")
    return page


def _first_paint(context: BrowserContext, address: str) -> float:
    page = _watched(context)
    page.goto(address)
    page.wait_for_function("() => window.seen.paint > 0")
    found: float = page.evaluate("() => window.seen.paint")
    page.close()
    return found


def _weighed(context: BrowserContext, page: Page) -> list[float]:
    """Bytes that came over the wire, pictures of people and messages left out."""
    pictures: set[str] = set()
    weight: list[float] = []
    session = context.new_cdp_session(page)
    session.send("Network.enable")

    def answered(told: dict[str, Any]) -> None:
        if "/files/" in told["response"]["url"]:
            pictures.add(told["requestId"])

    def finished(told: dict[str, Any]) -> None:
        if told["requestId"] not in pictures:
            weight.append(told["encodedDataLength"])

    session.on("Network.responseReceived", answered)
    session.on("Network.loadingFinished", finished)
    return weight


def _lines(looks: list[dict[str, float]]) -> list[Row]:
    floors = [look["floor"] for look in looks]
    names = {
        "paint": "inbox, first paint",
        "readable": "inbox, rows readable",
        "thread": "thread opened from the inbox",
    }
    rows = []
    for key, name in names.items():
        times = [look[key] for look in looks]
        median, most = statistics.median(times), MOST_MS[key]
        also = ((f"≤ {most} ms", median <= most),)
        note = "the floor is the first paint of a page of one word; the milliseconds are for a quiet machine"
        rows.append(Row(name, median, "ms", statistics.median(floors), side_by_side(times, floors), "", also, note))
    weight, shift = max(look["bytes"] for look in looks), max(look["shift"] for look in looks)
    rows.append(Row("inbox, all that is loaded", weight / 1000, "KB", also=(("≤ 100 KB", weight <= MOST_BYTES),)))
    rows.append(Row("inbox and thread, layout shift", shift, "", also=(("none", shift == 0),)))
    return rows
