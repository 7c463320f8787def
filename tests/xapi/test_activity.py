"""What X pushes becomes what a read would give, and whatever is odd about it stops nothing."""

import copy
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dminbox.xapi.activity import (
    ChatMessage,
    Receipt,
    Typing,
    encrypted_message,
    messages,
    parse_activity,
    read_receipts,
    revoked_at,
    revoked_user_id,
    typings,
)
from dminbox.xapi.schema import Variant
from tests.xapi.support import ADA, CLEO, CONVERSATION, payload

RECEIVED = payload("activity-dm-received")


def activity(name: str, **changes):
    raw = copy.deepcopy(payload(name))
    raw["data"]["payload"] |= changes
    return parse_activity(raw)


def changed(**members):
    return {"data": {**RECEIVED["data"], **members}}


def message(**members):
    """The page of one message, some of whose members are others."""
    raw = copy.deepcopy(RECEIVED)
    raw["data"]["payload"]["direct_message_events"][0] |= members
    return messages(parse_activity(raw))


def test_the_envelope_is_read_with_or_without_its_data():
    wrapped, bare = parse_activity(RECEIVED), parse_activity(RECEIVED["data"])
    assert (wrapped.event_uuid, wrapped.event_type) == ("-6850000000000000495", "dm.received")
    assert (wrapped.user_id, wrapped.tag) == (ADA, "dminbox")
    assert wrapped.payload == bare.payload == RECEIVED["data"]["payload"]
    assert wrapped.raw == RECEIVED
    assert parse_activity(bare.raw) == bare


@pytest.mark.parametrize("uuid", [-6850000000000000495, "-6850000000000000495"])
def test_an_event_uuid_keeps_every_digit_and_its_sign(uuid):
    line = json.dumps(changed(event_uuid=uuid))
    assert parse_activity(json.loads(line)).event_uuid == "-6850000000000000495"


@pytest.mark.parametrize("uuid", ["8c1f4f0e-0000-4000-8000-000000000001", "12"])
def test_an_event_uuid_may_be_any_name(uuid):
    assert parse_activity(changed(event_uuid=uuid)).event_uuid == uuid


@pytest.mark.parametrize(
    ("raw", "member"),
    [
        ("", "activity"),
        ([], "activity"),
        ({}, "event_uuid"),
        ({"data": []}, "data"),
        (changed(event_uuid=None), "event_uuid"),
        (changed(event_uuid=-6.85e18), "event_uuid"),
        (changed(event_uuid=True), "event_uuid"),
        (changed(event_uuid="a b"), "event_uuid"),
        (changed(event_type=None), "event_type"),
        (changed(event_type="dm\nreceived"), "event_type"),
        (changed(filter=[]), "filter"),
        (changed(filter={"user_id": 1.9e18}), "user_id"),
        (changed(payload=[]), "payload"),
    ],
)
def test_what_is_no_envelope_names_the_member_and_nothing_of_it(raw, member):
    with pytest.raises(ValueError) as caught:
        parse_activity(raw)
    assert member in str(caught.value)
    assert "Guten Tag" not in str(caught.value)


def test_a_kind_nobody_knows_is_an_activity_too():
    told = parse_activity(changed(event_type="space.opened", payload={"anything": 1}, surprise=2, tag=7))
    assert (told.event_type, told.payload, told.tag) == ("space.opened", {"anything": 1}, None)
    assert told.raw["data"]["surprise"] == 2


def test_a_received_message_is_read_as_a_page_would_show_it():
    page = messages(parse_activity(RECEIVED))
    (event,) = page.events
    assert (event.id, event.event_type, event.sender_id) == ("2080000000000000801", "MessageCreate", CLEO)
    assert event.dm_conversation_id == CONVERSATION
    assert event.created_at == datetime(2026, 7, 24, 21, 23, 44, 372000, tzinfo=UTC)
    assert event.text.startswith("Guten Tag")
    assert event.raw == RECEIVED["data"]["payload"]["direct_message_events"][0]
    assert (page.odd, page.includes.odd) == ((), ())


