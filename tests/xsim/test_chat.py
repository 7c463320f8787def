"""Encrypted conversations: only their own list and chat.received know of them."""

import json

import pytest

from tests.xsim.conftest import ADA, BEN, CLEO, DAN, events, say
from tests.xsim.listening import listening

PATH = "/2/chat/conversations"
PAIR = f"{BEN}:{ADA}"
GROUP = "g1585823815904395264"


def whisper(x, sender_id=BEN, conversation_id=PAIR):
    return x.post("chat", {"conversation_id": conversation_id, "sender_id": sender_id})


@pytest.fixture
def grouped(x):
    """A group that Ada, Ben and Dan are in, and Ben leads."""
    group = {
        "id": GROUP,
        "member_ids": [ADA, BEN, DAN],
        "admin_ids": [BEN],
        "name": "bm90IGZvciB5b3U=",
        "is_muted": True,
        "created_at": "2026-10-01T00:00:00Z",
        "updated_at": "2026-10-30T00:00:00Z",
        "avatar_path": "/g.jpg",
        "message_ttl_ms": 60_000,
    }
    x.post("chats", group)
    return x


def test_an_encrypted_message_makes_a_conversation_that_only_its_list_knows(x, ada):
    x.subscribe(ada, ADA, "chat.received", "dm.received")
    with listening(x) as ear:
        whisper(x)
        told = ear.event()

    assert told["event_type"] == "chat.received"
    assert told["payload"]["conversation_id"] == PAIR
    assert told["payload"]["sender_id"] == BEN
    assert told["payload"]["created_at_msec"] == "1793534400000"
    assert events(x.api(ada, "/2/dm_events")) == []
    assert events(x.api(ada, f"/2/dm_conversations/with/{BEN}/dm_events")) == []
    listed = x.api(ada, PATH).json()
    assert listed["data"] == [{"id": f"{BEN}-{ADA}", "type": "direct"}]
    assert listed["meta"] == {"result_count": 1, "has_more": False, "has_message_requests": False}


def test_a_conversation_that_moved_is_in_both_and_silent_in_one(x, ada):
    say(x, BEN, "see you over there")
    x.post("clock", {"advance": 60})
    whisper(x)

    assert len(events(x.api(ada, "/2/dm_events"))) == 1
    assert len(events(x.api(ada, PATH))) == 1


def test_nobody_else_sees_it(x, ada, ben):
    whisper(x)
    assert len(events(x.api(ben, PATH))) == 1
    nothing = x.api(x.grant(CLEO)["access_token"], PATH)

    assert nothing.json() == {"meta": {"result_count": 0, "has_more": False, "has_message_requests": False}}


def test_what_is_encrypted_says_nothing_of_itself(x, ada):
    x.subscribe(ada, ADA, "chat.received")
    with listening(x) as ear:
        whisper(x)
        payload = ear.event()["payload"]

    assert payload.keys() == {
        "conversation_token",
        "id",
        "created_at_msec",
        "sender_id",
        "conversation_id",
        "conversation_key_version",
        "encoded_event",
        "conversation_key_change_event",
        "message_event_signature",
    }
    assert "text" not in json.dumps(payload)


def test_they_are_listed_page_by_page_newest_first(x, ada):
    for number in range(7):
        x.post("people", {"id": str(700 + number), "username": f"p{number}", "name": "P"})
        whisper(x, str(700 + number), f"{700 + number}:{ADA}")
        x.post("clock", {"advance": number % 2})
    found, token = [], {}
    while True:
        answer = x.api(ada, PATH, params={"max_results": 3, **token}).json()
        found += [one["id"].partition("-")[0] for one in answer["data"]]
        assert answer["meta"]["has_more"] == ("next_token" in answer["meta"])
        if not answer["meta"]["has_more"]:
            break
        token = {"pagination_token": answer["meta"]["next_token"]}

    assert sorted(found) == [str(700 + number) for number in range(7)]
    assert found[0] == "706"
    assert found[-1] == "700"
    assert x.api(ada, PATH, params={"max_results": 101}).status_code == 400


