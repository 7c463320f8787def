"""A large file leaves through a real server in pieces: memory, threads and database connections stay free."""

import os
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from conversations.media import wanted_file
from conversations.models import EventMedia, Media, MediaFile
from tests.factories import ConversationFactory, DmEventFactory, MembershipFactory

MEGABYTE = 1024 * 1024
SIZE = 200 * MEGABYTE
ALLOWED = 20 * MEGABYTE


@pytest.fixture
def server(transactional_db):
    """The project's own ASGI application behind uvicorn, on the database of the test."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": database_url(),
        "LOG_LEVEL": "warning",
        "DJANGO_SETTINGS_MODULE": "dminbox.settings",
    }
    command = [sys.executable, "-m", "uvicorn", "dminbox.asgi:application", "--port", str(port), "--no-access-log"]
    process = subprocess.Popen([*command, "--log-level", "warning", "--lifespan", "off"], env=environment)
    try:
        wait_until_up(f"http://127.0.0.1:{port}/healthz", process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def database_url():
    target = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{target['NAME']}"
    return f"postgres://{target['USER']}:{target['PASSWORD']}@{target['HOST']}:{target['PORT']}/{target['NAME']}"


def wait_until_up(url, process):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            if requests.get(url, timeout=5).status_code < 500:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


def stored(conversation, name, content_or_size):
    path = Path(django_settings.MEDIA_ROOT) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        if isinstance(content_or_size, bytes):
            target.write(content_or_size)
        else:
            target.truncate(content_or_size)
    file = wanted_file(f"https://video.twimg.com/{name}", None)
    known = {"size": path.stat().st_size, "path": name, "content_type": "video/mp4", "stored_at": timezone.now()}
    MediaFile.objects.filter(pk=file.pk).update(state=MediaFile.State.STORED, **known)
    media = Media.objects.create(media_key=f"7_{file.pk}", type="video", file=file)
    EventMedia.objects.create(event=DmEventFactory(conversation=conversation), media=media)
    return file, path


@pytest.fixture
def files(server, ben):
    """Addresses of a small and a large file that Ben may see, and his session."""
    port, _ = server
    conversation = ConversationFactory(x_account=MembershipFactory(user=ben, role=Role.VIEWER).x_account)
    made = [stored(conversation, "small.mp4", b"x" * MEGABYTE), stored(conversation, "large.mp4", SIZE)]
    client = Client()
    client.force_login(ben)
    name = django_settings.SESSION_COOKIE_NAME
    yield (
        [f"http://127.0.0.1:{port}/c/{conversation.pk}/files/{file.pk}/" for file, _ in made],
        {name: client.cookies[name].value},
    )
    for _, path in made:
        path.unlink()


def status_of(pid, field):
    """A line of /proc/…/status: bytes for memory, a number for threads."""
    value = re.search(rf"^{field}:\s+(\d+)( kB)?$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(value[1]) * (1024 if value[2] else 1)


def download(url, cookies, **headers):
    """The status and how many bytes came."""
    with requests.get(url, cookies=cookies, headers=headers, stream=True, timeout=60) as answer:
        return answer.status_code, sum(len(piece) for piece in answer.iter_content(MEGABYTE))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_two_hundred_megabytes_leave_with_less_than_twenty_more_in_memory(server, files):
    (small, large), cookies = files
    _, pid = server
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: download(small, cookies), range(16))) == {(200, MEGABYTE)}
        before = status_of(pid, "VmHWM")
        assert download(large, cookies) == (200, SIZE)
        ranges = [f"bytes={start * MEGABYTE}-" for start in (0, 50, 100, 150)]
        sizes = pool.map(lambda asked: download(large, cookies, Range=asked), ranges)
        assert [size for _, size in sizes] == [SIZE, 150 * MEGABYTE, 100 * MEGABYTE, 50 * MEGABYTE]
        assert download(large, cookies, Range="bytes=-7") == (206, 7)
    assert status_of(pid, "VmHWM") - before < ALLOWED


def test_readers_that_wait_hold_neither_memory_nor_a_database_connection(server, files):
    (small, large), cookies = files
    _, pid = server
    assert download(small, cookies) == (200, MEGABYTE)
    before = status_of(pid, "VmRSS")
    waiting = [requests.get(large, cookies=cookies, stream=True, timeout=60) for _ in range(20)]
    try:
        assert {next(answer.iter_content(10)) for answer in waiting} == {bytes(10)}
        assert status_of(pid, "VmRSS") - before < 2 * ALLOWED
        assert connections_held(pid) <= 1
        assert download(small, cookies) == (200, MEGABYTE)
    finally:
        for answer in waiting:
            answer.close()


def connections_held(pid):
    """Open database connections of the server: descriptors of the file, or sessions that PostgreSQL counts."""
    if connection.vendor == "sqlite":
        name = Path(connection.settings_dict["NAME"]).resolve()
        held = [link for link in Path(f"/proc/{pid}/fd").iterdir() if _target(link) == name]
        return len(held)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return cursor.fetchone()[0]


def _target(link):
    try:
        return link.resolve()
    except OSError:
        return None
