"""What X was seen to answer is answered by the local X, too: the same world, the same question, the same JSON.

Where a sample was trimmed by who published it, the test says what is left to compare. Events that a page passed over
without showing them are put in as hidden ones: they are cursor positions, and so the recorded tokens come out.
"""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.contract

TWEEPY, FRIEND, OTHER = "1072250532645998596", "750362064426721281", "145336962"
SNOWBOT, FLOOD = "906948460078698496", "944480690"
PAIR = f"{FRIEND}-{TWEEPY}"


def person(person_id, username, name, **fields):
    return {"id": person_id, "username": username, "name": name, "fields": fields, "is_persona": True}


PEOPLE = [
    person(TWEEPY, "TweepyDev", "Tweepy Testing"),
    person(FRIEND, "friend_of_tweepy", "Friend"),
    person(OTHER, "another_friend", "Other"),
    person("783214", "Twitter", "Twitter"),
    person("2244994945", "TwitterDev", "Twitter Dev"),
    person(FLOOD, "FloodSocial", "API Demos", description="Hosting TwitterDev integrations... @TwitterDev #DevRel"),
    person(
        SNOWBOT,
        "SnowBotDev",
        "the SnowBot",
        description="Home of the @TwitterDev SnowBot... Serving snow reports, snow photos, and snow research links..."
        " Chatbot is currently being remodeled for Twitter APIv2.",
    ),
    person("17200003", "snowman", "Jim"),
]


def message(event_id, conversation_id, sender_id, text="", **members):
    return {"id": event_id, "dm_conversation_id": conversation_id, "sender_id": sender_id, "text": text, **members}


@pytest.fixture
def past(x):
    """The people of the recordings, on the day most of them were made."""
    x.post("world", {"people": PEOPLE})
    x.post("clock", {"set": "2022-10-28T02:40:36Z", "frozen": True})
    return x


