"""The one listener: holds X's activity stream open, and takes in what comes, until it is told to stop.

X allows an app two connections, so one process of all machines holds the stream: a lease on the PushState row, renewed
while lines come in, and taken over when its holder dies. What was missed is asked for again by minutes (X keeps five);
beyond that, polling finds it.
"""

from __future__ import annotations

import math
import random
import secrets
import threading
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import grants
from conversations import ledger
from conversations.models import ActivityDelivery, PushState, SyncState
from conversations.sync import pace, push, subscription_rows, trouble
from conversations.sync.trouble import Trouble
from dminbox import alive, leases
from dminbox.xapi.activity import Activity
from dminbox.xapi.errors import RateLimited, StreamEnded, TryLater, XError
from dminbox.xapi.stream import ActivityStream, OddLine

log = structlog.get_logger("conversations.push")

State = PushState.State
MOST_BACKFILL = 5
"""Minutes that X repeats (docs)."""
LOOK_AGAIN = timedelta(milliseconds=500)
NOTE_EVERY = timedelta(seconds=2)
STEADY = timedelta(minutes=1)
"""A connection that has lived so long is no reason any more to wait before the next."""
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=1)
SHORT_WAIT = timedelta(seconds=10)
"""When push is away for longer, reading does not keep to its slower pace."""
STATES: dict[str, str] = {SyncState.State.NO_CREDIT: State.NO_CREDIT, SyncState.State.REFUSED: State.REFUSED}


class Stopped(BaseException):  # noqa: N818 (no failure)
    """The process shall end, or another one holds the stream now.

    A signal may raise it amid a line: no Exception, so that nobody takes that line for one that cannot be read.
    """


class Listener:
    """One process that wants to hold the stream."""

    def __init__(self) -> None:
        self.holder = secrets.token_hex(16)
        self.stopping = threading.Event()
        self.holds = threading.Event()
        self.noted_at = timezone.now()
        self.connected_at = timezone.now()
        self.is_caught_up = False
        self.was_away = True
        self.stream: ActivityStream | None = None

    def stop(self) -> None:
        """From any thread or a signal handler; out of a read that waits for the next line, too."""
        self.stopping.set()
        self._leave()

    def _leave(self) -> None:
        if stream := self.stream:
            stream.stop()

    def run(self) -> None:
        """Until stopped. Whoever does not hold the lease looks again every few seconds."""
        keeper = threading.Thread(target=self._keep_lease, daemon=True)
        keeper.start()
        try:
            while not self.stopping.wait(LOOK_AGAIN.total_seconds()):
                self._try_to_listen()
        except Stopped:
            log.info("listener_stopped")
        finally:
            self.stopping.set()
            keeper.join()
            self._let_go()

    def _try_to_listen(self) -> None:
        alive.touch("listener")
        close_old_connections()
        try:
            self._listen_if_free()
        except (OperationalError, InterfaceError) as error:
            log.warning("listener_without_database", error=type(error).__name__)
        except Stopped:
            if self.stopping.is_set():
                raise
            log.info("stream_taken_over")

    def _listen_if_free(self) -> None:
        try:
            if self._may_try():
                self._listen()
        except XError as error:
            if self.stopping.is_set():
                raise Stopped from error
            self._settle(error)

    def _may_try(self) -> bool:
        """The lease, if it is free and it is time to connect again."""
        if not PushState.is_set_up() or settings.X_PUSH != "stream":
            return False
        now = timezone.now()
        PushState.objects.bulk_create([PushState(pk=1)], ignore_conflicts=True)
        is_free = Q(holder=self.holder) | leases.is_free("lease_until", now, _lease_end() - now)
        is_time = leases.is_free("next_try_at", now, pace.longest_wait())
        mine = PushState.objects.filter(is_free & is_time, pk=1).update(holder=self.holder, lease_until=_lease_end())
        if mine:
            self.holds.set()
        return mine == 1

    def _listen(self) -> None:
        heard_at = PushState.objects.get(pk=1).last_line_at
        missed = _minutes_since(heard_at)
        self.was_away = heard_at is None or heard_at < timezone.now() - SHORT_WAIT
        self._write(state=State.CONNECTING, state_since=timezone.now())
        with (
            grants.app(ledger.record_app_call) as app,
            app.stream(backfill_minutes=min(missed, MOST_BACKFILL)) as stream,
        ):
            self.stream = stream
            self._note_connection(missed)
            for line in stream:
                if self.stopping.is_set() or not self.holds.is_set():
                    raise Stopped
                self._take(line)
                self._note_line(line)
        raise StreamEnded("the stream ended")

    def _note_connection(self, missed: int) -> None:
        now = timezone.now()
        self.connected_at, self.is_caught_up = now, missed == 0
        with transaction.atomic():
            if self.was_away:
                subscription_rows.announce_push()
            self._write(state=State.CONNECTED, state_since=now, connected_at=now, detail="")
        if self.is_caught_up:
            self._write(last_line_at=now)
        log.info("stream_connected", missed_minutes=missed)
        if missed > MOST_BACKFILL:  # what X does not repeat, reading finds
            _poll_soon()

    def _take(self, line: Activity | OddLine | None) -> None:
        """One line. Only a database that is away ends the connection; X would bring the same line again at the next."""
        try:
            self._take_in(line)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, the lines after it are for other people)
            log.warning("line_not_understood", error=type(error).__name__)
            push.count(odd_lines=1)

    def _take_in(self, line: Activity | OddLine | None) -> None:
        if isinstance(line, Activity) and push.is_strange(line):
            push.count(activities=1, strangers=1)
        elif isinstance(line, Activity):
            is_new = push.take_in(line, ActivityDelivery.Source.STREAM)
            push.count(activities=1, duplicates=int(not is_new))
        elif isinstance(line, OddLine):
            log.warning("odd_line", reason=line.reason)
            push.count(odd_lines=1)
            if isinstance(line.raw, dict | list):  # what is cut or no JSON is dropped
                push.keep_odd(line.raw, line.reason, ActivityDelivery.Source.STREAM)

    def _note_line(self, line: Activity | OddLine | None) -> None:
        """Not with each of many: once in a while is enough to tell a living stream from a dead one."""
        now = timezone.now()
        was_caught_up, self.is_caught_up = self.is_caught_up, self._has_caught_up(line)
        is_noted = abs(now - self.noted_at) < NOTE_EVERY  # a clock may be set back by hours
        if is_noted and was_caught_up == self.is_caught_up:
            return
        self.noted_at = now
        alive.touch("listener")
        if self.is_caught_up:
            self._write(last_line_at=now)
        PushState.objects.filter(pk=1, failures__gt=0, connected_at__lt=now - STEADY).update(failures=0)

    def _has_caught_up(self, line: Activity | OddLine | None) -> bool:
        """Whether the minutes that X repeats have been read: until then, whoever connects next asks for them again.

        X is idle when it sends a keep-alive; where so much is said that it never is, the time tells.
        """
        is_old = abs(timezone.now() - self.connected_at) > timedelta(seconds=settings.PUSH_SILENCE_SECONDS)
        return self.is_caught_up or line is None or is_old

    def _keep_lease(self) -> None:
        """In a thread of its own: between two lines lies more time than the lease lasts."""
        try:
            while not self.stopping.wait(settings.PUSH_LEASE_SECONDS / 4):
                self._renew()
        finally:
            connection.close()  # this thread's own

    def _renew(self) -> None:
        if not self.holds.is_set():
            return
        try:
            close_old_connections()
            mine = PushState.objects.filter(pk=1, holder=self.holder, lease_until__isnull=False)
            if mine.update(lease_until=_lease_end()) != 1:
                self.holds.clear()
                self._leave()
        except (OperationalError, InterfaceError) as error:
            log.warning("lease_not_kept", error=type(error).__name__)

    def _write(self, **values: object) -> None:
        """Changes the row while it is ours."""
        if PushState.objects.filter(pk=1, holder=self.holder).update(**values) != 1:
            raise Stopped

    def _settle(self, error: XError) -> None:
        """Says what is wrong, and when it is tried again, by whoever holds the lease then."""
        log.warning("stream_failed", error=type(error).__name__, status=error.status)
        trouble.heed(error)
        failures = PushState.objects.get(pk=1).failures
        problem = trouble.trouble_of(error, failures)
        now = timezone.now()
        wait = _wait(error, problem, failures)
        with transaction.atomic():
            if wait > SHORT_WAIT:
                subscription_rows.announce_push()
            PushState.objects.filter(pk=1, holder=self.holder).update(
                state=STATES.get(problem.state, State.WAITING),
                state_since=now,
                detail=problem.detail[:500],
                failures=failures + 1,
                next_try_at=now + wait,
            )
        if wait > SHORT_WAIT:
            _poll_soon()

    def _let_go(self) -> None:
        """The next holder need not wait for the lease to run out; where the database is away, it does."""
        mine = PushState.objects.filter(pk=1, holder=self.holder)
        with suppress(OperationalError, InterfaceError):
            mine.update(holder="", lease_until=None, state=State.WAITING, state_since=timezone.now())


