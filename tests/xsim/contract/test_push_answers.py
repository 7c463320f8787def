"""Subscriptions, webhooks, encrypted conversations and the stream's envelope are what X's contract allows.

The contract says nothing of the payloads of Direct Messages: those are held to the published samples, member by member.
"""

from __future__ import annotations

import copy
import json

import pytest

from tests.xsim.contract.asked import same
from tests.xsim.contract.shapes import unlike
from tests.xsim.contract.worlds import ADA, BEN, CLEO
from tests.xsim.listening import listening
from tests.xsim.openapi import contract
from tests.xsim.receiving import receiving

pytestmark = pytest.mark.contract

SUBSCRIPTIONS = "/2/activity/subscriptions"
ONE = f"{SUBSCRIPTIONS}/{{subscription_id}}"
WEBHOOKS, WEBHOOK = "/2/webhooks", "/2/webhooks/{webhook_id}"
CHATS = "/2/chat/conversations"
PAIR = f"{ADA}:{BEN}"
GROUP = {
    "id": "g1590000000000000777",
    "member_ids": [ADA, BEN, CLEO],
    "admin_ids": [ADA],
    "name": "bm90IGZvciB5b3U=",
    "avatar_path": "/group_avatar/1.jpg",
    "message_ttl_ms": 86_400_000,
    "created_at": "2026-08-01T00:00:00Z",
    "updated_at": "2026-08-19T00:00:00Z",
}
ALL_TYPES = ("dm.received", "dm.sent", "dm.read", "dm.indicate_typing", "chat.received", "chat.sent")


@pytest.fixture
def push_x(small_x, vocabulary):
    """Answers in one of the two versions throughout; Ada is subscribed to everything, and so is the app."""
    older = vocabulary == "tweet"
    small_x.post("settings", {"default_vocabulary": vocabulary, "webhook_answer": "older" if older else "newer"})
    small_x.post("chats", GROUP)
    small_x.post("chat", {"conversation_id": PAIR, "sender_id": BEN})
    return small_x


@pytest.fixture
def ada(push_x):
    return push_x.grant(ADA)["access_token"]


@pytest.fixture
def ask(push_x, judge):
    """Calls as the app unless told otherwise, has the answer judged, gives its body."""
    app = push_x.app_token()

    def call(method, path, template, token=app, **options):
        answer = push_x.api(token, path, method, **options)
        assert answer.status_code == 200, answer.text
        judge.check(template, method, 200, answer.json())
        return answer.json()

    return call


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


def subscribe(ask, token, event_type="dm.received", **members):
    body = {"event_type": event_type, "filter": {"user_id": ADA}, **members}
    return ask("POST", SUBSCRIPTIONS, SUBSCRIPTIONS, token, json=body)["data"]["subscription"]


def test_subscriptions_are_made_listed_changed_and_ended(ask, ada):
    made = [subscribe(ask, ada, kind, tag="inbox") for kind in ALL_TYPES]
    assert ask("GET", SUBSCRIPTIONS, SUBSCRIPTIONS)["data"] == made
    for one in made:
        same(
            "a new subscription",
            one,
            {**one, "event_type": one["event_type"], "filter": {"user_id": ADA}, "tag": "inbox"},
        )
        assert one.keys() == {"subscription_id", "event_type", "filter", "tag", "created_at", "updated_at"}
    path = f"{SUBSCRIPTIONS}/{made[0]['subscription_id']}"
    assert ask("PUT", path, ONE, json={"tag": "new"})["data"]["subscription"]["tag"] == "new"
    assert ask("DELETE", path, ONE)["data"] == {"deleted": True}
    gone = [one["subscription_id"] for one in made[1:3]]
    ask("DELETE", SUBSCRIPTIONS, SUBSCRIPTIONS, params={"ids": ",".join(gone)})
    left = ask("GET", SUBSCRIPTIONS, SUBSCRIPTIONS)["data"]
    assert [one["subscription_id"] for one in left] == [one["subscription_id"] for one in made[3:]]


