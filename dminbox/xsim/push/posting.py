"""POST to a webhook: signed over the raw bytes, tried again when it is not answered with 200."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

import requests

from dminbox.xsim.push.feed import Push, Webhook

if TYPE_CHECKING:
    from dminbox.xsim.sim import Sim

SIGNATURE = "x-twitter-webhooks-signature"
PATIENCE = 10
"""Seconds."""


def start(sim: Sim, webhook: Webhook, push: Push) -> None:
    """In the background."""
    task = asyncio.get_running_loop().create_task(_deliver(sim, webhook, push))
    sim.feed.tasks.add(task)
    task.add_done_callback(sim.feed.tasks.discard)


def signature(secret: str, raw: bytes) -> str:
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
    return f"sha256={base64.b64encode(digest).decode()}"


async def post(url: str, raw: bytes, said: str | None) -> int | None:
    """The status, None without an answer; `said` is the signature, None for none at all."""
    headers = {"content-type": "application/json", **({SIGNATURE: said} if said else {})}

    def call() -> int | None:
        try:
            with session() as one:
                return one.post(url, raw, headers=headers, timeout=PATIENCE, allow_redirects=False).status_code
        except requests.RequestException:
            return None

    return await asyncio.to_thread(call)


def session() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    return made


async def _deliver(sim: Sim, webhook: Webhook, push: Push) -> None:
    wait = sim.settings.webhook_retry_seconds
    for _ in range(1 + sim.settings.webhook_retries):
        status = await post(webhook.url, push.body, signature(sim.settings.consumer_secret, push.body))
        push.answers.append(status)
        if status == 200:
            return
        await asyncio.sleep(wait)
        wait *= 2
