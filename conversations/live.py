"""Live: one reader of the change log per web process, for all of its open streams. Knows no HTTP.

The log is the truth. What wakes the reader (Redis, or a look at the highest numbers) may be lost or come twice: it
reads on from the number it stands at, once per X account, and hands each change to every stream that may see it.

    change committed -> Hub._read_on -> queue of each Stream -> browser        number seen = where the browser goes on
"""

from __future__ import annotations

import asyncio
import contextvars
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import redis.asyncio
import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import close_old_connections
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import Membership, User, XAccount
from conversations import waking
from conversations.ages import Age, age_of, with_pushed_at
from conversations.models import Change, PushState, ReadMark, SyncState
from dminbox.postgres.planning import by_its_values

log = structlog.get_logger("conversations.live")
Answer = TypeVar("Answer")

LOOK_EACH = 0.2
"""Seconds between two looks at the highest numbers while nothing wakes us."""
PERMISSION_EACH = 2.0
"""Seconds between two looks at who may still see what, for all streams together."""
STREAMS_PER_PERSON = 20
WAITING_MOST = 256
"""Changes a slow reader may be behind; then it is cut off, and comes back with the number it has."""
READ_MOST = 100
"""Changes handed out at once; then the streams send what waits, so that a large commit cuts none that reads."""
CATCH_UP_MOST = 500
"""Further behind, loading the page anew is less work than telling it all."""
MARKS_OVERLAP = timedelta(seconds=5)
"""A read mark's time is older than its commit."""

Numbers = dict[int, int]
"""X account (pk) -> number of a change."""


LONGEST_ID = 20_000
ID = re.compile(r"[0-9]{1,12}-[0-9]{1,18}(\.[0-9]{1,12}-[0-9]{1,18})*")


def parse_id(text: str) -> Numbers:
    """What cannot be read counts as nothing: the browser then begins with what is now."""
    if len(text) > LONGEST_ID or not ID.fullmatch(text):
        return {}
    return {int(pk): int(number) for pk, number in (part.split("-") for part in text.split("."))}


def write_id(numbers: Numbers) -> str:
    return ".".join(f"{pk}-{number}" for pk, number in sorted(numbers.items()))


class Told(NamedTuple):
    """One change as browsers are told of it: ids alone. number 0: not in the log (a mark, a membership, an age)."""

    account: int
    number: int
    kind: str
    conversation: int | None = None
    event: str | None = None
    """Its dm_event_id, which JavaScript could not hold as a number."""


class Ticket(NamedTuple):
    """Who holds a stream, and what has to stay true for it: the session, and the password it was opened with."""

    person: int
    session: str
    auth_hash: str


class Behind(Exception):  # noqa: N818 (no error: the page is to be loaded anew)
    """The log does not reach back to where a browser stands."""


