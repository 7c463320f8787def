"""The activity stream, subscriptions, webhooks and X Chat between the client and the local X, over real HTTP."""

import time
from datetime import UTC, datetime

import pytest

from dminbox.xapi import errors
from dminbox.xapi.activity import encrypted_message, messages, read_receipts, revoked_user_id, typings
from dminbox.xapi.app import XApp
from dminbox.xapi.client import XClient
from dminbox.xapi.stream import CUT, NO_JSON, TOO_LONG, OddLine
from dminbox.xapi.webhook import is_signed
from tests.xsim.receiving import receiving
from tests.xsim_server import start_xsim

ADA, BEN = "1590000000000000001", "1590000000000000002"
KEY, SECRET = "dminbox-demo-key", "dminbox-demo-consumer-secret"
KINDS = ("dm.received", "dm.sent", "dm.read", "dm.indicate_typing", "chat.received")
PATIENCE = 10


@pytest.fixture(scope="module")
def server():
    with start_xsim() as x:
        yield x


@pytest.fixture
def x(server):
    server.reset()
    server.post(
        "people",
        [
            {"id": ADA, "username": "ada_lamps", "name": "Ada", "is_persona": True},
            {"id": BEN, "username": "ben", "name": "Ben", "is_persona": True},
        ],
    )
    server.post("settings", {"dm_get_limit": 1000})
    yield server
    assert server.get("unknown") == []


@pytest.fixture
def app(x):
    with XApp(KEY, SECRET, api_url=x.url, allow_http=True) as made:
        yield made


@pytest.fixture
def ada(x):
    with XClient(x.grant(ADA)["access_token"], api_url=x.url, allow_http=True) as made:
        yield made


@pytest.fixture
def subscribed(ada):
    for kind in KINDS:
        ada.create_subscription(kind, ADA, tag="dminbox")


def say(x, text="Guten Tag", sender=BEN):
    return x.post("events", {"dm_conversation_id": f"{ADA}-{BEN}", "sender_id": sender, "text": text})[0]


def heard(stream, *event_types):
    """One activity of each of these kinds, by kind."""
    found = {}
    for line in stream:
        if line and not isinstance(line, OddLine):
            found[line.event_type] = line
        if found.keys() >= set(event_types):
            return found
    return found


def test_everything_that_happens_comes_over_the_stream(x, app, subscribed):
    app.create_subscription("oauth.revoke", tag="dminbox")
    with app.stream(silence_seconds=PATIENCE) as stream:
        received, sent = say(x), say(x, "Hello Ben", sender=ADA)
        x.post("typing", {"sender_id": BEN, "recipient_id": ADA})
        x.post("read", {"reader_id": BEN, "other_id": ADA})
        x.post("chat", {"conversation_id": f"{BEN}:{ADA}", "sender_id": BEN})
        x.delete(f"grants?user_id={ADA}")
        told = heard(stream, *KINDS, "oauth.revoke")
    for kind, event in (("dm.received", received), ("dm.sent", sent)):
        (message,) = messages(told[kind]).events
        assert (message.id, message.text, message.sender_id) == (event["id"], event["text"], event["sender_id"])
        assert message.dm_conversation_id == f"{ADA}-{BEN}"
    (receipt,), (typing,) = read_receipts(told["dm.read"]), typings(told["dm.indicate_typing"])
    assert (receipt.reader_id, receipt.other_id, receipt.last_read_event_id) == (BEN, ADA, sent["id"])
    assert (typing.sender_id, typing.recipient_id) == (BEN, ADA)
    assert encrypted_message(told["chat.received"]).conversation_id == f"{ADA}-{BEN}"
    assert revoked_user_id(told["oauth.revoke"]) == ADA


def test_a_pushed_message_is_what_a_read_gives(x, app, ada, subscribed):
    with app.stream(silence_seconds=PATIENCE) as stream:
        say(x, "Look at #lamps")
        pushed = messages(heard(stream, "dm.received")["dm.received"])
    read = ada.dm_events().value
    for name in ("id", "event_type", "text", "dm_conversation_id", "sender_id", "entities", "media_keys"):
        assert getattr(pushed.events[0], name) == getattr(read.events[0], name)
    assert pushed.events[0].created_at.replace(microsecond=0) == read.events[0].created_at


def test_a_message_is_heard_in_a_fraction_of_a_second(x, app, subscribed):
    waits = []
    with app.stream(silence_seconds=PATIENCE) as stream:
        for number in range(10):
            said = say(x, str(number))
            line = next(line for line in stream if line)
            waits.append(time.time() - x.get("activity")[-1]["pushed_at"])
            assert messages(line).events[0].id == said["id"]
    assert min(waits) < 0.1


def test_what_was_missed_is_given_again(x, app, subscribed):
    with app.stream(silence_seconds=PATIENCE) as stream:
        said = say(x)
        heard(stream, "dm.received")
    with app.stream(5, silence_seconds=PATIENCE) as stream:
        assert messages(heard(stream, "dm.received")["dm.received"]).events[0].id == said["id"]


