"""What a pushed message holds: the words of v1.1, whole, and people with each counter twice."""

import json

import pytest

from dminbox.xsim.ids import snowflake
from dminbox.xsim.world import time_from_json
from tests.xsim.conftest import ADA, BEN, say
from tests.xsim.listening import listening

NOON = time_from_json("2026-11-01T12:00:00Z")
LINK = {
    "start": 1,
    "end": 24,
    "url": "https://t.co/aaaaaaaaaa",
    "expanded_url": "https://x.com/messages/media/1585823814058971140",
    "display_url": "pic.x.com/aaaaaaaaaa",
}
SHORT_LINK = {name: value for name, value in LINK.items() if name not in ("start", "end")} | {"indices": [1, 24]}
CLIP = {
    "media_key": "13_1590000000000000202",
    "type": "video",
    "width": 640,
    "height": 360,
    "duration_ms": 4000,
    "preview_path": "/dm_video_preview/1590000000000000202/img/p.jpg",
    "variants": [
        {"path": "/dm_video/1590000000000000202/pl/a.m3u8", "content_type": "application/x-mpegURL"},
        {"path": "/dm_video/1590000000000000202/vid/b.mp4", "content_type": "video/mp4", "bit_rate": 832000},
    ],
}
LOOP = {
    "media_key": "16_1590000000000000203",
    "type": "animated_gif",
    "width": 240,
    "height": 240,
    "preview_path": "/dm_gif_preview/1590000000000000203/q.jpg",
    "variants": [{"path": "/dm_gif/1590000000000000203/xyz.mp4", "content_type": "video/mp4", "bit_rate": 0}],
}
PHOTO = {
    "media_key": "5_1590000000000000201",
    "type": "photo",
    "width": 1600,
    "height": 800,
    "url_path": "/1.1/ton/data/dm/1585823814058971140/1590000000000000201/aBcD1234.jpg",
    "alt_text": "A lamp",
}


@pytest.fixture
def told(x, ada):
    """Says something to Ada and gives the payload of what she is told."""
    x.subscribe(ada, ADA, "dm.received")

    def tell(text="hi", **members):
        with listening(x) as ear:
            say(x, BEN, text, **members)
            return ear.event()["payload"]

    return tell


def test_a_message_is_one_of_v1_1_without_a_conversation(told):
    event_id = str(snowflake(NOON.replace(microsecond=345_000)))
    payload = told("hello!", id=event_id, created_at="2026-11-01T12:00:00Z")

    assert payload["direct_message_events"] == [
        {
            "type": "message_create",
            "id": event_id,
            "created_timestamp": "1793534400345",
            "message_create": {
                "target": {"recipient_id": ADA},
                "sender_id": BEN,
                "message_data": {
                    "text": "hello!",
                    "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
                },
            },
        }
    ]
    assert set(payload["users"]) == {ADA, BEN}


def test_a_message_whose_id_is_of_another_time_says_its_own(told):
    (event,) = told(id="1585823814058971140", created_at="2026-10-01T00:00:00Z")["direct_message_events"]

    assert event["created_timestamp"] == "1790812800000"


def data_of(payload):
    return payload["direct_message_events"][0]["message_create"]["message_data"]


def test_entities_have_their_old_names_and_indices(told):
    entities = {
        "urls": [{**LINK, "start": 0, "end": 23}],
        "hashtags": [{"start": 24, "end": 30, "tag": "lamps"}],
        "cashtags": [{"start": 31, "end": 36, "tag": "NLMP"}],
        "mentions": [
            {"start": 37, "end": 41, "username": "Ben", "id": BEN},
            {"start": 42, "end": 46, "username": "who"},
        ],
    }
    text = "https://t.co/aaaaaaaaaa #lamps $NLMP @ben @who"
    said = data_of(told(text, entities=entities))

    assert said["text"] == text
    assert said["entities"] == {
        "urls": [{**SHORT_LINK, "indices": [0, 23]}],
        "hashtags": [{"text": "lamps", "indices": [24, 30]}],
        "symbols": [{"text": "NLMP", "indices": [31, 36]}],
        "user_mentions": [
            {"screen_name": "Ben", "indices": [37, 41], "name": "Ben", "id": int(BEN), "id_str": BEN},
            {"screen_name": "who", "indices": [42, 46]},
        ],
    }


def media_of(x, told, item):
    x.post("media", item)
    said = data_of(told(f" {LINK['url']}", media_keys=[item["media_key"]], entities={"urls": [LINK]}))
    assert said["attachment"].keys() == {"type", "media"}
    return said["attachment"]["media"]


def test_a_photo_stands_in_the_message_itself(x, told):
    address = x.url + PHOTO["url_path"]

    assert media_of(x, told, PHOTO) == {
        "id": 1590000000000000201,
        "id_str": "1590000000000000201",
        "media_url": address,
        "media_url_https": address,
        **SHORT_LINK,
        "type": "photo",
        "sizes": {
            "large": {"w": 1600, "h": 800, "resize": "fit"},
            "medium": {"w": 1200, "h": 600, "resize": "fit"},
            "small": {"w": 680, "h": 340, "resize": "fit"},
            "thumb": {"w": 150, "h": 150, "resize": "crop"},
        },
    }


