"""The demo world shows everything an inbox has to cope with, and is true to X's ways of numbering and wording."""

import io
import json
import random
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from dminbox.xsim import demo, media
from dminbox.xsim.demo import MIRA_ID, OSSIAN_ID, STUDIO_ID, SUPPORT_ID, demo_world
from dminbox.xsim.demo.script import parse_line
from dminbox.xsim.demo.wording import Wording
from dminbox.xsim.world import World

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
EPOCH_MS = 1288834974657


@pytest.fixture(scope="module")
def world():
    return demo_world(NOW)


@pytest.fixture(scope="module")
def by_conversation(world):
    found = defaultdict(list)
    for event in world.events:
        found[event.dm_conversation_id].append(event)
    return found


def person(world, username):
    return next(one for one in world.people.values() if one.username == username)


def texts_of(world, sender_id):
    return [event.text for event in world.events if event.sender_id == sender_id and event.text]


def unescaped(text):
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_the_same_now_gives_the_same_world_and_another_now_the_same_talk(world):
    assert demo_world(NOW) == world
    later = demo_world(NOW + timedelta(hours=5))
    assert sorted(e.text or "" for e in later.events if not e.entities) == sorted(
        e.text or "" for e in world.events if not e.entities
    )


def test_it_goes_to_json_and_back(world):
    assert World.from_json(json.loads(json.dumps(world.to_json()))) == world


@pytest.mark.parametrize("hour", [0, 3, 6, 12, 18, 23])
def test_nothing_lies_in_the_future_and_all_within_ninety_days(hour):
    now = NOW.replace(hour=hour)
    moments = [event.created_at for event in demo_world(now).events]
    assert max(moments) <= now
    assert min(moments) >= now - timedelta(days=90)
    assert now - max(moments) < timedelta(hours=6), "somebody wrote today"


def test_it_has_the_asked_for_size(world, by_conversation):
    assert len(by_conversation) >= 40
    assert 900 <= len(world.events) <= 1200
    assert 500 <= sum(event.created_at > NOW - timedelta(days=30) for event in world.events) <= 700


def test_the_personas_are_the_four_of_the_consent_page(world):
    assert {one.id for one in world.people.values() if one.is_persona} == {SUPPORT_ID, STUDIO_ID, MIRA_ID, OSSIAN_ID}
    assert world.people[SUPPORT_ID].username == "NordlichtHelp"
    assert world.people[STUDIO_ID].username == "NordlichtStudio"


def test_event_ids_are_snowflakes_of_their_time_each_once_and_in_order(world):
    ids = [int(event.id) for event in world.events]
    assert ids == sorted(set(ids))
    for event in world.events:
        made_at = datetime.fromtimestamp(((int(event.id) >> 22) + EPOCH_MS) / 1000, UTC)
        assert made_at.replace(microsecond=0) == event.created_at
        assert int(event.id) > 2**53


def test_user_ids_are_old_short_ones_and_snowflakes(world):
    lengths = Counter(len(one) for one in world.people)
    assert sum(lengths[length] for length in range(1, 11)) >= 10
    assert lengths[19] >= 30
    assert all(re.fullmatch(r"[A-Za-z0-9_]{1,15}", one.username) for one in world.people.values())


def test_lines_follow_each_other_as_they_are_told(world):
    stage = demo.Stage(NOW, World(people=world.people), demo.cast(), {}, {}, random.Random(1))
    stage.posts = demo.write_posts(NOW, stage.cast, {}).posts
    demo._play_stories(stage)
    told = defaultdict(list)
    for event in stage.world.events:
        told[event.dm_conversation_id].append(int(event.id))
    assert all(ids == sorted(ids) for ids in told.values())


def test_one_to_one_ids_hold_both_people_the_smaller_first(world):
    pairs = [one for one in world.conversations.values() if not one.is_group]
    for one in pairs:
        left, right = one.id.split("-")
        assert int(left) <= int(right)
        assert set(one.member_ids) == {left, right}
    assert f"{SUPPORT_ID}-{SUPPORT_ID}" in world.conversations
    assert f"{SUPPORT_ID}-{STUDIO_ID}" in world.conversations


def test_groups_begin_with_joins_and_their_first_message_is_four_above_the_group(world, by_conversation):
    groups = [one for one in world.conversations.values() if one.is_group]
    assert len(groups) >= 4
    for group in groups:
        first, second = by_conversation[group.id][:2]
        assert first.event_type == "ParticipantsJoin"
        assert int(first.id) == int(group.id) + 1
        assert int(second.id) == int(group.id) + 4
        assert len(group.member_ids) == len(set(group.member_ids))


