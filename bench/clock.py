"""Two clocks in step, ours and the local X's, that stand still and jump from one moment in which something is due to
the next; at each the very function is called that beat calls."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from accounts.models import XAccount
from conversations import tasks
from conversations.models import MediaFile, Post, SyncState, XUser
from dminbox.celery import app
from tests.xsim_server import SimServer

SECOND = timedelta(seconds=1)
LONGEST_STEP = timedelta(seconds=60)
"""So often the sweep runs anyway, for what is due by other columns."""


class Clock:
    """Use it as a context; `app` runs each task where it is queued."""

    def __init__(self, xsim: SimServer, begins_at: datetime) -> None:
        self.xsim = xsim
        self.travel = time_machine.travel(begins_at, tick=False)

    def __enter__(self) -> Clock:
        self.coordinates = self.travel.start()
        app.conf.task_always_eager = app.conf.task_eager_propagates = True
        self.xsim.post("clock", {"frozen": True})
        self.move_to(timezone.now())
        return self

    def __exit__(self, *_: object) -> None:
        app.conf.task_always_eager = app.conf.task_eager_propagates = False
        self.travel.stop()

    def move_to(self, moment: datetime) -> None:
        self.coordinates.move_to(moment)
        self.xsim.post("clock", {"set": moment.isoformat()})

    def run_until(self, end: datetime) -> None:
        """Sweeps at every whole second at which a row is due: in between, a sweep finds nothing."""
        while next_moment() < end:
            self.step()
        self.move_to(end)

    def step(self) -> None:
        self.move_to(next_moment())
        tasks.sweep()


def next_moment() -> datetime:
    """The next second at which beat would find something, or one that is a minute away."""
    now = timezone.now()
    soonest = min([now + LONGEST_STEP, *filter(None, (_first(rows, column) for rows, column in _waiting()))])
    return max(_whole(soonest), now + SECOND)


def _waiting() -> list[tuple[QuerySet[Any], str]]:
    polled = SyncState.objects.filter(x_account__state=XAccount.State.CONNECTED)
    files = MediaFile.objects.filter(Q(state=MediaFile.State.DUE))
    return [
        (polled, "next_poll_at"),
        (XUser.objects.all(), "lookup_due_at"),
        (Post.objects.filter(state=Post.State.DUE), "details_due_at"),
        (files, "due_at"),
    ]


def _first(rows: QuerySet[Any], column: str) -> datetime | None:
    found: datetime | None = rows.aggregate(first=Min(column))["first"]
    return found


def _whole(moment: datetime) -> datetime:
    return datetime.fromtimestamp(math.ceil(moment.timestamp()), UTC)
