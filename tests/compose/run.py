"""`make compose-test`: builds the image, brings the demo up, signs in, syncs, restarts everything, finds it all there.

Uses nothing but Python's own library and Docker with compose. Where the engine has no bridge network (some CI
machines), all services share one network namespace, by one-namespace.yml, and the drive happens inside it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROJECT = f"dminbox-test-{os.getpid()}"
DRIVE = HERE / "drive.py"


def docker(*words: str, stdin: str | None = None, check: bool = True, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("X_")}
    environment |= {"DEMO": "yes"} | extra
    return subprocess.run(
        ["docker", *words], cwd=ROOT, env=environment, input=stdin, text=True, capture_output=True, check=check
    )


def has_bridge() -> bool:
    return "bridge" in docker("network", "ls", "--format", "{{.Driver}}").stdout.split()


class Stack:
    """The compose project under test."""

    def __init__(self) -> None:
        self.is_bridged = has_bridge()
        self.files = ["-f", "docker-compose.yml"]
        if not self.is_bridged:
            self.files += ["-f", str(HERE / "one-namespace.yml")]

    def compose(self, *words: str, profile: str = "demo", **options: object) -> subprocess.CompletedProcess[str]:
        profiles = ["--profile", profile] if profile else []
        return docker("compose", "-p", PROJECT, *self.files, *profiles, *words, **options)  # type: ignore[arg-type]

    def manage(self, *words: str) -> str:
        return self.compose("exec", "-T", "web", "python", "manage.py", *words).stdout.strip()

    def drive(self, *words: str) -> dict[str, object]:
        """Runs drive.py where 127.0.0.1 leads to both the inbox and the local X."""
        if self.is_bridged:
            done = subprocess.run([sys.executable, DRIVE, *words], text=True, capture_output=True, check=False)
        else:
            done = self.compose("exec", "-T", "web", "python", "-", *words, stdin=DRIVE.read_text(), check=False)
        if done.returncode:
            raise SystemExit(f"the drive failed:\n{done.stdout}\n{done.stderr}\n{self.logs()}")
        return json.loads(done.stdout.splitlines()[-1])

    def logs(self) -> str:
        return self.compose("logs", "--tail", "60", check=False).stdout

    def stored(self) -> dict[str, list[int]]:
        """Every event's id by conversation, as the database holds them."""
        return json.loads(self.manage("shell", "--no-imports", "-c", STORED).splitlines()[-1])


def step(words: str) -> None:
    print(f"compose-test [{time.strftime('%H:%M:%S')}]: {words}", flush=True)


def main() -> None:
    stack = Stack()
    try:
        step("building the image")
        stack.compose("build", "--quiet", "xsim")
        if not stack.is_bridged:
            stack.compose("up", "-d", "--wait", "pod")
        step("starting without X's keys is refused with a sentence")
        refused(stack)
        step("bringing everything up with the demo profile")
        stack.compose("up", "-d", "--wait", "--wait-timeout", "180")
        step("making the first owner, connecting the support account, reading 30 days")
        link = stack.manage("setup_link").splitlines()[-1]
        expected = newest_events(stack)
        before = stack.drive("first", link, expected)
        step(f"synced: {before['conversations']} conversations, {len(before['ids'])} events on their first pages")
        step(f"stored: {sum(map(len, stack.stored().values()))} events; waiting for a message that is pushed")
        wait_for_push(stack)
        for service in ("web", "worker", "worker-bulk", "listener", "beat", "xsim"):
            user = stack.compose("exec", "-T", service, "id", "-u").stdout.strip()
            assert user != "0", f"{service} runs as root"
            status = stack.compose("exec", "-T", service, "cat", "/proc/self/status").stdout.split()
            held = [status[status.index(name) + 1] for name in ("CapBnd:", "CapEff:", "NoNewPrivs:")]
            assert held == ["0" * 16, "0" * 16, "1"], f"{service} may do more than it needs: {held}"
        told = stack.compose("exec", "-T", "xsim", "env").stdout
        assert not {"ENV_FILE", "PGPASSWORD", "REDIS_URL"} & set(re.findall(r"^\w+", told, re.M)), told
        answer = stack.compose("exec", "-T", "-e", "REDISCLI_AUTH=", "redis", "redis-cli", "ping").stdout
        assert "NOAUTH" in answer, f"Redis asks for no password: {answer}"
        step("restarting every container")
        kept = stack.stored()
        stack.compose("stop")
        stack.compose("up", "-d", "--wait", "--wait-timeout", "180")
        after = stack.drive("again", before["file"]["path"], expected)
        found = stack.stored()
        missing = {pk: set(ids) - set(found.get(pk, ())) for pk, ids in kept.items()}
        assert not any(missing.values()), f"events are missing after the restart: {missing}"
        assert all(len(ids) == len(set(ids)) for ids in found.values()), "an event is there twice"
        assert after["file"] == before["file"], "a picture is not what it was before the restart"
        step(f"found: {after['conversations']} conversations, {len(after['ids'])} events on their first pages")
        assert after["conversations"] >= before["conversations"], "conversations are missing after the restart"
        assert newest_events(stack), "the local X forgot its world"
        print("1 passed, 0 failed")
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error}\n{error.stdout}\n{error.stderr}\n{stack.logs()}") from None
    except AssertionError as error:
        raise SystemExit(f"{error}\n{stack.logs()}") from None
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)