def test_a_film_has_its_rates_and_its_length(x, told):
    media = media_of(x, told, CLIP)

    assert media["media_url_https"] == x.url + CLIP["preview_path"]
    assert media["video_info"] == {
        "aspect_ratio": [16, 9],
        "duration_millis": 4000,
        "variants": [
            {"content_type": "application/x-mpegURL", "url": f"{x.url}/dm_video/1590000000000000202/pl/a.m3u8"},
            {
                "bitrate": 832000,
                "content_type": "video/mp4",
                "url": f"{x.url}/dm_video/1590000000000000202/vid/b.mp4",
            },
        ],
    }


def test_a_loop_is_a_film_without_a_length(x, told):
    media = media_of(x, told, LOOP)

    assert media["type"] == "animated_gif"
    assert media["video_info"] == {
        "aspect_ratio": [1, 1],
        "variants": [{"bitrate": 0, "content_type": "video/mp4", "url": f"{x.url}/dm_gif/1590000000000000203/xyz.mp4"}],
    }


def test_people_come_as_in_v2_with_empty_texts_and_counters_twice(x, told):
    ben = {
        "id": BEN,
        "username": "ben",
        "name": "Ben",
        "fields": {
            "profile_image_url": "/ben_normal.jpg",
            "created_at": "2020-05-17T08:00:00.000Z",
            "public_metrics": {"followers_count": 97, "tweet_count": 5},
            "entities": {"description": {"mentions": [{"start": 4, "end": 8, "username": "ada"}]}},
            "verified": True,
            "location": "Leeds",
        },
    }
    x.post("people", ben)
    person = told()["users"][BEN]["data"]

    assert person["description"] == person["url"] == person["profile_banner_url"] == ""
    assert person["profile_image_url"] == f"{x.url}/ben_normal.jpg"
    assert (person["verified"], person["protected"], person["verified_type"]) == (True, False, "none")
    assert (person["public_metrics"]["followers_count"], person["public_metrics"]["followers_count_str"]) == (97, "97")
    assert person["public_metrics"]["media_count_str"] == "0"
    (mention,) = person["entities"]["description"]["mentions"]
    assert mention == {"start": 4, "start_str": "4", "end": 8, "end_str": "8", "username": "ada"}


def test_a_suspended_sender_is_missing_among_the_people(x, told):
    x.post("people", {"id": BEN, "username": "ben", "name": "Ben", "is_suspended": True})

    assert set(told()["users"]) == {ADA}


def test_line_breaks_and_odd_separators_do_not_break_the_line(told):
    text = "one\ntwo\u2028three\r\nfour \u0000 👋"

    assert data_of(told(text))["text"] == text


def test_typing_and_reading_have_the_shape_of_the_older_api(x, ada):
    x.subscribe(ada, ADA, "dm.indicate_typing", "dm.read")
    with listening(x) as ear:
        x.post("typing", {"sender_id": BEN, "recipient_id": ADA})
        x.post("read", {"reader_id": BEN, "other_id": ADA, "last_read_event_id": "1585823814058971140"})
        typing, read = (event["payload"] for event in ear.events(2))
    said = {"created_timestamp": "1793534400000", "sender_id": BEN, "target": {"recipient_id": ADA}}

    assert typing["direct_message_indicate_typing_events"] == [said]
    assert read["direct_message_mark_read_events"] == [{**said, "last_read_event_id": "1585823814058971140"}]
    assert set(typing["users"]) == set(read["users"]) == {ADA, BEN}


def test_the_newest_message_of_the_other_is_what_is_read_unless_another_is_named(x, ada):
    x.subscribe(ada, ADA, "dm.read")
    say(x, ADA, "one")
    newest = say(x, ADA, "two")["id"]
    say(x, BEN, "three")
    with listening(x) as ear:
        x.post("read", {"reader_id": BEN, "other_id": ADA})
        x.post("read", {"reader_id": BEN, "other_id": ADA})
        (said,) = ear.event()["payload"]["direct_message_mark_read_events"]

    assert said["last_read_event_id"] == newest
    assert len(x.get("activity")) == 1, "read once is read"
    assert (
        x.api(None, "/_sim/read", "POST", json={"reader_id": BEN, "other_id": ADA, "last_read_event_id": 7}).status_code
        == 400
    )


def test_the_envelope_has_a_tag_only_where_the_subscription_has_one(x, ada):
    x.subscribe(ada, ADA, "dm.received")
    x.subscribe(ada, ADA, "dm.sent", tag="out")
    with listening(x) as ear:
        say(x, BEN, "in")
        say(x, ADA, "out")
        received, sent = ear.events(2)

    assert received.keys() == {"event_uuid", "filter", "event_type", "payload"}
    assert sent.keys() == {*received.keys(), "tag"}
    assert json.loads(json.dumps(sent["filter"])) == {"user_id": ADA}
