"""Every answer of every endpoint is one that X's contract allows, and holds all that was asked for and is there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dminbox.xsim.demo import STUDIO_ID, SUPPORT_ID
from tests.xsim.contract.asked import Query, check_events, check_posts, check_users, things
from tests.xsim.contract.conftest import NOW
from tests.xsim.contract.worlds import ADA, BEN, CLEO, GONE

pytestmark = pytest.mark.contract

ALL = "/2/dm_events"
WITH = "/2/dm_conversations/with/{participant_id}/dm_events"
ONE = "/2/dm_conversations/{id}/dm_events"
EVENT = "/2/dm_events/{event_id}"
SENDS = {
    "with": "/2/dm_conversations/with/{participant_id}/messages",
    "into": "/2/dm_conversations/{dm_conversation_id}/messages",
    "group": "/2/dm_conversations",
}


def visible(world, viewer, *, days=None, conversation_id=None, types=None):
    """What the world holds for a viewer who never left a group, newest first."""
    members = {one["id"]: one["member_ids"] for one in things(world, "conversations").values()}
    since = None if days is None else (NOW - timedelta(days=days)).isoformat().replace("+00:00", "Z")
    return [
        event["id"]
        for event in sorted(world["events"], key=lambda event: -int(event["id"]))
        if viewer in members[event["dm_conversation_id"]]
        and not event.get("is_hidden")
        and viewer not in event.get("deleted_for", [])
        and (conversation_id is None or event["dm_conversation_id"] == conversation_id)
        and (types is None or event["event_type"] in types)
        and (since is None or event["created_at"] >= since)
    ]


class Reader:
    """Reads as one user, has each answer judged, and compares it with the world."""

    def __init__(self, x, judge, viewer):
        self.x, self.judge, self.viewer = x, judge, viewer
        self.token = x.grant(viewer)["access_token"]

    def get(self, path, template, params):
        answer = self.x.api(self.token, path, params=params)
        assert answer.status_code == 200, answer.text
        self.judge.check(template, "GET", 200, answer.json())
        return answer.json()

    def pages(self, path, template, query, **more):
        """The ids of all pages in their order."""
        ids, tokens, token = [], set(), None
        while True:
            more |= {"pagination_token": token} if token else {}
            answer = self.get(path, template, query.params(**more))
            ids += check_events(answer, self.x.world, query, self.x.url)
            token = answer["meta"].get("next_token")
            if token is None:
                return ids
            assert token not in tokens, "a token came twice"
            tokens.add(token)


@pytest.fixture
def support(demo_x, judge):
    return Reader(demo_x, judge, SUPPORT_ID)


@pytest.fixture
def ada(small_x, judge):
    return Reader(small_x, judge, ADA)


@pytest.mark.parametrize("size", [100, 37, 1])
def test_all_pages_of_all_conversations_with_everything_asked_for(support, whole, size):
    more = {} if size == 100 else {"max_results": str(size)}
    if size == 1:
        support.x.post("settings", {"history_days": 4})
    expected = visible(support.x.world, SUPPORT_ID, days=4 if size == 1 else 30)
    assert support.pages(ALL, ALL, whole, **more) == expected
    assert len(expected) > 50


def test_the_second_brand_sees_its_own_conversations(demo_x, judge, whole):
    studio = Reader(demo_x, judge, STUDIO_ID)
    assert studio.pages(ALL, ALL, whole) == visible(demo_x.world, STUDIO_ID, days=30)


def test_default_fields_over_all_pages(support, vocabulary):
    query = Query(vocabulary)
    support.x.post("settings", {"default_vocabulary": vocabulary})
    assert support.pages(ALL, ALL, query) == visible(support.x.world, SUPPORT_ID, days=30)


@pytest.mark.parametrize(
    "types", [["MessageCreate"], ["ParticipantsJoin"], ["ParticipantsLeave"], ["ParticipantsJoin", "ParticipantsLeave"]]
)
def test_pages_narrowed_to_event_types(support, whole, types):
    expected = visible(support.x.world, SUPPORT_ID, days=30, types=types)
    assert support.pages(ALL, ALL, whole, event_types=",".join(types)) == expected
    assert expected


def test_every_conversation_in_full(support, whole):
    conversations = [
        one for one in things(support.x.world, "conversations").values() if SUPPORT_ID in one["member_ids"]
    ]
    for one in conversations:
        expected = visible(support.x.world, SUPPORT_ID, conversation_id=one["id"])
        assert support.pages(f"/2/dm_conversations/{one['id']}/dm_events", ONE, whole) == expected
    assert len(conversations) > 40


def test_every_one_to_one_by_its_other_side(support, whole):
    for one in things(support.x.world, "conversations").values():
        if one["is_group"] or SUPPORT_ID not in one["member_ids"]:
            continue
        other = next((member for member in one["member_ids"] if member != SUPPORT_ID), SUPPORT_ID)
        expected = visible(support.x.world, SUPPORT_ID, conversation_id=one["id"])
        assert support.pages(f"/2/dm_conversations/with/{other}/dm_events", WITH, whole) == expected


def test_default_fields_of_one_conversation(ada, vocabulary):
    ada.x.post("settings", {"default_vocabulary": vocabulary})
    answer = ada.get(f"/2/dm_conversations/with/{BEN}/dm_events", WITH, {})
    (event,) = answer["data"]
    assert event.keys() == {"id", "event_type", "text"}
    assert "includes" not in answer


def test_single_events_with_everything_and_with_defaults(ada, whole, vocabulary):
    for event_id in visible(ada.x.world, ADA):
        for query in (whole, Query(vocabulary)):
            answer = ada.get(f"/2/dm_events/{event_id}", EVENT, query.params())
            assert check_events(answer, ada.x.world, query, ada.x.url) == [event_id]


def test_one_field_at_a_time(ada, whole):
    for name, values in whole.asked.items():
        for value in values:
            query = Query(whole.vocabulary, {name: (value,)})
            if name != "dm_event.fields" and name != "expansions":
                query = Query(whole.vocabulary, {"expansions": whole.asked["expansions"], name: (value,)})
            ada.x.post("settings", {"default_vocabulary": whole.vocabulary})
            assert ada.pages(ALL, ALL, query) == visible(ada.x.world, ADA, days=30)


def test_nothing_there_is_said_without_data(ada, whole):
    path = f"/2/dm_conversations/with/{CLEO}/dm_events"
    assert ada.get(path, WITH, whole.params()) == {"meta": {"result_count": 0}}


def test_oneself(support, whole, vocabulary):
    support.x.post("settings", {"default_vocabulary": vocabulary})
    for query in (whole.of_users(), Query(vocabulary)):
        answer = support.get("/2/users/me", "/2/users/me", query.params())
        assert answer["data"]["id"] == SUPPORT_ID
        check_users(answer, support.x.world, query, support.x.url)


def test_people_by_their_ids(support, whole, vocabulary):
    support.x.post("settings", {"default_vocabulary": vocabulary})
    people = things(support.x.world, "people")
    asked = [*people, "123456789012345678"]
    missing = {one["id"] for one in people.values() if one["is_suspended"]} | {"123456789012345678"}
    for query in (whole.of_users(), Query(vocabulary)):
        answer = support.get("/2/users", "/2/users", query.params(ids=",".join(asked)))
        assert {one["id"] for one in answer["data"]} == set(asked) - missing
        check_users(answer, support.x.world, query, support.x.url, missing)


def test_people_by_their_names(support, whole, vocabulary):
    support.x.post("settings", {"default_vocabulary": vocabulary})
    template = "/2/users/by/username/{username}"
    for one in things(support.x.world, "people").values():
        answer = support.get(f"/2/users/by/username/{one['username']}", template, whole.of_users().params())
        missing = [one["username"]] if one["is_suspended"] else []
        check_users(answer, support.x.world, whole.of_users(), support.x.url, missing)
        assert ("data" in answer) is not one["is_suspended"]
    answer = support.get("/2/users/by/username/no_such_person", template, {})
    assert answer.keys() == {"errors"}


def test_posts_with_everything_and_with_defaults(support, whole, judge, vocabulary):
    support.x.post("settings", {"default_vocabulary": vocabulary})
    asked = [*things(support.x.world, "posts"), "1234567890123456789"]
    for query in (whole.of_posts(judge), Query(vocabulary)):
        answer = support.get("/2/tweets", "/2/tweets", query.params(ids=",".join(asked)))
        check_posts(answer, support.x.world, query, support.x.url, asked)
    assert len(asked) > 8


def test_posts_that_are_all_gone_leave_only_errors(support, whole, judge):
    gone = [post["id"] for post in things(support.x.world, "posts").values() if post["state"] != "public"]
    answer = support.get("/2/tweets", "/2/tweets", whole.of_posts(judge).params(ids=",".join(gone)))
    assert answer.keys() == {"errors"}
    check_posts(answer, support.x.world, whole.of_posts(judge), support.x.url, gone)


def test_what_is_sent_is_answered_by_two_ids_and_reads_back(ada, whole):
    group = next(one["id"] for one in things(ada.x.world, "conversations").values() if one.get("is_group"))
    message = {"text": "Hi <you> & all: https://lamps.example/x?a=1&b=2 #lamps @ben"}
    for kind, path, body in (
        ("with", f"/2/dm_conversations/with/{BEN}/messages", message),
        ("into", f"/2/dm_conversations/{group}/messages", {"attachments": [{"media_id": "1590000000000000201"}]}),
        ("group", "/2/dm_conversations", {"conversation_type": "Group", "participant_ids": [BEN, CLEO],
                                          "message": message}),
    ):  # fmt: skip
        answer = ada.x.api(ada.token, path, "POST", json=body)
        assert answer.status_code == 201, answer.text
        ada.judge.check(SENDS[kind], "POST", 201, answer.json())
        ada.x.world = ada.x.get("world")
        event_id = answer.json()["data"]["dm_event_id"]
        read = ada.get(f"/2/dm_events/{event_id}", EVENT, whole.params())
        assert check_events(read, ada.x.world, whole, ada.x.url) == [event_id]


def test_deleting_is_answered_as_the_contract_says(ada, judge, payload):
    event_id = next(
        event["id"] for event in ada.x.world["events"] if event.get("sender_id") == ADA and event.get("text")
    )
    answer = ada.x.api(ada.token, f"/2/dm_events/{event_id}", "DELETE")
    judge.check(EVENT, "DELETE", 200, answer.json())
    assert answer.json() == payload("dm-delete-200")
    assert ada.x.api(ada.token, f"/2/dm_events/{event_id}").status_code == 404


def test_photos_of_messages_come_as_octets_from_the_media_endpoint(support, contract_dir):
    for item in things(support.x.world, "media").values():
        if not (item["url_path"] or "").startswith("/1.1/ton/"):
            continue
        answer = support.x.api(support.token, item["url_path"].replace("/1.1/ton/data/dm", "/2/dm_conversations/media"))
        assert answer.status_code == (404 if item["is_gone"] else 200)
        if not item["is_gone"]:
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.content[:4] in (b"\xff\xd8\xff\xe0", b"\x89PNG")
        assert support.x.api(support.token, item["url_path"]).status_code == 403, "a bearer on the ton host"


def test_every_address_in_an_answer_but_dm_photos_has_a_public_file(support, whole, judge):
    addresses = set()
    for path, template, query in ((ALL, ALL, whole), ("/2/tweets", "/2/tweets", whole.of_posts(judge))):
        params = query.params(**({} if path == ALL else {"ids": ",".join(things(support.x.world, "posts"))}))
        answer = support.get(path, template, params)
        for item in answer["includes"].get("media", []):
            addresses |= {item.get("url"), item.get("preview_image_url")}
            addresses |= {variant["url"] for variant in item.get("variants", [])}
        addresses |= {person.get("profile_image_url") for person in answer["includes"].get("users", [])}
    public = {one for one in addresses if one and "/1.1/ton/" not in one}
    assert len(public) > 20
    for address in public:
        assert address.startswith(support.x.url)
        answer = support.x.api(None, address.removeprefix(support.x.url))
        assert answer.status_code == 200, address
        assert answer.content


def test_a_suspended_and_an_unresolved_sender_are_missing_from_includes(ada, whole):
    answer = ada.get(ALL, ALL, whole.params())
    assert GONE in {event.get("sender_id") for event in answer["data"]}
    assert {person["id"] for person in answer["includes"]["users"]} == {ADA, BEN, CLEO}