def test_the_subscription_to_revocations_has_an_empty_filter(push_x, ask):
    body = {"event_type": "oauth.revoke"}
    made = ask("POST", SUBSCRIPTIONS, SUBSCRIPTIONS, json=body)["data"]["subscription"]
    assert made["filter"] == {}
    assert ask("GET", SUBSCRIPTIONS, SUBSCRIPTIONS)["data"] == [made]


def test_ids_that_are_unknown_have_a_word_of_their_own_in_the_newer_version(ask, ada, vocabulary):
    one = subscribe(ask, ada)["subscription_id"]
    answer = ask("DELETE", SUBSCRIPTIONS, SUBSCRIPTIONS, params={"ids": f"{one},7"})
    assert ("errors" in answer) == (vocabulary == "post")
    assert answer["meta"] == {"total_subscriptions": 0}


def test_webhooks_are_registered_listed_checked_replayed_and_ended(push_x, ask, ada, receiver, vocabulary):
    made = ask("POST", WEBHOOKS, WEBHOOKS, json={"url": receiver.url})
    made = made if vocabulary == "tweet" else made["data"]
    assert made == {"id": made["id"], "url": receiver.url, "valid": True, "created_at": "2026-08-20T12:30:00.000Z"}
    assert ask("GET", WEBHOOKS, WEBHOOKS) == {"data": [made], "meta": {"result_count": 1}}
    asked = {"webhook_config.fields": "created_at,id,url,valid"}
    assert ask("GET", WEBHOOKS, WEBHOOKS, params=asked)["data"] == [made]
    assert subscribe(ask, ada, webhook_id=made["id"])["webhook_id"] == made["id"]
    ask("PUT", f"{WEBHOOKS}/{made['id']}", WEBHOOK)
    minutes = {"webhook_id": made["id"], "from_date": "202608200000", "to_date": "202608200001"}
    ask("POST", f"{WEBHOOKS}/replay", f"{WEBHOOKS}/replay", json=minutes)
    assert ask("DELETE", f"{WEBHOOKS}/{made['id']}", WEBHOOK) == {"data": {"deleted": True}}
    assert push_x.get("unknown") == []


def test_no_webhook_at_all_is_answered_as_it_was_seen(ask, payload):
    assert ask("GET", WEBHOOKS, WEBHOOKS) == payload("webhooks-empty-200")


def chats_asked_for(judge):
    names = ("chat_conversation.fields", "expansions", "user.fields")
    return {name: ",".join(judge.parameter(CHATS, "GET", name)) for name in names}


def test_encrypted_conversations_say_all_that_is_asked_for(push_x, ask, ada, judge, vocabulary):
    answer = ask("GET", CHATS, CHATS, ada, params=chats_asked_for(judge))
    pair, group = answer["data"]
    lifetime = {"message_ttl_msec": "86400000"} if vocabulary == "tweet" else {"message_ttl_ms": 86_400_000}
    screens = {"screen_capture_blocking_enabled": False, "screen_capture_detection_enabled": False}
    ids = [ADA, BEN]
    assert pair == {"id": f"{ADA}-{BEN}", "type": "direct", "is_muted": False, "participant_ids": ids, **screens}
    assert group == {
        "id": GROUP["id"],
        "type": "group",
        "is_muted": False,
        "participant_ids": GROUP["member_ids"],
        "member_ids": GROUP["member_ids"],
        "admin_ids": [ADA],
        "group_name": GROUP["name"],
        "group_avatar_url": f"{push_x.url}/group_avatar/1.jpg",
        "created_at": "2026-08-01T00:00:00.000Z",
        "updated_at": "2026-08-19T00:00:00.000Z",
        **lifetime,
        **screens,
    }
    assert {person["id"] for person in answer["includes"]["users"]} == {ADA, BEN, CLEO}
    assert push_x.get("unknown") == []


def test_encrypted_conversations_are_short_by_default_and_come_in_pages(ask, ada):
    first = ask("GET", CHATS, CHATS, ada, params={"max_results": "1"})
    assert [one.keys() for one in first["data"]] == [{"id", "type"}]
    assert first["meta"].keys() == {"result_count", "has_more", "has_message_requests", "next_token"}
    more = {"max_results": "1", "pagination_token": first["meta"]["next_token"]}
    assert ask("GET", CHATS, CHATS, ada, params=more)["meta"]["has_more"] is False


