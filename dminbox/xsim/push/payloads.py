"""What a pushed event holds: a message in the shape of v1.1, the people in that of v2, each counter twice."""

import base64
import math
import secrets
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from dminbox.xsim import ids
from dminbox.xsim.answers import Json, absolute
from dminbox.xsim.world import Event, MediaItem, Person, World

COUNTS = ("followers_count", "following_count", "tweet_count", "listed_count", "like_count", "media_count")
TWINS = frozenset({*COUNTS, "start", "end"})
"""Numbers that stand there as text, too."""
ALWAYS = {
    "description": "",
    "profile_banner_url": "",
    "url": "",
    "protected": False,
    "verified": False,
    "verified_type": "none",
    "is_identity_verified": False,
}
"""What a user has here even where v2 leaves it out: empty texts among it."""
SOMETIMES = ("affiliation", "created_at", "entities", "location", "profile_image_url")
SIZES = {"thumb": 150, "small": 680, "medium": 1200}
"""The longest side of each; a thumb is a square cut out."""


def envelope(event_uuid: str, event_type: str, user_id: str | None, tag: str | None, payload: Json) -> Json:
    data: Json = {
        "event_uuid": event_uuid,
        "filter": {"user_id": user_id} if user_id else {},
        "event_type": event_type,
        "tag": tag,
        "payload": payload,
    }
    return {"data": {name: value for name, value in data.items() if value is not None}}


def new_uuid() -> str:
    """Half of them are negative: X prints 64 bits with a sign."""
    return str(secrets.randbits(64) - (1 << 63))


def message(world: World, origin: str, event: Event, recipient_id: str) -> Json:
    said = {
        "type": "message_create",
        "id": event.id,
        "created_timestamp": milliseconds(_moment(event)),
        "message_create": {
            "target": {"recipient_id": recipient_id},
            "sender_id": event.sender_id,
            "message_data": _message_data(world, origin, event),
        },
    }
    return {"direct_message_events": [said], "users": _people(world, origin, [event.sender_id, recipient_id])}


def typing(world: World, origin: str, sender_id: str, recipient_id: str, now: datetime) -> Json:
    """Nobody has published one: composed from the one of the older Account Activity API."""
    said = {"created_timestamp": milliseconds(now), "sender_id": sender_id, "target": {"recipient_id": recipient_id}}
    return {"direct_message_indicate_typing_events": [said], "users": _people(world, origin, [sender_id, recipient_id])}


def read(world: World, origin: str, reader_id: str, other_id: str, event_id: str, now: datetime) -> Json:
    """Composed in the same way."""
    said = {
        "created_timestamp": milliseconds(now),
        "sender_id": reader_id,
        "target": {"recipient_id": other_id},
        "last_read_event_id": event_id,
    }
    return {"direct_message_mark_read_events": [said], "users": _people(world, origin, [reader_id, other_id])}


def revoke(user_id: str, app_id: str, now: datetime) -> Json:
    return {
        "date_time": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "user_id": user_id,
        "app_id": app_id,
    }


def chat(conversation_id: str, sender_id: str, now: datetime) -> Json:
    """Everything but who, where and when is noise here, as it is to anybody without the keys."""
    return {
        "conversation_token": f"eyJhbGciOiJIUzI1NiJ9.{secrets.token_urlsafe(120)}",
        "id": str(uuid.uuid4()),
        "created_at_msec": milliseconds(now),
        "sender_id": sender_id,
        "conversation_id": conversation_id,
        "conversation_key_version": milliseconds(now - timedelta(days=40)),
        "encoded_event": _noise(160),
        "conversation_key_change_event": _noise(120),
        "message_event_signature": {
            "public_key_version": milliseconds(now - timedelta(days=80)),
            "signature": _noise(64).rstrip("="),
            "signature_version": "7",
            "signing_public_key": _noise(91),
        },
    }


def milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


def _moment(event: Event) -> datetime:
    """As exact as its id, where the id is one of that time."""
    by_id = ids.moment_of(event.id)
    return by_id if abs(by_id - event.created_at) < timedelta(seconds=1) else event.created_at


