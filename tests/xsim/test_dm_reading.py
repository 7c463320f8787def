"""What a page of DM events holds: fields, expansions, vocabularies, order, window."""

import pytest

from tests.xsim.conftest import ADA, BEN, CLEO, DAN, ids, say, texts

PAGES = ("/2/dm_events", f"/2/dm_conversations/with/{BEN}/dm_events", f"/2/dm_conversations/{ADA}-{BEN}/dm_events")
GROUP = "1585823815904395264"
EVERYTHING = {
    "dm_event.fields": "id,text,event_type,created_at,dm_conversation_id,sender_id,participant_ids,attachments,"
    "referenced_tweets,entities",
    "expansions": "sender_id,participant_ids,attachments.media_keys,referenced_tweets.id",
    "user.fields": "public_metrics,protected",
    "media.fields": "alt_text,duration_ms,height,width,url,preview_image_url,variants",
    "tweet.fields": "author_id,created_at,public_metrics,attachments,referenced_tweets",
}
IN_POST_WORDS = {
    "dm_event.fields": "id,text,event_type,created_at,dm_conversation_id,attachments,entities",
    "expansions": "sender_id,participant_ids,attachments.media_keys,referenced_posts",
    "user.fields": "public_metrics",
    "media.fields": EVERYTHING["media.fields"],
    "post.fields": "created_at,public_metrics",
}


def photo(**changes):
    return {
        "media_key": "5_1589472151165317121",
        "type": "photo",
        "width": 1200,
        "height": 630,
        "url_path": "/1.1/ton/data/dm/1589472163941056517/1589472151165317121/lamp.jpg",
        "alt_text": "A lamp",
        **changes,
    }


def post(**changes):
    return {
        "id": "1578900353814519810",
        "author_id": CLEO,
        "text": "New lamps",
        "created_at": "2026-10-09T00:09:13Z",
        "fields": {"public_metrics": {"like_count": 3, "retweet_count": 2}},
        **changes,
    }


def test_nothing_there_is_a_meta_alone(x, ada):
    for path in (
        "/2/dm_events",
        f"/2/dm_conversations/with/{BEN}/dm_events",
        f"/2/dm_conversations/{ADA}-{BEN}/dm_events",
    ):
        answer = x.api(ada, path)
        assert (answer.status_code, answer.json()) == (200, {"meta": {"result_count": 0}})


def test_the_newest_event_comes_first_on_all_three_endpoints(x, ada):
    for text in ("one", "two", "three"):
        say(x, BEN, text)

    for path in (
        "/2/dm_events",
        f"/2/dm_conversations/with/{BEN}/dm_events",
        f"/2/dm_conversations/{ADA}-{BEN}/dm_events",
    ):
        assert texts(x.api(ada, path)) == ["three", "two", "one"]


def test_by_default_a_message_has_id_type_and_text_and_a_move_its_people(x, ada):
    x.post("conversations", {"id": GROUP, "member_ids": [ADA, BEN, CLEO], "is_group": True})
    said = say(x, BEN, "hi", GROUP)
    joined = say(x, BEN, None, GROUP, event_type="ParticipantsJoin", participant_ids=[CLEO])
    left = say(x, None, None, GROUP, event_type="ParticipantsLeave", participant_ids=[CLEO])

    assert x.api(ada, f"/2/dm_conversations/{GROUP}/dm_events").json()["data"] == [
        {"id": left["id"], "event_type": "ParticipantsLeave", "participant_ids": [CLEO]},
        {"id": joined["id"], "event_type": "ParticipantsJoin", "participant_ids": [CLEO]},
        {"id": said["id"], "event_type": "MessageCreate", "text": "hi"},
    ]