def test_entities_are_told_in_the_words_of_version_2():
    (event,) = messages(parse_activity(RECEIVED)).events
    assert event.entities == {
        "urls": [
            {
                "start": 51,
                "end": 70,
                "url": "https://t.co/abc123",
                "expanded_url": "https://nordlicht.example/orders/7",
                "display_url": "nordlicht.example/orders/7",
            }
        ],
        "hashtags": [{"start": 38, "end": 43, "tag": "lamp"}],
        "cashtags": [{"start": 45, "end": 50, "tag": "NORD"}],
        # Not the number beside it, which lost digits.
        "mentions": [{"start": 10, "end": 24, "username": "NordlichtHelp", "id": ADA}],
    }
    for entity in (entity for entities in event.entities.values() for entity in entities):
        name = next(entity[name] for name in ("url", "tag", "username") if name in entity)
        assert event.text[entity["start"] : entity["end"]].lstrip("#$@") == name


def test_people_come_along():
    users = {user.id: user for user in messages(parse_activity(RECEIVED)).includes.users}
    assert set(users) == {ADA, CLEO}
    assert (users[CLEO].username, users[CLEO].name, users[CLEO].verified_type) == ("CleoReads", "Cleo", "none")
    assert users[ADA].created_at == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert users[ADA].raw == RECEIVED["data"]["payload"]["users"][ADA]["data"]


def test_people_are_read_without_the_level_of_data_and_in_the_older_form():
    older = {
        "created_timestamp": "1422556069340",
        "name": "Cleo",
        "screen_name": "CleoReads",
        "protected": True,
        "profile_image_url_https": "https://pbs.twimg.com/profile_images/1/a_normal.jpg",
    }
    users = messages(
        activity("activity-dm-received", users={ADA: {"id": ADA, "username": "N"}, CLEO: older})
    ).includes.users
    assert [(user.id, user.username) for user in users] == [(ADA, "N"), (CLEO, "CleoReads")]
    assert (users[1].protected, users[1].profile_image_url) == (True, older["profile_image_url_https"])
    assert users[1].created_at.year == 2015


def test_people_that_cannot_be_read_do_not_stop_the_message():
    page = messages(activity("activity-dm-received", users={ADA: [], CLEO: {"data": {"id": 1.5}}}))
    assert (len(page.events), page.includes.users, len(page.includes.odd)) == (1, (), 2)
    assert messages(activity("activity-dm-received", users=[])).includes.odd[0].reason == "users is not an object"
    assert messages(activity("activity-dm-received", users=None)).includes.odd == ()


def test_a_sent_message_belongs_to_the_same_conversation():
    (event,) = messages(activity("activity-dm-sent")).events
    assert (event.sender_id, event.dm_conversation_id) == (ADA, CONVERSATION)
    assert event.raw["message_create"]["source_app_id"] == "29820954"


def test_the_smaller_number_comes_first_in_a_conversation_id():
    raw = copy.deepcopy(RECEIVED)
    said = raw["data"]["payload"]["direct_message_events"][0]["message_create"]
    said["sender_id"], said["target"]["recipient_id"] = "20", "3"
    assert messages(parse_activity(raw)).events[0].dm_conversation_id == "3-20"
    said["sender_id"] = "3"
    assert messages(parse_activity(raw)).events[0].dm_conversation_id == "3-3"


MEDIA = {
    "photo": ("photo", "push_2080000000000000751"),
    "gif": ("animated_gif", "push_2080000000000000752"),
    "video": ("video", "push_2080000000000000753"),
}


@pytest.mark.parametrize("name", MEDIA)
def test_an_attachment_is_told_in_the_words_of_version_2(name):
    told = activity(f"activity-dm-received-{name}")
    page = messages(told)
    (event,), (media,) = page.events, page.includes.media
    assert (media.type, media.media_key) == MEDIA[name]
    assert event.media_keys == (media.media_key,)
    assert (media.width, media.height) == (1080, 810)
    assert media.raw == event.raw["message_create"]["message_data"]["attachment"]["media"]
    address = media.raw["media_url_https"]
    assert (media.url, media.preview_image_url) == ((address, None) if name == "photo" else (None, address))
    assert event.entities["urls"][0]["display_url"].startswith("pic.twitter.com/")