def _wait(error: XError, problem: Trouble, failures: int) -> timedelta:
    """At once after a cut, then longer each time; what only time or a person mends waits as long as for reads."""
    if not isinstance(error, TryLater) or isinstance(error, RateLimited):
        return problem.wait
    longest = min(FIRST_WAIT * (1 << min(failures, 10)), LONGEST_WAIT)
    return longest * random.uniform(0.5, 1)  # noqa: S311 (no secret)


def _poll_soon() -> None:
    """What push does not bring, reading finds: before long, but not all at once, and in no window that is used up."""
    now = timezone.now()
    is_used_up = Q(rate_remaining__lte=pace.KEPT, rate_reset_at__gt=now)
    slow = SyncState.objects.filter(state=SyncState.State.ACTIVE, next_poll_at__gt=now + pace.steady(None))
    pks = list(slow.exclude(is_used_up).order_by("next_poll_at").values_list("pk", flat=True))
    for place, pk in enumerate(pks):
        soon = now + place * trouble.BETWEEN_STARTS
        SyncState.objects.filter(pk=pk, state=SyncState.State.ACTIVE, next_poll_at__gt=soon).update(next_poll_at=soon)


def _minutes_since(moment: datetime | None) -> int:
    """At least one since any moment, for clocks differ and repeating costs nothing. More than X repeats where one ran
    ahead: then nobody knows.
    """
    if moment is None:
        return 0
    if moment > leases.furthest(timezone.now(), ledger.CLOCKS_DIFFER):
        return MOST_BACKFILL + 1
    return max(math.ceil((timezone.now() - moment).total_seconds() / 60), 1)


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.PUSH_LEASE_SECONDS)
