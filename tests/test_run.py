"""`make run` as people run it: one line says where to go, one Ctrl-C ends it all, the next run finds the data again."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from dminbox import keys, run
from tests.services import free_port

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60
DEMO_GROUP = {"local X", "web", "worker", "worker for files and imports", "beat", "listener"}

KEYS = {"SECRET_KEY": "s" * 50, "ENCRYPTION_KEYS": "dGVzdHMtYWxvbmUtbmV2ZXItcmVhbC1pbnN0YWxscyE="}

# An owner, and a file whose fetching a killed worker left leased for an hour. The address is none of X's: refused.
OWNER_AND_LEASE = """
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from conversations.models import MediaFile
User.objects.create_user("ada@nordlicht.example", "a password of a test", is_owner=True)
later = timezone.now() + timedelta(hours=1)
MediaFile.objects.create(
    source_url="https://elsewhere.example/lamp.jpg", source_hash="a", state="fetching", due_at=later, lease_until=later
)
"""


@dataclass
class Home:
    """A folder with keys and data of its own, and ports that nobody uses."""

    folder: Path
    port: int = field(default_factory=free_port)
    local_x_port: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.folder),
            "ENV_FILE": str(self.folder / "env"),
            "DATA_DIR": str(self.folder / "data"),
            "PORT": str(self.port),
            "LOCAL_X_PORT": str(self.local_x_port),
        }

    def python(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command, environment = [sys.executable, *arguments], self.environment | more
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def rows(self, query: str) -> list[tuple]:
        database = sqlite3.connect(f"file:{self.folder}/data/demo/db.sqlite3?mode=ro", uri=True)
        with contextlib.closing(database):
            return database.execute(query).fetchall()


@dataclass
class Group:
    """What `make run` starts, in a session of its own, so that nothing of it can hide."""

    home: Home
    process: subprocess.Popen[bytes]

    @property
    def said(self) -> str:
        return (self.home.folder / "stdout").read_text()

    @property
    def complained(self) -> str:
        return (self.home.folder / "stderr").read_text()

    def members(self) -> dict[int, str]:
        """Living processes of the session and their command lines."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state, _parent, _group, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        return found

    def member(self, words: str) -> int:
        return next(pid for pid, command in self.members().items() if words in command)

    def end(self) -> None:
        """Whatever a failed test has left."""
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


def until(condition: Callable[[], object], what: str, group: Group) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} in {PATIENCE} s: {group.complained}"
        time.sleep(0.05)


@contextlib.contextmanager
def started(home: Home) -> Iterator[Group]:
    with (home.folder / "stdout").open("wb") as out, (home.folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "dminbox.run"],
            cwd=ROOT, env=home.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip
    group = Group(home, process)
    try:
        until(lambda: group.said or process.poll() is not None, "nothing was said", group)
        assert process.poll() is None, group.complained
        yield group
    finally:
        group.end()


def press_ctrl_c(group: Group) -> int:
    os.killpg(group.process.pid, signal.SIGINT)
    return group.process.wait(PATIENCE)


@dataclass
class Finished:
    """A first run that a Ctrl-C has ended."""

    home: Home
    said: str
    members: dict[int, str]
    answers: dict[str, requests.Response]
    status: int
    left: dict[int, str]
    complained: str
    keys: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Finished:
    home = Home(tmp_path_factory.mktemp("run"))
    assert home.python("-m", "dminbox.keys", str(home.folder / "env")).returncode == 0
    written = (home.folder / "env").read_text()
    with started(home) as group, requests.Session() as browser:
        browser.trust_env = False
        said, members = group.said, group.members()
        at = f"http://127.0.0.1:{home.port}"
        pages = {"healthz": f"{at}/healthz", "inbox": f"{at}/", "setup": re.findall(r"\S+/setup/\S+", said)[0]}
        answers = {name: browser.get(page, timeout=20, allow_redirects=False) for name, page in pages.items()}
        status = press_ctrl_c(group)
        return Finished(home, said, members, answers, status, group.members(), group.complained, written)