@dataclass(eq=False, slots=True)
class Stream:
    """One open connection. queued: the newest number of each X account that it was handed. waiting: what it has not yet
    sent. sent: the numbers that its browser has; an X account that comes in later begins with its present number.

    ended: "gone" when its person may no longer see what it shows, "cut" when it read too slowly.
    """

    ticket: Ticket
    queued: Numbers
    sent: Numbers = field(default_factory=dict)
    waiting: asyncio.Queue[Told | None] = field(default_factory=lambda: asyncio.Queue(WAITING_MOST))
    ended: str = ""

    def hand(self, told: Told) -> None:
        is_known = told.number and told.number <= self.queued.get(told.account, 0)
        if self.ended or told.account not in self.queued or is_known:
            return
        if self.waiting.full():
            self.end("cut")
            return
        self.waiting.put_nowait(told)
        if told.number:
            self.queued[told.account] = told.number

    def end(self, how: str) -> None:
        """Drops what waits: memory is not kept for who does not read."""
        self.ended = self.ended or how
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class Hub:
    """All streams of one process. Everything here runs in its event loop, but for the questions to the database,
    which take turns in one thread: however many streams are open, they hold no connection.
    """

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.positions: Numbers = {}
        self.ages: dict[int, Age] = {}
        self.marks: dict[tuple[int, int], datetime] = {}
        self.marks_since = timezone.now()
        self.looked_at = 0.0
        self.is_told = False
        self.woken = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.thread = ThreadPoolExecutor(1, "live")

    # --- Coming and going -----------------------------------------------------------------------------------------

    def count(self, person: int) -> int:
        return sum(stream.ticket.person == person for stream in self.streams)

    async def numbers_of(self, person: int) -> Numbers:
        return await self._ask(lambda: numbers_of(person))

    async def join(self, stream: Stream, highest: Mapping[int, int]) -> list[Told]:
        """Adds a stream, and gives what was changed since its numbers. Raises Behind.

        highest: the numbers of all X accounts its person may see. While it catches up, others may move the hub on.
        """
        missed: list[Told] = []
        behind = {pk: number for pk, number in highest.items() if stream.queued.get(pk, number) != number}
        if any(stream.queued[pk] > number for pk, number in behind.items()):
            raise Behind  # a database that was set back
        for pk in highest:
            stream.queued.setdefault(pk, highest[pk])
        while behind:
            for pk in behind:
                missed += await self._missed(pk, stream)
            behind = {pk: at for pk, at in self.positions.items() if stream.queued.get(pk, at) < at}
        for pk, number in stream.queued.items():
            self.positions.setdefault(pk, number)
        self.streams.add(stream)
        self._start()
        return missed

    async def _missed(self, pk: int, stream: Stream) -> list[Told]:
        after = stream.queued[pk]
        found = await self._ask(lambda: changes_after(pk, after, CATCH_UP_MOST + 1))
        if not found or found[0].number != after + 1 or len(found) > CATCH_UP_MOST:
            raise Behind
        stream.queued[pk] = found[-1].number
        return found

    def leave(self, stream: Stream) -> None:
        self.streams.discard(stream)
        if not self.streams:
            self._stop()

    def _start(self) -> None:
        if self.tasks:
            self.woken.set()
            return
        self.looked_at, self.marks_since = time.monotonic(), timezone.now()
        jobs = [self._run(), self._listen()] if settings.REDIS_URL else [self._run()]
        # Without the context of the request that came first: Django's threads of that request end with it.
        self.tasks = {asyncio.create_task(job, context=contextvars.Context()) for job in jobs}

    def _stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.tasks, self.positions, self.marks, self.ages = set(), {}, {}, {}
        self.is_told = False

    # --- Reading --------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Exception:
                log.exception("live_look_failed")  # a database that is away for a moment ends nobody's stream
                await asyncio.sleep(1)
            await self._until_woken(PERMISSION_EACH if self.is_told else LOOK_EACH)

    async def _look(self) -> None:
        self.woken.clear()
        await self._read_on()
        if time.monotonic() - self.looked_at >= PERMISSION_EACH:
            self.looked_at = time.monotonic()
            await self._look_at_people()

    async def _read_on(self) -> None:
        highest = await self._ask(lambda: highest_of(list(self.positions)))
        for pk, number in highest.items():
            while self.positions.get(pk, number) < number:
                await self._read_page(pk)

    async def _read_page(self, pk: int) -> None:
        after = self.positions[pk]
        found = await self._ask(lambda: changes_after(pk, after, READ_MOST))
        for told in found:
            self._hand_round(told)
        self.positions[pk] = found[-1].number if found else await self._ask(lambda: highest_of([pk])[pk])
        await asyncio.sleep(0)

    def _hand_round(self, told: Told) -> None:
        for stream in self.streams:
            stream.hand(told)

    async def _until_woken(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        except TimeoutError:
            pass

    # --- Who may see what -----------------------------------------------------------------------------------------

    async def _look_at_people(self) -> None:
        streams = list(self.streams)
        allowed = await self._ask(lambda: allowed_to({stream.ticket for stream in streams}))
        for stream in streams:
            self._hold_to(stream, allowed.get(stream.ticket))
        shown = {pk for stream in self.streams for pk in stream.queued}
        self.positions = {pk: number for pk, number in self.positions.items() if pk in shown}
        await self._look_at_marks({stream.ticket.person for stream in self.streams})
        await self._look_at_ages()

    def _hold_to(self, stream: Stream, may_see: Numbers | None) -> None:
        """Ends a stream whose person may no longer see all that it shows; adds X accounts that are new to them."""
        if may_see is None or not stream.queued.keys() <= may_see.keys():
            stream.end("gone")
            return
        for pk in may_see.keys() - stream.queued.keys():
            stream.queued[pk] = stream.sent[pk] = self.positions.setdefault(pk, may_see[pk])
            stream.hand(Told(pk, 0, Change.Kind.ACCOUNT))

    async def _look_at_marks(self, people: set[int]) -> None:
        """What a person has read in another browser is read here too."""
        since = self.marks_since - MARKS_OVERLAP
        found = await self._ask(lambda: marks_since(people, since))
        for person, account, conversation, moved_at in found:
            if self.marks.get((person, conversation)) != moved_at:
                self._hand_person(person, Told(account, 0, "read", conversation))
        self.marks = {(person, conversation): moved_at for person, _, conversation, moved_at in found}
        self.marks_since = max([self.marks_since, *self.marks.values()])

    async def _look_at_ages(self) -> None:
        """Tells how old what is shown may be, whenever that is another minute."""
        found = await self._ask(lambda: ages_of(list(self.positions)))
        for pk, age in found.items():
            if self.ages.get(pk, age) != age:
                self._hand_round(Told(pk, 0, "age"))
        self.ages = found

    def _hand_person(self, person: int, told: Told) -> None:
        for stream in self.streams:
            if stream.ticket.person == person:
                stream.hand(told)

    # --- What wakes us, and whom we ask ---------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Redis says when to look. While it is away, the look at the numbers comes each LOOK_EACH."""
        while True:
            try:
                await self._listen_once()
            except (redis.RedisError, OSError) as error:
                log.warning("live_not_woken", error=type(error).__name__)
            finally:
                self.is_told = False
            self.woken.set()
            await asyncio.sleep(1)

    async def _listen_once(self) -> None:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, health_check_interval=15)
        async with client, client.pubsub(ignore_subscribe_messages=True) as heard:
            await heard.subscribe(waking.channel())
            self.is_told = True
            self.woken.set()
            while not _is_stopped():
                if await heard.get_message(timeout=15):
                    self.woken.set()
        raise asyncio.CancelledError

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self.thread, _asked, question)