def test_a_video_has_its_forms_and_length():
    (video,) = messages(activity("activity-dm-received-video")).includes.media
    assert video.duration_ms == 1291
    assert [(variant.content_type, variant.bit_rate) for variant in video.variants] == [
        ("video/mp4", 320000),
        ("application/x-mpegURL", None),
        ("video/mp4", 2176000),
    ]
    (gif,) = messages(activity("activity-dm-received-gif")).includes.media
    assert gif.variants == (Variant("https://video.twimg.com/dm_gif/2080000000000000752/lamp.mp4", "video/mp4", 0),)


def attached(attachment):
    raw = copy.deepcopy(RECEIVED)
    raw["data"]["payload"]["direct_message_events"][0]["message_create"]["message_data"]["attachment"] = attachment
    return messages(parse_activity(raw))


@pytest.mark.parametrize(
    "attachment", [None, [], "media", {"type": "location", "location": {}}, {"type": "media", "media": 5}]
)
def test_other_attachments_are_in_the_raw_message_alone(attachment):
    page = attached(attachment)
    assert (len(page.events), page.events[0].media_keys, page.includes.media, page.includes.odd) == (1, (), (), ())
    assert page.events[0].raw["message_create"]["message_data"]["attachment"] == attachment


def test_media_of_an_odd_form_are_kept_as_far_as_they_can_be_read():
    odd = {
        "id_str": "7",
        "type": {},
        "media_url": "http://a",
        "sizes": [],
        "video_info": {"variants": [5, {"url": ""}]},
    }
    (media,) = attached({"type": "media", "media": odd}).includes.media
    assert (media.media_key, media.type, media.width, media.variants) == ("push_7", None, None, ())
    page = attached({"type": "media", "media": {"id": 1.5e18}})
    assert (page.includes.media, page.events[0].media_keys) == ((), ())
    assert page.includes.odd[0].reason == "the media has no id"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"type": "welcome_message"}, "type is not message_create"),
        ({"id": None}, "id is missing"),
        ({"id": 2.08e18}, "id is no id"),
        ({"created_timestamp": "soon"}, "created_timestamp is no time in milliseconds"),
        ({"created_timestamp": "9" * 18}, "created_timestamp is no time in milliseconds"),
        ({"message_create": None}, "sender_id is missing"),
        ({"message_create": {"sender_id": CLEO}}, "recipient_id is missing"),
        ({"message_create": {"sender_id": CLEO, "target": {"recipient_id": ADA}, "message_data": []}}, "message_data"),
    ],
)
def test_a_message_that_cannot_be_read_is_kept_raw(members, reason):
    page = message(**members)
    assert page.events == ()
    assert reason in page.odd[0].reason
    assert page.odd[0].raw["type"]


def test_a_message_without_text_or_entities_is_one():
    empty = {"sender_id": CLEO, "target": {"recipient_id": ADA}, "message_data": {"entities": {"urls": [{}, 5]}}}
    (event,) = message(message_create=empty).events
    assert (event.text, event.entities) == (None, {})


def test_an_activity_without_messages_is_odd_as_a_whole():
    told = parse_activity(changed(payload={"something": "else"}))
    assert messages(told).odd[0].reason == "direct_message_events is missing"
    assert messages(told).odd[0].raw == told.raw
    assert len(messages(parse_activity(changed(payload={"direct_message_events": 5}))).odd) == 1


def test_a_good_message_beside_an_odd_one_is_read():
    events = [5, RECEIVED["data"]["payload"]["direct_message_events"][0]]
    page = messages(activity("activity-dm-received", direct_message_events=events))
    assert (len(page.events), len(page.odd)) == (1, 1)


AT = datetime(2026, 7, 24, 21, 27, 32, 444000, tzinfo=UTC)


def test_a_receipt_says_who_has_read_what():
    assert read_receipts(activity("activity-dm-read")) == (Receipt(CLEO, ADA, "2080000000000000863", AT),)