@pytest.fixture(scope="module")
def again(finished) -> Iterator[Group]:
    """The second run on the same data."""
    done = finished.home.python("-c", OWNER_AND_LEASE, DJANGO_SETTINGS_MODULE="dminbox.settings")
    assert done.returncode == 0, done.stderr
    with started(finished.home) as group:
        yield group


@pytest.fixture
def fresh(finished, tmp_path) -> Iterator[Group]:
    """A run on a copy of the data, to be killed."""
    shutil.copytree(finished.home.folder, tmp_path, dirs_exist_ok=True)
    with started(Home(tmp_path)) as group:
        yield group


def test_one_line_says_where_it_is_and_how_to_become_its_owner(finished):
    at = rf"http://127\.0\.0\.1:{finished.home.port}"
    link = rf"{at}/setup/[\w-]+/"
    assert re.fullmatch(
        rf"dminbox is at {at} - make yourself its owner, once: {link}   \(Ctrl-C ends it\)\n", finished.said
    )


def test_the_web_answers_and_the_printed_link_opens(finished):
    assert finished.answers["healthz"].status_code == 200
    assert finished.answers["inbox"].status_code == 302
    assert finished.answers["setup"].status_code == 200


def test_ctrl_c_ends_every_process_and_is_a_success(finished):
    assert finished.status == 0
    assert len(finished.members) == len(DEMO_GROUP) + 1
    assert finished.left == {}


def test_the_terminal_shows_no_warning_and_no_traceback(finished):
    assert "superuser" not in finished.complained
    assert "Traceback" not in finished.complained


def test_the_next_run_finds_keys_and_people_again(finished, again):
    assert (again.home.folder / "env").read_text() == finished.keys
    assert re.fullmatch(r"dminbox is at \S+ - sign in with your e-mail and password   \(Ctrl-C ends it\)\n", again.said)
    assert again.home.rows("SELECT email FROM accounts_user") == [("ada@nordlicht.example",)]


def test_the_listener_holds_the_stream_of_the_local_x(again):
    state = "SELECT state FROM conversations_pushstate"
    until(lambda: again.home.rows(state) == [("connected",)], "no stream", again)


def test_what_a_killed_worker_held_is_taken_up_at_once(again):
    state = "SELECT state FROM conversations_mediafile"
    until(lambda: again.home.rows(state) == [("refused",)], "the file stayed leased", again)


