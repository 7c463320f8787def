"""The members that are known of what X sends: we read them, or X's documents list them. The others are found here.

They stay in `raw`, as everything does. That there are any says that X has begun to tell what nobody here reads.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Found = Iterator[tuple["Kind", str, str]]
"""Of what kind of object, its name as a path, and the id of the object."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,49}")
NO_NAME = "?"
"""Instead of what may be anything: a name is told to owners, and a text never is."""
AN_ID = re.compile(r"[A-Za-z0-9_:.-]{1,64}")
MOST = 50
"""Names of one answer that are told of."""


class Kind(StrEnum):
    """Whose members they are."""

    ANSWER = "answer"
    EVENT = "event"
    USER = "user"
    POST = "post"
    MEDIA = "media"
    POLL = "poll"
    CHAT = "chat"
    PUSHED = "pushed"


@dataclass(frozen=True, slots=True)
class Shape:
    """The names of an object's members; and what is known of the objects inside it, where we look into them."""

    names: frozenset[str]
    inside: Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class UnknownMember:
    """`name` is a path inside its object, as "attachments.note_ids". example_id: of an object that has it, or ""."""

    kind: Kind
    name: str
    times: int
    example_id: str = ""


def _shape(names: str, **inside: Shape) -> Shape:
    return Shape(frozenset({*names.split(), *inside}), inside)


# --- What a read gives, in both vocabularies --------------------------------------------------------------------------

ENTITIES = _shape(
    "annotations",
    urls=_shape("start end url expanded_url display_url media_key images status title description unwound_url"),
    hashtags=_shape("start end tag"),
    cashtags=_shape("start end tag"),
    mentions=_shape("start end username id"),
)
REFERENCES = _shape("id type")
EVENT = _shape(
    "id event_type text created_at dm_conversation_id sender_id participant_ids",
    attachments=_shape("media_keys card_ids"),
    referenced_tweets=REFERENCES,
    referenced_posts=REFERENCES,
    entities=ENTITIES,
    **ENTITIES.inside,
)
USER = _shape(
    "id name username created_at description entities location url profile_image_url profile_banner_url protected "
    "verified verified_type verified_followers_count is_identity_verified parody affiliation public_metrics withheld "
    "connection_status receives_your_dm subscribes_to_you subscription subscription_type confirmed_email "
    "most_recent_tweet_id most_recent_post_id pinned_tweet_id pinned_post_id"
)
POST = _shape(
    "id text author_id username created_at lang source conversation_id in_reply_to_user_id article article_title "
    "card_uri community_id context_annotations display_text_range edit_controls edit_history_tweet_ids "
    "edit_history_post_ids geo matched_media_notes media_metadata public_metrics non_public_metrics organic_metrics "
    "promoted_metrics note_request_suggestions paid_partnership possibly_sensitive reply_settings scopes "
    "suggested_source_links suggested_source_links_with_counts withheld",
    attachments=_shape("media_keys poll_ids media_source_tweet_id media_source_post_id"),
    referenced_tweets=REFERENCES,
    referenced_posts=REFERENCES,
    entities=ENTITIES,
    note_tweet=_shape("text", entities=ENTITIES),
    note_post=_shape("text", entities=ENTITIES),
)
MEDIA = _shape(
    "media_key type url preview_image_url alt_text width height duration_ms public_metrics non_public_metrics "
    "organic_metrics promoted_metrics",
    variants=_shape("url content_type bit_rate"),
)
POLL = _shape("id duration_minutes end_datetime voting_status", options=_shape("position label votes"))
CHAT = _shape(
    "id type created_at updated_at participant_ids member_ids admin_ids group_name group_avatar_url is_muted "
    "message_ttl_ms message_ttl_msec screen_capture_blocking_enabled screen_capture_detection_enabled"
)
ANSWER = _shape(
    "data errors title detail type status",
    meta=_shape("next_token previous_token result_count has_more has_message_requests"),
    includes=_shape("users tweets posts media polls places topics"),
)
DATA: dict[str, tuple[Kind, Shape]] = {
    "events": (Kind.EVENT, EVENT),
    "users": (Kind.USER, USER),
    "posts": (Kind.POST, POST),
    "chats": (Kind.CHAT, CHAT),
}
INCLUDED: dict[str, tuple[Kind, Shape]] = {
    "users": (Kind.USER, USER),
    "tweets": (Kind.POST, POST),
    "posts": (Kind.POST, POST),
    "media": (Kind.MEDIA, MEDIA),
    "polls": (Kind.POLL, POLL),
}

# --- What X pushes: the message in the words of version 1.1 -----------------------------------------------------------

