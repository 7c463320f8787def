"""Pages of a large archive, timed inside a lane: each beside a bare view of as many bytes, and beside its bare SQL."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

import dminbox.asgi  # noqa: F401 (a lane is a web process here, garbage collector and all)
from accounts.models import User

HOST = "testserver"
WARM_UP = 5


def measure(address: str, user: int, times: int, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Seconds of the page, of the bare view and of the bare statements, turn by turn.

    headers: as a browser sends them. AssertionError where the page does not answer 200.
    """
    with override_settings(ROOT_URLCONF="bench.bare", ALLOWED_HOSTS=[HOST, *settings.ALLOWED_HOSTS]):
        client = Client(headers=headers)
        client.force_login(User.objects.get(pk=user))
        for _ in range(WARM_UP):
            answer = client.get(address)
            assert answer.status_code == 200, f"{address}: {answer.status_code}"
        size = len(answer.content)
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        statements = [query["sql"] for query in captured.captured_queries]
        turns = [_turn(client, address, size, statements) for _ in range(times)]
    return {"bytes": size, "queries": len(statements), "turns": turns}


def _turn(client: Client, address: str, size: int, statements: list[str]) -> dict[str, float]:
    started = time.perf_counter()
    client.get(address)
    page = time.perf_counter()
    client.get(f"/bare/{size}/")
    empty = time.perf_counter()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()
    return {"page": page - started, "bare": empty - page, "sql": time.perf_counter() - empty}
