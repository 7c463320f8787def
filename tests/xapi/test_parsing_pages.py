"""Pages, people and posts are read in both vocabularies, and nothing odd stops them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dminbox.xapi.errors import UnexpectedAnswer
from dminbox.xapi.parsing import (
    billed_in,
    parse_event,
    parse_page,
    parse_posts,
    parse_problems,
    parse_user,
    parse_users,
)
from dminbox.xapi.reply import read_json
from dminbox.xapi.schema import Page, PollOption, Reference, Variant
from tests.xapi.support import ADA, CLEO, CONVERSATION, payload

JOINER = "1900000000000000303"
GROUP = "1910000000000000001"


@pytest.fixture(params=["tweet", "post"])
def page(request) -> Page:
    return parse_page(payload(f"page-{request.param}-vocabulary"))


def test_a_page_keeps_the_order_of_x_and_its_token(page):
    assert [event.id[-3:] for event in page.events] == ["805", "804", "803", "802", "801"]
    assert page.next_token == "18LAA5G1V9DLILOG0G00ZZZC"


def test_a_message_has_sender_text_and_time_in_utc(page):
    message = page.events[4]
    assert message.event_type == "MessageCreate"
    assert message.text == "Guten Tag 👩🏽‍🔧"
    assert message.sender_id == CLEO
    assert message.dm_conversation_id == CONVERSATION
    assert message.created_at == datetime(2026, 10, 2, 9, 0, tzinfo=UTC)


def test_a_join_names_who_joined_and_who_invited(page):
    join = page.events[1]
    assert (join.event_type, join.participant_ids, join.sender_id) == ("ParticipantsJoin", (JOINER,), ADA)
    assert join.text is None


def test_a_leave_has_no_sender(page):
    leave = page.events[0]
    assert (leave.event_type, leave.participant_ids, leave.sender_id) == ("ParticipantsLeave", (JOINER,), None)
    assert leave.dm_conversation_id == GROUP


def test_entities_are_found_in_either_place(page):
    photo = page.events[2]
    assert photo.entities["urls"][0]["url"] == "https://t.co/PhotoOnly1"
    assert photo.media_keys == ("5_1920000000000000700",)


def test_a_shared_post_is_found_under_either_name(page):
    assert page.events[3].post_ids == ("1915000000000000001",)
    assert page.includes.posts[0].author_id == ADA


def test_the_expanded_people_and_media_are_read(page):
    ada, cleo = page.includes.users
    assert (ada.username, ada.verified_type, ada.created_at) == (
        "NordlichtHelp",
        "business",
        datetime(2019, 5, 1, 10, tzinfo=UTC),
    )
    assert (cleo.protected, cleo.profile_image_url) == (True, None)
    photo = page.includes.media[0]
    assert (photo.type, photo.width, photo.height, photo.alt_text) == ("photo", 1200, 630, "A broken shade")


def test_both_vocabularies_say_the_same_but_for_raw():
    tweet, post = (parse_page(payload(f"page-{words}-vocabulary")) for words in ("tweet", "post"))
    assert [replace(event, raw={}) for event in tweet.events] == [replace(event, raw={}) for event in post.events]


def test_an_event_keeps_what_x_sent():
    raw = payload("page-with-odd-events")["data"][4]
    event = parse_event(raw)
    assert (event.event_type, event.raw["reaction"]) == ("ReactionCreate", "🔥")


def test_an_empty_answer_has_no_data_key():
    assert parse_page(payload("page-empty")) == Page()


def test_a_last_page_may_still_carry_its_tokens():
    page = parse_page(payload("page-default-fields"))
    assert page.next_token == "18LAA5G1V9DLILOG0G00ZZZA"
    assert [event.sender_id for event in page.events] == [None, None]


def test_one_event_is_a_page_of_one():
    assert [event.id for event in parse_page(payload("event-one")).events] == ["1920000000000000803"]


def test_odd_elements_stand_beside_the_good_ones():
    page = parse_page(payload("page-with-odd-events"))
    assert [event.id[-3:] for event in page.events] == ["801", "798"]
    assert [odd.reason for odd in page.odd] == [
        "the event is not an object",
        "id is missing",
        "created_at is no time",
    ]
    assert page.odd[1].raw == {"event_type": "MessageCreate", "text": "without an id"}


@pytest.mark.parametrize(
    "member",
    [
        {"id": 1.5},
        {"id": True},
        {"id": "12a"},
        {"id": "12345678901234567890"},
        {"id": "٣"},
        {"text": 5},
        {"sender_id": "@ada"},
        {"participant_ids": "1"},
        {"participant_ids": [None]},
        {"dm_conversation_id": "g123"},
        {"event_type": "x" * 65},
        {"attachments": []},
        {"attachments": {"media_keys": ["../etc"]}},
        {"referenced_tweets": [{}]},
        {"created_at": 1790000000},
        {"created_at": "0001-01-01T00:00:00+23:59"},
    ],
)
def test_a_member_of_another_type_makes_the_event_odd_and_is_never_repeated(member):
    page = parse_page({"data": [{"id": "1", **member}, {"id": "2"}], "meta": {}})
    assert [event.id for event in page.events] == ["2"]
    assert next(iter(member)) in page.odd[0].reason or "media_keys" in page.odd[0].reason or "id" in page.odd[0].reason
    assert "etc" not in page.odd[0].reason
    assert "ada" not in page.odd[0].reason


def test_null_is_the_same_as_absent():
    names = ("text", "created_at", "sender_id", "participant_ids", "attachments", "referenced_posts", "entities")
    assert replace(parse_event({"id": "7", **dict.fromkeys(names)}), raw={}) == replace(
        parse_event({"id": "7"}), raw={}
    )
    assert parse_event({"id": "7", "attachments": {"media_keys": None, "card_ids": None}}).media_keys == ()


def test_entities_that_cannot_be_read_are_left_out():
    event = parse_event({"id": "7", "entities": {"urls": "none", "hashtags": [3, {"tag": "lamps"}], "mentions": None}})
    assert event.entities == {"hashtags": [{"tag": "lamps"}]}


def test_numeric_ids_stay_exact():
    body = read_json('{"data": [{"id": 1585823814956482567, "sender_id": 9007199254740993}], "meta": {}}')
    event = parse_page(body).events[0]
    assert (event.id, event.sender_id) == ("1585823814956482567", "9007199254740993")


def test_an_id_that_went_through_a_float_is_odd():
    page = parse_page(read_json('{"data": [{"id": 1.585823814956482567e18}], "meta": {}}'))
    assert (len(page.events), len(page.odd)) == (0, 1)


def test_a_conversation_id_with_a_colon_is_written_with_a_hyphen():
    assert parse_event({"id": "7", "dm_conversation_id": "1:2"}).dm_conversation_id == "1-2"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        5,
        {},
        {"data": "text"},
        {"data": None},
        {"meta": []},
        {"meta": {"next_token": 5}},
        {"includes": {}},
    ],
)
def test_what_is_no_page_is_refused(body):
    with pytest.raises(UnexpectedAnswer):
        parse_page(body)


def test_odd_includes_are_kept_apart():
    page = parse_page(
        {"data": [{"id": "1"}], "includes": {"users": [{"name": "no id"}], "media": "none", "polls": [{}]}}
    )
    assert [odd.reason for odd in page.includes.odd] == ["id is missing", "the media is not an object", "id is missing"]


@pytest.mark.parametrize("vocabulary", ["tweet", "post"])
def test_a_post_comes_with_long_text_poll_video_and_quoted_post(vocabulary):
    answer = parse_posts(payload(f"posts-{vocabulary}-vocabulary"))
    post = answer.posts[0]
    assert post.text == "Which shade? This is the long form of a post."
    assert post.entities == {"hashtags": [{"start": 0, "end": 5, "tag": "lamps"}]}
    assert post.references == (Reference("quoted", "1915000000000000001"),)
    assert (post.poll_ids, post.media_keys) == (("1915000000000000004",), ("7_1915000000000000003",))
    assert post.raw["public_metrics"]["like_count"] == 3
    assert answer.includes.posts[0].text == "The red lamp is here."
    poll = answer.includes.polls[0]
    assert poll.options == (PollOption(1, "Brass", 12), PollOption(2, "Opal", 30))
    assert (poll.voting_status, poll.duration_minutes) == ("closed", 1440)
    assert answer.includes.media[0].variants == (
        Variant("https://video.twimg.com/ext_tw_video/1/pu/pl/p.m3u8", "application/x-mpegURL", None),
        Variant("https://video.twimg.com/ext_tw_video/1/pu/vid/640x360/v.mp4", "video/mp4", 832000),
    )


def test_without_a_note_the_text_and_entities_of_the_post_count():
    raw = payload("posts-tweet-vocabulary")
    del raw["data"][0]["note_tweet"]
    post = parse_posts(raw).posts[0]
    assert post.text == "Which shade? (1/2)…"
    assert list(post.entities) == ["urls"]


def test_people_are_read_and_the_missing_one_is_a_problem():
    body = payload("users-one-suspended")
    people = parse_users(body)
    assert ([user.id for user in people.users], people.odd) == ([CLEO], ())
    problem = parse_problems(body)[0]
    assert (problem.type, problem.resource_type, problem.resource_id) == ("resource-not-found", "user", JOINER)


def test_an_answer_without_a_user_is_no_user():
    with pytest.raises(UnexpectedAnswer, match="no user"):
        parse_user({"data": []})


def test_billed_are_events_and_expanded_people_and_posts_once_each():
    body = payload("page-tweet-vocabulary")
    body["includes"]["users"].append(body["includes"]["users"][0])
    billed = billed_in(body, "events")
    assert (billed.events, billed.users, billed.posts) == (5, 2, 1)
    assert billed.user_ids == (ADA, CLEO)


def test_odd_events_are_billed_as_well():
    assert billed_in(payload("page-with-odd-events"), "events").events == 3


def test_posts_in_data_and_includes_are_billed():
    billed = billed_in(payload("posts-post-vocabulary"), "posts")
    assert (billed.events, billed.users, billed.posts) == (0, 1, 2)


def test_names_and_texts_stay_out_of_repr(page):
    said = repr(page)
    for secret in ("Guten Tag", "NordlichtHelp", "Cleo", "red lamp", "t.co", "pbs.twimg"):
        assert secret not in said
