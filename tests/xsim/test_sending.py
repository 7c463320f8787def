"""Sending and deleting as X does it."""

import pytest

from tests.xsim.conftest import ADA, BEN, CLEO, DAN, texts

EVERYTHING = "id,text,created_at,sender_id,attachments,referenced_tweets,entities,participant_ids,dm_conversation_id"
NO_PERMISSION = "You do not have permission to DM one or more participants."


def send(x, bearer, to=BEN, **body):
    return x.api(bearer, f"/2/dm_conversations/with/{to}/messages", "POST", json=body)


def newest(x, bearer):
    return x.api(bearer, "/2/dm_events", params={"dm_event.fields": EVERYTHING, "max_results": 1}).json()["data"][0]


def test_a_message_makes_the_conversation_and_both_see_it(x, ada, ben):
    answer = send(x, ada, text="hello")

    assert answer.status_code == 201
    event_id = answer.json()["data"]["dm_event_id"]
    assert answer.json() == {"data": {"dm_conversation_id": f"{ADA}-{BEN}", "dm_event_id": event_id}}
    assert answer.headers["location"] == f'{x.url}/2/dm_events/"{event_id}"'
    event = newest(x, ben)
    assert (event["id"], event["text"], event["sender_id"]) == (event_id, "hello", ADA)
    assert event["created_at"] == "2026-11-01T12:00:00.000Z"


def test_the_smaller_id_comes_first_compared_as_numbers(x, ada):
    assert send(x, ada, to=DAN, text="hi").json()["data"]["dm_conversation_id"] == f"{DAN}-{ADA}"


def test_a_message_goes_into_a_conversation_by_its_id(x, ada, ben):
    path = f"/2/dm_conversations/{ADA}-{BEN}/messages"

    assert x.api(ada, path, "POST", json={"text": "one"}).status_code == 201
    assert x.api(ben, path, "POST", json={"text": "two"}).status_code == 201
    assert texts(x.api(ada, "/2/dm_events")) == ["two", "one"]


def test_each_group_is_a_new_one_and_its_join_is_never_shown(x, ada, ben):
    body = {"conversation_type": "Group", "participant_ids": [BEN, CLEO], "message": {"text": "hi both"}}
    first, second = (x.api(ada, "/2/dm_conversations", "POST", json=body).json()["data"] for _ in range(2))

    assert first["dm_conversation_id"] != second["dm_conversation_id"]
    assert int(first["dm_event_id"]) == int(first["dm_conversation_id"]) + 4
    path = f"/2/dm_conversations/{first['dm_conversation_id']}/"
    assert texts(x.api(ben, path + "dm_events")) == ["hi both"]
    assert x.api(ben, path + "messages", "POST", json={"text": "hi Ada"}).status_code == 201
    assert texts(x.api(ada, path + "dm_events")) == ["hi Ada", "hi both"]
    dan = x.grant(DAN)["access_token"]
    assert x.api(dan, path + "messages", "POST", json={"text": "hi"}).status_code == 403


def test_text_comes_back_escaped_with_links_wrapped_and_entities_beside(x, ada):
    shared = {"id": "2050000000000000001", "author_id": CLEO, "text": "s", "created_at": "2026-10-01T10:00:00Z"}
    x.post("posts", shared)
    links = "https://lamps.example/a?b=1&c=2, https://x.com/cleo/status/2050000000000000001"
    send(x, ada, text=f"👋🏽 <see> {links} #oak @ben $LAMP")
    event = newest(x, ada)

    first, second = event["urls"]
    wrapped = f"{first['url']}, {second['url']}"
    wrapped = f"{first['url']}, {second['url']}"
    assert event["text"] == f"👋🏽 &lt;see&gt; {wrapped} #oak @ben $LAMP"
    for url in (first, second):
        assert event["text"][url["start"] : url["end"]] == url["url"]
        assert url["url"].startswith("https://t.co/")
        assert len(url["url"]) == 23
    assert first["expanded_url"] == "https://lamps.example/a?b=1&c=2"
    assert first["display_url"] == "lamps.example/a?b=1&c=2"
    assert event["referenced_tweets"] == [{"id": "2050000000000000001"}]
    assert [event["text"][one["start"] : one["end"]] for one in event["hashtags"]] == ["#oak"]
    assert event["mentions"][0]["id"] == BEN
    assert event["cashtags"][0]["tag"] == "LAMP"


