"""How requests come in: a page is made in one thread, and static files are answered in none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from django.conf import settings

from dminbox.asgi import Handler
from dminbox.static import with_static_files

SHEET = Path(settings.BASE_DIR) / "static" / "css" / "tokens.css"


@pytest.fixture(autouse=True)
def _folders(settings):
    settings.SERVESTATIC_USE_FINDERS = True
    settings.PUBLIC_URL = "http://testserver"


@contextmanager
def counted_changes() -> Iterator[list[object]]:
    """What goes from the event loop to a thread."""
    counted: list[object] = []
    change = asyncio.BaseEventLoop.run_in_executor

    def run_in_executor(loop, executor, func, *args):
        counted.append(func)
        return change(loop, executor, func, *args)

    with mock.patch.object(asyncio.BaseEventLoop, "run_in_executor", run_in_executor):
        yield counted


def asked(path: str, **headers: str) -> tuple[dict[str, str], bytes]:
    """Its headers, the status among them, and its body."""
    sent: list[dict] = []
    body = iter([{"type": "http.request", "body": b""}])

    async def receive():
        return next(body, None) or await asyncio.Event().wait()

    async def send(event):
        sent.append(event)

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": named}
    asyncio.run(with_static_files(Handler())(scope, receive, send))
    told = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return told | {"status": str(sent[0]["status"])}, b"".join(event.get("body", b"") for event in sent[1:])


@pytest.mark.django_db(transaction=True)
def test_a_page_is_made_in_one_thread():
    with counted_changes() as changes:
        headers, body = asked("/accounts/login/")
    assert headers["status"] == "200"
    assert body.rstrip().endswith(b"</html>")
    assert len(changes) == 3  # to begin, to make it, to end


def test_a_static_file_is_answered_in_none():
    with counted_changes() as changes:
        headers, body = asked("/static/css/tokens.css")
    assert body == SHEET.read_bytes()
    assert int(headers["content-length"]) == len(body)
    assert changes == []


def test_a_static_file_is_taken_for_what_it_says_it_is_and_runs_nothing_of_others():
    headers, _ = asked("/static/js/live-worker.js")
    assert headers["content-type"].startswith("text/javascript")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"


def test_a_part_of_a_static_file_is_that_part():
    headers, body = asked("/static/css/tokens.css", range="bytes=0-9")
    assert (headers["status"], body) == ("206", SHEET.read_bytes()[:10])


@pytest.mark.django_db(transaction=True)
def test_what_is_no_file_is_for_the_pages():
    assert asked("/static/../manage.py")[0]["status"] == asked("/static/none.css")[0]["status"] == "404"