def test_everything_that_is_asked_for_comes_and_nothing_is_null(x, ada):
    x.post("media", photo())
    x.post("posts", post())
    say(x, BEN, "hi https://t.co/abc", media_keys=["5_1589472151165317121"], post_ids=["1578900353814519810"])
    answer = x.api(ada, "/2/dm_events", params=EVERYTHING).json()

    event = answer["data"][0]
    assert event.keys() == {
        *("id", "event_type", "text", "sender_id", "dm_conversation_id", "attachments", "referenced_tweets"),
        "created_at",
    }
    assert event["created_at"] == "2026-11-01T12:00:00.000Z"
    assert event["attachments"] == {"media_keys": ["5_1589472151165317121"]}
    assert event["referenced_tweets"] == [{"id": "1578900353814519810"}]
    assert answer["includes"]["media"][0]["url"] == f"{x.url}{photo()['url_path']}"
    assert answer["includes"]["users"] == [
        {
            "id": BEN,
            "name": "Ben",
            "username": "ben",
            "protected": False,
        }
    ]


def test_includes_hold_neither_the_author_nor_the_media_of_a_shared_post(x, ada):
    x.post("media", {"media_key": "3_7", "type": "photo", "width": 1, "height": 1, "url_path": "/media/a.jpg"})
    x.post("posts", post(media_keys=["3_7"], referenced=[{"type": "quoted", "id": "9"}]))
    say(x, BEN, "see", post_ids=["1578900353814519810"])
    includes = x.api(ada, "/2/dm_events", params=EVERYTHING).json()["includes"]

    assert [user["id"] for user in includes["users"]] == [BEN]
    assert [shared["id"] for shared in includes["tweets"]] == ["1578900353814519810"]
    assert includes.keys() == {"users", "tweets"}
    bare = x.api(ada, "/2/dm_events", params={**EVERYTHING, "tweet.fields": "text"}).json()["includes"]["tweets"]
    assert bare == [
        {"id": "1578900353814519810", "text": "New lamps", "edit_history_tweet_ids": ["1578900353814519810"]}
    ]


def test_the_request_decides_the_vocabulary_of_the_answer(x, ada):
    x.post("posts", post(fields={"note_tweet": {"text": "New lamps, long"}, "public_metrics": {"retweet_count": 2}}))
    x.post("people", {"id": BEN, "username": "ben", "name": "Ben", "fields": {"public_metrics": {"tweet_count": 5}}})
    urls = [{"start": 4, "end": 20, "url": "https://t.co/abc"}]
    say(x, BEN, "see https://t.co/abc", post_ids=["1578900353814519810"], entities={"urls": urls})

    tweet = x.api(ada, "/2/dm_events", params=EVERYTHING)
    assert tweet.headers["api-version"] == "2.166"
    assert tweet.json()["data"][0]["urls"] == urls
    assert tweet.json()["includes"]["tweets"][0]["public_metrics"]["retweet_count"] == 2
    assert tweet.json()["includes"]["users"][0]["public_metrics"]["tweet_count"] == 5

    wanted = {**IN_POST_WORDS, "post.fields": "created_at,public_metrics,note_post"}
    answer = x.api(ada, "/2/dm_events", params=wanted)
    assert answer.headers["api-version"] == "2.167"
    event, includes = answer.json()["data"][0], answer.json()["includes"]
    assert event["entities"] == {"urls": urls}
    assert event["sender_id"] == BEN
    assert event["referenced_posts"] == [{"id": "1578900353814519810"}]
    assert includes["posts"][0]["note_post"] == {"text": "New lamps, long"}
    assert includes["posts"][0]["public_metrics"]["repost_count"] == 2
    assert includes["users"][0]["public_metrics"]["post_count"] == 5
    assert x.get("unknown") == []


@pytest.mark.parametrize(("alone", "has_sender"), [(False, True), (True, False)])
def test_in_post_words_the_sender_as_a_field_is_a_matter_of_setting(x, ada, alone, has_sender):
    x.post("settings", {"people_by_expansion_only": alone})
    say(x, BEN, "hi")
    answer = x.api(ada, "/2/dm_events", params={"dm_event.fields": "sender_id", "post.fields": "id"})

    assert ("sender_id" in answer.json()["data"][0]) == has_sender


