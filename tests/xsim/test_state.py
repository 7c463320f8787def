"""The state file keeps world, grants, meter and clock over restarts, also over a kill."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.xsim.conftest import ADA, BEN, texts
from tests.xsim.receiving import receiving
from tests.xsim_server import ROOT, start_xsim

PEOPLE = [{"id": ADA, "username": "ada", "name": "Ada"}, {"id": BEN, "username": "ben", "name": "Ben"}]
CHATS = "/2/chat/conversations"
HERE = f"/2/dm_conversations/with/{BEN}/messages"


def test_everything_is_there_after_a_restart(tmp_path):
    file = tmp_path / "x.json"
    with start_xsim(state=file) as server:
        server.post("people", PEOPLE)
        server.post("clock", {"advance": 86_400})
        server.post("settings", {"dm_get_limit": 7})
        pair = server.grant(ADA)
        server.api(pair["access_token"], HERE, "POST", json={"text": "hi"})
        server.api(pair["access_token"], "/2/dm_events")
        before = server.get("world"), server.get("meter")["today"], server.get("clock")["offset_seconds"]

    with start_xsim(state=file, world="demo") as server:
        after = server.get("world"), server.get("meter")["today"], server.get("clock")["offset_seconds"]
        assert after == before
        answer = server.api(pair["access_token"], "/2/dm_events")
        assert texts(answer) == ["hi"]
        assert answer.headers["x-rate-limit-limit"] == "7"
        assert server.get("meter")["today"]["usd"] == before[1]["usd"]
        form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
        client = ("dminbox-demo", "dminbox-demo-secret")
        assert server.api(None, "/2/oauth2/token", "POST", data=form, auth=client).status_code == 200


def test_who_is_told_of_what_is_there_after_a_restart(tmp_path):
    file = tmp_path / "x.json"
    with receiving() as receiver:
        with start_xsim(state=file) as server:
            server.post("people", PEOPLE)
            token, app = server.grant(ADA)["access_token"], server.app_token()
            webhook = server.api(app, "/2/webhooks", "POST", json={"url": receiver.url}).json()["data"]
            server.subscribe(token, ADA, "dm.received", tag="mine", webhook_id=webhook["id"])
            server.post("chat", {"conversation_id": f"{BEN}:{ADA}", "sender_id": BEN})
            server.post("read", {"reader_id": BEN, "other_id": ADA, "last_read_event_id": "7"})
            soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
            said = {"dm_conversation_id": f"{ADA}-{BEN}", "sender_id": BEN, "text": "seen later", "visible_at": soon}
            server.post("events", said)
            before = server.api(app, "/2/activity/subscriptions").json(), server.api(token, CHATS).json()

        with start_xsim(state=file) as server:
            after = server.api(app, "/2/activity/subscriptions").json(), server.api(token, CHATS).json()
            assert after == before
            assert server.api(app, "/2/webhooks").json()["data"] == [webhook]
            told = receiver.event()
            assert (told["event_type"], told["tag"]) == ("dm.received", "mine")
            assert server.app_token() == app


def test_a_state_of_before_there_was_any_push_is_read(tmp_path):
    file = tmp_path / "x.json"
    with start_xsim(state=file) as server:
        server.post("people", PEOPLE)
    state = json.loads(file.read_text())
    for name in ("push", "app_bearer", "now"):
        del state[name]
    del state["world"]["chats"]
    for name in ("consumer_key", "push_delay", "subscription_cap"):
        del state["settings"][name]
    file.write_text(json.dumps(state))

    with start_xsim(state=file) as server:
        assert set(server.get("world")["people"]) == {ADA, BEN}
        assert server.app_token()


def test_a_kill_loses_a_second_at_most(tmp_path):
    file = tmp_path / "x.json"
    with start_xsim(state=file) as server:
        server.post("people", PEOPLE)
        token = server.grant(ADA)["access_token"]
        server.api(token, HERE, "POST", json={"text": "kept"})
        deadline = time.monotonic() + 10
        while "kept" not in file.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.process.kill()
        server.process.wait()

    with start_xsim(state=file) as server:
        assert texts(server.api(token, "/2/dm_events")) == ["kept"]


@pytest.mark.parametrize("content", ["{}", "nonsense", '{"version": 99}'])
def test_a_file_that_is_no_state_stops_the_start_with_a_sentence(tmp_path, content):
    file = tmp_path / "x.json"
    file.write_text(content)
    command = [sys.executable, "-m", "dminbox.xsim", "--state", str(file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)

    assert ended.returncode == 1
    assert ended.stderr.startswith("local X: ")
    assert "Traceback" not in ended.stderr
    assert file.read_text() == content


def test_a_world_can_be_given_as_a_file_and_the_port_written_to_one(tmp_path):
    world = tmp_path / "world.json"
    world.write_text(json.dumps({"people": PEOPLE}))

    with start_xsim(world=str(world), port_file=tmp_path / "port") as server:
        assert set(server.get("world")["people"]) == {ADA, BEN}
        assert server.url.endswith(f":{(tmp_path / 'port').read_text()}")
