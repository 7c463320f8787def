"""What happens in a story with real processes, and what must be true in the end. Needs Django set up."""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from typing import Any

import django.db
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connections

from accounts.models import XAccount
from conversations.models import Change, DmEvent, PushState, ReadInterval, SyncState
from tests.conversations.sync_support import begin, connect
from tests.conversations.sync_worlds import DrawnWorld
from tests.soak.processes import SETTLING, WINDOW, Group, Servers, utc_now, wait_until
from tests.xsim_server import SimServer

FAULTS = ["402", "429", "429-no-reset", "500-html", "503", "cut-before", "cut-after", "401"]


class ProcessStory:
    def __init__(self, rng: random.Random, xsim: SimServer, servers: Servers) -> None:
        self.rng, self.xsim, self.servers = rng, xsim, servers
        self.told: list[str] = []

    def play(self) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        drawn = DrawnWorld(self.rng, utc_now())
        self.xsim.post("world", drawn.world(events=self.rng.randint(20, 150), days=20))
        self.xsim.post("settings", self._settings())
        self.x_account = connect(self.xsim)
        # Long enough that a token is renewed every few seconds, and not with every call.
        XAccount.objects.update(token_expires_at=utc_now())
        begin(self.x_account, days=30)
        group = Group()
        try:
            for _ in range(self.rng.randint(6, 9)):
                self._happen(drawn, group)
            self._quiet(group)
            self._judge()
            print(f"{DmEvent.objects.count()} events, each once, after: {'; '.join(self.told)}")
        except AssertionError as error:
            error.add_note("\n".join([*self.told, *self._state()]))
            raise
        finally:
            group.end()

    def _state(self) -> list[str]:
        """What the tables say of it, for whoever has to find out."""
        tables = (SyncState, PushState, ReadInterval)
        return [f"{table.__name__}: {row}" for table in tables for row in table._default_manager.values()]

    def _settings(self) -> dict[str, Any]:
        return {
            "dm_get_limit": self.rng.choice([6, 15]),
            "window_seconds": WINDOW,
            "token_seconds": 304,
            "keep_alive_seconds": 0.5,
            "push_duplicates": self.rng.choice([0, 0.5]),
            "push_shuffle": self.rng.choice([0, 3]),
        }

    def _happen(self, drawn: DrawnWorld, group: Group) -> None:
        group.revive()
        drawn.now = utc_now()
        events = [drawn.event(drawn.now) for _ in range(self.rng.choice([0, 1, 3, 20]))]
        for event in events:
            if self.rng.random() < 0.3:
                event["visible_at"] = _shown_late(event["created_at"], self.rng)
        if events:
            self.xsim.post("events", events)
        deed = self.rng.choice([self._kill, self._kill, self._kill, self._flush, self._restart, self._fault])
        self._tell(f"{len(events)} events; {deed(group)}")
        time.sleep(self.rng.uniform(0.2, 2))  # what happens next happens at any point of what goes on now

    def _kill(self, group: Group) -> str:
        name = self.rng.choice(list(group.running))
        group.kill(name)
        return f"kill -9 of the {name}"

    def _flush(self, group: Group) -> str:
        self.servers.empty_broker()
        return "the broker is emptied"

    def _restart(self, group: Group) -> str:
        self.servers.restart_database()
        return "the database is restarted"

    def _fault(self, group: Group) -> str:
        kind, times = self.rng.choice(FAULTS), self.rng.choice([1, 3])
        self.xsim.post("faults", {"kind": kind, "times": times})
        return f"fault {kind} x {times}"

    def _quiet(self, group: Group) -> None:
        """No more trouble; a person has added credit, or connected the account again where it lost its tokens."""
        self.xsim.delete("faults")
        group.revive()
        self._afresh()
        grant = self.xsim.grant(str(self.x_account.x_user_id))
        XAccount.objects.update(
            access_token=grant["access_token"],
            refresh_token=grant["refresh_token"],
            state=XAccount.State.CONNECTED,
            token_generation=1000,
            refresh_lease_until=None,
            refresh_lease_holder="",
        )
        # Hours and minutes, which nobody here has; whoever reads or waits for a window goes on by himself.
        long_waits = [SyncState.State.NO_CREDIT, SyncState.State.UNAVAILABLE, SyncState.State.REFUSED]
        waiting = SyncState.objects.filter(state__in=long_waits)
        waiting.update(state=SyncState.State.ACTIVE, next_poll_at=utc_now())
        time.sleep(SETTLING)
        assert wait_until(lambda: self._is_complete(group), 60), f"lost: {self._lost()}"

    def _is_complete(self, group: Group) -> bool:
        group.revive()
        return not self._lost()

    def _lost(self) -> list[int]:
        try:
            stored = set(DmEvent.objects.values_list("dm_event_id", flat=True))
        except (OperationalError, InterfaceError):
            self._afresh()
            return [0]
        return sorted(self._held() - stored)

    def _held(self) -> set[int]:
        held = self.xsim.get(f"visible?user_id={self.x_account.x_user_id}")
        return {int(pk) for ids in held.values() for pk in ids}

    def _judge(self) -> None:
        time.sleep(1)  # a repeat that is under way
        self._afresh()
        rows = list(DmEvent.objects.values_list("dm_event_id", flat=True))
        assert len(rows) == len(set(rows)), "an event is stored twice"
        assert set(rows) == self._held(), "not the set that X holds"
        announced = Change.objects.filter(kind=Change.Kind.EVENT)
        assert announced.count() == len(rows) == announced.values("event").distinct().count()
        numbers = list(Change.objects.order_by("number").values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1)), "a number of the change log is missing"

    def _afresh(self) -> None:
        """Our own connections do not survive a restart of the database either."""
        for connection in connections.all():
            connection.close()
            if getattr(connection, "pool", None):
                connection.close_pool()
        assert django.db.connection.vendor == "postgresql"

    def _tell(self, words: str) -> None:
        self.told.append(words)


def _shown_late(created_at: str, rng: random.Random) -> str:
    return (datetime.fromisoformat(created_at) + timedelta(seconds=rng.uniform(0.2, SETTLING - 1))).isoformat()
