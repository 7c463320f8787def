"""Throwaway PostgreSQL and Redis servers on free loopback ports, ended by whoever started them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import redis


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def postgres_bin() -> Path | None:
    """The folder of initdb and postgres: on PATH, or where Debian puts the newest version."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return versions[-1].parent if versions else None


CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is the same engine without a desktop's windows around it: a page of its own takes a third of the work."""


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


def missing() -> list[str]:
    found = {"PostgreSQL": postgres_bin(), "Redis": shutil.which("redis-server"), "Chromium": chromium()}
    return [name for name, path in found.items() if not path]


@contextlib.contextmanager
def postgres(prepared: Path | None = None, *, autovacuum: bool = True) -> Iterator[str]:
    """A server of its own; gives its DATABASE_URL. Its data does not survive, so nothing waits for the disk.

    prepared: the data of another one that has ended: it begins with a copy of that. autovacuum: off for tests that
    commit nothing: it would count none of their rows, and the planner take full tables for empty ones.
    """
    programs = postgres_bin()
    assert programs, "PostgreSQL is not installed"
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="dminbox-postgres-"))
    if user:
        shutil.chown(folder, user)
    data, port = folder / "data", free_port()
    cluster = ["-U", "dminbox", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    made = ["cp", "-a", prepared, data] if prepared else [programs / "initdb", "-D", data, *cluster]
    maker = None if prepared else user
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, user=maker, cwd=folder)
    options = {
        "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "max_connections": 200,
        "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
        "autovacuum": "on" if autovacuum else "off",
    }  # fmt: skip
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *[f"--{name}={value}" for name, value in options.items()]],
            stdout=log, stderr=log, user=user, cwd=folder,
        )  # fmt: skip
    address = f"postgres://dminbox@127.0.0.1:{port}/postgres"
    try:
        wait_for(lambda: psycopg.connect(address, connect_timeout=1).close(), server)
        yield address
    finally:
        server.send_signal(2)  # SIGINT: fast shutdown
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def redis_server(port: int = 0) -> Iterator[str]:
    """A server of its own that writes nothing to disk; gives its address without a database number."""
    port = port or free_port()
    folder = tempfile.mkdtemp(prefix="dminbox-redis-")
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([*command, "--dir", folder], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: redis.Redis(port=port).ping(), server)
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(attempt, server: subprocess.Popen, seconds: float = 30) -> None:
    """Tries until it answers; a server that ended meanwhile is an error at once."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            attempt()
        except (psycopg.OperationalError, redis.ConnectionError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
