"""Pages of a large archive, timed inside a lane: each beside a bare view of as many bytes, and beside its bare SQL."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from accounts.models import User
from dminbox.asgi import application

WARM_UP = 5


def measure(address: str, user: int, times: int, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Seconds of the page, of the bare view and of the bare statements, turn by turn.

    headers: as a browser sends them. AssertionError where the page does not answer 200.
    """
    with override_settings(ROOT_URLCONF="bench.bare"):
        client = Client(headers=headers)
        client.force_login(User.objects.get(pk=user))
        server = _Server(client, headers or {})
        for _ in range(WARM_UP):
            status, size = server.get(address)
            assert status == 200, f"{address}: {status}"
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        statements = [query["sql"] for query in captured.captured_queries]
        turns = [_turn(server, address, size, statements) for _ in range(times)]
    return {"bytes": size, "queries": len(statements), "turns": turns}


class _Server:
    """The application as the web server calls it: that is a part of what a page takes, and of the bare view."""

    def __init__(self, client: Client, headers: dict[str, str]) -> None:
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
        sent = {"host": urlsplit(settings.PUBLIC_URL).netloc, "cookie": cookies} | headers
        self._headers = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
        self._loop = asyncio.new_event_loop()

    def get(self, address: str) -> tuple[int, int]:
        """The status, and how many bytes there were."""
        return self._loop.run_until_complete(self._get(address))

    async def _get(self, address: str) -> tuple[int, int]:
        sent: list[Any] = []
        is_asked = False

        async def receive() -> dict[str, Any]:
            nonlocal is_asked
            if is_asked:
                await asyncio.Event().wait()  # whoever asked stays
            is_asked = True
            return {"type": "http.request", "body": b""}

        async def send(event: Any) -> None:
            sent.append(event)

        path, query = urlsplit(address)[2:4]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode()}
        await application(scope | {"headers": self._headers}, receive, send)
        return sent[0]["status"], sum(len(event.get("body", b"")) for event in sent[1:])


def _turn(server: _Server, address: str, size: int, statements: list[str]) -> dict[str, float]:
    started = time.perf_counter()
    server.get(address)
    page = time.perf_counter()
    server.get(f"/bare/{size}/")
    empty = time.perf_counter()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()
    return {"page": page - started, "bare": empty - page, "sql": time.perf_counter() - empty}