STORED = """
import json
from conversations.models import DmEvent
found = {}
rows = DmEvent.objects.order_by("conversation", "dm_event_id")
for pk, dm_event_id in rows.values_list("conversation", "dm_event_id"):
    found.setdefault(pk, []).append(dm_event_id)
print(json.dumps(found))
"""

PUSHED = """
from conversations.models import ActivityDelivery
print(ActivityDelivery.objects.filter(source="stream", event_type="dm.received", state="done").count())
"""


def wait_for_push(stack: Stack, seconds: float = 90) -> None:
    """The demo's customers go on writing: one of their messages comes over the stream."""
    deadline = time.monotonic() + seconds
    while int(stack.manage("shell", "--no-imports", "-c", PUSHED).splitlines()[-1]) == 0:
        assert time.monotonic() < deadline, "no message was pushed"
        time.sleep(2)


NEWEST = """
import json, urllib.request
from datetime import datetime, timedelta, timezone
world = json.load(urllib.request.urlopen("http://127.0.0.1:8001/_sim/world"))
people = world["people"].values() if isinstance(world["people"], dict) else world["people"]
ours = next(each["id"] for each in people if each["username"] == "NordlichtHelp")
talks = world["conversations"].values() if isinstance(world["conversations"], dict) else world["conversations"]
mine = {each["id"] for each in talks if ours in each["member_ids"]}
since = (datetime.now(timezone.utc) - timedelta(days=29)).isoformat()
newest = {}
for event in world["events"]:
    shown = event["event_type"] == "MessageCreate" and not event.get("is_hidden") and not event.get("deleted_for")
    if shown and event["dm_conversation_id"] in mine and event["sender_id"] == ours and event["created_at"] > since:
        newest[event["dm_conversation_id"]] = event["id"]
print(",".join(newest.values()))
"""


def newest_events(stack: Stack) -> str:
    """Our own newest message of each conversation of the last 29 days, as the local X itself holds them."""
    found = stack.compose("exec", "-T", "xsim", "python", "-", stdin=NEWEST).stdout.strip()
    assert found.count(",") > 10, f"the local X holds too little: {found!r}"
    return found


def refused(stack: Stack) -> None:
    """Each missing key, without the demo, ends the start with a sentence that names it."""
    key = "A" * 43 + "="
    everything = {"X_CLIENT_ID": "id", "X_CLIENT_SECRET": "secret", "SECRET_KEY": "s" * 50, "ENCRYPTION_KEYS": key}
    passwords = {"POSTGRES_PASSWORD": "p" * 40, "REDIS_PASSWORD": "r" * 40}
    for missing in everything:
        refused_without(stack, missing, everything, "migrate", "python", "manage.py", "check")
    for missing in passwords:
        refused_without(stack, missing, passwords, "keys")


def refused_without(stack: Stack, missing: str, everything: dict[str, str], *service: str) -> None:
    values = everything | {missing: ""}
    given = [word for name, value in values.items() for word in ("-e", f"{name}={value}")]
    run = ["run", "--rm", "--no-deps", "-T", "-e", "DEMO=no", "-e", "ENV_FILE=", *given]
    done = stack.compose(*run, *service, check=False)
    assert done.returncode != 0, f"it started without {missing}"
    assert f"{missing} is missing" in done.stderr + done.stdout, done.stderr


if __name__ == "__main__":
    main()
