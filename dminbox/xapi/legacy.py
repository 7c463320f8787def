"""A message in the form of X's version 1.1, which X still pushes, -> the same dataclasses as a read gives.

What the two forms call differently is called here as in version 2. `raw` stays X's own.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dminbox.xapi.members import (
    KIND,
    Odd,
    as_object,
    count_or_none,
    get_flag,
    get_id,
    get_milliseconds,
    get_object,
    get_text,
    one_to_one,
    read_id,
    required_id,
    sort_out,
    string_or_none,
)
from dminbox.xapi.parsing import read_user
from dminbox.xapi.query import EventType
from dminbox.xapi.schema import DmEvent, Media, OddEvent, OddKind, Raw, User, Variant

MESSAGE = "message_create"
PUSHED = "push_"
"""Stands where X has a kind in a media_key: what it pushes tells the number behind it alone."""


def read_message(raw: object) -> DmEvent:
    """Raises Odd."""
    event = as_object(raw, "the event")
    if event.get("type") != MESSAGE:
        raise Odd(f"type is not {MESSAGE}")
    message = get_object(event, MESSAGE)
    data = get_object(message, "message_data")
    sender_id = required_id(message, "sender_id")
    recipient_id = required_id(get_object(message, "target"), "recipient_id")
    media_id = _media_id(_media_of(event))
    return DmEvent(
        id=required_id(event, "id"),
        event_type=EventType.MESSAGE_CREATE.value,
        text=get_text(data, "text"),
        created_at=get_milliseconds(event, "created_timestamp"),
        dm_conversation_id=one_to_one(sender_id, recipient_id),
        sender_id=sender_id,
        media_keys=(f"{PUSHED}{media_id}",) if media_id else (),
        entities=read_entities(data.get("entities")),
        raw=event,
        is_pushed=True,
    )


def read_people(users: object) -> tuple[tuple[User, ...], tuple[OddEvent, ...]]:
    """The map of users by id, in either version's form, with the level of `data` or without it."""
    if users is None:
        return (), ()
    if not isinstance(users, dict):
        return (), (OddEvent(users, "users is not an object"),)
    return sort_out([_person(key, value) for key, value in users.items()], read_person, OddKind.PUSHED_USER)


def read_pushed_media(events: Iterable[Raw]) -> tuple[tuple[Media, ...], tuple[OddEvent, ...]]:
    """The attachment of each message that has one. Other kinds of attachment are in its raw alone."""
    attached = [media for media in map(_media_of, events) if media is not None]
    return sort_out(attached, read_media, OddKind.PUSHED_MEDIA)


def read_entities(raw: object) -> dict[str, list[Raw]]:
    """In the words of version 2. They only decorate a text, so what cannot be read is left out; raw has it."""
    found = raw if isinstance(raw, dict) else {}
    named = {name: list(_entities(found.get(theirs), words)) for name, (theirs, words) in ENTITIES.items()}
    return {name: entities for name, entities in named.items() if entities}


def _entities(elements: object, words: Callable[[Raw], Raw]) -> Iterator[Raw]:
    for element in elements if isinstance(elements, list) else ():
        place = _place(element)
        if place:
            yield place | {name: value for name, value in words(element).items() if value is not None}


def _place(element: object) -> Raw:
    indices = element.get("indices") if isinstance(element, dict) else None
    if (
        not isinstance(indices, list)
        or len(indices) != 2
        or not all(count_or_none(index) is not None for index in indices)
    ):
        return {}
    return {"start": indices[0], "end": indices[1]}


def _url(entity: Raw) -> Raw:
    return {name: string_or_none(entity.get(name)) for name in ("url", "expanded_url", "display_url")}


def _tag(entity: Raw) -> Raw:
    return {"tag": string_or_none(entity.get("text"))}


def _mention(entity: Raw) -> Raw:
    return {"username": string_or_none(entity.get("screen_name")), "id": _exact_id(entity)}


ENTITIES: dict[str, tuple[str, Callable[[Raw], Raw]]] = {
    "urls": ("urls", _url),
    "hashtags": ("hashtags", _tag),
    "cashtags": ("symbols", _tag),
    "mentions": ("user_mentions", _mention),
}


def _media_of(event: Raw) -> Raw | None:
    place: Any = event
    for name in (MESSAGE, "message_data", "attachment", "media"):
        place = place.get(name) if isinstance(place, dict) else None
    return place if isinstance(place, dict) else None


def _media_id(media: Raw | None) -> str | None:
    return _exact_id(media) if media else None


def _exact_id(raw: Raw) -> str | None:
    """id_str: the number beside it may have lost digits on its way."""
    return read_id(raw.get("id_str")) or read_id(raw.get("id"))


def read_media(raw: object) -> Media:
    media = as_object(raw, "the media")
    media_id = _exact_id(media)
    if media_id is None:
        raise Odd("the media has no id")
    kind = _kind(media.get("type"))
    address = string_or_none(media.get("media_url_https") or media.get("media_url"))
    video = media.get("video_info")
    width, height = _size(media.get("sizes"))
    return Media(
        media_key=f"{PUSHED}{media_id}",
        type=kind,
        url=address if kind == "photo" else None,
        preview_image_url=None if kind == "photo" else address,
        alt_text=string_or_none(media.get("ext_alt_text")),
        width=width,
        height=height,
        duration_ms=count_or_none(video.get("duration_millis")) if isinstance(video, dict) else None,
        variants=tuple(_variants(video)),
        raw=media,
    )


def _kind(value: object) -> str | None:
    return value if isinstance(value, str) and KIND.fullmatch(value) else None


def _size(sizes: object) -> tuple[int | None, int | None]:
    """Of the largest form that is not cut to a square."""
    fitting = [
        (width, height)
        for size in (sizes.values() if isinstance(sizes, dict) else ())
        if isinstance(size, dict)
        and size.get("resize") == "fit"
        and (width := count_or_none(size.get("w"))) is not None
        and (height := count_or_none(size.get("h"))) is not None
    ]
    return max(fitting, key=lambda size: size[0] * size[1], default=(None, None))


def _variants(video: object) -> Iterator[Variant]:
    variants = video.get("variants") if isinstance(video, dict) else None
    for variant in variants if isinstance(variants, list) else ():
        url = string_or_none(variant.get("url")) if isinstance(variant, dict) else None
        if url:
            yield Variant(url, string_or_none(variant.get("content_type")), count_or_none(variant.get("bitrate")))


def _person(key: str, value: object) -> object:
    """The user itself, with the id under which it stands in the map where it does not say its own."""
    inner = value.get("data", value) if isinstance(value, dict) else value
    return {"id": key, **inner} if isinstance(inner, dict) else inner


def read_person(raw: object) -> User:
    person = as_object(raw, "the user")
    if "screen_name" not in person or "username" in person:
        return read_user(person)
    return User(
        id=get_id(person, "id_str") or required_id(person, "id"),
        username=get_text(person, "screen_name"),
        name=get_text(person, "name"),
        profile_image_url=get_text(person, "profile_image_url_https"),
        protected=get_flag(person, "protected"),
        verified=get_flag(person, "verified"),
        created_at=get_milliseconds(person, "created_timestamp"),
        raw=person,
    )
