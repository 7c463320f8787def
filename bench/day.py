"""A day of polling against the local X's meter, by the functions that run in real life; in a lane."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import XAccount
from bench import worlds
from bench.clock import Clock
from conversations.ids import time_in
from conversations.models import DmEvent, Post, SyncState, XUser
from dminbox.xapi.query import Vocabulary, dm_query
from tests.conversations.sync_support import begin, connect, stored_ids
from tests.xsim_server import SimServer

MIDNIGHT = worlds.utc("2026-11-18")
PRICES = {"events": 0.010, "users": 0.010, "posts": 0.005}
PLAIN_SECONDS = 60
EVENING = timedelta(hours=2)
"""What is simulated before the day begins: the connection, and what was there before."""
SOON = timedelta(seconds=2)
AFTER = timedelta(minutes=20)
"""The day's last events are waited for."""


def simulate(url: str, events: int, hours: int, *, is_busy: bool, seed: str = "a day") -> dict[str, Any]:
    """The bill, and the floor under it: what X shows that day, with people and posts not shown before, each once."""
    xsim, world = _prepared(url, events, is_busy=is_busy, seed=seed)
    random.seed(seed)
    end = MIDNIGHT + timedelta(hours=hours)
    with Clock(xsim, MIDNIGHT - EVENING) as clock:
        x_account = connect(xsim, worlds.OWN)
        begin(x_account, days=1)
        clock.run_until(MIDNIGHT)
        clock.run_until(end)
        horizon = SyncState.objects.get(x_account=x_account).horizon_id
        before, after = (worlds.needed(world, horizon, moment) for moment in (MIDNIGHT, end))
        news = {kind: len(found - before[kind]) for kind, found in after.items()}
        bill = _bill(xsim)
        clock.run_until(end + AFTER)
        return {
            "usd": bill["usd"],
            "billed": bill,
            "needed": news,
            "floor_usd": sum(PRICES[kind] * count for kind, count in news.items()),
            "is_complete": _is_complete(world, x_account),
            "delays": _delays(world, end, late=False),
            "late_delays": _delays(world, end, late=True),
            **_requests(xsim),
        }


def plain_poller(url: str, events: int, hours: int, *, is_busy: bool, seed: str = "a day") -> dict[str, Any]:
    """The same day by somebody who asks each minute for 100 events with all expansions."""
    xsim, _ = _prepared(url, events, is_busy=is_busy, seed=seed)
    query = {"max_results": "100", **dm_query(Vocabulary.TWEET)}
    token = xsim.grant(worlds.OWN)["access_token"]
    xsim.post("clock", {"frozen": True})
    for minute in range(hours * 60):
        xsim.post("clock", {"set": (MIDNIGHT + timedelta(seconds=PLAIN_SECONDS * minute)).isoformat()})
        xsim.api(token, "/2/dm_events", params=query).raise_for_status()
    return {"usd": _bill(xsim)["usd"], "billed": _bill(xsim)}


def full_import(url: str, events: int, days: int) -> dict[str, Any]:
    """Everything of the last days, as fast as the windows allow."""
    xsim = SimServer(url, None)
    xsim.reset()
    world = worlds.month("a month", MIDNIGHT, events, days)
    xsim.post("world", world.to_json())
    random.seed(0)
    with Clock(xsim, MIDNIGHT) as clock:
        x_account = connect(xsim, worlds.OWN)
        begin(x_account, days=days)
        asked = 0
        while SyncState.objects.get(x_account=x_account).import_finished_at is None:
            clock.step()
            asked = _requests(xsim)["requests"]
        minutes = (timezone.now() - MIDNIGHT) / timedelta(minutes=1)
        return {"requests": asked, "minutes": minutes, "is_complete": _is_complete(world, x_account)}


def import_and_news(url: str, events: int, minutes: int) -> dict[str, Any]:
    """A long history at X's documented limit, and every three minutes a message."""
    xsim = SimServer(url, None)
    xsim.reset()
    world = worlds.month("a month", MIDNIGHT, events, 29)
    end = MIDNIGHT + timedelta(minutes=minutes)
    for number in range(1, minutes // 3):
        world.add(MIDNIGHT + number * timedelta(minutes=3), worlds.person(number))
    xsim.post("world", world.to_json())
    random.seed(0)
    with Clock(xsim, MIDNIGHT) as clock:
        x_account = connect(xsim, worlds.OWN)
        begin(x_account, days=30, ceiling=1_000_000)
        clock.run_until(end)
        is_importing = SyncState.objects.get(x_account=x_account).import_finished_at is None
        return {"delays": _delays(world, end, late=False), "is_importing": is_importing}


def _prepared(url: str, events: int, *, is_busy: bool, seed: str) -> tuple[SimServer, worlds.World]:
    xsim = SimServer(url, None)
    xsim.reset()
    world = worlds.day(seed, MIDNIGHT, events, is_busy=is_busy)
    xsim.post("world", world.to_json())
    return xsim, world


def _bill(xsim: SimServer) -> dict[str, Any]:
    day = xsim.get("meter")["days"].get(f"{MIDNIGHT:%Y-%m-%d}", {})
    return {name: day.get(name, 0) for name in ("events", "users", "posts", "usd")}


def _is_complete(world: worlds.World, x_account: XAccount) -> bool:
    """Whether every event, person and post is stored that X has shown for a while."""
    horizon = SyncState.objects.get(x_account=x_account).horizon_id
    long_ago = timezone.now() - AFTER
    shown = {int(pk) for pk, moment in worlds.moments_of(world.events).items() if moment < long_ago}
    missing = {pk for pk in shown if pk >= horizon} - stored_ids(x_account)
    bare = XUser.objects.filter(raw={}).exclude(pk=x_account.x_user_id)
    due = Post.objects.filter(state=Post.State.DUE)
    return not missing and not bare.exists() and not due.exists()


def _delays(world: worlds.World, end: datetime, *, late: bool) -> list[float]:
    """Seconds from the moment X shows an event to the moment it is stored, of those shown in that time.

    late: of those that X shows some time after they were written, among newer ones; else of all others.
    """
    shown = worlds.moments_of(world.events)
    rows = [(shown[str(pk)], time_in(pk), at) for pk, at in DmEvent.objects.values_list("dm_event_id", "stored_at")]
    wanted = [(moment, at) for moment, said, at in rows if MIDNIGHT <= moment < end and (moment - said > SOON) == late]
    return [_seconds(at - moment) for moment, at in wanted]


def _seconds(span: timedelta) -> float:
    return span.total_seconds()


def _requests(xsim: SimServer, since: datetime | None = None) -> dict[str, int]:
    """Of /2/dm_events; and how many of all were refused for their number."""
    found = [one for one in xsim.get("requests") if since is None or datetime.fromisoformat(one["at"]) >= since]
    polls = [one for one in found if one["path"] == "/2/dm_events"]
    return {"requests": len(polls), "too_many": sum(one["status"] == 429 for one in found)}
