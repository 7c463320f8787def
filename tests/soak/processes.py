"""A story with the real processes on PostgreSQL and Redis: kill -9, an emptied broker, a database that restarts.

    python -m tests.soak.processes SEED [CLUSTER]

CLUSTER: the data of a PostgreSQL with the tables made (`prepare`); without it they are made first. Windows, leases and
tokens last seconds on both sides. Exit status 0: what is stored is what X holds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import redis
import requests

from tests import env_example, services
from tests.xsim_server import SimServer, start_xsim

ROOT = Path(__file__).parent.parent.parent
WINDOW = 3
SETTLING = 3
SETTINGS = {
    "ENV_FILE": "",
    "SECRET_KEY": "for tests alone, never for an installation",
    "ENCRYPTION_KEYS": "dGVzdHMtYWxvbmUtbmV2ZXItcmVhbC1pbnN0YWxscyE=",
    "DEMO": "yes",
    "LOG_LEVEL": "warning",
    "X_WINDOW_SECONDS": str(WINDOW),
    "X_CONNECT_TIMEOUT": "1",
    "X_READ_TIMEOUT": "2",
    "SYNC_SETTLING_SECONDS": str(SETTLING),
    "SYNC_POLL_SECONDS": "1",
    "SYNC_POLL_SECONDS_BUSY": "1",
    "SYNC_POLL_SECONDS_WITH_PUSH": "2",
    "SYNC_LEASE_SECONDS": "5",
    "PUSH_LEASE_SECONDS": "4",
    "PUSH_SILENCE_SECONDS": "2",
}
CELERY = [sys.executable, "-m", "celery", "-A", "dminbox", "--quiet"]
WORKER = [*CELERY, "worker", "-P", "threads", "-c", "3", "--without-gossip", "--without-mingle", "--loglevel=error"]
COMMANDS = {
    "worker": [*WORKER, "-Q", "sync,send,polls", "-n", "one@%h"],
    "another worker": [*WORKER, "-Q", "sync,polls,bulk,media", "-n", "two@%h"],
    "beat": [*CELERY, "beat", "--pidfile=", "--loglevel=error"],
}
LISTEN = [sys.executable, "manage.py", "listen"]
WEB = [sys.executable, "-m", "uvicorn", "dminbox.asgi:application", "--lifespan", "off", "--log-level", "error"]
WAYS = {
    "stream": {"listener": LISTEN, "another listener": LISTEN},
    "webhook": {"web": [*WEB, "--no-access-log"]},
}
"""In which X pushes; one seed takes the one, the next seed the other."""


def prepare(folder: Path) -> Path:
    """A cluster in which every story finds its tables: to make them takes longer than many of the stories."""
    cluster, others = folder / "cluster", os.environ.keys() - env_example.names()
    with services.postgres() as server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE soak")
            # As in every installation: what is committed outlives a crash of the server.
            connection.execute("ALTER DATABASE soak SET synchronous_commit = on")
        environment = {name: os.environ[name] for name in others} | SETTINGS
        environment |= {"DATABASE_URL": _database(server), "DATA_DIR": str(folder)}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=environment, check=True)
        data = data_directory(server)
        _pg_ctl(data, "stop", "-m", "fast")
        subprocess.run(["cp", "-a", data, cluster], check=True)
    return cluster


def _database(server: str) -> str:
    return f"{server.rpartition('/')[0]}/soak"


def main(seed: int, cluster: Path) -> None:
    for name in env_example.names():
        os.environ.pop(name, None)
    with (
        services.postgres(cluster) as server,
        services.redis_server() as broker,
        start_xsim(world="empty") as xsim,
        tempfile.TemporaryDirectory(prefix="dminbox-soak-") as folder,
    ):
        port, way = services.free_port(), list(WAYS)[seed % len(WAYS)]
        os.environ.update(
            SETTINGS,
            X_PUSH=way,
            PORT=str(port),
            PUBLIC_URL=f"http://127.0.0.1:{port}",
            DATABASE_URL=_database(server),
            REDIS_URL=f"{broker}/0",
            LOCAL_X_URL=xsim.url,
            DATA_DIR=folder,
        )
        with database_stopped_in_the_end(server):
            play(seed, xsim, server, broker)


def play(seed: int, xsim: SimServer, server: str, broker: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "dminbox.settings"
    import django

    django.setup()
    from tests.soak.processes_story import ProcessStory

    ProcessStory(seed, xsim, Servers(server, broker)).play()


class Servers:
    """The database and the broker, to be disturbed."""

    def __init__(self, postgres: str, broker: str) -> None:
        self.postgres, self.broker = postgres, broker

    def empty_broker(self) -> None:
        redis.Redis.from_url(self.broker).flushall()

    def restart_database(self) -> None:
        """As after a crash: nobody is asked to finish."""
        folder = data_directory(self.postgres)
        _pg_ctl(folder, "restart", "-m", "immediate", "-l", str(folder / "restarted.log"), "-o", _options(folder))


@contextmanager
def database_stopped_in_the_end(server: str) -> Iterator[None]:
    """One that was restarted is nobody's child."""
    folder = data_directory(server)
    try:
        yield
    finally:
        _pg_ctl(folder, "stop", "-m", "immediate")


def data_directory(server: str) -> Path:
    with psycopg.connect(server) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0])


def _options(folder: Path) -> str:
    """Those it was started with stand in its own file."""
    line = (folder / "postmaster.opts").read_text().strip()
    return line.partition(" ")[2].replace('"', "'")


def _pg_ctl(folder: Path, *words: str) -> None:
    programs = services.postgres_bin()
    assert programs is not None
    user = "postgres" if os.geteuid() == 0 else None
    command = [programs / "pg_ctl", "-D", folder, "-w", *words]
    subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Group:
    """Our processes; each is ended by its id. The way in for what is pushed stands before X is told of it."""

    def __init__(self) -> None:
        way = WAYS[os.environ["X_PUSH"]]
        self.commands = way | COMMANDS
        self.running = {name: self._start(name) for name in way}
        if "web" in way:
            assert wait_until(_answers, 90), "the web process does not answer"
        self.running |= {name: self._start(name) for name in COMMANDS}

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = [*self.commands[name], *(["--port", os.environ["PORT"]] if name == "web" else [])]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, name: str) -> None:
        """-9, and at once a new one, as a supervisor would."""
        self.running[name].kill()
        self.running[name].wait()
        self.running[name] = self._start(name)

    def assert_alive(self) -> None:
        """Nobody ends but by our kill: whatever happens to the database, the broker and X is outlived."""
        for name, process in self.running.items():
            assert process.poll() is None, f"the {name} ended by itself: {process.returncode}"

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.wait()


def _answers() -> bool:
    try:
        return requests.get(f"{os.environ['PUBLIC_URL']}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def wait_until(is_so: Callable[[], Any], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def utc_now() -> datetime:
    return datetime.now(UTC)


def later(seconds: float) -> str:
    return (utc_now() + timedelta(seconds=seconds)).isoformat()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="dminbox-soak-") as home:
        main(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else prepare(Path(home)))
