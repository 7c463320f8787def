"""Reading the change log for open pages: one reader per web process for all of its streams.

A stream stands at a number of each X account it may see. The hub looks at the newest numbers, reads what lies beyond
them once for all streams, and hands it on; catching up after a pause is the same reading. Redis, or the passing of time
on the embedded set-up, only wakes it: what is read, and by whom, the tables alone decide.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import redis.asyncio
import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.db.models import F
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import Membership
from conversations.changes import CHANNEL
from conversations.models import Change, ReadMark, SyncState

log = structlog.get_logger("conversations.live")
T = TypeVar("T")

Positions = dict[int, int]
"""X account -> the newest number that has been shown."""
LOOK_EVERY = 0.2
"""Seconds between two looks at the newest numbers where nothing wakes us."""
LOOK_ANYWAY = 2.0
"""The same beside a Redis that does: a message of it may be lost."""
CHECK_EVERY = 2.0
"""Seconds between two looks at who may still see what. A removed member's stream ends within 5."""
AT_ONCE = 500
"""Changes that are read at a time; who is further behind loads the page anew, which is cheaper."""
QUEUE = 100
"""Messages that wait for a slow reader, before it is cut off and comes back with its last number."""
STREAMS_PER_PERSON = 20
"""In one web process. A browser needs one for all its tabs."""


class TooManyStreamsError(Exception):
    """This person has STREAMS_PER_PERSON open here already."""


@dataclass(slots=True)
class Message:
    """One message of a stream. `positions` are those after it; kind: changes, reads, reload."""

    kind: str
    positions: Positions
    data: list[dict[str, Any]] = field(default_factory=list)

    def encoded(self) -> bytes:
        """As server-sent event; its id is what the browser comes back with."""
        data = json.dumps(self.data, separators=(",", ":"))
        return f"id: {written(self.positions)}\nevent: {self.kind}\ndata: {data}\n\n".encode()


@dataclass(eq=False, slots=True)
class Stream:
    """One open page, or all the tabs of one browser."""

    user: int
    session: str
    positions: Positions
    reads_seen_at: datetime = field(default_factory=timezone.now)
    queue: asyncio.Queue[Message | None] = field(default_factory=lambda: asyncio.Queue(QUEUE))

    def give(self, message: Message) -> None:
        if self.queue.full():
            self.end()
        else:
            self.queue.put_nowait(message)

    def end(self) -> None:
        """None ends it; what it missed, it asks for when it comes back."""
        while self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


# --- Positions --------------------------------------------------------------------------------------------------------


def written(positions: Positions) -> str:
    """3-120.5-77: X account and number, as Last-Event-ID carries them."""
    return ".".join(f"{pk}-{number}" for pk, number in sorted(positions.items()))


def parsed(text: str) -> Positions:
    """ValueError where it is none of ours."""
    pairs = [part.split("-") for part in text.split(".") if part]
    if len(text) > 4000 or not all(len(pair) == 2 and pair[0].isdigit() and pair[1].isdigit() for pair in pairs):
        raise ValueError("no position of a stream")
    return {int(pk): int(number) for pk, number in pairs}


def heads(user: int) -> Positions:
    """The newest number of each X account this person may see."""
    states = SyncState.objects.filter(x_account__memberships__user=user, x_account__memberships__user__is_active=True)
    return dict(states.values_list("x_account", "last_change"))


def begun(user: int, told: Positions) -> Positions:
    """Where a stream begins: what the browser has seen, and the newest number of whatever it did not name."""
    return {pk: min(told.get(pk, head), head) for pk, head in heads(user).items()}


def changes_after(positions: Positions) -> list[dict[str, Any]]:
    """Ids alone, in the order of the numbers: AT_ONCE at most of each X account."""
    found: list[Any] = []
    for pk, number in positions.items():
        rows = Change.objects.filter(x_account=pk, number__gt=number).order_by("number")
        found += rows.values("x_account", "number", "kind", "conversation", "data", dm_event=F("event__dm_event_id"))[
            : AT_ONCE + 1
        ]
    return [_told(row) for row in found]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Event ids as text: JavaScript's numbers do not hold them."""
    seen = row["data"].get("seen_dm_event_id")
    return {
        "account": row["x_account"],
        "number": row["number"],
        "kind": row["kind"],
        "conversation": row["conversation"],
        "event": str(row["dm_event"] or seen or ""),
    }


def missed(positions: Positions, changes: Iterable[dict[str, Any]]) -> bool:
    """Whether something lies between that is no longer in the log, or more than is worth replaying."""
    first: dict[int, int] = {}
    counts: dict[int, int] = {}
    for change in changes:
        first.setdefault(change["account"], change["number"])
        counts[change["account"]] = counts.get(change["account"], 0) + 1
    return any(number != positions[pk] + 1 or counts[pk] > AT_ONCE for pk, number in first.items())


# --- The hub ----------------------------------------------------------------------------------------------------------