def test_people_join_leave_and_come_back(world, by_conversation):
    returned = set()
    for events in by_conversation.values():
        gone = set()
        for event in events:
            if event.event_type == "ParticipantsLeave":
                assert event.sender_id is None
                assert event.text is None
                gone |= set(event.participant_ids)
            elif event.event_type == "ParticipantsJoin":
                assert event.sender_id not in event.participant_ids
                returned |= gone & set(event.participant_ids)
    assert len(returned) >= 3


def test_nobody_speaks_in_a_group_while_out_of_it(world, by_conversation):
    for group in (one for one in world.conversations.values() if one.is_group):
        inside = {by_conversation[group.id][0].sender_id}
        for event in by_conversation[group.id]:
            if event.event_type == "ParticipantsJoin":
                inside |= set(event.participant_ids)
            elif event.event_type == "ParticipantsLeave":
                inside -= set(event.participant_ids)
            assert event.sender_id is None or event.sender_id in inside


def test_one_group_has_both_brands_in_it(world):
    assert any(one.is_group and {SUPPORT_ID, STUDIO_ID} <= set(one.member_ids) for one in world.conversations.values())


def test_entities_stand_where_they_say(world):
    kinds = Counter()
    for event in world.events:
        for kind, entities in event.entities.items():
            for entity in entities:
                kinds[kind] += 1
                said = event.text[entity["start"] : entity["end"]]
                expected = {
                    "urls": lambda e: e["url"],
                    "hashtags": lambda e: "#" + e["tag"],
                    "cashtags": lambda e: "$" + e["tag"],
                    "mentions": lambda e: "@" + e["username"],
                }[kind](entity)
                assert said.replace("＃", "#") == expected
    assert kinds["urls"] > 50
    assert kinds.keys() == {"urls", "hashtags", "cashtags", "mentions"}


def test_every_link_is_a_tco_of_its_own_with_a_web_address_behind(world):
    links = [url for event in world.events for url in event.entities.get("urls", [])]
    assert len({url["url"] for url in links}) == len(links)
    assert all(re.fullmatch(r"https://t\.co/[A-Za-z0-9]{10}", url["url"]) for url in links)
    assert all(url["expanded_url"].startswith("https://") for url in links)


def test_texts_are_escaped_exactly_once(world):
    tomek = texts_of(world, person(world, "tomek_shell").id)
    assert "Do you ship to Jan &amp; Tomek Studio, R&amp;D dept. &lt;2nd floor&gt;?" in tomek
    assert any(text.startswith("&amp;amp; is what") for text in tomek)
    for event in world.events:
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", event.text or "")


def test_a_message_has_the_greatest_length(world):
    assert max(len(unescaped(event.text or "")) for event in world.events) == 10_000


@pytest.mark.parametrize(
    "pattern",
    [
        "[\u0590-\u05ff]",
        "[\u0600-\u06ff]",
        "[一-鿿]",
        "[ぁ-ん]",
        "[가-힣]",
        "[\u0900-\u097f]",
        "\u200d",
        "\n\n",
        "[ßäöü]",
        "[¿¡]",
    ],
    ids=["hebrew", "arabic", "han", "kana", "hangul", "devanagari", "joiner", "newline", "german", "spanish"],
)
def test_it_speaks_many_scripts(world, pattern):
    assert any(re.search(pattern, event.text or "") for event in world.events)


def test_a_message_that_is_only_media_begins_with_a_space(world):
    bare = [e for e in world.events if e.media_keys and re.fullmatch(r" https://t\.co/\w{10}", e.text)]
    assert len(bare) >= 5
    for event in bare:
        (link,) = event.entities["urls"]
        assert link["expanded_url"].endswith(f"/messages/media/{event.id}")
        assert link["start"] == 1


def test_dm_photos_lie_on_ton_under_the_event_that_first_showed_them(world):
    shown_by = defaultdict(list)
    for event in world.events:
        for key in event.media_keys:
            shown_by[key].append(event)
    for key, events in shown_by.items():
        item = world.media[key]
        if item.type == "photo":
            _, dm_id, media_id, _name = item.url_path.removeprefix("/1.1/ton/data").split("/")[1:]
            assert dm_id == events[0].id
            assert key == f"5_{media_id}"
    assert sum(len(events) > 1 for events in shown_by.values()) >= 2, "reused under another dm_id"


