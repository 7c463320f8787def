"""A page of X's answers becomes rows: all of it, once, whatever is odd about it."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from accounts.models import snowflake_floor
from conversations.ids import time_in
from conversations.models import (
    Conversation,
    DmEvent,
    Media,
    MediaFile,
    Participant,
    Post,
    QuarantinedEvent,
    SyncState,
    XUser,
)
from conversations.sync import store, store_page
from tests.conversations.sync_support import ANN, MORNING, OWN, answer_of, make_reading, message, one_to_one
from tests.factories import SyncStateFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]

BOB = "2000000000000000002"
PAIR, GROUP = one_to_one(OWN, ANN), "1580000000000000000"
FIRST = snowflake_floor(MORNING)
x_account = pytest.fixture(make_reading)


def body(*events, **includes) -> dict:
    return {"data": list(events), "includes": includes, "meta": {"result_count": len(events)}}


def user(pk: str, **more) -> dict:
    return {"id": pk, "username": f"user{pk[-1]}", "name": f"User {pk[-1]}", **more}


def test_a_page_stored_twice_is_stored_once(x_account):
    answer = answer_of(body(message(FIRST, ANN, PAIR), message(FIRST + 1, OWN, PAIR)))
    assert store_page(x_account, answer).new_events == 2
    assert store_page(x_account, answer).new_events == 0
    assert DmEvent.objects.count() == 2


def test_the_inbox_columns_follow_from_the_events_in_whatever_order_they_come(x_account):
    store_page(x_account, answer_of(body(message(FIRST + 9, OWN, PAIR))))
    store_page(x_account, answer_of(body(message(FIRST + 5, ANN, PAIR), message(FIRST + 3, ANN, PAIR))))
    conversation = Conversation.objects.get()
    assert conversation.last_event.dm_event_id == conversation.last_dm_event_id == FIRST + 9
    assert conversation.last_incoming_dm_event_id == FIRST + 5


@pytest.mark.parametrize("pair", [f"{OWN}-{ANN}", f"{ANN}-{OWN}", f"{OWN}:{ANN}"])
def test_the_other_side_is_the_peer_wherever_we_stand(x_account, pair):
    store_page(x_account, answer_of(body(message(FIRST, ANN, pair))))
    conversation = Conversation.objects.get()
    assert conversation.dm_conversation_id == f"{OWN}-{ANN}", "in one order, whichever X writes"
    assert conversation.peer_id == int(ANN)
    assert not conversation.is_group
    assert set(conversation.participants.values_list("x_user", flat=True)) == {int(OWN), int(ANN)}


def test_a_conversation_with_oneself_has_oneself_as_peer_and_nothing_incoming(x_account):
    store_page(x_account, answer_of(body(message(FIRST, OWN, f"{OWN}-{OWN}"))))
    conversation = Conversation.objects.get()
    assert conversation.peer_id == int(OWN)
    assert conversation.last_incoming_dm_event_id == 0


def test_a_group_that_two_of_our_accounts_are_in_is_two_conversations(x_account):
    other = SyncStateFactory().x_account
    for row in (x_account, other):
        store_page(row, answer_of(body(message(FIRST, ANN, GROUP))))
    assert Conversation.objects.filter(dm_conversation_id=GROUP, is_group=True, peer=None).count() == 2
    assert DmEvent.objects.filter(dm_event_id=FIRST).count() == 2
    assert XUser.objects.filter(pk=int(ANN)).count() == 1


def test_who_joined_who_brought_them_and_who_left_again(x_account):
    join = {"id": str(FIRST + 1), "event_type": "ParticipantsJoin", "participant_ids": [BOB], "sender_id": ANN}
    leave = {"id": str(FIRST + 3), "event_type": "ParticipantsLeave", "participant_ids": [BOB]}
    again = {"id": str(FIRST + 5), "event_type": "ParticipantsJoin", "participant_ids": [BOB], "sender_id": OWN}
    for event in (join, leave, again):
        event |= {"dm_conversation_id": GROUP}
    store_page(x_account, answer_of(body(leave)))
    bob = Participant.objects.get(x_user=int(BOB))
    assert not bob.is_present
    assert bob.joined_at is None, "they were there before X's memory begins"
    store_page(x_account, answer_of(body(join)))
    bob.refresh_from_db()
    assert not bob.is_present
    assert bob.invited_by_id == int(ANN)
    store_page(x_account, answer_of(body(again)))
    bob.refresh_from_db()
    assert bob.is_present
    assert bob.invited_by_id == int(OWN)
    assert bob.left_at == time_in(FIRST + 3), "the times come out of the ids where X gives none"
    assert DmEvent.objects.get(dm_event_id=FIRST + 3).sender is None


def test_a_member_list_on_a_message_makes_nobody_join(x_account):
    """X put it on every event for eleven months."""
    store_page(x_account, answer_of(body(message(FIRST, ANN, GROUP, participant_ids=[OWN, ANN, BOB]))))
    assert set(Participant.objects.values_list("x_user", flat=True)) == {int(ANN)}
    assert DmEvent.objects.get().participants.count() == 0


def test_who_is_missing_in_includes_is_a_bare_id_that_is_looked_up(x_account):
    store_page(x_account, answer_of(body(message(FIRST, ANN, PAIR), message(FIRST + 1, BOB, GROUP), users=[user(ANN)])))
    ann, bob = XUser.objects.get(pk=int(ANN)), XUser.objects.get(pk=int(BOB))
    assert ann.username == "user1"
    assert ann.lookup_due_at is None
    assert bob.username == ""
    assert bob.lookup_due_at is not None
    own = XUser.objects.get(pk=int(OWN))
    assert own.username == x_account.username, "nobody has to ask X who we are"
    assert own.lookup_due_at is None


def test_the_last_known_profile_stays(x_account):
    later = MORNING + timedelta(hours=1)
    avatar = "https://pbs.twimg.com/profile_images/1/a_normal.jpg"
    full = user(ANN, name="Ann", profile_image_url=avatar, verified=True)
    store_page(x_account, answer_of(body(message(FIRST, ANN, PAIR), users=[full]), later))
    store_page(x_account, answer_of(body(message(FIRST + 1, ANN, PAIR), users=[user(ANN, name="Old")]), MORNING))
    ann = XUser.objects.get(pk=int(ANN))
    assert ann.name == "Ann", "an answer seen earlier does not win"
    store_page(x_account, answer_of(body(users=[{"id": ANN, "username": "ann_now"}]), later + timedelta(hours=1)))
    store_page(x_account, answer_of(body(message(FIRST + 2, ANN, PAIR)), later + timedelta(hours=2)))
    ann.refresh_from_db()
    assert (ann.username, ann.name, ann.is_verified) == ("ann_now", "Ann", True)
    assert ann.avatar.source_url == avatar.replace("_normal", "_400x400"), "sharp on today's screens"


def test_media_of_a_message_and_whose_token_fetches_it(x_account):
    photo = {"media_key": "5_11", "type": "photo", "url": "https://ton.twitter.com/1.1/ton/data/dm/1/11/a.jpg"}
    variants = [
        {"url": "https://video.twimg.com/dm_video/1/pl/a.m3u8", "content_type": "application/x-mpegURL"},
        {"url": "https://video.twimg.com/dm_video/1/vid/small.mp4", "content_type": "video/mp4", "bit_rate": 300_000},
        {"url": "https://video.twimg.com/dm_video/1/vid/best.mp4", "content_type": "video/mp4", "bit_rate": 900_000},
    ]
    preview = "https://pbs.twimg.com/dm_video_preview/1/img/a.jpg"
    video = {"media_key": "13_12", "type": "video", "preview_image_url": preview, "variants": variants}
    sent = message(FIRST, ANN, PAIR, attachments={"media_keys": ["13_12", "5_11", "5_99"]})
    store_page(x_account, answer_of(body(sent, media=[photo, video])))
    event = DmEvent.objects.get()
    assert [link.media.media_key for link in event.event_media.all()] == ["13_12", "5_11", "5_99"]
    stored = {row.media_key: row for row in Media.objects.all()}
    assert stored["5_11"].file.x_account == x_account
    assert stored["13_12"].file.source_url.endswith("best.mp4")
    assert stored["13_12"].file.x_account is None
    assert stored["13_12"].preview.source_url == preview
    assert stored["5_99"].file is None, "named and not shown"
    assert MediaFile.objects.count() == 3


def test_a_shared_post_is_a_card_at_once_and_its_details_are_due(x_account):
    shown = {"id": "1700000000000000001", "text": "New lamp", "author_id": BOB}
    sent = message(FIRST, ANN, PAIR, referenced_tweets=[{"id": shown["id"]}, {"id": "1700000000000000002"}])
    store_page(x_account, answer_of(body(sent, tweets=[shown])))
    assert list(DmEvent.objects.get().posts.values_list("pk", flat=True)) == [int(shown["id"]), 1700000000000000002]
    post = Post.objects.get(text="New lamp")
    assert post.author.lookup_due_at is not None
    assert Post.objects.filter(state=Post.State.DUE, x_account=x_account).count() == 2


def test_details_that_are_complete_are_not_undone_by_a_message(x_account):
    Post.objects.create(pk=1700000000000000001, text="Whole", state=Post.State.COMPLETE)
    sent = message(FIRST, ANN, PAIR, referenced_tweets=[{"id": "1700000000000000001"}])
    store_page(x_account, answer_of(body(sent, tweets=[{"id": "1700000000000000001", "text": "Who…"}])))
    assert Post.objects.get().text == "Whole"


def test_what_an_answer_leaves_out_does_not_erase_what_an_earlier_one_told(x_account):
    full = message(FIRST, ANN, PAIR, "Look https://t.co/a", urls=[{"start": 5, "end": 19, "url": "https://t.co/a"}])
    short = {"id": str(FIRST), "event_type": "MessageCreate", "dm_conversation_id": PAIR}
    store_page(x_account, answer_of(body(full)))
    store_page(x_account, answer_of(body(short)))
    event = DmEvent.objects.get()
    assert (event.text, event.sender_id, event.raw) == ("Look https://t.co/a", int(ANN), full)
    assert event.entities["urls"]


def test_what_a_later_answer_tells_more_is_added(x_account):
    short = {"id": str(FIRST), "text": "Hi", "event_type": "MessageCreate", "dm_conversation_id": PAIR}
    store_page(x_account, answer_of(body(short)))
    store_page(x_account, answer_of(body(message(FIRST, ANN, PAIR, "Hi"))))
    event = DmEvent.objects.get()
    assert event.sender_id == int(ANN)
    assert Participant.objects.get(x_user=int(ANN)).last_message_at == event.created_at


def test_a_kind_nobody_knows_is_kept_with_its_raw_form(x_account):
    strange = message(FIRST, ANN, PAIR, event_type="MessageReaction", reaction="💡")
    store_page(x_account, answer_of(body(strange)))
    event = DmEvent.objects.get()
    assert event.event_type == "MessageReaction"
    assert event.raw["reaction"] == "💡"


ODD = {
    "no id": {"event_type": "MessageCreate", "dm_conversation_id": PAIR},
    "an id beyond 63 bits": {"id": "9223372036854775808", "dm_conversation_id": PAIR},
    "a sender beyond 63 bits": {"id": str(FIRST), "sender_id": "9999999999999999999", "dm_conversation_id": PAIR},
    "no conversation": {"id": str(FIRST), "event_type": "MessageCreate", "text": "?"},
    "a text that is a number": {"id": str(FIRST), "text": 7, "dm_conversation_id": PAIR},
    "no object at all": "surprise",
    "a conversation with too large an id": {"id": str(FIRST), "dm_conversation_id": f"{OWN}-9999999999999999999"},
    "a kind of fifty characters": {"id": str(FIRST), "event_type": "K" * 50, "dm_conversation_id": PAIR},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_one_odd_event_never_stops_a_page(x_account, odd):
    answer = answer_of(body(message(FIRST + 9, ANN, PAIR), odd, message(FIRST + 8, ANN, PAIR)))
    for _ in range(2):
        assert store_page(x_account, answer).odd == 1
    assert DmEvent.objects.count() == 2
    row = QuarantinedEvent.objects.get()
    assert (row.raw, row.times_seen) == (odd, 2)
    assert SyncState.objects.get().odd_events == 1


def test_what_only_the_database_refuses_is_found_and_the_rest_is_stored(x_account, monkeypatch):
    inner = store._row

    def refusing(told, conversation, known):
        if told.id == FIRST + 1:
            raise DataError("not in this column")
        return inner(told, conversation, known)

    monkeypatch.setattr(store, "_row", refusing)
    page = body(*(message(FIRST + n, ANN, PAIR) for n in range(4)), users=[user(ANN)])
    stored = store_page(x_account, answer_of(page))
    assert (stored.new_events, stored.odd) == (3, 1)
    assert QuarantinedEvent.objects.get().raw["id"] == str(FIRST + 1)
    assert XUser.objects.get(pk=int(ANN)).username == "user1"


def test_events_of_a_conversation_that_do_not_name_it_belong_to_it(x_account):
    conversation = Conversation.objects.create(x_account=x_account, dm_conversation_id=GROUP, is_group=True)
    answer = answer_of(body({"id": str(FIRST), "event_type": "MessageCreate", "text": "Hi"}))
    store_page(x_account, answer, conversation=conversation)
    assert DmEvent.objects.get().conversation == conversation


def test_a_page_takes_as_many_queries_whatever_is_on_it(x_account):
    def page(size: int, first: int) -> dict:
        ids = [str(first + n) for n in range(size)]
        attached = [{"attachments": {"media_keys": [f"5_{pk}"]}} for pk in ids]
        events = [message(int(pk), pk, one_to_one(OWN, pk), **more) for pk, more in zip(ids, attached, strict=True)]
        media = [{"media_key": f"5_{pk}", "type": "photo", "url": f"https://ton.twitter.com/{pk}"} for pk in ids]
        return body(*events, users=[user(pk) for pk in ids], media=media)

    store_page(x_account, answer_of(page(1, FIRST)))
    counts = []
    for size, first in ((2, FIRST + 100), (40, FIRST + 1000)):
        with CaptureQueriesContext(connection) as queries:
            store_page(x_account, answer_of(page(size, first)))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 30, counts


@pytest.mark.contract
def test_the_recorded_payloads_of_x_are_stored_whole(x_account):
    folder = Path(os.environ["X_CONTRACT_DIR"]) / "payloads"
    conversation = Conversation.objects.create(x_account=x_account, dm_conversation_id=GROUP, is_group=True)
    pages = 0
    for path in sorted(folder.glob("v2-*.json")):
        for payload in _pages_in(json.loads(path.read_text())):
            answer = answer_of(payload)
            stored = store_page(x_account, answer, conversation=conversation)
            assert stored.odd == 0, path.name
            assert {int(event.id) for event in answer.value.events} <= set(
                DmEvent.objects.values_list("dm_event_id", flat=True)
            ), path.name
            assert store_page(x_account, answer, conversation=conversation).new_events == 0
            pages += 1
    assert pages >= 5


def _pages_in(payload) -> list[dict]:
    """Every body in a payload file that is a page of DM events."""
    found = []
    if isinstance(payload, list):
        for part in payload:
            found += _pages_in(part)
    elif isinstance(payload, dict):
        data = payload.get("data")
        events = data if isinstance(data, list) else [data]
        if "meta" in payload and all(isinstance(one, dict) and "event_type" in one for one in events if one):
            found.append(payload)
        else:
            for part in payload.values():
                found += _pages_in(part)
    return found


def test_what_the_filters_of_the_inbox_need_follows_from_the_events_in_whatever_order_they_come(x_account):
    with_photo = message(FIRST + 1, ANN, PAIR) | {"attachments": {"media_keys": ["3_7"]}}
    with_post = message(FIRST + 2, ANN, PAIR) | {"referenced_tweets": [{"id": "1900000000000000001"}]}
    store_page(x_account, answer_of(body(message(FIRST + 9, OWN, PAIR), message(FIRST + 8, OWN, PAIR))))
    assert columns_of(PAIR) == (FIRST + 9, False, False)
    store_page(x_account, answer_of(body(message(FIRST + 3, OWN, PAIR), with_photo)))
    assert columns_of(PAIR) == (FIRST + 9, True, False)
    store_page(x_account, answer_of(body(with_post, message(FIRST + 11, ANN, PAIR), message(FIRST, OWN, GROUP))))
    assert columns_of(PAIR) == (FIRST + 9, True, True)
    assert columns_of(GROUP) == (FIRST, False, False)


def columns_of(dm_conversation_id: str) -> tuple[int, bool, bool]:
    row = Conversation.objects.get(dm_conversation_id=dm_conversation_id)
    return row.last_own_dm_event_id, row.has_media, row.has_post
