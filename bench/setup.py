"""What every row may use: databases made from one template, lanes on them, a local X, and how much is measured."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench.lane import ROOT, Lane
from tests.xsim_server import SimServer, start_xsim

COPYING = Lock()
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "dminbox.settings",
    "ENV_FILE": "",
    "SECRET_KEY": "for measuring alone, never for an installation",
    "ENCRYPTION_KEYS": "YmVuY2gtYWxvbmUtbmV2ZXItcmVhbC1pbnN0YWxsISE=",
    "X_CLIENT_ID": "",
    "DEMO": "yes",
    "X_PUSH": "off",
    "LOG_LEVEL": "error",
    "REDIS_URL": "",
}


@dataclass(frozen=True, slots=True)
class Archive:
    """How much there is. long: events of the longest thread. group: people in the one big group."""

    accounts: int = 10
    conversations: int = 50_000
    events: int = 1_000_000
    long: int = 200_000
    group: int = 50


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. `QUICK` shows in a minute that everything works; its figures mean little."""

    busy_events: int = 2000
    quiet_events: int = 20
    day_hours: int = 24
    import_events: int = 1500
    import_days: int = 30
    pages: int = 200
    pages_per_block: int = 25
    stored: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    growth_blocks: int = 6
    memory: tuple[int, int] = (100_000, 1_000_000)
    live_windows: int = 8
    pushed: int = 300
    bulk_events: int = 50_000
    delivered: int = 1000
    archive: Archive = Archive()
    page_views: int = 100
    readers: int = 100
    looks: int = 12
    searched: int = 1_000_000
    searches: int = 40
    streams: int = 490
    told: int = 40


QUICK = Sizes(
    busy_events=400,
    quiet_events=4,
    day_hours=1,
    import_events=130,
    import_days=2,
    pages=6,
    pages_per_block=3,
    stored=(200, 400, 800),
    growth_blocks=2,
    memory=(500, 1000),
    live_windows=1,
    pushed=10,
    bulk_events=5_000,
    delivered=50,
    archive=Archive(accounts=3, conversations=600, events=12_000, long=2_400, group=20),
    page_views=10,
    readers=10,
    looks=3,
    searched=20_000,
    searches=10,
    streams=40,
    told=5,
)


@dataclass(frozen=True)
class Bench:
    """server: a PostgreSQL with the right to make databases; redis: an address without a database number."""

    server: str
    redis: str
    folder: Path
    sizes: Sizes = Sizes()

    @cached_property
    def migrated(self) -> str:
        """The name of an empty database with all tables, from which others are copied. Static files stand too."""
        name = self._create(f"bench_{os.getpid()}_migrated", "template1")
        for command in (["migrate"], ["collectstatic", "--no-input"]):
            command = [sys.executable, "manage.py", *command, "--verbosity", "0"]
            subprocess.run(command, cwd=ROOT, env=os.environ | self.environment(name), check=True)
        return name

    def database(self, name: str, template: str = "") -> str:
        """A new database, a copy of the template; nobody may be connected to that."""
        with COPYING:  # PostgreSQL copies a template for one at a time
            return self._create(f"bench_{os.getpid()}_{name}", template or self.migrated)

    def drop(self, *names: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as admin:
            for name in names:
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, database: str) -> str:
        return urlsplit(self.server)._replace(path=f"/{database}").geturl()

    def environment(self, database: str, **more: str) -> dict[str, str]:
        places = {"DATABASE_URL": self.url(database), "DATA_DIR": str(self.folder / database)}
        return SETTINGS | places | more

    def lane(self, database: str, **environment: str) -> Lane:
        return Lane(self.environment(database, **environment))

    def _create(self, name: str, template: str) -> str:
        self.drop(name)
        with psycopg.connect(self.server, autocommit=True) as admin:
            parts = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
            admin.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**parts))
        return name


@contextlib.contextmanager
def local_x() -> Iterator[SimServer]:
    with start_xsim(world="empty") as xsim:
        yield xsim


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dminbox-bench-") as folder:
        yield Path(folder)