def test_nobody_to_whisper_with_is_answered_without_data(push_x, ask):
    stranger = push_x.grant("77")["access_token"]
    assert ask("GET", CHATS, CHATS, stranger).keys() == {"meta"}


@pytest.fixture
def told(push_x, ada):
    """One event of each kind, as the stream has it: event type -> the whole line."""
    push_x.subscribe(ada, ADA, *ALL_TYPES, tag="inbox")
    push_x.subscribe(push_x.app_token(), None, "oauth.revoke")
    pair = {"dm_conversation_id": f"{BEN}-{ADA}"}
    with listening(push_x) as ear:
        push_x.post(
            "events", [{**pair, "sender_id": BEN, "text": "hello!"}, {**pair, "sender_id": ADA, "text": "yes?"}]
        )
        push_x.post("typing", {"sender_id": BEN, "recipient_id": ADA})
        push_x.post("read", {"reader_id": BEN, "other_id": ADA})
        push_x.post("chat", {"conversation_id": PAIR, "sender_id": BEN})
        push_x.post("chat", {"conversation_id": PAIR, "sender_id": ADA})
        push_x.delete(f"grants?user_id={ADA}")
        lines = [json.loads(ear.line()[0]) for _ in range(7)]
    return {line["data"]["event_type"]: line for line in lines}


def test_the_envelope_of_every_event_is_of_the_contract(told, judge):
    """The payloads of DMs are none of those it lists, and it takes no sign before the uuid: both go out before."""
    assert len(told) == 7
    for line in told.values():
        bare = copy.deepcopy(line)
        del bare["data"]["payload"]
        bare["data"]["event_uuid"] = bare["data"]["event_uuid"].lstrip("-")
        judge.check("/2/activity/stream", "GET", 200, bare)


@pytest.mark.parametrize("kind", ["dm.received", "dm.sent", "chat.received", "chat.sent", "oauth.revoke"])
def test_every_event_has_the_members_of_the_published_one(told, payload, kind):
    assert unlike(told[kind], payload(f"xaa-{kind.replace('.', '-')}")) == []


@pytest.mark.parametrize(
    ("kind", "name", "member"),
    [
        ("dm.read", "aaa-mark-read", "direct_message_mark_read_events"),
        ("dm.indicate_typing", "aaa-indicate-typing", "direct_message_indicate_typing_events"),
    ],
)
def test_typing_and_reading_have_the_members_of_the_older_api(told, payload, kind, name, member):
    """In the newer envelope, with people as the newer API gives them; X has published no sample."""
    said = told[kind]["data"]["payload"]
    assert said.keys() == {member, "users"}
    assert unlike(said[member], payload(name)[member]) == []
    people = payload("xaa-dm-received")["data"]["payload"]["users"]
    assert unlike({"users": said["users"]}, {"users": people}) == []


@pytest.mark.parametrize(
    ("kind", "name"), [("photo", "v11-message-data-photo"), ("animated_gif", "v11-message-data-animated-gif")]
)
def test_media_have_the_members_of_what_was_seen(push_x, ada, payload, kind, name):
    push_x.subscribe(ada, ADA, "dm.received")
    item = next(one for one in push_x.world["media"] if one["type"] == kind)
    link = {"start": 1, "end": 24, "url": "https://t.co/eeeeeeeeee", "expanded_url": "https://x.com/messages/media/1",
            "display_url": "pic.x.com/eeeeeeeeee"}  # fmt: skip
    event = {"dm_conversation_id": f"{BEN}-{ADA}", "sender_id": BEN, "text": " https://t.co/eeeeeeeeee"}
    with listening(push_x) as ear:
        push_x.post("events", {**event, "media_keys": [item["media_key"]], "entities": {"urls": [link]}})
        (said,) = ear.event()["payload"]["direct_message_events"]
    assert unlike(said["message_create"]["message_data"], payload(name)) == []