def asking(x, user_id):
    token = x.grant(user_id)["access_token"]

    def ask(path, **params):
        answer = x.api(token, path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def telling(x, user_id):
    token = x.grant(user_id)["access_token"]

    def tell(path, body):
        answer = x.api(token, path, "POST", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return tell


def test_three_messages_sent_and_read_at_once_as_the_tweepy_cassette_has_it(past, payload):
    """Sent to a person, into the conversation, to a new group; the list of all is still empty, the conversation not."""
    past.post("settings", {"lag_calls": 1})
    past.post("next_ids", ["1585823814058971140", "1585823814956482567", "1585823815904395264"])
    tell, ask = telling(past, TWEEPY), asking(past, TWEEPY)
    first = tell(f"/2/dm_conversations/with/{FRIEND}/messages", {"text": "Testing 1"})
    assert first == payload("v2-post-dm-with-user-201")
    second = tell(f"/2/dm_conversations/{PAIR}/messages", {"text": "Testing 2"})
    assert second == payload("v2-post-dm-to-conversation-201")
    group = {"conversation_type": "Group", "participant_ids": [OTHER, FRIEND], "message": {"text": "Testing"}}
    assert tell("/2/dm_conversations", group) == payload("v2-post-group-conversation-201")
    assert ask("/2/dm_events") == payload("v2-get-dm-events-empty-200")
    in_pair = ask(f"/2/dm_conversations/{PAIR}/dm_events")
    assert in_pair == payload("v2-get-conversation-dm-events-default-fields-200")
    with_friend = ask(f"/2/dm_conversations/with/{FRIEND}/dm_events")
    assert with_friend == payload("v2-get-with-participant-dm-events-default-fields-200")


def test_the_recorded_tokens_lead_on_from_where_they_were_given(past, payload):
    past.post("events", [message("1585823814058971140", PAIR, TWEEPY, "Testing 1")])
    past.post("events", [message("1585823814956482567", PAIR, TWEEPY, "Testing 2")])
    past.post("events", [message("1585823814000000000", PAIR, FRIEND, "Before them")])
    past.post("clock", {"advance": 60})
    meta = payload("v2-get-conversation-dm-events-default-fields-200")["meta"]
    ask = asking(past, TWEEPY)
    older = ask(f"/2/dm_conversations/{PAIR}/dm_events", pagination_token=meta["next_token"])
    assert [event["text"] for event in older["data"]] == ["Before them"]
    newer = ask(f"/2/dm_conversations/{PAIR}/dm_events", pagination_token=meta["previous_token"])
    assert newer == payload("v2-get-dm-events-empty-200")


def test_a_list_without_anything_in_it(past, payload):
    assert asking(past, TWEEPY)("/2/dm_events") == payload("v2-get-dm-events-empty-200")


def test_oneself_and_people_with_default_fields(past, payload):
    """The people were recorded at /2/users/by?usernames=, which answers as /2/users?ids= does."""
    ask = asking(past, TWEEPY)
    assert ask("/2/users/me") == payload("v2-users-me-default-200")
    assert ask("/2/users", ids="783214,2244994945") == payload("v2-users-by-ids-default-200")


def test_the_one_to_one_of_the_snowbot_with_a_shared_post(past, payload):
    """Its author took events out of the page: the tokens stand at a newer and an older one than it shows.

    With those two as hidden events the tokens come out. includes.users still has the bot, who sent none of the three
    that are left; so of the people only the sender of what is shown can be compared.
    """
    recorded = payload("v2-get-with-participant-expanded-200")
    post = recorded["includes"]["tweets"][0]
    pair = f"{FLOOD}-{SNOWBOT}"
    past.post("posts", [{name: post[name] for name in ("id", "author_id", "text", "created_at")}])
    past.post(
        "events",
        [
            message("1513659609445122051", pair, SNOWBOT, is_hidden=True),
            *(
                message(
                    event["id"], pair, event["sender_id"], event["text"],
                    post_ids=[reference["id"] for reference in event.get("referenced_tweets", [])],
                )
                for event in reversed(recorded["data"])
            ),
            message("1585700382356910084", pair, SNOWBOT, is_hidden=True),
        ],
    )  # fmt: skip
    query = {
        "dm_event.fields": "id,sender_id,text,created_at,dm_conversation_id,event_type,referenced_tweets",
        "expansions": "sender_id,referenced_tweets.id",
        "tweet.fields": "created_at,text,author_id",
        "user.fields": "description",
    }
    answer = asking(past, FLOOD)(f"/2/dm_conversations/with/{SNOWBOT}/dm_events", **query)
    assert answer["data"] == recorded["data"]
    assert answer["meta"] == recorded["meta"]
    assert answer["includes"]["tweets"] == recorded["includes"]["tweets"]
    shown = {event["sender_id"] for event in recorded["data"]}
    assert answer["includes"]["users"] == [one for one in recorded["includes"]["users"] if one["id"] in shown]


def test_the_snowbot_itself_comes_with_a_message_of_its_own(past, payload):
    """The other half of the people that the trimmed sample has: given as soon as the bot says something."""
    recorded = payload("v2-get-with-participant-expanded-200")["includes"]["users"][1]
    past.post("events", [message("1585700382356910084", f"{FLOOD}-{SNOWBOT}", SNOWBOT, "Snow!")])
    answer = asking(past, FLOOD)(
        f"/2/dm_conversations/with/{SNOWBOT}/dm_events", expansions="sender_id", **{"user.fields": "description"}
    )
    assert answer["includes"]["users"] == [recorded]


def test_a_group_page_of_one_message_with_both_tokens(past, payload):
    """next_token stands at the join one above the group's id, which the page does not show."""
    group = "1580705921830768643"
    past.post("conversations", [{"id": group, "member_ids": [FLOOD, SNOWBOT, "17200003"], "is_group": True}])
    join = {
        "id": "1580705921830768644", "event_type": "ParticipantsJoin", "dm_conversation_id": group,
        "sender_id": FLOOD, "participant_ids": [SNOWBOT, "17200003"], "is_hidden": True,
    }  # fmt: skip
    text = "hello to you two, this is a new group conversation."
    past.post("events", [join, message("1580705921830768647", group, FLOOD, text)])
    answer = asking(past, FLOOD)(f"/2/dm_conversations/{group}/dm_events")
    assert answer == payload("v2-group-history-default-fields-200")


def test_a_group_made_and_written_into(past, payload):
    past.post("next_ids", ["1582103724607971328", "1582106224379559940"])
    tell = telling(past, FLOOD)
    body = {"conversation_type": "Group", "participant_ids": [SNOWBOT, "17200003"], "message": {"text": "hello"}}
    made = tell("/2/dm_conversations", body)
    assert made == payload("v2-post-group-conversation-docs-201")
    written = tell(f"/2/dm_conversations/{made['data']['dm_conversation_id']}/messages", {"text": "hello again"})
    assert written == payload("v2-post-to-group-docs-201")


def test_joining_leaving_and_a_message_between_with_all_fields(past, payload):
    names = ("leave", "join")
    leave, join = (payload(f"v2-event-participants-{name}") for name in names)
    said = payload("v2-event-message-create-group")
    group = said["dm_conversation_id"]
    past.post("conversations", [{"id": group, "member_ids": [FLOOD, SNOWBOT, "17200003"], "is_group": True}])
    past.post("events", [join, said, leave])
    fields = "id,text,event_type,created_at,dm_conversation_id,sender_id,participant_ids,referenced_tweets,attachments"
    ask = asking(past, SNOWBOT)
    answer = ask(f"/2/dm_conversations/{group}/dm_events", **{"dm_event.fields": fields})
    assert answer["data"] == [leave, said, join]
    for event in (leave, said, join):
        assert ask(f"/2/dm_events/{event['id']}", **{"dm_event.fields": fields}) == {"data": event}


def test_what_was_deleted_is_said_as_the_contract_shows_it(past, payload):
    past.post("events", [message("1585823814058971140", PAIR, TWEEPY, "Testing 1")])
    past.post("clock", {"advance": 60})
    answer = past.api(past.grant(TWEEPY)["access_token"], "/2/dm_events/1585823814058971140", "DELETE")
    assert (answer.status_code, answer.json()) == (200, payload("dm-delete-200"))
