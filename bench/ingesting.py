"""Reading pages into tables, by the function a worker runs; and what it may be compared with. In a lane."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import requests
from django.db import connection
from django.utils import timezone

from accounts.models import XAccount
from bench import pages, worlds
from conversations import sync
from conversations.models import ApiCall, Change, SyncState
from conversations.sync import importing, intervals

DAYS = 30
OF_CALLS = ("conversations_apicall", "conversations_readinterval")


def connect() -> None:
    """An X account whose last thirty days are to be read."""
    x_account = XAccount.objects.create(
        x_user_id=int(worlds.OWN),
        username="NordlichtHelp",
        name="Nordlicht Lamps",
        access_token="a-token",
        refresh_token="a-refresh-token",
        scopes="dm.read dm.write tweet.read users.read offline.access media.write",
        token_expires_at=datetime(2046, 1, 1, tzinfo=UTC),
    )
    importing.begin_import(x_account, DAYS, Decimal(1_000_000))


def turn() -> dict[str, Any]:
    """One turn of a worker at the account, which reads as many pages as a turn may.

    events: those stored; announced: changes of any kind, also of names; pages: those read, also the top once more;
    seconds on the wall, and in the processor.
    """
    before, calls = _newest_change(), ApiCall.objects.count()
    wall, processor = time.perf_counter(), time.process_time()
    SyncState.objects.update(next_poll_at=timezone.now())
    sync.poll(XAccount.objects.values_list("pk", flat=True).get())
    spent = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}
    is_done = SyncState.objects.get().import_finished_at is not None
    events = Change.objects.filter(kind=Change.Kind.EVENT, number__gt=before).count()
    told = {"events": events, "announced": _newest_change() - before, "pages": ApiCall.objects.count() - calls}
    return {**spent, **told, "is_done": is_done}


def _newest_change() -> int:
    return int(SyncState.objects.values_list("last_change", flat=True).get())


def begin_again() -> dict[str, int]:
    """As after the choice of a longer past: all pages are read once more. Returns how many rows there are."""
    x_account = XAccount.objects.get()
    intervals.rows_of(x_account, None).delete()
    SyncState.objects.update(import_finished_at=None)
    return rows()


def rows() -> dict[str, int]:
    """Of every table but those that tell of the calls themselves."""
    tables = [name for name in connection.introspection.table_names() if name.startswith("conversations_")]
    kept = [name for name in tables if name not in OF_CALLS]
    with connection.cursor() as cursor:
        return {name: cursor.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in kept}


def fetch(url: str, first: int, count: int) -> float:
    """Seconds to fetch pages and read them as JSON, and nothing else."""
    started = time.perf_counter()
    with requests.Session() as session:
        session.trust_env = False
        for page in range(first, first + count):
            answer = session.get(f"{url}{pages.PATH}", params={"pagination_token": pages.token_of(page)}, timeout=30)
            json.loads(answer.content)
    return time.perf_counter() - started