def test_garbage_and_huge_lines_leave_the_stream_open_and_a_cut_ends_it(x, app, subscribed):
    with app.stream(silence_seconds=PATIENCE) as stream:
        x.post("stream", {"garbage": "<html>", "huge_line_bytes": 10_000_000})
        say(x)
        lines = iter(stream)
        odd = [next(lines), next(lines)]
        assert {line.reason for line in odd} == {NO_JSON, TOO_LONG}
        assert next(lines).event_type == "dm.received"
        x.post("stream", {"cut_mid_line": True})
        say(x)
        assert next(lines).reason == CUT
        with pytest.raises(errors.StreamEnded):
            next(lines)


def test_silence_is_noticed_and_keep_alives_are_not_silence(x, app):
    x.post("settings", {"keep_alive_seconds": 0.05})
    with app.stream(silence_seconds=1) as stream:
        lines = iter(stream)
        assert [next(lines) for _ in range(3)] == [None] * 3
        x.post("stream", {"pause_keep_alives": True})
        with pytest.raises(errors.StreamSilent):
            list(lines)


def test_a_third_stream_is_told_that_the_others_are_open(x, app):
    with app.stream(), app.stream(), pytest.raises(errors.StreamTaken), app.stream():
        pass


def test_without_credit_no_stream_opens(x, app):
    x.post("settings", {"credit_usd": 0})
    with pytest.raises(errors.NoCredit):
        app.stream().__enter__()


def test_a_wrong_consumer_secret_is_the_operators_to_mend(x):
    with XApp(KEY, "wrong", api_url=x.url, allow_http=True) as app, pytest.raises(errors.OperatorMustAct) as caught:
        app.subscriptions()
    assert "X_CONSUMER_SECRET" in caught.value.hint


def test_a_bearer_that_died_is_renewed(x, app):
    app.subscriptions()
    x.delete("app_bearer")
    assert app.subscriptions() == ()


@pytest.mark.parametrize("form", ["nested", "flat", "list", "empty"])
def test_subscriptions_are_made_listed_and_ended_in_every_form(x, app, ada, form):
    x.post("settings", {"subscription_answer": form})
    made = ada.create_subscription("dm.received", ADA, tag="dminbox").value
    assert (made is None) == (form == "empty")
    assert ada.create_subscription("dm.received", ADA, tag="dminbox").value is None
    app.create_subscription("oauth.revoke", tag="dminbox")
    listed = app.subscriptions()
    assert {(one.event_type, one.user_id, one.tag) for one in listed} == {
        ("dm.received", ADA, "dminbox"),
        ("oauth.revoke", None, "dminbox"),
    }
    for one in listed:
        app.delete_subscription(one.id)
    assert app.subscriptions() == ()
    with pytest.raises(errors.NotThere):
        app.delete_subscription(listed[0].id)


def test_the_cap_of_subscriptions_has_an_error_of_its_own(x, ada):
    x.post("settings", {"subscription_cap": 1})
    ada.create_subscription("dm.received", ADA, tag="dminbox")
    with pytest.raises(errors.SubscriptionCap):
        ada.create_subscription("dm.sent", ADA, tag="dminbox")


@pytest.mark.parametrize("answer", ["newer", "older"])
def test_a_webhook_is_registered_used_replayed_and_ended(x, app, ada, answer):
    x.post("settings", {"webhook_answer": answer})
    began = datetime.now(UTC)
    with receiving() as ours:
        made = app.register_webhook(ours.url)
        assert (made.url, made.is_valid, app.webhooks()[0].id) == (ours.url, True, made.id)
        ada.create_subscription("dm.received", ADA, tag="dminbox", webhook_id=made.id)
        said = say(x)
        headers, raw = ours.post()
        assert is_signed(SECRET, raw, {name.lower(): value for name, value in headers.items()}[SIGNATURE])
        assert said["id"].encode() in raw
        assert app.revalidate_webhook(made.id) is True
        assert app.replay_webhook(made.id, began, datetime.now(UTC)).id
        assert ours.post()[1] == raw
        app.delete_webhook(made.id)
    assert app.webhooks() == ()


SIGNATURE = "x-twitter-webhooks-signature"


def test_a_webhook_that_answers_the_challenge_wrongly_is_the_operators_to_mend(x, app):
    with receiving() as ours:
        ours.secret = "another"
        with pytest.raises(errors.OperatorMustAct) as caught:
            app.register_webhook(ours.url)
    assert "X_CONSUMER_SECRET" in caught.value.hint


@pytest.mark.parametrize("vocabulary", ["tweet", "post"])
def test_encrypted_conversations_are_listed(x, vocabulary):
    x.post("chat", {"conversation_id": f"{BEN}:{ADA}", "sender_id": BEN})
    with XClient(x.grant(ADA)["access_token"], api_url=x.url, allow_http=True, vocabulary=vocabulary) as ada:
        page = ada.chat_conversations().value
        assert [one.id for one in page.conversations] == [f"{ADA}-{BEN}"]
        assert (page.odd, page.includes.users, page.next_token) == ((), (), None)
        assert ada.chat_conversations(expand_users=True).billed.users == 2