_ADDRESS = _shape("indices url expanded_url display_url")
_PUSHED_MEDIA = _shape(
    "id id_str indices media_url media_url_https url display_url expanded_url type sizes ext_alt_text "
    "additional_media_info features original_info source_status_id source_status_id_str source_user_id "
    "source_user_id_str",
    video_info=_shape("aspect_ratio duration_millis", variants=_shape("bitrate content_type url")),
)
_TARGET = _shape("recipient_id")
_MESSAGE_DATA = _shape(
    "text quick_reply quick_reply_response ctas",
    entities=_shape(
        "media",
        urls=_ADDRESS,
        hashtags=_shape("indices text"),
        symbols=_shape("indices text"),
        user_mentions=_shape("indices id id_str name screen_name"),
    ),
    attachment=_shape("type location", media=_PUSHED_MEDIA),
)
_MESSAGE = _shape(
    "type id created_timestamp initiated_via",
    message_create=_shape("sender_id source_app_id", target=_TARGET, message_data=_MESSAGE_DATA),
)
SIGN = "created_timestamp created_at created_at_msec sender_id recipient_id last_read_event_id"
_SIGN = _shape(SIGN, target=_TARGET)
_OF_MESSAGES = _shape(
    f"users apps for_user_id {SIGN}",
    target=_TARGET,
    direct_message_events=_MESSAGE,
    direct_message_mark_read_events=_SIGN,
    direct_message_indicate_typing_events=_SIGN,
)
_OF_CHATS = _shape(
    "id conversation_id sender_id created_at created_at_msec created_timestamp conversation_token encoded_event "
    "conversation_key_version conversation_key_change_event message_event_signature"
)
_OF_A_RIGHT = _shape("date_time user_id app_id user_event")
PAYLOADS = {"dm": _OF_MESSAGES, "chat": _OF_CHATS, "oauth": _OF_A_RIGHT}
"""By what stands before the dot of the kind of activity."""
ACTIVITY = _shape("event_uuid event_type tag payload includes", filter=_shape("user_id direction"))
PERSON = Shape(
    USER.names
    | {"id_str", "created_timestamp", "screen_name", "profile_image_url_https"}
    | {"followers_count", "friends_count", "statuses_count"},
    {},
)
"""In the words of either version."""


# --- Finding the others -----------------------------------------------------------------------------------------------


def unknown_in(body: object, data: str | None) -> tuple[UnknownMember, ...]:
    """Of an answer. `data` says what its elements are (DATA); of others nothing is told."""
    if not isinstance(body, dict) or data not in DATA:
        return ()
    return _counted(_in_answer(body, data))


def unknown_in_activity(raw: object) -> tuple[UnknownMember, ...]:
    """Of what X pushed. A kind of activity that nobody knows is odd as a whole, and nothing of it is told here."""
    inner = raw.get("data") if isinstance(raw, dict) else None
    event = inner if isinstance(inner, dict) else raw
    return _counted(_in_activity(event)) if isinstance(event, dict) else ()


def _in_answer(body: dict[str, Any], data: str) -> Found:
    kind, shape = DATA[data]
    yield from _find(Kind.ANSWER, {**body, "data": None}, ANSWER)
    yield from _find(kind, body.get("data"), shape)
    included = body.get("includes")
    if isinstance(included, dict):
        for name, (kind, shape) in INCLUDED.items():
            yield from _find(kind, included.get(name), shape)


def _in_activity(event: dict[str, Any]) -> Found:
    yield from _find(Kind.PUSHED, event, ACTIVITY)
    known = PAYLOADS.get(str(event.get("event_type")).partition(".")[0])
    payload = event.get("payload")
    if known is None or not isinstance(payload, dict):
        return
    yield from _find(Kind.PUSHED, payload, known, path="payload.", example=_id_of(event))
    users = payload.get("users")
    for person in users.values() if known is _OF_MESSAGES and isinstance(users, dict) else ():
        yield from _find(Kind.USER, person.get("data", person) if isinstance(person, dict) else None, PERSON)


def _find(kind: Kind, raw: object, shape: Shape, *, path: str = "", example: str = "") -> Found:
    if isinstance(raw, list):
        for element in raw:
            yield from _find(kind, element, shape, path=path, example=example)
    if not isinstance(raw, dict):
        return
    for name in raw.keys() - shape.names:
        yield kind, path + (name if NAME.fullmatch(name) else NO_NAME), example or _id_of(raw)
    for name, inside in shape.inside.items():
        if value := raw.get(name):
            yield from _find(kind, value, inside, path=f"{path}{name}.", example=example or _id_of(raw))


def _id_of(raw: dict[str, Any]) -> str:
    told = next((raw[name] for name in ("id", "media_key", "event_uuid") if name in raw), "")
    return told if isinstance(told, str) and AN_ID.fullmatch(told) else ""


def _counted(found: Found) -> tuple[UnknownMember, ...]:
    times: Counter[tuple[Kind, str]] = Counter()
    examples: dict[tuple[Kind, str], str] = {}
    for kind, name, example in found:
        times[kind, name] += 1
        examples[kind, name] = examples.get((kind, name)) or example
    most = sorted(times)[:MOST]
    return tuple(UnknownMember(kind, name, times[kind, name], examples[kind, name]) for kind, name in most)
