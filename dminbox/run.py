"""`make run`: the whole inbox on one machine, in the foreground, that one Ctrl-C ends."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 10
PR_SET_PDEATHSIG = 1

# Celery warns at each start under root, because a message in pickle runs code when it is read. Ours are JSON, and no
# other kind is read (CELERY_ACCEPT_CONTENT); the terminal is for one line.
AS_ROOT_IS_FINE = ["-W", "ignore:You're running the worker with superuser privileges"]

Commands = dict[str, list[str]]


def main() -> NoReturn:
    os.chdir(ROOT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dminbox.settings")
    os.environ.setdefault("LOG_LEVEL", "warning")  # the terminal is for one line: where to go
    try:
        lock = prepare()
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(supervise(commands(), lock))


def prepare() -> int:
    """Settings, free ports, tables and static files; gives the lock. Ends with a sentence where something is wrong."""
    django.setup()
    lock = lock_data()
    require_free(settings.PORT, "PORT")
    if settings.IS_DEMO:
        if local_x_port() == settings.PORT:
            sys.exit(f"dminbox cannot start: the local X needs a port of its own; PORT is {settings.PORT} already.")
        require_free(local_x_port(), "LOCAL_X_PORT")
    call_command("migrate", interactive=False, verbosity=0)
    if settings.IS_EMBEDDED:
        call_command("free_leases")
    with one_at_a_time(settings.BASE_DIR):
        call_command("collectstatic", interactive=False, verbosity=0)
    return lock


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Groups on data of their own share the static files of the checkout: one that writes them waits for another."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def lock_data() -> int:
    """One group per DATA_DIR, so that leases found there are nobody's. Children hold the lock too, until they end."""
    lock = os.open(settings.DATA_DIR / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"dminbox cannot start: it runs already, or is just ending, on the data in {settings.DATA_DIR}.")
    return lock


def require_free(port: int, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            another = port + 10 if port < 65000 else port - 10
            sys.exit(f"dminbox cannot start: port {port} is in use. Another one: {name}={another} make run")


def local_x_port() -> int:
    return urlsplit(settings.LOCAL_X_URL).port or 80


def commands() -> Commands:
    celery = [sys.executable, *AS_ROOT_IS_FINE, "-m", "celery", "-A", "dminbox", "--quiet"]
    level = f"--loglevel={settings.LOG_LEVEL}"
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = [*celery, "worker", "--pool=threads", level, *alone]
    group: Commands = {}
    if settings.IS_DEMO:  # first, because the others ask it at once
        state = settings.DATA_DIR / "local-x.json"
        group["local X"] = [
            *[sys.executable, "-m", "dminbox.xsim", "--host", "127.0.0.1", "--port", str(local_x_port())],
            *["--origin", settings.LOCAL_X_URL, "--state", str(state)],
        ]
    group |= {
        "web": [
            *[sys.executable, "-m", "uvicorn", "dminbox.asgi:application", "--host", "127.0.0.1"],
            *["--port", str(settings.PORT), "--no-access-log", "--log-level", "warning"],
            # TRUSTED_PROXY_COUNT alone says who is believed about a client; uvicorn would believe all of this machine.
            *["--timeout-graceful-shutdown", "5", "--lifespan", "off", "--no-proxy-headers"],
        ],
        "worker": [*worker, "--hostname=messages@%h", "--queues=sync,send,polls", "--concurrency=8"],
        # Large files and imports take a place for minutes: of their own, so that no message waits for one.
        "worker for files and imports": [*worker, "--hostname=files@%h", "--queues=media,bulk", "--concurrency=4"],
        # A process of its own: inside the worker, a killed beat would leave a worker without a schedule.
        "beat": [*celery, "beat", level, "--pidfile="],
    }
    if settings.X_CONSUMER_KEY and settings.X_PUSH == "stream":
        group["listener"] = [sys.executable, "manage.py", "listen"]
    return group


def supervise(group: Commands, lock: int) -> int:
    """Runs all until one ends or a signal comes; then ends the rest and gives the exit status."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    children = {name: start(command, lock) for name, command in group.items()}
    threading.Thread(target=announce, args=(stopping,), daemon=True).start()
    fallen = watch(children, stopping)
    end(children)
    if fallen:
        name, status = fallen
        print(f"dminbox stopped, because its {name} process ended (exit status {status}).", file=sys.stderr)
        return 1
    print("\ndminbox has stopped.")
    return 0


def start(command: list[str], lock: int) -> subprocess.Popen[bytes]:
    """What goes wrong is on stderr; stdout is for the one line that this process prints."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(lock,),
        process_group=0,  # a Ctrl-C is passed on, once: a second signal meets them amid their end
        preexec_fn=end_with_parent,  # noqa: PLW1509
    )


def end_with_parent() -> None:
    """Linux ends the child when this process is killed outright."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def watch(children: dict[str, subprocess.Popen[bytes]], stopping: threading.Event) -> tuple[str, int] | None:
    """Waits for the stop; the name and exit status of a child that ended by itself, if one did."""
    while not stopping.wait(0.2):
        for name, child in children.items():
            status = child.poll()
            if status is not None:
                return name, status
    return None


def end(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children.values():
        try:
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def announce(stopping: threading.Event) -> None:
    """Prints the address and how to sign in, once the web server answers."""
    for _ in until_answering(f"http://127.0.0.1:{settings.PORT}/healthz"):
        if stopping.wait(0.1):
            return
    print(f"dminbox is at {settings.PUBLIC_URL} - {way_in()}   (Ctrl-C ends it)", flush=True)


def way_in() -> str:
    link = StringIO()
    try:
        call_command("setup_link", stdout=link)
    except CommandError:  # an owner is there
        return "sign in with your e-mail and password"
    return f"make yourself its owner, once: {link.getvalue().strip()}"


def until_answering(address: str) -> Iterator[None]:
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 (our own address)
                return
        except (URLError, OSError):
            yield


if __name__ == "__main__":
    main()
