"""The webhook proves itself to X, takes what X has signed, once, and refuses and counts everything else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import OperationalError as OperationalDatabaseError
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from kombu.exceptions import OperationalError

from conversations import tasks
from conversations.models import ActivityDelivery, DmEvent, PushState
from conversations.sync import pace, push, subscriptions, webhooks
from conversations.sync.refusals import Refusals, in_a_thread
from tests.conversations.page_support import NOW
from tests.conversations.push_support import said
from tests.conversations.sync_support import OWN, begin, connect, make_reading
from tests.xsim.receiving import signature

pytestmark = [pytest.mark.services, pytest.mark.django_db]
URL = "/x-webhook/"
ROOT = Path(__file__).parent.parent.parent
x_account = pytest.fixture(make_reading)


@pytest.fixture(autouse=True)
def _webhook(settings, waiting, monkeypatch):
    settings.X_PUSH = "webhook"
    monkeypatch.setattr(webhooks, "refusals", Refusals(lambda *timed: waiting.append(timed)))
    PushState.objects.create(pk=1)


@pytest.fixture
def waiting():
    """What is to be written, and in how many seconds."""
    return []


@pytest.fixture
def taken_up(monkeypatch):
    found: list[int] = []
    monkeypatch.setattr(tasks.take_up_activity, "apply_async", lambda args, **_: found.append(*args))
    return found


def body(uuid: str = "-17") -> bytes:
    data = {"event_uuid": uuid, "filter": {"user_id": OWN}, "event_type": "dm.received", "payload": said(1)}
    return json.dumps({"data": data}).encode()


def deliver(client, raw: bytes, signed: str | None = None):
    headers = {} if signed == "" else {"x-twitter-webhooks-signature": signed or signature(raw)}
    return client.post(URL, data=raw, content_type="application/json", headers=headers)


def test_the_secret_is_proved_by_its_signature_over_xs_token(client):
    answer = client.get(URL, {"crc_token": "NGQxZWVmZTYtYjBm"})
    assert answer.json() == {"response_token": signature(b"NGQxZWVmZTYtYjBm")}
    assert PushState.objects.get().webhook_last_crc_at is not None


@pytest.mark.parametrize("token", ["", '{"data": 1}', "a b", "x" * 5000, "é"])
def test_nothing_is_signed_for_who_sends_no_token_of_xs(client, token):
    answer = client.get(URL, {"crc_token": token})
    assert answer.status_code == 400
    assert PushState.objects.get().webhook_bad_crc == 1


@pytest.mark.parametrize("token", ["pay.to/somebody-0", "1783", "null", "A" * 128])
def test_an_answer_to_a_challenge_signs_no_delivery(client, x_account, taken_up, token):
    """Anybody gets it, by asking."""
    signed = client.get(URL, {"crc_token": token}).json()["response_token"]
    assert deliver(client, token.encode(), signed).status_code == 403
    assert not ActivityDelivery.objects.exists()
    assert PushState.objects.get().webhook_unsigned == 1


def test_a_signed_delivery_is_stored_raw_queued_and_taken_up(client, x_account, taken_up):
    assert deliver(client, body()).status_code == 200
    delivery = ActivityDelivery.objects.get()
    assert (taken_up, delivery.state) == ([delivery.pk], ActivityDelivery.State.DUE)
    tasks.take_up_activity(delivery.pk)
    assert DmEvent.objects.get().text == "Hello"
    assert PushState.objects.get().activities == 1


@pytest.mark.parametrize("signed", ["", "sha256=", "sha256=AAAA", "é", signature(body(), "another secret")])
def test_what_x_has_not_signed_is_refused_and_counted(client, x_account, taken_up, signed):
    assert deliver(client, body(), signed or "").status_code == 403
    assert PushState.objects.get().webhook_unsigned == 1
    assert not ActivityDelivery.objects.exists()


@pytest.fixture
def clock(monkeypatch):
    """Stands still until it is shifted."""
    monkeypatch.setattr("conversations.sync.refusals.monotonic", time.time)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


REFUSED = {
    "no signature": ({}, 403),
    "a wrong one": ({"x-twitter-webhooks-signature": "sha256=AAAA"}, 403),
    "too large": ({"content-length": "2000000"}, 413),
}


@pytest.mark.parametrize("how", REFUSED)
def test_however_many_calls_are_refused_the_database_is_told_once_a_second_and_of_each(
    client, clock, waiting, django_assert_num_queries, how
):
    headers, status = REFUSED[how]

    def call():
        return client.post(URL, data=body(), content_type="application/json", headers=headers).status_code

    assert call() == status
    with django_assert_num_queries(0):
        assert {call() for _ in range(20)} == {status}
    [(seconds, write)] = waiting
    clock.shift(seconds)
    assert seconds == 1
    with django_assert_num_queries(1):
        write()
    counted = PushState.objects.get()
    assert counted.webhook_unsigned + counted.webhook_oversized == 21


def test_wrong_challenges_are_written_once_a_second(client, clock, waiting, django_assert_num_queries):
    client.get(URL)
    with django_assert_num_queries(0):
        client.get(URL)
    clock.shift(1)
    client.get(URL)
    assert PushState.objects.get().webhook_bad_crc == 3
    [(_, write)] = waiting
    with django_assert_num_queries(0):
        write()


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_written_by_a_thread_that_leaves_no_connection_behind():
    opened = []

    def write():
        push.count(webhook_unsigned=1)
        opened.append(connections["default"])

    in_a_thread(0, write).join(30)
    assert PushState.objects.get().webhook_unsigned == 1
    assert [one.connection for one in opened] == [None]


def test_challenges_that_anybody_sends_are_noted_once_a_second(client, clock):
    client.get(URL, {"crc_token": "abc"})
    clock.shift(0.5)
    with CaptureQueriesContext(connection) as asked:
        client.get(URL, {"crc_token": "abc"})
    assert [query["sql"].split()[0] for query in asked] == ["SELECT"]
    clock.shift(0.5)
    client.get(URL, {"crc_token": "abc"})
    assert PushState.objects.get().webhook_last_crc_at == NOW + timedelta(seconds=1)


def test_refusals_outlast_a_database_that_is_away(client, clock, monkeypatch):
    def refuse(**_):
        raise OperationalDatabaseError("connection refused")

    with monkeypatch.context() as away:
        away.setattr(push, "count", refuse)
        assert deliver(client, body(), "").status_code == 403
    clock.shift(1)
    deliver(client, body(), "")
    assert PushState.objects.get().webhook_unsigned == 2


def test_a_body_that_was_altered_is_refused(client, x_account, taken_up):
    assert deliver(client, body() + b" ", signature(body())).status_code == 403


def test_a_replayed_delivery_is_answered_and_taken_up_once(client, x_account, taken_up):
    deliver(client, body())
    assert deliver(client, body()).status_code == 200
    assert len(taken_up) == ActivityDelivery.objects.count() == 1
    assert PushState.objects.get().webhook_replayed == 1


def test_what_is_too_large_is_refused_before_it_is_read(client, taken_up, monkeypatch):
    monkeypatch.setattr(webhooks, "LARGEST", 100)
    assert deliver(client, body()).status_code == 413
    assert PushState.objects.get().webhook_oversized == 1


@pytest.mark.parametrize("raw", [b"{no json", b"[]", b'{"data": {}}', b"\xff\x00", b'"null"', b"[" * 100_000])
def test_what_is_signed_and_odd_is_kept_and_answered(client, taken_up, raw):
    assert deliver(client, raw).status_code == 200
    assert ActivityDelivery.objects.get().state == ActivityDelivery.State.ODD
    assert PushState.objects.get().webhook_odd == 1
    assert taken_up == []


@pytest.mark.parametrize("odd", [r'"\u0000"', r'"\ud800"', "NaN", "1e999"])
def test_json_that_no_database_can_hold_is_stored_as_far_as_one_can(client, x_account, taken_up, odd):
    raw = body().replace(b'"payload": {', f'"payload": {{"new": {odd}, '.encode())
    assert deliver(client, raw).status_code == 200
    tasks.take_up_activity(*taken_up)
    assert ActivityDelivery.objects.get().state == ActivityDelivery.State.DONE
    assert PushState.objects.get().webhook_replayed == 0


def test_other_methods_and_an_inbox_without_webhook_are_not_there(client, settings):
    assert client.put(URL).status_code == 405
    settings.X_PUSH = "stream"
    assert client.get(URL, {"crc_token": "abc"}).status_code == 404
    assert deliver(client, body()).status_code == 404


def test_a_broker_that_is_away_loses_nothing(client, x_account, monkeypatch):
    def refuse(*_, **__):
        raise OperationalError("connection refused")

    monkeypatch.setattr(tasks.take_up_activity, "apply_async", refuse)
    assert deliver(client, body()).status_code == 200
    assert len(push.waiting()) == 1


def test_the_web_server_knows_the_broker():
    code = "import dminbox.asgi; from conversations import tasks; print(tasks.take_up_activity.app.main)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["dminbox"]


def test_a_broker_that_refuses_every_connection_holds_up_no_answer():
    code = (
        "import time, dminbox.asgi; from conversations.views import webhook; began = time.monotonic();"
        "webhook._queue(1); print(time.monotonic() - began)"
    )
    with socket.socket() as nobody:  # bound, and not listening: its port refuses
        nobody.bind(("127.0.0.1", 0))
        environment = os.environ | {"REDIS_URL": f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"}
        command = [sys.executable, "-W", "ignore", "-c", code]
        told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert float(told.stdout.split()[-1]) < 1, "kombu would try for six seconds"


def test_an_answer_takes_two_queries(client, x_account, taken_up, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):  # the insert, in its savepoint
        deliver(client, body())


@pytest.mark.django_db(transaction=True)
def test_what_was_subscribed_for_the_stream_comes_by_the_webhook_once_that_is_the_way(xsim, live_server, settings):
    settings.PUBLIC_URL = live_server.url
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    settings.X_PUSH = "stream"
    begin(connect(xsim))
    subscriptions.repair()
    settings.X_PUSH = "webhook"
    for _ in range(2):
        PushState.objects.update(subscriptions_checked_at=None)
        xsim.delete("requests")
        subscriptions.repair()
        listed = xsim.api(xsim.app_token(), "/2/activity/subscriptions").json()["data"]
        assert {row["webhook_id"] for row in listed} == {PushState.objects.get().webhook_id}
    assert not [call for call in xsim.get("requests") if call["method"] == "DELETE"], "they are made anew once"


@pytest.mark.django_db(transaction=True)
def test_our_address_is_registered_and_used_for_what_is_subscribed(xsim, live_server, settings):
    settings.PUBLIC_URL = live_server.url
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    x_account = connect(xsim)
    begin(x_account)
    subscriptions.repair()
    push = PushState.objects.get()
    assert push.webhook_id
    assert push.webhook_is_valid
    assert push.webhook_last_crc_at <= timezone.now()
    assert pace.is_pushed(x_account)
    listed = xsim.api(xsim.app_token(), "/2/activity/subscriptions").json()["data"]
    assert {row["webhook_id"] for row in listed} == {push.webhook_id}