def test_a_film_has_the_members_of_what_was_seen(push_x, ada, payload):
    push_x.subscribe(ada, ADA, "dm.received")
    item = next(one for one in push_x.world["media"] if one["type"] == "video")
    event = {"dm_conversation_id": f"{BEN}-{ADA}", "sender_id": BEN, "text": "", "media_keys": [item["media_key"]]}
    with listening(push_x) as ear:
        push_x.post("events", event)
        (said,) = ear.event()["payload"]["direct_message_events"]
    info = said["message_create"]["message_data"]["attachment"]["media"]["video_info"]
    (seen,) = payload("v11-direct-message-video-2016")["direct_message"]["entities"]["media"]
    assert unlike({**info, "variants": []}, seen["video_info"]) == []
    seen_variants = {frozenset(one) for one in seen["video_info"]["variants"]}
    assert {frozenset(one) for one in info["variants"]} == seen_variants


REFUSED = {
    "no bearer": (None, 401, "error-401-about-blank"),
    "out of credit": ("app", 402, "error-402-credits-depleted-2026-07"),
}


@pytest.mark.parametrize("why", REFUSED.values(), ids=REFUSED.keys())
def test_the_stream_is_refused_in_the_words_of_the_payloads(push_x, payload, why):
    token, status, name = why
    push_x.post("settings", {"credit_usd": 0.0})
    answer = push_x.api(push_x.app_token() if token else None, "/2/activity/stream")
    assert (answer.status_code, answer.json()) == (status, payload(name))


def test_the_app_alone_is_refused_private_events_in_the_words_of_the_payload(push_x, payload):
    (answer,) = push_x.subscribe(push_x.app_token(), ADA, "dm.received")
    assert (answer.status_code, answer.json()) == (403, payload("error-403-unsupported-authentication"))


def test_subscribing_for_somebody_else_or_without_scope_is_forbidden_in_the_words_of_the_payload(push_x, payload):
    for token, user_id in (
        (push_x.grant(BEN)["access_token"], ADA),
        (push_x.grant(ADA, ["users.read"])["access_token"], ADA),
    ):
        (answer,) = push_x.subscribe(token, user_id, "dm.received")
        assert (answer.status_code, answer.json()) == (403, payload("error-403-about-blank"))


def test_a_window_that_is_used_up_is_said_in_the_words_of_the_payload(push_x, payload):
    push_x.post("settings", {"limits": {"activity_stream": 0, "activity_subscriptions": 0, "webhooks": 0}})
    for path in ("/2/activity/stream", SUBSCRIPTIONS, WEBHOOKS):
        answer = push_x.api(push_x.app_token(), path)
        assert (answer.status_code, answer.json()) == (429, payload("error-429-about-blank"))


SPOILED = {
    "a subscription with a member nobody knows": (SUBSCRIPTIONS, lambda a: a["data"][0].update(status="active")),
    "a subscription whose id is a number": (SUBSCRIPTIONS, lambda a: a["data"][0].update(subscription_id=7)),
    "a filter with a member nobody knows": (SUBSCRIPTIONS, lambda a: a["data"][0]["filter"].update(user="1")),
    "a filter of a number": (SUBSCRIPTIONS, lambda a: a["data"][0]["filter"].update(user_id=7)),
    "a tag of null": (SUBSCRIPTIONS, lambda a: a["data"][0].update(tag=None)),
    "subscriptions as an object": (SUBSCRIPTIONS, lambda a: a.update(data=a["data"][0])),
    "no subscriptions as an empty list": (SUBSCRIPTIONS, lambda a: a.update(data=[])),
    "a webhook with a member nobody knows": (WEBHOOKS, lambda a: a["data"][0].update(secret="x")),
    "a webhook that is valid in words": (WEBHOOKS, lambda a: a["data"][0].update(valid="true")),
    "a webhook without an address": (WEBHOOKS, lambda a: a["data"][0].update(url=None)),
    "a count of webhooks as text": (WEBHOOKS, lambda a: a["meta"].update(result_count="1")),
    "a chat with a member nobody knows": (CHATS, lambda a: a["data"][0].update(text="x")),
    "a chat whose people are one": (CHATS, lambda a: a["data"][1].update(member_ids=ADA)),
    "a chat without people": (CHATS, lambda a: a["data"][1].update(admin_ids=[])),
    "a chat that is muted in words": (CHATS, lambda a: a["data"][0].update(is_muted="no")),
    "more chats in words": (CHATS, lambda a: a["meta"].update(has_more="yes")),
    "a chat of v1.1": (CHATS, lambda a: a["data"][0].update(conversation_id="1-2")),
}


