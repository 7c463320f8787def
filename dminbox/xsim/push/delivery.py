"""Out of the house: on every open stream, and to the webhook of the subscription, charged as it goes."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from dminbox.xsim.push import posting
from dminbox.xsim.push.feed import Connection, Push

if TYPE_CHECKING:
    from dminbox.xsim.sim import Sim


def deliver(sim: Sim, push: Push) -> None:
    """Once or twice, in order or not, as the settings say."""
    feed, settings = sim.feed, sim.settings
    feed.duplicates_owed += settings.push_duplicates
    copies = 1 + int(feed.duplicates_owed >= 1)
    feed.duplicates_owed -= copies - 1
    if settings.push_shuffle <= 0:
        for _ in range(copies):
            send(sim, push)
        return
    if not feed.held:
        asyncio.get_running_loop().call_later(settings.push_gathered_seconds, partial(release, sim))
    feed.held += [push] * copies


def release(sim: Sim) -> None:
    """Each of those held goes past `push_shuffle` others at most."""
    held, sim.feed.held = sim.feed.held, []
    reach = sim.settings.push_shuffle
    order = sorted(range(len(held)), key=lambda place: place + sim.feed.pick.uniform(0, reach + 1))
    for place in order:
        send(sim, held[place])


def send(sim: Sim, push: Push) -> None:
    feed = sim.feed
    if not _is_paid_for(sim, push):
        return
    push.pushed_at = push.pushed_at or time.time()
    if feed.cuts_next_line and feed.connections:
        feed.cuts_next_line = False
        for connection in feed.connections:
            connection.write(push.line[: len(push.line) // 2])
            connection.cut()
    else:
        write(sim, push, feed.connections)
    webhook = feed.webhooks.get(push.webhook_id or "")
    if webhook and webhook.is_valid:
        charge(sim, push, "webhook")
        posting.start(sim, webhook, push)


def write(sim: Sim, push: Push, connections: list[Connection]) -> None:
    """What is written is charged, once in a day as everything else."""
    for connection in connections:
        connection.write(push.line)
    push.connections += len(connections)
    if connections:
        charge(sim, push, "activity_stream")


def charge(sim: Sim, push: Push, way: str) -> None:
    call = {"endpoint": way, "method": "PUSH", "path": push.event_type, "user_id": push.user_id}
    sim.meter.charge(push.billed, sim.clock.now(), call)
    sim.changed()


def _is_paid_for(sim: Sim, push: Push) -> bool:
    """Without credit nothing that costs goes out, and the streams end: what opens one then is refused."""
    if sim.has_credit() or not any(push.billed.by_kind().values()):
        return True
    sim.feed.end_all()
    return False