def test_every_path_of_media_and_avatars_has_a_file(world):
    for item in world.media.values():
        paths = [item.url_path, item.preview_path, *(variant["path"].partition("?")[0] for variant in item.variants)]
        assert set(item.files) == {path for path in paths if path}
        assert all(media.file_bytes(name) for name in item.files.values())
    for one in world.people.values():
        image = one.fields.get("profile_image_url")
        if image:
            assert image in one.files
            assert any("_400x400" in path for path in one.files)
            assert all(media.file_bytes(name) for name in one.files.values())


def test_avatars_are_of_every_kind(world):
    images = [one.fields.get("profile_image_url") for one in world.people.values()]
    assert None in images
    assert media.DEFAULT_PROFILE_IMAGE in images
    assert sum("/profile_images/" in (image or "") for image in images) > 40
    assert {image.rpartition(".")[2] for image in images if image} == {"jpg", "png"}


def test_there_are_photos_films_and_loops(world):
    kinds = Counter(item.type for item in world.media.values())
    assert kinds["photo"] > 30
    assert kinds["video"] >= 5
    assert kinds["animated_gif"] >= 3
    videos = [item for item in world.media.values() if item.type == "video"]
    assert all(any("bit_rate" not in variant for variant in item.variants) for item in videos), "a playlist"
    assert any(item.variants[0].get("bit_rate") != 832_000 for item in videos), "in no order"
    assert any(item.is_gone for item in world.media.values())


def test_a_film_comes_in_a_light_size_too(world):
    rates = [
        [variant["bit_rate"] for variant in item.variants if "bit_rate" in variant]
        for item in world.media.values()
        if item.type == "video"
    ]
    assert any(max(each) > 1_000_000 >= min(each) for each in rates)


def test_a_page_that_a_post_links_to_has_pictures_of_the_sizes_x_tells(world):
    urls = [url for post in world.posts.values() for url in post.entities.get("urls", [])]
    images = [image for url in urls for image in url.get("images", [])]
    files = {path: name for post in world.posts.values() for path, name in post.files.items()}
    assert {image["url"] for image in images} == set(files)
    for image in images:
        picture = Image.open(io.BytesIO(media.file_bytes(files[image["url"]])))
        assert picture.size == (image["width"], image["height"])
    assert images


def test_posts_of_every_kind_are_shared(world):
    shared = {post_id for event in world.events for post_id in event.post_ids}
    posts = [world.posts[one] for one in shared]
    assert {post.state for post in posts} == {"public", "protected", "deleted"}
    assert any(post.poll for post in posts)
    assert any("note_tweet" in post.fields for post in posts)
    assert any(world.media[key].type == "video" for post in posts for key in post.media_keys)
    assert any(len(post.media_keys) > 1 for post in posts)
    quoted = [ref["id"] for post in posts for ref in post.referenced if ref["type"] == "quoted"]
    assert quoted
    assert set(quoted) <= set(world.posts)
    assert not set(quoted) & shared, "reached through the post alone"
    assert any(len(event.post_ids) == 2 for event in world.events)


def test_entities_of_posts_stand_where_they_say(world):
    for post in world.posts.values():
        for text, entities in [
            (post.text, post.entities),
            *((note["text"], note["entities"]) for note in [post.fields.get("note_tweet")] if note),
        ]:
            for url in entities.get("urls", []):
                assert text[url["start"] : url["end"]] == url["url"]


def test_everybody_who_is_named_exists(world):
    for event in world.events:
        assert set(event.participant_ids) | ({event.sender_id} - {None}) <= set(world.people)
        assert set(event.post_ids) <= set(world.posts)
        assert set(event.media_keys) <= set(world.media)
        assert event.dm_conversation_id in world.conversations
    assert {post.author_id for post in world.posts.values()} <= set(world.people)


def test_the_hard_people_are_there(world):
    senders = {event.sender_id for event in world.events}
    people = world.people.values()
    assert any(one.is_suspended and one.id in senders for one in people)
    assert any(not one.in_includes and not one.is_suspended and one.id in senders for one in people)
    assert any(not one.accepts_messages for one in people)
    assert {one.fields["verified_type"] for one in people} >= {"none", "blue", "business"}
    assert any(one.fields["protected"] for one in people)


def test_a_renamed_person_is_mentioned_by_the_old_name(world):
    robin = person(world, "rye_and_light")
    mentions = [m for event in world.events for m in event.entities.get("mentions", []) if m.get("id") == robin.id]
    assert {mention["username"] for mention in mentions} == {"robin_bakes", "rye_and_light"}


def test_two_events_fall_into_one_second(by_conversation):
    assert any(
        one.created_at == other.created_at and "Message" in one.event_type
        for events in by_conversation.values()
        for one, other in zip(events, events[1:], strict=False)
    )


