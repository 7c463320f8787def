"""From the world to X's JSON, in the vocabulary of the request. What is empty is left out, never null."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dminbox.xsim import problems
from dminbox.xsim.vocabulary import TWEET, Ask, Vocabulary
from dminbox.xsim.world import Event, MediaItem, Person, Post, World

Json = dict[str, Any]
USER_COUNTS = ("followers_count", "following_count", "tweet_count", "listed_count")
POST_COUNTS = ("retweet_count", "reply_count", "like_count", "quote_count", "bookmark_count", "impression_count")


def x_time(moment: datetime) -> str:
    """With the precision of DM events: seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@dataclass
class Includes:
    """What an answer carries beside its data, each thing once, in the order of its first mention."""

    world: World
    ask: Ask
    origin: str
    resolves_all: bool = False
    """True: also people whom X does not resolve in includes."""
    users: dict[str, Json] = field(default_factory=dict)
    posts: dict[str, Json] = field(default_factory=dict)
    media: dict[str, Json] = field(default_factory=dict)
    polls: dict[str, Json] = field(default_factory=dict)
    errors: dict[str, Json] = field(default_factory=dict)

    def add_user(self, user_id: str | None) -> None:
        person = self.world.people.get(user_id or "")
        if person and not person.is_suspended and (person.in_includes or self.resolves_all):
            self.users[person.id] = user_json(person, self.ask, self.origin)

    def add_media(self, keys: Iterable[str]) -> None:
        for key in keys:
            if item := self.world.media.get(key):
                self.media[key] = media_json(item, self.ask, self.origin)

    def add_post(self, post_id: str, parameter: str) -> Post | None:
        """None, and a partial error, when the viewer cannot see it."""
        post = self.world.posts.get(post_id)
        if post is None or post.state != "public":
            self.errors[post_id] = post_problem(post, self.ask.vocabulary, parameter, post_id)
            return None
        self.posts[post_id] = post_json(post, self.ask, self.origin)
        return post

    def add_poll(self, poll: Json) -> None:
        self.polls[poll["id"]] = poll_json(poll, self.ask)

    def to_json(self) -> Json:
        kinds = {"users": self.users, "tweets": self.posts, "media": self.media, "polls": self.polls}
        return {self.ask.vocabulary.out(kind): list(found.values()) for kind, found in kinds.items() if found}

    def around(self, data: Any) -> Json:
        """The whole answer, without `meta`."""
        parts = {"data": data, "includes": self.to_json(), "errors": list(self.errors.values())}
        return without_empty(parts)


def event_json(event: Event, ask: Ask) -> Json:
    wanted = ask.fields["dm_event.fields"] | {name.split(".")[0] for name in ask.expansions}
    if event.event_type != "MessageCreate":
        wanted |= {"participant_ids"}
    members = {
        "event_type": event.event_type,
        "id": event.id,
        "text": event.text,
        "sender_id": event.sender_id,
        "participant_ids": event.participant_ids,
        "dm_conversation_id": event.dm_conversation_id,
        "attachments": without_empty({"media_keys": event.media_keys, "card_ids": event.card_ids}),
        "referenced_tweets": [{"id": post_id} for post_id in event.post_ids],
        "created_at": x_time(event.created_at),
        "entities": without_empty(event.entities),
    }
    said = without_empty({name: value for name, value in members.items() if name in wanted})
    if ask.vocabulary is TWEET:
        said.update(said.pop("entities", {}))
    return renamed(said, ask.vocabulary)


