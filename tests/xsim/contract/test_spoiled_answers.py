"""The judge and the comparison with the world refuse what X would not say: each answer is spoiled in one way."""

from __future__ import annotations

import copy

import pytest

from tests.xsim.contract.asked import check_events, check_posts, check_users
from tests.xsim.contract.worlds import ADA, BEN, CLEO, GONE
from tests.xsim.openapi import contract

pytestmark = pytest.mark.contract


def event_where(answer, **members):
    return next(one for one in answer["data"] if all(one.get(name) == value for name, value in members.items()))


def event_with(answer, member):
    return next(one for one in answer["data"] if member in one)


def media_of(answer, kind):
    return next(one for one in answer["includes"]["media"] if one["type"] == kind)


def urls_of(answer):
    """The url entities of an event, wherever this vocabulary has them."""
    event = next(one for one in answer["data"] if "urls" in one or "urls" in one.get("entities", {}))
    return event.get("urls") or event["entities"]["urls"]


def posts_of(answer):
    return answer["includes"].get("tweets") or answer["includes"]["posts"]


def rename(members, name, other):
    members[other] = members.pop(name)


def move(source, target, name):
    target[name] = source.pop(name)


EVENTS = {
    "a member nobody knows in the answer": lambda a: a.update(paging={}),
    "a member nobody knows in an event": lambda a: a["data"][0].update(is_read=False),
    "a member nobody knows in a user": lambda a: a["includes"]["users"][0].update(screen_name="x"),
    "a member nobody knows in media": lambda a: media_of(a, "photo").update(media_url_https="https://x.example/"),
    "a member nobody knows in a post": lambda a: posts_of(a)[0].update(full_text="x"),
    "a member nobody knows in meta": lambda a: a["meta"].update(newest_id="1"),
    "a member nobody knows in a variant": lambda a: media_of(a, "video")["variants"][0].update(quality="hd"),
    "a member nobody knows in a url entity": lambda a: urls_of(a)[0].update(indices=[1, 2]),
    "a member nobody knows in a problem": lambda a: a["errors"][0].update(code=144),
    "a kind of include nobody knows": lambda a: a["includes"].update(dm_events=[{"id": "1"}]),
    "an id as a number": lambda a: a["data"][0].update(id=int(a["data"][0]["id"])),
    "an id that went through a float": lambda a: a["data"][0].update(id="2.0903898816152863e+18"),
    "a sender as a number": lambda a: event_with(a, "sender_id").update(sender_id=44196397),
    "an event without id": lambda a: a["data"][0].pop("id"),
    "an event without event_type": lambda a: a["data"][0].pop("event_type"),
    "an event type of v1.1": lambda a: a["data"][0].update(event_type="message_create"),
    "an event without its time, which was asked for": lambda a: a["data"][0].pop("created_at"),
    "a message without its sender, who was asked for": lambda a: event_where(a, sender_id=GONE).pop("sender_id"),
    "a message without its text": lambda a: event_where(a, sender_id=BEN).pop("text"),
    "a message without its conversation": lambda a: a["data"][0].pop("dm_conversation_id"),
    "a message without its attachments": lambda a: event_with(a, "attachments").pop("attachments"),
    "a join without those who joined": lambda a: event_where(a, event_type="ParticipantsJoin").pop("participant_ids"),
    "a leave with a sender": lambda a: event_where(a, event_type="ParticipantsLeave").update(sender_id=BEN),
    "participant_ids on a message, as in the bug of 2024": lambda a: event_where(a, sender_id=BEN).update(
        participant_ids=[ADA, BEN]
    ),
    "a time in milliseconds": lambda a: a["data"][0].update(created_at="1787400000000"),
    "a time of v1.1": lambda a: a["data"][0].update(created_at="Mon Aug 08 15:27:25 +0000 2016"),
    "a time with another second": lambda a: a["data"][0].update(created_at="2026-08-20T00:00:00.000Z"),
    "a text that lost its escapes": lambda a: event_where(a, sender_id=ADA, event_type="MessageCreate").update(
        text="Hello & welcome <all>"
    ),
    "null for an absent text": lambda a: event_where(a, event_type="ParticipantsLeave").update(text=None),
    "an empty list of attachments": lambda a: a["data"][0].update(attachments={"media_keys": []}),
    "empty attachments": lambda a: a["data"][0].update(attachments={}),
    "no data but an empty list": lambda a: a.update(data=[], includes={"users": []}, meta={"result_count": 0}),
    "includes as a list": lambda a: a.update(includes=[]),
    "data as an object": lambda a: a.update(data=a["data"][0]),
    "a conversation id with a colon": lambda a: a["data"][0].update(dm_conversation_id=f"{BEN}:{ADA}"),
    "a conversation id in the wrong order": lambda a: a["data"][0].update(dm_conversation_id=f"{ADA}-{BEN}"),
    "a media key without its prefix": lambda a: event_with(a, "attachments").update(
        attachments={"media_keys": ["1590000000000000201"]}
    ),
    "a media type nobody knows": lambda a: media_of(a, "photo").update(type="image"),
    "a photo without its url": lambda a: media_of(a, "photo").pop("url"),
    "a video without its variants": lambda a: media_of(a, "video").pop("variants"),
    "a GIF with a url": lambda a: media_of(a, "animated_gif").update(url="https://video.example/a.mp4"),
    "the rate of a variant as text": lambda a: media_of(a, "animated_gif")["variants"][0].update(bit_rate="0"),
    "the rate of a variant in the spelling of v1.1": lambda a: rename(
        media_of(a, "animated_gif")["variants"][0], "bit_rate", "bitrate"
    ),
    "a duration in seconds": lambda a: media_of(a, "video").update(duration_ms=4.5),
    "media that was shown but is not in includes": lambda a: a["includes"].pop("media"),
    "a sender who was expanded but is not in includes": lambda a: a["includes"]["users"].pop(),
    "a suspended sender in includes": lambda a: a["includes"]["users"].append(
        {"id": GONE, "name": "Gone", "username": "gone"}
    ),
    "a user twice": lambda a: a["includes"]["users"].append(a["includes"]["users"][0]),
    "the author of a shared post, whom these expansions cannot give": lambda a: a["includes"]["users"].append(
        {"id": "1590000000000000099", "name": "Author", "username": "author"}
    ),
    "a quoted post, which these expansions cannot give": lambda a: posts_of(a).append(
        {**posts_of(a)[0], "id": "1590000000000000098"}
    ),
    "a poll, which these expansions cannot give": lambda a: a["includes"].update(
        polls=[{"id": "1590000000000000301", "options": [{"position": 1, "label": "Moss", "votes": 3}] * 2}]
    ),
    "a user without username": lambda a: a["includes"]["users"][0].pop("username"),
    "a user without the picture that was asked for": lambda a: a["includes"]["users"][0].pop("profile_image_url"),
    "a picture by its path alone": lambda a: a["includes"]["users"][0].update(profile_image_url="/a.jpg"),
    "protected as text": lambda a: a["includes"]["users"][0].update(protected="false"),
    "a counter as text": lambda a: a["includes"]["users"][0]["public_metrics"].update(followers_count="3"),
    "an entity without its end": lambda a: urls_of(a)[0].pop("end"),
    "an entity with text indices": lambda a: urls_of(a)[0].update(start="4"),
    "an entity one place to the right": lambda a: urls_of(a)[0].update(start=5, end=28),
    "a reference to a post as a bare id": lambda a: next(
        one for one in a["data"] if one.keys() & {"referenced_tweets", "referenced_posts"}
    ).update(referenced_tweets=["1"], referenced_posts=["1"]),
    "a result count that is wrong": lambda a: a["meta"].update(result_count=1),
    "a result count as text": lambda a: a["meta"].update(result_count="16"),
    "a token that is a number": lambda a: a["meta"].update(next_token=18),
    "a token that is null": lambda a: a["meta"].update(next_token=None),
    "an event the world does not hold": lambda a: a["data"][0].update(id="2090389881615286290"),
    "a protected post without its partial error": lambda a: a.pop("errors"),
    "a problem of a type nobody knows": lambda a: a["errors"][0].update(type="https://api.x.com/2/problems/oops"),
    "a problem without title": lambda a: a["errors"][0].pop("title"),
    "a problem without the resource it is about": lambda a: a["errors"][0].pop("resource_type"),
}  # fmt: skip