class Hub:
    """All streams of one event loop. Its queries run in a thread of its own: those of requests end with them."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.woken = asyncio.Event()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="live")
        self.tasks: list[asyncio.Task[None]] = []
        self.is_redis_here = False
        self.checked_at = 0.0

    async def ask(self, question: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.thread, _with_connection, question, arguments)

    async def open(self, user: int, session: str, told: Positions) -> Stream:
        """Raises TooManyStreamsError."""
        if sum(stream.user == user for stream in self.streams) >= STREAMS_PER_PERSON:
            raise TooManyStreamsError
        stream = Stream(user, session, await self.ask(begun, user, told))
        self.streams.add(stream)
        if not self.tasks:
            self.tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._listen())]
        self.woken.set()
        return stream

    def close(self, stream: Stream) -> None:
        self.streams.discard(stream)
        if not self.streams:
            for task in self.tasks:
                task.cancel()
            self.tasks = []

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except DatabaseError as error:
                log.warning("live_database_away", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                pause = LOOK_ANYWAY if self.is_redis_here else LOOK_EVERY
                await asyncio.wait_for(self.woken.wait(), pause)
            self.woken.clear()

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self.checked_at >= CHECK_EVERY:
            self.checked_at = now
            await self._check()
        behind = await self.ask(_behind, _lowest(self.streams))
        if not behind:
            return
        changes = await self.ask(changes_after, behind)
        for stream in list(self.streams):
            self._hand_on(stream, changes)

    def _hand_on(self, stream: Stream, changes: list[dict[str, Any]]) -> None:
        mine = [one for one in changes if one["number"] > stream.positions.get(one["account"], one["number"])]
        if not mine:
            return
        is_lost = missed(stream.positions, mine)
        stream.positions = stream.positions | {one["account"]: one["number"] for one in mine}
        stream.give(Message("reload" if is_lost else "changes", stream.positions, [] if is_lost else mine))
        if is_lost:
            stream.end()

    async def _check(self) -> None:
        """Who is signed out, or sees other X accounts than before, has to load the page anew: it says what is left."""
        streams = list(self.streams)
        allowed, sessions, reads = await self.ask(_standing, streams)
        for stream in streams:
            if stream.session not in sessions or allowed.get(stream.user, set()) != set(stream.positions):
                stream.give(Message("reload", stream.positions))
                stream.end()
            elif news := [one for one in reads.get(stream.user, ()) if one[1] > stream.reads_seen_at]:
                stream.reads_seen_at = max(moved_at for _, moved_at in news)
                stream.give(Message("reads", stream.positions, [{"conversation": pk} for pk, _ in news]))

    async def _listen(self) -> None:
        """Redis wakes us; without it we look more often."""
        while settings.REDIS_URL:
            try:
                async with redis.asyncio.from_url(settings.REDIS_URL) as client, client.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    async for _ in pubsub.listen():
                        self.is_redis_here = True
                        self.woken.set()
            except (RedisError, OSError) as error:
                log.warning("live_redis_away", error=type(error).__name__)
            self.is_redis_here = False
            await asyncio.sleep(LOOK_ANYWAY)


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def hub() -> Hub:
    """That of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


def _with_connection(question: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    try:
        return question(*arguments)
    finally:
        connection.close()  # back into the pool; one that died while nobody asked would fail the next question


def _lowest(streams: Iterable[Stream]) -> Positions:
    """The smallest number that any stream stands at, of each X account."""
    lowest: Positions = {}
    for stream in streams:
        for pk, number in stream.positions.items():
            lowest[pk] = min(number, lowest.get(pk, number))
    return lowest


def _behind(positions: Positions) -> Positions:
    """Those of them in which there is news."""
    states = SyncState.objects.filter(x_account__in=positions).values_list("x_account", "last_change")
    return {pk: positions[pk] for pk, head in states if head > positions[pk]}


def _standing(streams: Iterable[Stream]) -> tuple[dict[int, set[int]], set[str], dict[int, list[tuple[int, datetime]]]]:
    """X accounts per person, the sessions that are still good, and what was read since each person's last look."""
    users = {stream.user for stream in streams}
    allowed: dict[int, set[int]] = {}
    # An X account without a SyncState has no number to stand at yet.
    rows = Membership.objects.filter(user__in=users, user__is_active=True, x_account__sync__isnull=False)
    for user, x_account in rows.values_list("user", "x_account"):
        allowed.setdefault(user, set()).add(x_account)
    keys = {stream.session for stream in streams}
    good = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    since = min((stream.reads_seen_at for stream in streams), default=timezone.now())
    reads: dict[int, list[tuple[int, datetime]]] = {}
    marks = ReadMark.objects.filter(user__in=users, moved_at__gt=since).values_list("user", "conversation", "moved_at")
    for user, conversation, moved_at in marks.order_by("moved_at")[:AT_ONCE]:
        reads.setdefault(user, []).append((conversation, moved_at))
    return allowed, set(good.values_list("session_key", flat=True)), reads
