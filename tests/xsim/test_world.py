"""The world goes to JSON and back unchanged."""

import json
from datetime import UTC, datetime

import pytest

from dminbox.xsim.world import Arrival, DmConversation, Event, MediaItem, Person, Post, World

NOON = datetime(2026, 11, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def full_world():
    return World(
        people={"1": Person("1", "ada", "Ada", fields={"created_at": "2020-01-01T00:00:00.000Z"}, is_persona=True)},
        posts={"7": Post("7", "1", "A lamp.", NOON, poll={"id": "9", "options": []}, state="protected")},
        media={"5_3": MediaItem("5_3", "photo", 4, 3, url_path="/p.jpg", files={"/p.jpg": "lamp.jpg"})},
        conversations={"1-2": DmConversation("1-2", ["1", "2"])},
        events=[Event("9007199254740993", "MessageCreate", "1-2", NOON, "1", "Hi 👋🏽", visible_at=NOON)],
        arrivals=[Arrival(5, "1-2", "2", "Hello", every=60)],
    )


def test_a_world_survives_the_way_to_json_and_back():
    world = full_world()

    assert World.from_json(json.loads(json.dumps(world.to_json()))) == world


def test_lists_stand_for_maps_and_events_are_put_in_order_of_their_ids():
    events = [
        {"id": "100", "event_type": "MessageCreate", "dm_conversation_id": "1-2", "created_at": "2026-11-01T12:00:00"},
        {"id": "99", "event_type": "MessageCreate", "dm_conversation_id": "1-2", "created_at": "2026-11-01T12:00:00Z"},
    ]
    world = World.from_json({"people": [{"id": "1", "username": "ada", "name": "Ada"}], "events": events})

    assert world.people["1"].name == "Ada"
    assert [event.id for event in world.events] == ["99", "100"]
    assert world.events[0].created_at == world.events[1].created_at == datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"peoples": []}, "peoples"),
        ({"people": [{"id": "1", "username": "ada"}]}, "name"),
        ({"people": [{"id": "1", "username": "ada", "name": "Ada", "nick": "A"}]}, "nick"),
        ({"people": ["ada"]}, "Person"),
    ],
)
def test_a_member_that_is_wrong_is_named(data, named):
    with pytest.raises(ValueError, match=named):
        World.from_json(data)
