"""To a webhook: challenges, and events signed over the raw bytes, tried again when not answered with 200."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dminbox.xsim.push.feed import Push, Webhook

if TYPE_CHECKING:
    from dminbox.xsim.sim import Sim

SIGNATURE = "x-twitter-webhooks-signature"
PATIENCE = 10
"""Seconds for an answer."""
LONGEST_ANSWER = 10_000


@dataclass(frozen=True)
class Answer:
    """Status None: there was none."""

    status: int | None
    body: bytes = b""


def signature(secret: str, message: bytes) -> str:
    """Of a body, and likewise the answer to a challenge."""
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return f"sha256={base64.b64encode(digest).decode()}"


def start(sim: Sim, webhook: Webhook, push: Push) -> None:
    in_background(sim, _deliver(sim, webhook, push))


def in_background(sim: Sim, work: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    sim.feed.tasks.add(task)
    task.add_done_callback(sim.feed.tasks.discard)


async def post(url: str, raw: bytes, said: str | None) -> Answer:
    """`said` is the signature, None for none at all."""
    headers = {"content-type": "application/json", **({SIGNATURE: said} if said else {})}
    return await asyncio.to_thread(_ask, "POST", url, "", raw, headers)


async def get(url: str, query: str) -> Answer:
    return await asyncio.to_thread(_ask, "GET", url, query, None, {})


async def _deliver(sim: Sim, webhook: Webhook, push: Push) -> None:
    wait = sim.settings.webhook_retry_seconds
    for tries_left in reversed(range(1 + sim.settings.webhook_retries)):
        answer = await post(webhook.url, push.body, signature(sim.settings.consumer_secret, push.body))
        push.answers.append(answer.status)
        if answer.status == 200 or not tries_left:
            return
        await asyncio.sleep(wait)
        wait *= 2


def _ask(method: str, url: str, query: str, raw: bytes | None, headers: dict[str, str]) -> Answer:
    """Follows no redirect, and knows no proxy."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    asked = "?".join(filter(None, (parts.path or "/", "&".join(filter(None, (parts.query, query))))))
    try:
        connection = kind(parts.netloc, timeout=PATIENCE)
        try:
            connection.request(method, asked, raw, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(LONGEST_ANSWER))
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return Answer(None)
