"""Streams of changes as a test opens and reads them."""

from __future__ import annotations

import asyncio
import functools
import json
from contextlib import asynccontextmanager

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.test import Client

from conversations import changes, live
from conversations.changes import NewChange
from conversations.models import Change
from tests.async_client import AsyncClient

Kind = Change.Kind


def in_a_loop(test):
    """An async test, in an event loop of its own; the thread its views ran in keeps no connection to the database."""

    async def closing(*args, **kwargs):
        try:
            await test(*args, **kwargs)
        finally:
            await sync_to_async(connections.close_all)()

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(closing(*args, **kwargs))

    return run


def announce(x_account, *new: NewChange) -> None:
    with changes.transaction.atomic():
        changes.announce(x_account, new or [NewChange(Kind.ACCOUNT)])


def cookie_of(user) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}


class Open:
    """One open stream, read event by event."""

    def __init__(self, response) -> None:
        self.response, self.pieces, self.buffer = response, response.streaming_content, b""

    async def next(self) -> dict[str, str]:
        while b"\n\n" not in self.buffer:
            async with asyncio.timeout(20):
                self.buffer += await anext(self.pieces)
        event, _, self.buffer = self.buffer.partition(b"\n\n")
        lines = [line.split(": ", 1) for line in event.decode().splitlines() if not line.startswith(":")]
        return {"event": "message"} | dict(lines)

    async def told(self) -> dict[str, object]:
        return json.loads((await self.next())["data"])

    async def is_over(self) -> bool:
        async with asyncio.timeout(20):
            return await anext(self.pieces, None) is None


@asynccontextmanager
async def stream(cookie: dict[str, str], query: str = "", **headers):
    client = AsyncClient()
    client.cookies.load(cookie)
    response = await client.get(f"/live/{query}", headers=headers)
    assert response.status_code == 200
    opened = Open(response)
    try:
        yield opened
    finally:
        await opened.pieces.aclose()
        for each in list(live.hub().streams):
            live.hub().leave(each)
        live.hub().thread.shutdown(wait=True)
        live._hubs.pop(asyncio.get_running_loop(), None)
