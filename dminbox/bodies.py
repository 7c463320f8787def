"""No more of a request's body reaches Django than it will take: it would write the rest to disk, for no view to see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def limited(application: Application, most: int) -> Application:
    """A body ends after `most` bytes, as if there were no more. Its declared length stays, by which views refuse it."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await application(scope, _cut(receive, most) if scope["type"] == "http" else receive, send)

    return call


def _cut(receive: Receive, most: int) -> Receive:
    left = most

    async def cut() -> Message:
        nonlocal left
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            if left >= 0:
                left -= len(message.get("body", b""))
                return message if left >= 0 else {"type": "http.request", "body": b"", "more_body": False}

    return cut