@pytest.mark.parametrize(
    "receipt",
    [
        {"sender_id": CLEO, "target": {"recipient_id": ADA}, "created_timestamp": "1784928452444"},
        {"sender_id": CLEO, "recipient_id": ADA, "created_at": "2026-07-24T21:27:32.444Z"},
        {"sender_id": CLEO, "recipient_id": ADA, "created_at_msec": 1784928452444},
    ],
)
def test_a_receipt_in_another_form_is_read_as_far_as_it_goes(receipt):
    expected = (Receipt(CLEO, ADA, None, AT),)
    assert read_receipts(parse_activity(changed(payload={"direct_message_mark_read_events": [receipt]}))) == expected
    assert read_receipts(parse_activity(changed(payload=receipt))) == expected


def test_typing_says_who_types_to_whom():
    at = datetime(2026, 7, 24, 21, 23, 3, 443000, tzinfo=UTC)
    assert typings(activity("activity-dm-indicate-typing")) == (Typing(CLEO, ADA, at),)


def test_what_has_no_time_happened_now(time_machine):
    time_machine.move_to(AT, tick=False)
    assert typings(parse_activity(changed(payload={"sender_id": CLEO, "recipient_id": ADA})))[0].at == AT


@pytest.mark.parametrize("read", [read_receipts, typings])
@pytest.mark.parametrize("told", [{}, {"sender_id": 1.5}, {"sender_id": CLEO}, {"sender_id": CLEO, "target": 5}])
def test_receipts_and_typing_that_cannot_be_read_name_the_member(read, told):
    with pytest.raises(ValueError, match="sender_id|recipient_id|target"):
        read(parse_activity(changed(payload=told)))


def test_an_encrypted_message_says_who_and_where_and_nothing_else():
    assert encrypted_message(activity("activity-chat-received")) == ChatMessage(
        id="e4f4d3fc-0000-4928-92eb-e5058d6bb6f6",
        conversation_id=CONVERSATION,  # X has its two ids the other way round
        sender_id=CLEO,
        at=datetime(2026, 7, 23, 21, 13, 3, 370000, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("theirs", "ours"), [("20:3", "3-20"), ("3-20", "3-20"), ("g2080000000000000555", "g2080000000000000555")]
)
def test_a_chat_id_is_told_in_one_form(theirs, ours):
    assert encrypted_message(activity("activity-chat-received", conversation_id=theirs)).conversation_id == ours


@pytest.mark.parametrize("odd", [None, "", 5, "../..", "a:b", "1:2:3"])
def test_an_encrypted_message_of_no_conversation_names_the_member(odd):
    with pytest.raises(ValueError, match="conversation_id"):
        encrypted_message(activity("activity-chat-received", conversation_id=odd))


def test_a_revocation_says_whose_and_when():
    told = activity("activity-oauth-revoke")
    assert (told.user_id, revoked_user_id(told)) == (ADA, ADA)
    assert revoked_at(told) == datetime(2026, 7, 23, 21, 44, 5, tzinfo=UTC)


def test_a_revocation_that_names_nobody_is_none():
    told = parse_activity(changed(event_type="oauth.revoke", filter={}, payload={"date_time": 5, "user_id": {}}))
    assert (told.user_id, revoked_user_id(told), revoked_at(told)) == (None, None, None)


def test_nothing_that_people_wrote_or_are_called_is_shown_by_repr():
    told = [activity(f"activity-{name}") for name in ("dm-received", "dm-received-photo", "chat-received")]
    pages = [messages(one) for one in told]
    shown = repr([told, pages, encrypted_message(told[2])])
    for secret in ("Guten Tag", "Cleo", "https://", "CwAB"):
        assert secret not in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_any_member_may_be_anything(data):
    """Wherever something else stands in a payload, the parsers answer or raise ValueError."""
    name = data.draw(st.sampled_from(["activity-dm-received-video", "activity-dm-read", "activity-chat-received"]))
    raw = copy.deepcopy(payload(name))
    holder, key = data.draw(st.sampled_from(list(places(raw))))
    holder[key] = data.draw(JSON)
    try:
        told = parse_activity(raw)
    except ValueError:
        return
    messages(told)
    revoked_user_id(told)
    revoked_at(told)
    for parse in (read_receipts, typings, encrypted_message):
        try:
            parse(told)
        except ValueError:
            continue


def places(raw):
    for key in raw if isinstance(raw, dict) else range(len(raw)):
        yield raw, key
        if isinstance(raw[key], dict | list):
            yield from places(raw[key])