@pytest.mark.parametrize(("path", "spoil"), SPOILED.values(), ids=SPOILED.keys())
def test_a_spoiled_answer_is_refused(ask, ada, judge, receiver, path, spoil):
    subscribe(ask, ada, tag="inbox")
    if path == WEBHOOKS:
        ask("POST", WEBHOOKS, WEBHOOKS, json={"url": receiver.url})
    params = chats_asked_for(judge) if path == CHATS else {}
    answer = ask("GET", path, path, **({"token": ada, "params": params} if path == CHATS else {}))
    before = copy.deepcopy(answer)
    spoil(answer)
    assert answer != before, "this spoils nothing"
    with pytest.raises(AssertionError):
        judge.check(path, "GET", 200, answer)


def message_of(line):
    return line["data"]["payload"]["direct_message_events"][0]


def person_of(line):
    return line["data"]["payload"]["users"][BEN]["data"]


SPOILED_LINES = {
    "an envelope without its uuid": lambda a: a["data"].pop("event_uuid"),
    "an envelope with a member nobody knows": lambda a: a["data"].update(for_user_id=ADA),
    "a uuid as a number": lambda a: a["data"].update(event_uuid=7),
    "a uuid in letters": lambda a: a["data"].update(event_uuid="e4f4d3fc"),
    "a filter without its user": lambda a: a["data"]["filter"].clear(),
    "a message with its conversation, which X does not say": lambda a: message_of(a).update(dm_conversation_id="1-2"),
    "a message without its time": lambda a: message_of(a).pop("created_timestamp"),
    "a time in ISO": lambda a: message_of(a).update(created_timestamp="2026-08-20T12:30:00Z"),
    "a time as a number": lambda a: message_of(a).update(created_timestamp=1784928224372),
    "a message without its recipient": lambda a: message_of(a)["message_create"]["target"].clear(),
    "a message without entities": lambda a: message_of(a)["message_create"]["message_data"].pop("entities"),
    "v2's name for cashtags": lambda a: message_of(a)["message_create"]["message_data"]["entities"].update(cashtags=[]),
    "a person without the level of data": lambda a: a["data"]["payload"]["users"].update({BEN: person_of(a)}),
    "a counter without its twin": lambda a: person_of(a)["public_metrics"].pop("tweet_count_str"),
    "a person without an empty description": lambda a: person_of(a).pop("description"),
    "v1.1's name for a username": lambda a: person_of(a).update(screen_name="ben"),
    "events as an object": lambda a: a["data"]["payload"].update(direct_message_events={}),
    "no people": lambda a: a["data"]["payload"].pop("users"),
}


@pytest.mark.parametrize("spoil", SPOILED_LINES.values(), ids=SPOILED_LINES.keys())
def test_a_spoiled_line_is_refused(told, payload, spoil):
    line = told["dm.received"]
    before = copy.deepcopy(line)
    spoil(line)
    assert line != before, "this spoils nothing"
    assert unlike(line, payload("xaa-dm-received")) != []


@pytest.mark.parametrize("name", ["xaa-dm-received", "xaa-dm-sent", "xaa-chat-received", "xaa-oauth-revoke"])
def test_what_x_published_is_not_refused(contract_dir, payload, name):
    sample = payload(name)
    assert unlike(sample, payload(name)) == []
    del sample["data"]["payload"]
    sample["data"]["event_uuid"] = sample["data"]["event_uuid"].lstrip("-")
    for version in ("2.166", "2.167"):
        contract(str(contract_dir), version).check("/2/activity/stream", "GET", 200, sample)