def test_a_video_and_a_gif_have_what_each_schema_knows(x, ada):
    variants = [{"path": "/dm_video/7/pl.m3u8", "content_type": "application/x-mpegURL"}]
    video = {"type": "video", "width": 4, "height": 3, "preview_path": "/p.jpg", "duration_ms": 9}
    video["variants"] = variants
    x.post(
        "media",
        [{**video, "media_key": "7_1", "alt_text": "A"}, {**video, "media_key": "16_1", "type": "animated_gif"}],
    )
    say(x, BEN, " https://t.co/a", media_keys=["7_1", "16_1"])

    in_tweet, gif = x.api(ada, "/2/dm_events", params=EVERYTHING).json()["includes"]["media"]
    assert "alt_text" not in in_tweet
    assert in_tweet["variants"] == [{"content_type": "application/x-mpegURL", "url": f"{x.url}/dm_video/7/pl.m3u8"}]
    assert in_tweet["duration_ms"] == 9
    assert "duration_ms" not in gif
    assert "url" not in gif
    in_post, _ = x.api(ada, "/2/dm_events", params=IN_POST_WORDS).json()["includes"]["media"]
    assert in_post["alt_text"] == "A"


def test_the_moved_and_who_invited_them_are_expanded(x, ada):
    x.post("conversations", {"id": GROUP, "member_ids": [ADA, BEN, CLEO], "is_group": True})
    say(x, BEN, None, GROUP, event_type="ParticipantsJoin", participant_ids=[CLEO])
    includes = x.api(ada, "/2/dm_events", params={"expansions": "sender_id,participant_ids"}).json()["includes"]

    assert [user["id"] for user in includes["users"]] == [BEN, CLEO]


def test_a_suspended_or_unresolved_sender_is_missing_from_includes(x, ada):
    x.post("people", {"id": CLEO, "username": "cleo", "name": "Cleo", "is_suspended": True})
    x.post("people", {"id": DAN, "username": "dan", "name": "Dan", "in_includes": False})
    say(x, CLEO, "I was here", f"{ADA}-{CLEO}")
    say(x, DAN, "me too", f"{DAN}-{ADA}")
    answer = x.api(ada, "/2/dm_events", params={"expansions": "sender_id"}).json()

    assert [event["sender_id"] for event in answer["data"]] == [DAN, CLEO]
    assert answer.keys() == {"data", "meta"}
    x.post("settings", {"include_unresolved": True})
    answer = x.api(ada, "/2/dm_events", params={"expansions": "sender_id"}).json()
    assert [user["id"] for user in answer["includes"]["users"]] == [DAN]


@pytest.mark.parametrize(
    ("state", "kind", "title"),
    [
        ("protected", "not-authorized-for-resource", "Authorization Error"),
        ("deleted", "resource-not-found", "Not Found Error"),
        (None, "resource-not-found", "Not Found Error"),
    ],
)
def test_a_shared_post_that_cannot_be_shown_is_a_partial_error(x, ada, state, kind, title):
    if state:
        x.post("posts", post(state=state))
    say(x, BEN, "see", post_ids=["1578900353814519810"])
    answer = x.api(ada, "/2/dm_events", params={"expansions": "referenced_tweets.id"}).json()

    assert answer["data"][0]["referenced_tweets"] == [{"id": "1578900353814519810"}]
    assert "includes" not in answer
    (error,) = answer["errors"]
    assert (error["type"], error["title"]) == (f"https://api.twitter.com/2/problems/{kind}", title)
    assert (error["resource_type"], error["resource_id"], error["value"]) == (
        "tweet",
        "1578900353814519810",
        error["resource_id"],
    )
    assert error["parameter"] == "referenced_tweets.id"
    assert "errors" not in x.api(ada, "/2/dm_events").json()


def test_unknown_words_are_dropped_and_noted_or_refused_by_the_strict_server(x, ada):
    say(x, BEN, "hi")
    params = {"dm_event.fields": "text,mood", "colour": "red", "expansions": "referenced_tweets.id.author_id"}

    assert x.api(ada, "/2/dm_events", params=params).status_code == 200
    seen = {(one["parameter"], one["value"]) for one in x.get("unknown")}
    assert seen == {("dm_event.fields", "mood"), ("colour", "red"), ("expansions", "referenced_tweets.id.author_id")}

    x.post("settings", {"lenient": False})
    refused = x.api(ada, "/2/dm_events", params={"previous_token": "b26v"})
    assert refused.status_code == 400
    body = refused.json()
    assert body.keys() == {"errors", "title", "detail", "type"}
    assert body["errors"][0]["parameters"] == {"previous_token": ["b26v"]}
    assert body["errors"][0]["message"].startswith("The query parameter [previous_token] is not one of [")
    assert x.api(ada, "/2/dm_events", params={"dm_event.fields": "mood"}).status_code == 400