def test_a_link_with_other_letters_is_given_as_an_url_and_shown_as_it_is(x, ada):
    send(x, ada, text="https://lamps.example/ä/ö?ü=1#%C3%A4")
    (url,) = newest(x, ada)["urls"]

    assert url["expanded_url"] == "https://lamps.example/%C3%A4/%C3%B6?%C3%BC=1#%C3%A4"
    assert url["display_url"] == "lamps.example/ä/ö?ü=1#%C3%A…"


def test_media_stand_behind_a_tco_of_their_own(x, ada):
    x.post(
        "media",
        {"media_key": "5_77", "type": "photo", "width": 4, "height": 3, "url_path": "/1.1/ton/data/dm/1/77/a.jpg"},
    )
    sent = send(x, ada, attachments=[{"media_id": "77"}])
    event = newest(x, ada)

    assert sent.status_code == 201
    assert event["text"] == f" {event['urls'][0]['url']}"
    assert event["urls"][0]["expanded_url"] == f"https://x.com/messages/media/{event['id']}"
    assert event["attachments"] == {"media_keys": ["5_77"]}


def test_10000_characters_go_through_and_one_more_does_not(x, ada):
    assert send(x, ada, text="ä" * 10_000).status_code == 201
    assert send(x, ada, text="ä" * 10_001).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": 5},
        {"text": "hi", "reply_to": "1"},
        {"attachments": []},
        {"attachments": ["77"]},
        {"attachments": [{"media_id": "404"}]},
        {"attachments": [{"media_id": "1"}, {"media_id": "2"}]},
    ],
)
def test_a_wrong_body_is_refused_and_nothing_is_sent(x, ada, body):
    assert send(x, ada, **body).status_code == 400
    assert x.api(ada, "/2/dm_events").json()["meta"]["result_count"] == 0


@pytest.mark.parametrize("raw", ["", "no json", "[]", "null"])
def test_a_body_that_is_no_object_is_refused(x, ada, raw):
    answer = x.api(ada, f"/2/dm_conversations/with/{BEN}/messages", "POST", data=raw)

    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")


@pytest.mark.parametrize(
    "change",
    [
        {"conversation_type": "group"},
        {"participant_ids": [BEN]},
        {"participant_ids": [BEN, "777"]},
        {"participant_ids": "ben"},
        {"message": None},
        {"name": "Lamps"},
    ],
)
def test_a_wrong_group_is_refused(x, ada, change):
    body = {"conversation_type": "Group", "participant_ids": [BEN, CLEO], "message": {"text": "hi"}, **change}

    assert x.api(ada, "/2/dm_conversations", "POST", json=body).status_code == 400


def test_who_does_not_take_messages_is_not_written_to(x, ada):
    x.post("people", {"id": CLEO, "username": "cleo", "name": "Cleo", "accepts_messages": False})
    refused = send(x, ada, to=CLEO, text="hi")

    assert refused.status_code == 403
    assert refused.json() == {"title": "Forbidden", "type": "about:blank", "status": 403, "detail": NO_PERMISSION}
    body = {"conversation_type": "Group", "participant_ids": [BEN, CLEO], "message": {"text": "hi"}}
    assert x.api(ada, "/2/dm_conversations", "POST", json=body).status_code == 403
    assert send(x, ada, to="777", text="hi").status_code == 400


@pytest.mark.parametrize("conversation", [f"{BEN}-{CLEO}", f"{BEN}-{ADA}", "1585823815904395264", "abc"])
def test_a_conversation_that_is_not_ones_own_cannot_be_written_to(x, ada, conversation):
    answer = x.api(ada, f"/2/dm_conversations/{conversation}/messages", "POST", json={"text": "hi"})

    assert (answer.status_code, answer.json()["detail"]) == (403, "This operation is not permitted.")


def test_deleting_takes_an_own_message_out_of_ones_own_view(x, ada, ben):
    event_id = send(x, ada, text="oops").json()["data"]["dm_event_id"]
    theirs = x.api(ben, f"/2/dm_events/{event_id}", "DELETE")
    answer = x.api(ada, f"/2/dm_events/{event_id}", "DELETE")

    assert theirs.status_code == 403
    assert (answer.status_code, answer.json()) == (200, {"data": {"deleted": True}})
    assert texts(x.api(ada, "/2/dm_events")) == []
    assert texts(x.api(ben, "/2/dm_events")) == ["oops"]
    assert x.api(ada, f"/2/dm_events/{event_id}", "DELETE").status_code == 404