WORDS = {
    "the other vocabulary's includes": lambda a: (
        rename(a["includes"], *(("tweets", "posts") if "tweets" in a["includes"] else ("posts", "tweets")))
    ),
    "the other vocabulary's reference": lambda a: next(
        rename(one, name, other)
        for one in a["data"]
        for name, other in (("referenced_tweets", "referenced_posts"), ("referenced_posts", "referenced_tweets"))
        if name in one
    ),
    "the other vocabulary's counter": lambda a: next(
        rename(one["public_metrics"], name, other)
        for one in a["includes"]["users"]
        for name, other in (("tweet_count", "post_count"), ("post_count", "tweet_count"))
        if name in one["public_metrics"]
    ),
    "the other vocabulary's place for entities": lambda a: next(
        one.update(entities={"urls": one.pop("urls")}) if "urls" in one else move(one["entities"], one, "urls")
        for one in a["data"]
        if "urls" in one or "urls" in one.get("entities", {})
    ),
    "the other vocabulary's host of problems": lambda a: a["errors"][0].update(
        type=a["errors"][0]["type"]
        .replace("api.twitter.com", "@").replace("api.x.com", "api.twitter.com").replace("@", "api.x.com")
    ),
    "the other vocabulary's long text": lambda a: next(
        rename(one, name, other)
        for one in posts_of(a)
        for name, other in (("note_tweet", "note_post"), ("note_post", "note_tweet"))
        if name in one
    ),
}  # fmt: skip