def test_the_words_of_the_other_vocabulary_are_unknown(x, ada):
    x.api(
        ada,
        "/2/dm_events",
        params={"post.fields": "text", "tweet.fields": "text", "expansions": "referenced_tweets.id"},
    )

    assert {one["value"] for one in x.get("unknown")} == {"text", "referenced_tweets.id"}


def test_only_the_event_types_asked_for_are_shown(x, ada):
    x.post("conversations", {"id": GROUP, "member_ids": [ADA, BEN, CLEO], "is_group": True})
    say(x, BEN, "hi", GROUP)
    joined = say(x, BEN, None, GROUP, event_type="ParticipantsJoin", participant_ids=[CLEO])

    assert ids(x.api(ada, "/2/dm_events?event_types=ParticipantsJoin,ParticipantsLeave")) == [joined["id"]]
    assert texts(x.api(ada, "/2/dm_events?event_types=MessageCreate")) == ["hi"]
    assert x.api(ada, "/2/dm_events?event_types=MessageDelete").status_code == 400


def test_all_events_reach_back_30_days_and_a_conversation_without_end(x, ada):
    say(x, BEN, "old", created_at="2026-10-02T11:59:59Z")
    say(x, BEN, "young", created_at="2026-10-02T12:00:01Z")

    assert texts(x.api(ada, "/2/dm_events")) == ["young"]
    assert texts(x.api(ada, f"/2/dm_conversations/with/{BEN}/dm_events")) == ["young", "old"]
    x.post("settings", {"history_days": 31, "conversation_history_days": 30})
    assert texts(x.api(ada, "/2/dm_events")) == ["young", "old"]
    assert texts(x.api(ada, f"/2/dm_conversations/{ADA}-{BEN}/dm_events")) == ["young"]


def test_one_event_is_read_by_its_id(x, ada):
    said = say(x, BEN, "hi")
    answer = x.api(ada, f"/2/dm_events/{said['id']}", params={"expansions": "sender_id"})

    assert answer.json() == {
        "data": {"id": said["id"], "event_type": "MessageCreate", "text": "hi", "sender_id": BEN},
        "includes": {"users": [{"id": BEN, "name": "Ben", "username": "ben"}]},
    }
    missing = x.api(ada, "/2/dm_events/123")
    assert missing.status_code == 404
    assert missing.json() == {"title": "Not Found", "type": "about:blank", "status": 404, "detail": "Not Found"}


@pytest.mark.parametrize(
    "path",
    [
        "/2/dm_events?max_results=0",
        "/2/dm_events?max_results=101",
        "/2/dm_events?max_results=many",
        "/2/dm_conversations/with/ben/dm_events",
        "/2/dm_conversations/abc/dm_events",
        "/2/dm_events/abc",
    ],
)
def test_a_wrong_parameter_is_an_invalid_request(x, ada, path):
    answer = x.api(ada, path)

    assert answer.status_code == 400
    assert answer.json()["title"] == "Invalid Request"


def test_ids_above_the_reach_of_floats_stay_whole(x, ada):
    say(x, BEN, "big", id="9223372036854775807", created_at="2026-11-01T11:00:00Z")

    assert ids(x.api(ada, "/2/dm_events")) == ["9223372036854775807"]


def test_every_answer_carries_the_headers_of_x(x, ada):
    first, second = x.api(ada, "/2/dm_events"), x.api(None, "/2/dm_events")

    assert first.headers["date"] == "Sun, 01 Nov 2026 12:00:00 GMT"
    assert first.headers["content-type"] == "application/json; charset=utf-8"
    assert len(first.headers["x-transaction-id"]) == 16
    assert first.headers["x-transaction-id"] != second.headers["x-transaction-id"]
