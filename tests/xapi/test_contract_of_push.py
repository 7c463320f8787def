"""What we ask of X's Activity API, webhooks and X Chat is allowed by its contract; what X really pushed is read."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from dminbox.xapi import errors
from dminbox.xapi.activity import encrypted_message, messages, parse_activity, read_receipts, revoked_user_id, typings
from dminbox.xapi.app import XApp
from tests.xapi.support import ADA, API, CLEO, client, payload
from tests.xapi.test_contract import SPECS, assert_takes, check, names, real, resolve

pytestmark = pytest.mark.contract

WEBHOOK = "2080000000000000301"
NOW = datetime(2026, 7, 24, tzinfo=UTC)
POST_SPEC = SPECS["post"]
CALLS = {
    ("get", "/2/activity/subscriptions"): lambda app: app.subscriptions(),
    ("post", "/2/activity/subscriptions"): lambda app: app.create_subscription(
        "dm.received", ADA, tag="dminbox", webhook_id=WEBHOOK
    ),
    ("delete", "/2/activity/subscriptions/{subscription_id}"): lambda app: app.delete_subscription("2"),
    ("get", "/2/activity/stream"): lambda app: app.stream(5).__enter__(),
    ("get", "/2/webhooks"): lambda app: app.webhooks(),
    ("post", "/2/webhooks"): lambda app: app.register_webhook("https://inbox.nordlicht.example/x/webhook/"),
    ("put", "/2/webhooks/{webhook_id}"): lambda app: app.revalidate_webhook(WEBHOOK),
    ("delete", "/2/webhooks/{webhook_id}"): lambda app: app.delete_webhook(WEBHOOK),
    ("post", "/2/webhooks/replay"): lambda app: app.replay_webhook(WEBHOOK, NOW, NOW),
    ("get", "/2/chat/conversations"): lambda _: client(vocabulary="post").chat_conversations(
        pagination_token="x" * 16, expand_users=True
    ),
}


def request_of(method, path, call):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as x:
        x.add("POST", f"{API}/oauth2/token", json=payload("app-bearer"))
        x.add(method.upper(), re.compile(re.escape(API) + ".*"), status=404)
        with XApp("key", "secret") as app, pytest.raises(errors.NotThere):
            call(app)
        return x.calls[-1].request


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_what_we_ask_is_what_x_documents(method, path):
    operation = POST_SPEC["paths"][path][method]
    request = request_of(method, path, CALLS[method, path])
    asked = urlsplit(request.url)
    assert re.fullmatch(re.sub(r"\{\w+\}", "[0-9]{1,19}", path), asked.path)
    parameters = [resolve(POST_SPEC, parameter) for parameter in operation.get("parameters") or []]
    known = {one["name"]: resolve(POST_SPEC, one["schema"]) for one in parameters if one["in"] == "query"}
    for name, (value,) in parse_qs(asked.query).items():
        check(POST_SPEC, known[name], value)
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert_takes(POST_SPEC, schema, json.loads(request.body))


def test_the_older_contract_takes_our_chat_fields_too():
    with responses.RequestsMock() as x:
        x.add("GET", f"{API}/2/chat/conversations", json={"meta": {}})
        client().chat_conversations(expand_users=True)
        query = parse_qs(urlsplit(x.calls[0].request.url).query)
    parameters = [
        resolve(SPECS["tweet"], one) for one in SPECS["tweet"]["paths"]["/2/chat/conversations"]["get"]["parameters"]
    ]
    known = {one["name"]: resolve(SPECS["tweet"], one["schema"]) for one in parameters}
    for name, (value,) in query.items():
        check(SPECS["tweet"], known[name], value)


@pytest.mark.parametrize("kind", ["dm.received", "dm.sent", "dm.read", "dm.indicate_typing", "chat.received"])
def test_the_kinds_we_subscribe_to_are_in_the_contract(kind):
    for spec in SPECS.values():
        body = resolve(
            spec,
            spec["paths"]["/2/activity/subscriptions"]["post"]["requestBody"]["content"]["application/json"]["schema"],
        )
        assert kind in body["properties"]["event_type"]["enum"]


def pushed(name):
    return parse_activity(real(name))


@pytest.mark.parametrize("name", ["xaa-dm-received.json", "xaa-dm-sent.json"])
def test_real_messages_are_read(name):
    raw = real(name)["data"]
    page = messages(pushed(name))
    (event,), (told,) = page.events, raw["payload"]["direct_message_events"]
    said = told["message_create"]
    assert (event.id, event.raw, event.sender_id) == (told["id"], told, said["sender_id"])
    assert event.text == said["message_data"]["text"]
    ids = sorted([said["sender_id"], said["target"]["recipient_id"]], key=int)
    assert event.dm_conversation_id == "-".join(ids)
    assert int(event.created_at.timestamp() * 1000) == int(told["created_timestamp"])
    assert {user.id: user.raw for user in page.includes.users} == {
        key: user["data"] for key, user in raw["payload"]["users"].items()
    }
    assert page.odd == page.includes.odd == ()


@pytest.mark.parametrize("name", names("xaa-*.json"))
def test_real_envelopes_are_read(name):
    raw = real(name)
    told = parse_activity(raw)
    data = raw["data"]
    assert (told.event_uuid, told.event_type) == (data["event_uuid"], data["event_type"])
    assert (told.tag, told.payload, told.raw) == (data.get("tag"), data["payload"], raw)
    assert told.user_id == "1111111111111111111"


@pytest.mark.parametrize("name", ["xaa-chat-received.json", "xaa-chat-sent.json"])
def test_real_notices_of_encrypted_messages_are_read(name):
    payload = real(name)["data"]["payload"]
    told = encrypted_message(pushed(name))
    assert (told.id, told.sender_id) == (payload["id"], payload["sender_id"])
    assert told.conversation_id == "1111111111111111111-2222222222222222222"
    assert int(told.at.timestamp() * 1000) == int(payload["created_at_msec"])


def test_real_revocations_are_read():
    assert revoked_user_id(pushed("xaa-oauth-revoke.json")) == "1111111111111111111"
    assert revoked_user_id(older("aaa-user-event-revoke.json")) == "63046977"


def older(name):
    """A payload of the older Account Activity API, in the envelope of today's."""
    return wrapped(real(name))