def test_ten_are_listed_unless_more_are_asked_for(x, ada):
    for number in range(12):
        x.post(
            "chats",
            {
                "id": f"{800 + number}:{ADA}",
                "member_ids": [ADA, str(800 + number)],
                "created_at": "2026-10-01T00:00:00Z",
                "updated_at": f"2026-10-{10 + number}T00:00:00Z",
            },
        )

    assert x.api(ada, PATH).json()["meta"]["result_count"] == 10
    assert x.api(ada, PATH, params={"max_results": 100}).json()["meta"]["result_count"] == 12


def test_people_are_expanded_and_charged(grouped, ada):
    whisper(grouped)
    answer = grouped.api(ada, PATH, params={"expansions": "participant_ids", "user.fields": "name"}).json()

    assert {person["id"] for person in answer["includes"]["users"]} == {ADA, BEN, DAN}
    assert grouped.get("meter")["today"]["users"] == 3


def test_a_group_says_more_in_either_vocabulary(grouped, ada):
    asked = "id,type,group_name,group_avatar_url,created_at,updated_at,is_muted,"
    older = grouped.api(ada, PATH, params={"chat_conversation.fields": asked + "message_ttl_msec,admin_ids"}).json()
    newer = grouped.api(
        ada,
        PATH,
        params={"chat_conversation.fields": asked + "message_ttl_ms", "expansions": "admin_ids,member_ids"},
    ).json()

    assert older["data"] == [
        {
            "id": GROUP,
            "type": "group",
            "group_name": "bm90IGZvciB5b3U=",
            "group_avatar_url": f"{grouped.url}/g.jpg",
            "created_at": "2026-10-01T00:00:00.000Z",
            "updated_at": "2026-10-30T00:00:00.000Z",
            "is_muted": True,
            "message_ttl_msec": "60000",
            "admin_ids": [BEN],
        }
    ]
    assert newer["data"][0]["message_ttl_ms"] == 60_000
    assert newer["data"][0]["member_ids"] == [ADA, BEN, DAN]


def test_each_member_of_a_group_is_told(grouped, ada):
    grouped.subscribe(ada, ADA, "chat.received", "chat.sent")
    dan = grouped.grant(DAN)["access_token"]
    grouped.subscribe(dan, DAN, "chat.received")
    whisper(grouped, ADA, GROUP)

    told = [(push["event_type"], push["user_id"]) for push in grouped.get("activity")]
    assert told == [("chat.sent", ADA), ("chat.received", DAN)]


def test_requests_are_not_listed_but_said_to_be_there(x, ada):
    x.post(
        "chats",
        {
            "id": f"{CLEO}:{ADA}",
            "member_ids": [CLEO, ADA],
            "is_request": True,
            "created_at": "2026-10-01T00:00:00Z",
            "updated_at": "2026-10-01T00:00:00Z",
        },
    )

    assert x.api(ada, PATH).json() == {"meta": {"result_count": 0, "has_more": False, "has_message_requests": True}}


def test_it_needs_the_scopes_and_a_user(x):
    assert x.api(x.app_token(), PATH).status_code == 403
    assert x.api(x.grant(ADA, ["dm.read"])["access_token"], PATH).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"conversation_id": "g7x", "sender_id": ADA},
        {"conversation_id": PAIR, "sender_id": CLEO},
        {"conversation_id": f"{ADA}-{BEN}", "sender_id": ADA},
        {"sender_id": ADA},
    ],
)
def test_a_chat_that_cannot_be_is_refused(x, body):
    assert x.api(None, "/_sim/chat", "POST", json=body).status_code == 400


def test_it_goes_with_the_world(grouped):
    world = grouped.get("world")
    grouped.post("world", {})
    grouped.post("world", world)

    assert grouped.get("world") == world
    assert list(world["chats"]) == [GROUP]