POSTS = {
    "a post without its author, who was asked for": lambda a: a["data"][0].pop("author_id"),
    "a post without text": lambda a: a["data"][0].pop("text"),
    "a reference without its type": lambda a: next(
        references[0].pop("type")
        for one in a["data"]
        if (references := one.get("referenced_tweets") or one.get("referenced_posts"))
    ),
    "a poll without options": lambda a: a["includes"]["polls"][0].pop("options"),
    "votes as text": lambda a: a["includes"]["polls"][0]["options"][0].update(votes="3"),
    "a poll that is missing from includes": lambda a: a["includes"].pop("polls"),
    "a quoted post that is missing from includes": lambda a: a["includes"].pop(
        "tweets" if "tweets" in a["includes"] else "posts"
    ),
    "a protected post among the data": lambda a: a["data"].append(
        {**a["data"][0], "id": next(e["resource_id"] for e in a["errors"] if "not-authorized" in e["type"])}
    ),
    "a deleted post without a word": lambda a: a["errors"].pop(),
    "a counter of likes as text": lambda a: a["data"][0]["public_metrics"].update(like_count="3"),
}

USERS = {
    "a suspended user with data": lambda a: a["data"].append({"id": GONE, "name": "Gone", "username": "gone"}),
    "a suspended user without a word": lambda a: a.pop("errors"),
    "a user's id as a number": lambda a: a["data"][0].update(id=1590000000000000001),
    "a user's twin counters of v1.1": lambda a: a["data"][0]["public_metrics"].update(followers_count_str="3"),
    "a time of joining without a zone": lambda a: a["data"][0].update(created_at="2020-05-17"),
    "a user without a name": lambda a: a["data"][0].pop("name"),
}


@pytest.fixture
def ask(small_x, judge, vocabulary):
    """Reads a path as Ada; gives the answer and what judges it."""
    small_x.post("settings", {"default_vocabulary": vocabulary})
    token = small_x.grant(ADA)["access_token"]

    def read(path, query, check, **more):
        answer = small_x.api(token, path, params=query.params(**more)).json()

        def refuse(spoiled):
            judge.check(path, "GET", 200, spoiled)
            check(spoiled, small_x.world, query, small_x.url)

        refuse(answer)
        return copy.deepcopy(answer), refuse

    return read


def spoil_and_judge(answer, refuse, spoil):
    before = copy.deepcopy(answer)
    spoil(answer)
    assert answer != before, "this spoils nothing"
    with pytest.raises(AssertionError):
        refuse(answer)


@pytest.mark.parametrize("spoil", EVENTS.values(), ids=EVENTS.keys())
def test_a_spoiled_page_of_events_is_refused(ask, whole, spoil):
    spoil_and_judge(*ask("/2/dm_events", whole, check_events), spoil)


@pytest.mark.parametrize("spoil", WORDS.values(), ids=WORDS.keys())
def test_a_page_that_mixes_the_vocabularies_is_refused(ask, whole, spoil):
    spoil_and_judge(*ask("/2/dm_events", whole, check_events), spoil)


@pytest.mark.parametrize("spoil", POSTS.values(), ids=POSTS.keys())
def test_a_spoiled_answer_of_posts_is_refused(ask, whole, judge, small_x, spoil):
    asked = [post["id"] for post in small_x.world["posts"]]

    def check(answer, world, query, origin):
        check_posts(answer, world, query, origin, asked)

    spoil_and_judge(*ask("/2/tweets", whole.of_posts(judge), check, ids=",".join(asked)), spoil)


@pytest.mark.parametrize("spoil", USERS.values(), ids=USERS.keys())
def test_a_spoiled_answer_of_people_is_refused(ask, whole, spoil):
    def check(answer, world, query, origin):
        check_users(answer, world, query, origin, [GONE])

    spoil_and_judge(*ask("/2/users", whole.of_users(), check, ids=",".join([ADA, BEN, CLEO, GONE])), spoil)


STRANGE_BODIES = {
    "POST": ({"data": {"dm_event_id": "1"}}, {"data": {"dm_conversation_id": "1-2", "dm_event_id": "1", "text": "x"}},
             {"data": {"dm_conversation_id": "1-2", "dm_event_id": 1}}),
    "DELETE": ({"data": {"deleted": "true"}}, {"data": {"deleted": True, "id": "1"}}, {"data": {}}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "status", "path"),
    [("POST", 201, "/2/dm_conversations/with/{participant_id}/messages"), ("DELETE", 200, "/2/dm_events/{event_id}")],
)
@pytest.mark.parametrize("place", range(3))
def test_a_spoiled_answer_to_a_deed_is_refused(judge, method, status, path, place):
    with pytest.raises(AssertionError):
        judge.check(path, method, status, STRANGE_BODIES[method][place])


@pytest.mark.parametrize(
    "name",
    ["v2-get-conversation-dm-events-default-fields-200", "v2-get-dm-events-empty-200",
     "v2-get-with-participant-expanded-200", "v2-group-history-default-fields-200"],
)  # fmt: skip
def test_what_x_really_said_is_not_refused(contract_dir, payload, name):
    contract(str(contract_dir), "2.166").check("/2/dm_events", "GET", 200, payload(name))