def wrapped(inner):
    return parse_activity(
        {"data": {"event_uuid": "-1", "event_type": "x", "filter": {"user_id": "1"}, "payload": inner}}
    )


@pytest.mark.parametrize("name", names("aaa-direct-message-*.json"))
def test_messages_of_the_older_api_are_read(name):
    raw = real(name)
    page = messages(older(name))
    assert [event.raw for event in page.events] == raw["direct_message_events"]
    assert {user.id: user.username for user in page.includes.users} == {
        key: user["screen_name"] for key, user in raw["users"].items()
    }
    assert page.odd == page.includes.odd == ()


def test_receipts_and_typing_of_the_older_api_are_read():
    (receipt,) = read_receipts(older("aaa-mark-read.json"))
    assert (receipt.reader_id, receipt.other_id) == ("199566737", "3001969357")
    assert receipt.last_read_event_id == "963085315333238788"
    (typing,) = typings(older("aaa-indicate-typing.json"))
    assert (typing.sender_id, typing.recipient_id) == ("3284025577", "3001969357")
    assert typing.at == datetime(2018, 2, 8, 21, 59, 43, 443000, tzinfo=UTC)


def with_data(data):
    event = {
        "type": "message_create",
        "id": "1",
        "created_timestamp": "1579966202136",
        "message_create": {"target": {"recipient_id": ADA}, "sender_id": CLEO, "message_data": data},
    }
    return messages(wrapped({"direct_message_events": [event]}))


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [
        ("v11-message-data-photo.json", "photo", (1080, 1080)),
        ("v11-message-data-animated-gif.json", "animated_gif", (262, 200)),
    ],
)
def test_real_attachments_are_read(name, kind, size):
    raw = real(name)
    page = with_data(raw)
    (event,), (media,) = page.events, page.includes.media
    theirs = raw["attachment"]["media"]
    assert (media.type, media.width, media.height) == (kind, *size)
    assert media.media_key == event.media_keys[0] == f"push_{theirs['id_str']}"
    assert theirs["media_url_https"] in (media.url, media.preview_image_url)
    assert len(media.variants) == len(theirs.get("video_info", {}).get("variants", []))
    (url,) = event.entities["urls"]
    assert event.text[url["start"] : url["end"]] == url["url"] == theirs["url"]


def test_a_real_video_is_read():
    theirs = real("v11-direct-message-video-2016.json")["direct_message"]["entities"]["media"][0]
    (media,) = with_data({"text": "", "attachment": {"type": "media", "media": theirs}}).includes.media
    assert media.media_key == "push_762671519986319360"  # not the number, which lost its last digits
    assert (media.duration_ms, media.width, media.height, len(media.variants)) == (1291, 720, 1280, 5)
    assert [variant.bit_rate for variant in media.variants] == [320000, 2176000, None, None, 832000]


def test_other_real_messages_of_version_1_1_are_read():
    photo = real("v11-event-photo-with-cta-buttons.json")
    page = messages(wrapped({"direct_message_events": [photo]}))
    assert (len(page.events), len(page.includes.media), page.odd) == (1, 1, ())
    assert page.events[0].raw["message_create"]["message_data"]["ctas"]
    listed = real("v11-dm-list.json")["events"]
    assert len(messages(wrapped({"direct_message_events": listed})).events) == len(listed)


def test_a_real_empty_list_of_webhooks_is_read():
    with responses.RequestsMock() as x, XApp("key", "secret") as app:
        x.add("POST", f"{API}/oauth2/token", json=payload("app-bearer"))
        x.add("GET", f"{API}/2/webhooks", json=real("webhooks-empty-200.json"))
        assert app.webhooks() == ()


def test_no_payload_of_push_is_left_out():
    read = {*names("xaa-*"), *names("aaa-direct-message-*"), "aaa-indicate-typing.json", "aaa-mark-read.json"}
    assert {*names("xaa-*"), *names("aaa-*")} == {*read, "aaa-user-event-revoke.json"}
    used = Path(__file__).read_text()
    assert all(name in used for name in names("v11-*"))