def _message_data(world: World, origin: str, event: Event) -> Json:
    items = [world.media[key] for key in event.media_keys if key in world.media]
    data = {"text": event.text or "", "entities": _entities(world, event)}
    return {**data, "attachment": _attachment(origin, event, items[0])} if items else data


def _entities(world: World, event: Event) -> Json:
    found = event.entities
    return {
        "hashtags": [_tag(one) for one in found.get("hashtags", [])],
        "symbols": [_tag(one) for one in found.get("cashtags", [])],
        "user_mentions": [_mention(world, one) for one in found.get("mentions", [])],
        "urls": [_url(one) for one in found.get("urls", [])],
    }


def _tag(entity: Json) -> Json:
    return {"text": entity["tag"], "indices": _indices(entity)}


def _mention(world: World, entity: Json) -> Json:
    person = world.people.get(entity.get("id", ""))
    said = {"screen_name": entity["username"], "indices": _indices(entity)}
    return {**said, "name": person.name, "id": int(person.id), "id_str": person.id} if person else said


def _url(entity: Json) -> Json:
    said: Json = {name: entity[name] for name in ("url", "expanded_url", "display_url") if name in entity}
    return {**said, "indices": _indices(entity)}


def _indices(entity: Json) -> list[int]:
    return [entity["start"], entity["end"]]


def _attachment(origin: str, event: Event, item: MediaItem) -> Json:
    """The link at the end of the text stands in the media, too."""
    link: Json = _url(event.entities["urls"][-1]) if event.entities.get("urls") else {"indices": [0, 0]}
    media_id = item.media_key.partition("_")[2]
    address = absolute(item.url_path if item.type == "photo" else item.preview_path, origin)
    media = {
        "id": int(media_id),
        "id_str": media_id,
        "media_url": address,
        "media_url_https": address,
        **link,
        "type": item.type,
        "sizes": _sizes(item),
    }
    if item.type != "photo":
        media["video_info"] = _video_info(origin, item)
    return {"type": "media", "media": media}


def _sizes(item: MediaItem) -> Json:
    sizes: Json = {"large": {"w": item.width, "h": item.height, "resize": "fit"}}
    for name, side in SIZES.items():
        part = min(1.0, side / max(item.width, item.height))
        sizes[name] = {"w": round(item.width * part), "h": round(item.height * part), "resize": "fit"}
    return {**sizes, "thumb": {"w": SIZES["thumb"], "h": SIZES["thumb"], "resize": "crop"}}


def _video_info(origin: str, item: MediaItem) -> Json:
    shared = math.gcd(item.width, item.height) or 1
    info: Json = {"aspect_ratio": [item.width // shared, item.height // shared]}
    if item.duration_ms is not None:
        info["duration_millis"] = item.duration_ms
    variants = []
    for variant in item.variants:
        rate = {"bitrate": variant["bit_rate"]} if variant.get("bit_rate") is not None else {}
        variants.append({**rate, "content_type": variant["content_type"], "url": absolute(variant["path"], origin)})
    return {**info, "variants": variants}


def _people(world: World, origin: str, user_ids: Iterable[str | None]) -> Json:
    found = [world.people[one] for one in dict.fromkeys(user_ids) if one in world.people]
    return {person.id: {"data": _person(person, origin)} for person in found if not person.is_suspended}


def _person(person: Person, origin: str) -> Json:
    fields = {name: person.fields[name] for name in (*ALWAYS, *SOMETIMES) if person.fields.get(name) is not None}
    said = {**ALWAYS, **fields, "id": person.id, "name": person.name, "username": person.username}
    for name in ("profile_image_url", "profile_banner_url"):
        if name in said:
            said[name] = absolute(said[name], origin)
    counts = dict.fromkeys(COUNTS, 0) | person.fields.get("public_metrics", {})
    twinned: Json = twins({**said, "public_metrics": counts})
    return twinned


def twins(said: Any) -> Any:
    """Beside each of these numbers the same as text."""
    if isinstance(said, list):
        return [twins(one) for one in said]
    if not isinstance(said, dict):
        return said
    found: Json = {}
    for name, value in said.items():
        found[name] = twins(value)
        if name in TWINS:
            found[f"{name}_str"] = str(value)
    return found


def _noise(length: int) -> str:
    return base64.b64encode(secrets.token_bytes(length)).decode()