def test_some_conversations_are_silent_for_more_than_thirty_days(by_conversation):
    newest = [events[-1].created_at for events in by_conversation.values()]
    assert sum(moment < NOW - timedelta(days=30) for moment in newest) >= 5


def test_an_event_is_hidden_and_one_is_deleted_by_its_sender(world):
    assert sum(event.is_hidden for event in world.events) == 1
    (deleted,) = [event for event in world.events if event.deleted_for]
    assert deleted.deleted_for == [SUPPORT_ID] == [deleted.sender_id]


def arrivals(world, kind):
    return [arrival for arrival in world.arrivals if arrival.kind == kind]


def test_new_messages_keep_arriving_from_many_people(world):
    messages = arrivals(world, "message")
    afters = [0, *(arrival.after for arrival in messages)]
    assert all(20 <= later - earlier <= 60 for earlier, later in zip(afters, afters[1:], strict=False))
    assert {arrival.every for arrival in messages} == {afters[-1]}, "a round follows on the other"
    assert len({arrival.sender_id for arrival in messages}) > 30
    assert len({arrival.text for arrival in messages}) == len(messages)
    for arrival in messages:
        assert arrival.sender_id in world.conversations[arrival.dm_conversation_id].member_ids


def test_most_are_seen_typing_just_before_their_message(world):
    messages = arrivals(world, "message")
    typing = arrivals(world, "typing")
    assert len(messages) / 2 < len(typing) < len(messages)
    for arrival in typing:
        following = min((one for one in messages if one.after > arrival.after), key=lambda one: one.after)
        assert following.dm_conversation_id == arrival.dm_conversation_id
        assert (following.sender_id, following.every) == (arrival.sender_id, arrival.every)
        assert 3 <= following.after - arrival.after <= 12.05


def test_most_customers_read_what_they_are_sent_and_no_persona_does(world):
    habits = [one.reads_after for one in world.people.values() if not one.is_persona]
    assert len(habits) / 2 < sum(habit is not None for habit in habits) < len(habits)
    assert all(4 <= habit <= 45 for habit in habits if habit is not None)
    assert {one.reads_after for one in world.people.values() if one.is_persona} == {None}


def test_one_conversation_went_over_to_the_encrypted_chat_and_one_was_never_elsewhere(world):
    pairs = {chat.id: "-".join(sorted(chat.id.split(":"), key=int)) for chat in world.chats.values()}
    (moved,) = [chat_id for chat_id, pair in pairs.items() if pair in world.conversations]
    assert len(pairs) == 2
    newest = max(e.created_at for e in world.events if e.dm_conversation_id == pairs[moved])
    assert newest < world.chats[moved].created_at < world.chats[moved].updated_at < NOW
    assert pairs[moved] not in {arrival.dm_conversation_id for arrival in world.arrivals}, "silent for good"
    for arrival in arrivals(world, "chat"):
        assert world.chats[arrival.dm_conversation_id].member_ids == [arrival.sender_id, SUPPORT_ID]
        assert 300 < arrival.every < 2000
    assert {arrival.dm_conversation_id for arrival in arrivals(world, "chat")} == set(world.chats)


def test_talk_is_varied(world):
    said = Counter(event.text for event in world.events if event.event_type == "MessageCreate")
    assert max(said.values()) <= 6
    assert len(said) > 0.75 * sum(said.values())
    assert not any(re.search(r"\{[a-z]+\}|⏎| \| |\[photo", text) for text in said), "marks of the scripts"


@pytest.mark.parametrize(
    ("typed", "text", "entities"),
    [
        ("a & b <c>", "a &amp; b &lt;c&gt;", {}),
        ("1 & #x", "1 &amp; #x", {"hashtags": [{"start": 8, "end": 10, "tag": "x"}]}),
        ("#1 a#b &#39; $5", "#1 a#b &amp;#39; $5", {}),
        ("👨‍👩‍👧 @Ada!", "👨‍👩‍👧 @Ada!", {"mentions": [{"start": 6, "end": 10, "username": "Ada", "id": "7"}]}),
        ("x@ada.example $ABC", "x@ada.example $ABC", {"cashtags": [{"start": 14, "end": 18, "tag": "ABC"}]}),
    ],
)
def test_wording_counts_code_points_of_the_escaped_text(typed, text, entities):
    wording = Wording(random.Random(1), {"ada": "7"})
    wording.type(typed)
    assert (wording.text, wording.entities) == (text, entities)


def test_a_line_of_no_known_kind_is_refused():
    with pytest.raises(ValueError, match="not a line"):
        parse_line("somebody says something")
