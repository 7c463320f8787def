"""Members that nobody reads are found by their names; what X documents, and what it was seen to send, is known."""

import json
import os
from pathlib import Path

import pytest

from dminbox.xapi import known_members
from dminbox.xapi.known_members import Kind, Shape, UnknownMember, unknown_in, unknown_in_activity
from tests.xapi.support import PAYLOADS, payload

PAGES = ["page-tweet-vocabulary", "page-post-vocabulary", "page-with-problems", "page-default-fields", "page-empty"]
ACTIVITIES = sorted(path.stem for path in PAYLOADS.glob("activity-*.json"))
DATA = {
    **dict.fromkeys([*PAGES, "event-one"], "events"),
    **dict.fromkeys(["me", "users-one-suspended"], "users"),
    **dict.fromkeys(["posts-tweet-vocabulary", "posts-post-vocabulary"], "posts"),
    "chat-conversations": "chats",
}


@pytest.mark.parametrize("name", DATA)
def test_answers_as_x_gives_them_hold_nothing_unknown(name):
    assert unknown_in(payload(name), DATA[name]) == ()


@pytest.mark.parametrize("name", ACTIVITIES)
def test_activities_as_x_pushes_them_hold_nothing_unknown(name):
    assert unknown_in_activity(payload(name)) == ()


def test_each_name_is_told_once_with_how_often_and_where():
    events = [{"id": "1", "mood": "a"}, {"id": "2", "mood": "b", "attachments": {"note_ids": ["3"], "media_keys": []}}]
    body = {"data": events, "meta": {"cost": 1}, "includes": {"users": [{"id": "7", "age": 3}], "lists": []}}
    assert unknown_in(body, "events") == (
        UnknownMember(Kind.ANSWER, "includes.lists", 1),
        UnknownMember(Kind.ANSWER, "meta.cost", 1),
        UnknownMember(Kind.EVENT, "attachments.note_ids", 1, "2"),
        UnknownMember(Kind.EVENT, "mood", 2, "1"),
        UnknownMember(Kind.USER, "age", 1, "7"),
    )


def test_what_may_be_a_text_is_told_as_no_name():
    body = {"data": [{"id": "Hello Ann, my number is 030 1234", "Call me at noon": 1}]}
    assert unknown_in(body, "events") == (UnknownMember(Kind.EVENT, "?", 1),)


def test_of_many_names_some_are_told():
    body = {"data": [{"id": "1"} | {f"m{number}": 1 for number in range(1000)}]}
    assert len(unknown_in(body, "events")) == known_members.MOST


@pytest.mark.parametrize(
    "body", [None, [], "text", {"data": 1}, {"data": [None, 2, [3]]}, {"includes": [1]}, {"meta": 5}]
)
def test_bodies_of_any_shape_are_looked_at(body):
    assert unknown_in(body, "events") == ()
    assert {found.kind for found in unknown_in_activity(body)} <= {Kind.PUSHED}


# --- X's own contract (X_CONTRACT_DIR) --------------------------------------------------------------------------------

SCHEMAS = {
    "openapi-2.166": {
        "DmEvent": known_members.EVENT,
        "User": known_members.USER,
        "Tweet": known_members.POST,
        "Poll": known_members.POLL,
    },
    "openapi-2.167": {
        "DmEvent": known_members.EVENT,
        "User": known_members.USER,
        "Post": known_members.POST,
        "Poll": known_members.POLL,
    },
}
ALSO = {
    "openapi-2.166": {"Photo": known_members.MEDIA, "Video": known_members.MEDIA, "AnimatedGif": known_members.MEDIA},
    "openapi-2.167": {"Media": known_members.MEDIA},
}


def members_of(spec, schema) -> dict[str, object]:
    while "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "items" in schema:
        return members_of(spec, schema["items"])
    found = dict(schema.get("properties", {}))
    for part in [part for kind in ("allOf", "anyOf", "oneOf") for part in schema.get(kind, ())]:
        found |= members_of(spec, part)
    return found


def missing(spec, schema, shape: Shape, path: str = "") -> set[str]:
    members = members_of(spec, schema)
    found = {path + name for name in members.keys() - shape.names}
    for name, inside in shape.inside.items():
        found |= missing(spec, members[name], inside, f"{path}{name}.") if name in members else set()
    return found


@pytest.mark.contract
@pytest.mark.parametrize("version", SCHEMAS)
def test_all_that_x_documents_is_known(version):
    spec = json.loads((Path(os.environ["X_CONTRACT_DIR"]) / f"{version}.json").read_text())
    shapes = (
        SCHEMAS[version]
        | ALSO[version]
        | {"ChatConversation": known_members.CHAT, "Expansions": known_members.ANSWER.inside["includes"]}
    )
    for name, shape in shapes.items():
        assert missing(spec, {"$ref": f"#/{name}"}, shape) == set(), name


@pytest.mark.contract
@pytest.mark.parametrize(
    ("pattern", "data"),
    [
        ("v2-get*", "events"),
        ("v2-group*", "events"),
        ("v2-users*", "users"),
        ("error-partial-*", "posts"),
        ("xaa-*", ""),
    ],
)
def test_all_that_x_was_seen_to_send_is_known(pattern, data):
    paths = sorted((Path(os.environ["X_CONTRACT_DIR"]) / "payloads").glob(f"{pattern}.json"))
    assert paths
    for path in paths:
        body = json.loads(path.read_text())
        assert (unknown_in(body, data) if data else unknown_in_activity(body)) == (), path.name
