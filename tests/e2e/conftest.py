"""A real server on the test database, and a real browser that tells on everything a page does wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e import places, rich
from tests.e2e.proxy import proxy_to
from tests.services import chromium, free_port

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
NETWORK = ("failed:", "502:", "console: Failed to load resource", "console: htmx:")
"""What a browser says of a bad way to the server."""
QUIET = """() => {
  const isLoading = (image) => image.loading !== "lazy" && !image.complete;
  const isBusy = document.querySelector(".htmx-request") || [...document.images].some(isLoading);
  window.quietFrames = isBusy || document.readyState !== "complete" ? 0 : (window.quietFrames ?? 0) + 1;
  return window.quietFrames > 6;
}"""
"""Asked once a frame: what is to come as soon as it is in sight, is asked for within two."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser of these tests, ended with the last of them: Playwright keeps an event loop running in this thread.

    In such a thread Django refuses to touch the database, and an async view cannot be asked by a test client.
    """
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def shared_server(django_db_setup) -> Iterator[str]:
    """The address of dminbox itself, in a process that all these tests share: to start it takes longer than most."""
    with serving(free_port()) as address:
        yield address


@pytest.fixture
def server(transactional_db, shared_server) -> str:
    return shared_server


@contextmanager
def serving(port: int) -> Iterator[str]:
    with process_at(port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def process_at(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A web process that answers there."""
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.e2e.serving",
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "PUBLIC_URL": address,
        "PORT": str(port),
        "LOCAL_X_URL": settings.LOCAL_X_URL,
        "LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "uvicorn", "dminbox.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--log-level", "warning", "--timeout-graceful-shutdown", "2"], env=environment, cwd=settings.BASE_DIR
    )
    try:
        _wait_for(f"{address}/healthz", process)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not come up")


@dataclass
class Visit:
    """One person's browser. `complaints` holds what went wrong: foreign requests, policy violations, errors.

    Those with one of the words of `expected` belong to the test, whenever the browser tells of them.
    """

    address: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    has_scripts: bool = True
    expected: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Loaded, and nothing asked for besides: the stream of a live page leaves its network never idle."""
        self.page.goto(self.address + path)
        if self.has_scripts:
            self.page.wait_for_function(QUIET)
        return self.page

    def open_live(self, path: str) -> Page:
        """At once, with the stream perhaps still on its way."""
        self.page.goto(self.address + path)
        return self.page

    def expect(self, *words: str) -> None:
        self.expected.extend(words)

    def expect_answer(self, status: int, path: str = "/") -> None:
        """Of that address and what is below it; the browser's own words for it name no address."""
        loading = f"console: Failed to load resource: the server responded with a status of {status}"
        htmx = f"console: Response Status Error Code {status} from {path}"
        self.expect(f"{status}: {self.address}{path}", loading, htmx)

    @property
    def unexpected(self) -> list[str]:
        return [line for line in self.complaints if not any(words in line for words in self.expected)]

    def watch(self, page: Page) -> None:
        page.on("request", self._look_at_request)
        page.on("requestfailed", self._look_at_failure)
        page.on("response", self._look_at_response)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._look_at_console)

    def _look_at_request(self, request) -> None:
        if not request.url.startswith((self.address + "/", "data:")):
            self.complaints.append(f"foreign request: {request.url}")

    def _look_at_failure(self, request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page left while its film was still loading
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def _look_at_response(self, response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def _look_at_console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")


@pytest.fixture
def visit(browser, server, request):
    """visit(user, **context options) -> Visit; a test fails in the end when a page did anything wrong."""
    visits: list[Visit] = []

    def begin(user, **options) -> Visit:
        client = Client()
        client.force_login(user)
        context = browser.new_context(**(DESK | options))
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": server}])
        found = Visit(server, context, context.new_page(), has_scripts=options.get("java_script_enabled", True))
        found.watch(found.page)
        visits.append(found)
        return found

    yield begin
    for each in visits:
        each.context.close()
    assert [complaint for each in visits for complaint in each.unexpected] == []


@pytest.fixture
def proxy(server):
    with proxy_to(server) as proxy:
        yield proxy


@pytest.fixture
def through(visit, proxy):
    """through(user) -> Visit by way of the proxy; what a browser says of a bad way is no complaint."""
    visits = []

    def begin(user, expected=NETWORK, **options):
        found = visit(user, **options)
        found.address = proxy.address
        found.expect(*expected)
        visits.append(found)
        return found

    yield begin
    for found in visits:
        found.context.close()  # before the way ends


@pytest.fixture
def filled(server, ada):
    """The rows that most of these tests look at; Ada, who may see them, lives in Oslo."""
    ada.time_zone = "Europe/Oslo"
    ada.save()
    return rich.fill(ada, datetime.now(UTC))


@pytest.fixture
def names(server, ada, cleo):
    """Of all that the addresses in places.py name."""
    return places.world(ada, cleo)
