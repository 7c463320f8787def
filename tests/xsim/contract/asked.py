"""What an answer must hold: said by the world and the query alone, without a look at how the local X makes answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.xsim.openapi import Contract

Json = dict[str, Any]
POST_WORDS = {
    "referenced_tweets": "referenced_posts",
    "edit_history_tweet_ids": "edit_history_post_ids",
    "note_tweet": "note_post",
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
}
LOOKED_UP = {
    "tweet": (
        "author_id", "attachments.media_keys", "attachments.poll_ids", "referenced_tweets.id",
        "referenced_tweets.id.author_id", "referenced_tweets.id.attachments.media_keys",
    ),
    "post": ("author_id", "attachments.media_keys", "attachments.poll_ids", "referenced_posts"),
}  # fmt: skip
"""Expansions of posts that an inbox needs."""
BELONGS_TO = {"tweets": "tweet.fields", "posts": "post.fields", "users": "user.fields", "media": "media.fields"}


@dataclass(frozen=True)
class Query:
    """`asked` has the parameters as X spells them; nothing in it: default fields."""

    vocabulary: str
    asked: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def whole(cls, contract: Contract, vocabulary: str) -> Query:
        posts = "tweet.fields" if vocabulary == "tweet" else "post.fields"
        names = ("dm_event.fields", "expansions", "user.fields", "media.fields", posts)
        return cls(vocabulary, {name: tuple(contract.parameter("/2/dm_events", "GET", name)) for name in names})

    def of_posts(self, contract: Contract) -> Query:
        """The same for the lookup of posts."""
        asked = {name: values for name, values in self.asked.items() if name != "dm_event.fields"}
        polls = tuple(contract.parameter("/2/tweets", "GET", "poll.fields"))
        return replace(self, asked={**asked, "expansions": LOOKED_UP[self.vocabulary], "poll.fields": polls})

    def of_users(self) -> Query:
        return replace(self, asked={"user.fields": self.asked["user.fields"]})

    def params(self, **more: str) -> dict[str, str]:
        return {**{name: ",".join(values) for name, values in self.asked.items()}, **more}

    def fields(self, name: str) -> set[str]:
        name = {"tweet.fields": "post.fields"}.get(name, name) if self.vocabulary == "post" else name
        return set(self.asked.get(name, ()))

    def expands(self, name: str) -> bool:
        word = "referenced_posts" if (self.vocabulary, name) == ("post", "referenced_tweets.id") else name
        return word in self.asked.get("expansions", ())

    def word(self, name: str) -> str:
        return POST_WORDS.get(name, name) if self.vocabulary == "post" else name

    def worded(self, members: Json) -> Json:
        return {self.word(name): value for name, value in members.items()}


def filled(members: Json) -> Json:
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def event_members(event: Json, query: Query) -> Json:
    """The whole of what X must say of an event, and nothing else."""
    wanted = {"id", "event_type", "text"} | query.fields("dm_event.fields")
    if event["event_type"] != "MessageCreate":
        wanted.add("participant_ids")
    expanded = {
        "sender_id": "sender_id", "participant_ids": "participant_ids", "attachments.media_keys": "attachments",
        "referenced_tweets.id": "referenced_tweets",
    }  # fmt: skip
    wanted |= {member for expansion, member in expanded.items() if query.expands(expansion)}
    members = {
        "id": event["id"],
        "event_type": event["event_type"],
        "text": event.get("text"),
        "sender_id": event.get("sender_id"),
        "participant_ids": event.get("participant_ids"),
        "dm_conversation_id": event["dm_conversation_id"],
        "created_at": x_time(event["created_at"]),
        "attachments": filled({"media_keys": event.get("media_keys")}),
        "referenced_tweets": [{"id": post_id} for post_id in event.get("post_ids", [])],
        "entities": event.get("entities"),
    }
    said = filled({name: value for name, value in members.items() if name in wanted})
    if query.vocabulary == "tweet":
        said |= said.pop("entities", {})
    return query.worded(said)


def user_members(person: Json, query: Query, origin: str) -> Json:
    wanted = {"id", "name", "username"} | query.fields("user.fields")
    fields = {**person["fields"], **{name: person[name] for name in ("id", "name", "username")}}
    if "receives_your_dm" in wanted:
        fields["receives_your_dm"] = person.get("accepts_messages", True)
    if "profile_image_url" in fields:
        fields["profile_image_url"] = origin + fields["profile_image_url"]
    if "public_metrics" in fields:
        fields["public_metrics"] = query.worded(fields["public_metrics"])
    return filled({name: value for name, value in fields.items() if name in wanted})


def media_members(item: Json, query: Query, origin: str) -> Json:
    wanted = {"media_key", "type"} | query.fields("media.fields")
    members = {name: item.get(name) for name in ("media_key", "type", "width", "height")}
    if item["type"] == "photo" or query.vocabulary == "post":
        members["alt_text"] = item.get("alt_text")
    if item["type"] == "photo":
        members["url"] = origin + item["url_path"]
    else:
        members["preview_image_url"] = origin + item["preview_path"]
        members["variants"] = [
            {**{name: value for name, value in variant.items() if name != "path"}, "url": origin + variant["path"]}
            for variant in item["variants"]
        ]
    if item["type"] == "video":
        members["duration_ms"] = item["duration_ms"]
    return filled({name: value for name, value in members.items() if name in wanted})


def with_images_of(entities: Json | None, origin: str) -> Json | None:
    """The pictures of linked pages are files of this origin."""
    urls = [
        url | {"images": [image | {"url": origin + image["url"]} for image in url["images"]]}
        if "images" in url
        else url
        for url in (entities or {}).get("urls", [])
    ]
    return (entities or {}) | {"urls": urls} if urls else entities


def post_members(post: Json, query: Query, origin: str, *, is_lookup: bool) -> Json:
    wanted = {"id", "text"} | query.fields("tweet.fields")
    wanted = {next((tweet for tweet, mine in POST_WORDS.items() if mine == name), name) for name in wanted}
    if query.vocabulary == "tweet":
        wanted.add("edit_history_tweet_ids")
    if is_lookup:
        wanted |= {"author_id"} if query.expands("author_id") else set()
        wanted |= {"attachments"} if query.expands("attachments.media_keys") else set()
        wanted |= {"referenced_tweets"} if query.expands("referenced_tweets.id") else set()
    members = {
        "edit_history_tweet_ids": [post["id"]],
        "conversation_id": post["id"],
        **post["fields"],
        "id": post["id"],
        "text": post["text"],
        "author_id": post["author_id"],
        "created_at": x_time(post["created_at"]),
        "attachments": filled(
            {"media_keys": post.get("media_keys"), "poll_ids": [post["poll"]["id"]] if post.get("poll") else None}
        ),
        "entities": with_images_of(post.get("entities"), origin),
        "referenced_tweets": post.get("referenced"),
        "public_metrics": query.worded(post["fields"]["public_metrics"]),
    }
    return query.worded(filled({name: value for name, value in members.items() if name in wanted}))


def poll_members(poll: Json, query: Query) -> Json:
    wanted = {"id", "options"} | query.fields("poll.fields")
    return {name: value for name, value in poll.items() if name in wanted}


def x_time(moment: str) -> str:
    return moment[:19] + ".000Z"


@dataclass
class Expected:
    """What stands beside the data of an answer."""

    world: Json
    query: Query
    origin: str
    users: dict[str, Json] = field(default_factory=dict)
    media: dict[str, Json] = field(default_factory=dict)
    posts: dict[str, Json] = field(default_factory=dict)
    polls: dict[str, Json] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def add_user(self, user_id: str | None) -> None:
        person = things(self.world, "people").get(user_id or "")
        if person and not person.get("is_suspended") and person.get("in_includes", True):
            self.users[person["id"]] = user_members(person, self.query, self.origin)

    def add_media(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.media[key] = media_members(things(self.world, "media")[key], self.query, self.origin)

    def add_post(self, post_id: str, *, is_lookup: bool) -> Json | None:
        post = things(self.world, "posts")[post_id]
        if post.get("state", "public") != "public":
            self.missing.add(post_id)
            return None
        self.posts[post_id] = post_members(post, self.query, self.origin, is_lookup=is_lookup)
        return post

    def add_event(self, event: Json) -> None:
        if self.query.expands("sender_id"):
            self.add_user(event.get("sender_id"))
        if self.query.expands("participant_ids"):
            for user_id in event.get("participant_ids", []):
                self.add_user(user_id)
        if self.query.expands("attachments.media_keys"):
            self.add_media(event.get("media_keys", []))
        if self.query.expands("referenced_tweets.id"):
            for post_id in event.get("post_ids", []):
                self.add_post(post_id, is_lookup=False)

    def add_looked_up(self, post: Json) -> None:
        """What the expansions of the posts lookup bring along with one post."""
        if self.query.expands("author_id"):
            self.add_user(post["author_id"])
        if self.query.expands("attachments.media_keys"):
            self.add_media(post.get("media_keys", []))
        if self.query.expands("attachments.poll_ids") and post.get("poll"):
            self.polls[post["poll"]["id"]] = poll_members(post["poll"], self.query)
        for reference in post.get("referenced", []) if self.query.expands("referenced_tweets.id") else []:
            other = self.add_post(reference["id"], is_lookup=True)
            if other and self.query.expands("referenced_tweets.id.author_id"):
                self.add_user(other["author_id"])
            if other and self.query.expands("referenced_tweets.id.attachments.media_keys"):
                self.add_media(other.get("media_keys", []))

    def check(self, answer: Json) -> None:
        """AssertionError names what is missing, too much or different."""
        includes = answer.get("includes", {})
        posts = "tweets" if self.query.vocabulary == "tweet" else "posts"
        for name, wanted, key in (
            ("users", self.users, "id"), ("media", self.media, "media_key"), (posts, self.posts, "id"),
            ("polls", self.polls, "id"),
        ):  # fmt: skip
            given = {thing.get(key): thing for thing in includes.get(name, [])}
            assert len(given) == len(includes.get(name, [])), f"includes.{name}: something stands twice"
            assert given.keys() == wanted.keys(), f"includes.{name}: {given.keys() ^ wanted.keys()}"
            for thing_id, members in wanted.items():
                same(f"includes.{name} {thing_id}", given[thing_id], members)
        assert includes.keys() <= {"users", "media", posts, "polls"}
        assert {error.get("resource_id") for error in answer.get("errors", [])} == self.missing, "errors"


def things(world: Json, kind: str) -> dict[str, Json]:
    """People, posts or media of a world by their id, in either of its shapes."""
    found = world[kind]
    key = "media_key" if kind == "media" else "id"
    return found if isinstance(found, dict) else {thing[key]: thing for thing in found}


def same(what: str, given: Json, wanted: Json) -> None:
    missing, too_much = wanted.keys() - given.keys(), given.keys() - wanted.keys()
    assert not missing, f"{what} lacks {sorted(missing)}, which was asked for and is there"
    assert not too_much, f"{what} has {sorted(too_much)}, which nobody asked for"
    different = {name: (given[name], wanted[name]) for name in wanted if given[name] != wanted[name]}
    assert not different, f"{what}: {different}"


def check_events(answer: Json, world: Json, query: Query, origin: str) -> list[str]:
    """Checks a page or a single event against the world; returns the ids of its events."""
    known = {event["id"]: event for event in world["events"]}
    data = answer.get("data", [])
    events = data if isinstance(data, list) else [data]
    expected = Expected(world, query, origin)
    for given in events:
        assert given.get("id") in known, f"the world has no event {given.get('id')}"
        same(f"event {given['id']}", given, event_members(known[given["id"]], query))
        expected.add_event(known[given["id"]])
    expected.check(answer)
    if "meta" in answer:
        assert answer["meta"]["result_count"] == len(events)
    return [given["id"] for given in events]


def check_users(answer: Json, world: Json, query: Query, origin: str, missing: Iterable[str] = ()) -> None:
    data = answer.get("data", [])
    people = things(world, "people")
    for given in data if isinstance(data, list) else [data]:
        assert given.get("id") in people, f"the world has no user {given.get('id')}"
        same(f"user {given['id']}", given, user_members(people[given["id"]], query, origin))
    assert {error.get("resource_id") for error in answer.get("errors", [])} == set(missing)


def check_posts(answer: Json, world: Json, query: Query, origin: str, asked: Iterable[str]) -> None:
    posts, expected = things(world, "posts"), Expected(world, query, origin)
    given = {post.get("id"): post for post in answer.get("data", [])}
    for post_id in asked:
        post = posts.get(post_id)
        if post is None or post.get("state", "public") != "public":
            expected.missing.add(post_id)
            continue
        assert post_id in given, f"post {post_id} is missing"
        same(f"post {post_id}", given.pop(post_id), post_members(post, query, origin, is_lookup=True))
        expected.add_looked_up(post)
    assert not given, f"posts nobody asked for: {sorted(given)}"
    expected.check(answer)