def _is_stopped() -> bool:
    """Asked for, since Redis' client swallows a cancellation that comes together with an answer."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The one of this process: a web process has one event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


# --- Questions to the database ----------------------------------------------------------------------------------------


def _asked(question: Callable[[], Answer]) -> Answer:
    try:
        return question()
    finally:
        close_old_connections()


def numbers_of(person: int) -> Numbers:
    """All X accounts a person may see, with the number each stands at (0: nothing was ever stored for it)."""
    mine = Membership.objects.filter(user=person, user__is_active=True)
    return {pk: number or 0 for pk, number in mine.values_list("x_account", "x_account__sync__last_change")}


def highest_of(pks: list[int]) -> Numbers:
    return dict(SyncState.objects.filter(x_account__in=pks).values_list("x_account", "last_change"))


def changes_after(pk: int, number: int, most: int) -> list[Told]:
    rows = Change.objects.filter(x_account=pk, number__gt=number).order_by("number")
    found = rows.values_list("x_account", "number", "kind", "conversation", "event__dm_event_id")[:most]
    return [Told(pk, at, kind, where, str(event) if event else None) for pk, at, kind, where, event in found]


def allowed_to(tickets: Iterable[Ticket]) -> dict[Ticket, Numbers]:
    """What each may see, in three queries for all; left out is who is signed out, inactive or has another password."""
    tickets = list(tickets)
    people = {user.pk: user for user in User.objects.filter(pk__in={each.person for each in tickets}, is_active=True)}
    sessions = Session.objects.filter(session_key__in={each.session for each in tickets})
    alive = set(sessions.filter(expire_date__gt=timezone.now()).values_list("session_key", flat=True))
    seen: dict[int, Numbers] = {}
    rows = Membership.objects.filter(user__in=people).values_list("user", "x_account", "x_account__sync__last_change")
    for person, pk, number in rows:
        seen.setdefault(person, {})[pk] = number or 0
    return {
        each: seen.get(each.person, {})
        for each in tickets
        if each.session in alive and each.person in people and _has_same_password(people[each.person], each)
    }


def _has_same_password(user: User, ticket: Ticket) -> bool:
    return constant_time_compare(user.get_session_auth_hash(), ticket.auth_hash)


@by_its_values()  # of the last moments alone: there are few of these
def marks_since(people: Iterable[int], since: datetime) -> list[Any]:
    marks = ReadMark.objects.filter(user__in=people, moved_at__gt=since)
    return list(marks.values_list("user", "conversation__x_account", "conversation", "moved_at"))


def ages_of(pks: Iterable[int]) -> dict[int, Age]:
    """To the minute, which is all that pages show of them."""
    rows = with_pushed_at(XAccount.objects.filter(pk__in=pks).select_related("sync"), PushState.way())
    return {row.pk: Age(*map(_minute, age_of([row]))) for row in rows}


def _minute(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(second=0, microsecond=0)