def user_json(person: Person, ask: Ask, origin: str) -> Json:
    wanted = ask.fields["user.fields"] | ask.expansions & {"most_recent_tweet_id", "pinned_tweet_id"}
    members = {
        "protected": False,
        "verified": False,
        "receives_your_dm": person.accepts_messages,
        **person.fields,
        "id": person.id,
        "name": person.name,
        "username": person.username,
    }
    said = {name: members[name] for name in ("id", "name", "username")}
    said |= {name: value for name, value in members.items() if name in wanted}
    for name in ("profile_image_url", "profile_banner_url"):
        if name in said:
            said[name] = absolute(said[name], origin)
    if counts := said.get("public_metrics"):
        said["public_metrics"] = renamed(dict.fromkeys(USER_COUNTS, 0) | counts, ask.vocabulary)
    return renamed(without_empty(said), ask.vocabulary)


def post_json(post: Post, ask: Ask, origin: str) -> Json:
    expanded = {name.split(".")[0] for name in ask.expansions} if ask.kind == "posts" else set()
    wanted = ask.fields["tweet.fields"] | expanded
    members = {
        "edit_history_tweet_ids": [post.id],
        "conversation_id": post.id,
        **post.fields,
        "id": post.id,
        "text": post.text,
        "author_id": post.author_id,
        "created_at": x_time(post.created_at),
        "attachments": _attachments(post),
        "entities": without_empty(with_images(post.entities, origin)),
        "referenced_tweets": post.referenced,
    }
    said = {name: value for name, value in members.items() if name in wanted}
    if counts := said.get("public_metrics"):
        said["public_metrics"] = renamed(dict.fromkeys(POST_COUNTS, 0) | counts, ask.vocabulary)
    return renamed(without_empty(said), ask.vocabulary)


def media_json(item: MediaItem, ask: Ask, origin: str) -> Json:
    """2.166 has a shape for each type, 2.167 one for all; a photo has no preview and a video no url in either."""
    is_photo, is_video = item.type == "photo", item.type == "video"
    says_alt_text = is_photo or ask.vocabulary is not TWEET
    members = {
        "media_key": item.media_key,
        "type": item.type,
        "width": item.width,
        "height": item.height,
        "url": absolute(item.url_path, origin) if is_photo else None,
        "alt_text": item.alt_text if says_alt_text else None,
        "preview_image_url": None if is_photo else absolute(item.preview_path, origin),
        "duration_ms": item.duration_ms if is_video else None,
        "variants": [] if is_photo else [_variant(variant, origin) for variant in item.variants],
    }
    return without_empty({name: value for name, value in members.items() if name in ask.fields["media.fields"]})


def poll_json(poll: Json, ask: Ask) -> Json:
    return {name: value for name, value in poll.items() if name in ask.fields["poll.fields"]}


def post_problem(post: Post | None, vocabulary: Vocabulary, parameter: str, post_id: str) -> Json:
    if post and post.state == "protected":
        return problems.post_protected(vocabulary, parameter, post_id)
    return problems.post_missing(vocabulary, parameter, post_id)


def absolute(path: str | None, origin: str) -> str | None:
    return origin + path if path and path.startswith("/") else path


def with_images(entities: Json, origin: str) -> Json:
    """With the pictures of linked pages under the origin."""
    if not any("images" in url for url in entities.get("urls", [])):
        return entities
    return {**entities, "urls": [_with_images(url, origin) for url in entities["urls"]]}


def without_empty(said: Json) -> Json:
    return {name: value for name, value in said.items() if value is not None and value != [] and value != {}}


def renamed(said: Json, vocabulary: Vocabulary) -> Json:
    return {vocabulary.out(name): value for name, value in said.items()}


def _with_images(url: Json, origin: str) -> Json:
    images = [image | {"url": absolute(image["url"], origin)} for image in url.get("images", [])]
    return url | {"images": images} if images else url


def _attachments(post: Post) -> Json:
    return without_empty({"media_keys": post.media_keys, "poll_ids": [post.poll["id"]] if post.poll else []})


def _variant(variant: Json, origin: str) -> Json:
    said = {
        name: value for name, value in variant.items() if name in ("bit_rate", "content_type") and value is not None
    }
    return {**said, "url": absolute(variant["path"], origin)}