def test_an_address_that_a_client_claims_does_not_reset_the_count_of_its_tries(again):
    page = f"http://127.0.0.1:{again.home.port}/accounts/login/"
    with requests.Session() as browser:
        browser.trust_env = False
        form = {
            "csrfmiddlewaretoken": re.findall('name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(page).text)[0]
        }
        answers = [
            browser.post(
                page,
                form | {"login": f"p{number}@nordlicht.example", "password": "wrong"},
                headers={"X-Forwarded-For": f"10.0.0.{number}"},
            ).text
            for number in range(12)
        ]
    assert ["Too many failed" in answer for answer in answers] == [False] * 10 + [True] * 2


def test_in_the_image_too_the_server_leaves_it_to_the_settings_whom_it_believes():
    command = re.search(r"^CMD (\[.*?\])$", (ROOT / "Dockerfile").read_text().replace("\\\n", ""), re.M)
    assert "--no-proxy-headers" in json.loads(command[1])
    assert "--no-proxy-headers" in run.commands()["web"]


def test_a_second_group_on_the_same_data_is_refused(again):
    done = again.home.python("-m", "dminbox.run", PORT=str(free_port()))
    where = again.home.folder / "data/demo"
    assert done.stderr == f"dminbox cannot start: it runs already, or is just ending, on the data in {where}.\n"
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("name", ["PORT", "LOCAL_X_PORT"])
def test_a_busy_port_is_named_with_a_way_out(again, tmp_path, name):
    busy = again.home.environment[name]
    elsewhere = Home(tmp_path)
    done = elsewhere.python("-m", "dminbox.run", **KEYS, **{name: busy})
    assert (
        done.stderr == f"dminbox cannot start: port {busy} is in use. Another one: {name}={int(busy) + 10} make run\n"
    )
    assert (done.returncode, done.stdout) == (1, "")


def test_a_killed_child_ends_the_group_and_is_named(fresh):
    os.kill(fresh.member("--queues=sync,send,polls"), signal.SIGKILL)
    assert fresh.process.wait(PATIENCE) == 1
    assert "dminbox stopped, because its worker process ended (exit status -9).\n" in fresh.complained
    assert fresh.members() == {}


def test_a_killed_parent_leaves_no_orphan(fresh):
    assert len(fresh.members()) == len(DEMO_GROUP) + 1
    fresh.process.kill()
    until(lambda: not fresh.members(), "orphans were left", fresh)


def group_of(settings, **changes: object) -> set[str]:
    for name, value in changes.items():
        setattr(settings, name, value)
    return set(run.commands())


def test_the_listener_runs_only_where_x_pushes_by_stream(settings):
    assert group_of(settings) == DEMO_GROUP
    live = DEMO_GROUP - {"local X"}
    assert group_of(settings, IS_DEMO=False) == live
    assert group_of(settings, X_PUSH="webhook") == live - {"listener"}
    assert group_of(settings, X_PUSH="stream", X_CONSUMER_KEY="") == live - {"listener"}


def test_files_and_imports_never_take_a_place_that_a_message_needs(settings):
    served = [queues_of(command) for command in run.commands().values() if "worker" in command]
    assert served == [{"sync", "send", "polls"}, {"media", "bulk"}]
    assert set.union(*served) == {queue.name for queue in settings.CELERY_TASK_QUEUES}


def queues_of(command: list[str]) -> set[str]:
    (told,) = (word.removeprefix("--queues=") for word in command if word.startswith("--queues="))
    return set(told.split(","))


def test_the_local_x_and_the_web_cannot_have_one_port(tmp_path):
    home = Home(tmp_path)
    done = home.python("-m", "dminbox.run", **KEYS, LOCAL_X_PORT=str(home.port))
    assert done.stderr.startswith("dminbox cannot start: the local X needs a port of its own")
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("x_app", "place"), [({}, "demo"), ({"X_CLIENT_ID": "a", "X_CLIENT_SECRET": "b"}, "live")], ids=["demo", "live"]
)
def test_the_demo_and_real_use_keep_their_data_apart(tmp_path, x_app, place):
    program = "from dminbox import settings as s; print(s.DATA_DIR, s.MEDIA_ROOT, s.DATABASES['default']['NAME'])"
    done = Home(tmp_path).python("-c", program, **KEYS, **x_app)
    there = tmp_path / "data" / place
    assert done.stdout.split() == [str(there), str(there / "media"), str(there / "db.sqlite3")]
    assert [folder.name for folder in (tmp_path / "data").iterdir()] == [place]
    assert stat.S_IMODE(there.stat().st_mode) == 0o700


def test_keys_are_for_their_owners_eyes_alone_and_never_the_same_twice(tmp_path):
    assert keys.write_env(tmp_path / "one")
    assert keys.write_env(tmp_path / "other")
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
    one, other = ((tmp_path / name).read_text() for name in ("one", "other"))
    names = ["SECRET_KEY", "ENCRYPTION_KEYS", "POSTGRES_PASSWORD", "REDIS_PASSWORD"]
    assert re.findall("^([A-Z_]+)=.{44}", one, re.M) == names
    assert not set(re.findall("=(.+)$", one, re.M)) & set(re.findall("=(.+)$", other, re.M))


def test_keys_that_are_there_are_never_written_over(tmp_path):
    (tmp_path / "env").write_text("SECRET_KEY=mine\n")
    assert not keys.write_env(tmp_path / "env")
    assert (tmp_path / "env").read_text() == "SECRET_KEY=mine\n"
