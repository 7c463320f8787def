"""What X's Activity API pushes -> dataclasses: the envelope, messages in the form of v1.1, receipts, typing, X Chat.

The parsers here take whatever X's contract leaves open: it describes the envelope and none of these payloads.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from dminbox.xapi.legacy import read_message, read_people, read_pushed_media
from dminbox.xapi.members import (
    Odd,
    as_object,
    get_id,
    get_kind,
    get_list,
    get_milliseconds,
    get_object,
    get_time,
    list_or_odd,
    read_id,
    required_chat_id,
    required_id,
    required_name,
    sort_out,
)
from dminbox.xapi.schema import DmEvent, Includes, OddEvent, OddKind, Page, Raw, Subscription

__all__ = [
    "Activity",
    "ChatMessage",
    "DmEvent",
    "Receipt",
    "Subscription",
    "Typing",
    "encrypted_message",
    "messages",
    "parse_activity",
    "read_receipts",
    "revoked_at",
    "revoked_user_id",
    "typings",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that happened. X delivers it at least once; event_uuid is a number that may be negative, as text.

    user_id is whose subscription brought it: that of its filter or, where it has none (oauth.revoke), of its payload.
    """

    event_uuid: str
    event_type: str
    user_id: str | None = None
    tag: str | None = None
    payload: Raw = field(default_factory=dict, repr=False)
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """reader_id has read what other_id wrote: up to last_read_event_id, or all of it until then."""

    reader_id: str
    other_id: str
    last_read_event_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Typing:
    sender_id: str
    recipient_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """An encrypted message: that there is one, and nothing of it. id is no dm_event_id; see ChatConversation."""

    id: str
    conversation_id: str
    sender_id: str | None
    at: datetime


def parse_activity(raw: Any) -> Activity:
    """The envelope, with or without its `data`. Raises ValueError, naming the member; any event_type will do."""
    document = as_object(raw, "the activity")
    data = as_object(document["data"], "data") if document.get("data") is not None else document
    payload = get_object(data, "payload")
    tag = data.get("tag")
    return Activity(
        event_uuid=required_name(data, "event_uuid"),
        event_type=_event_type(data),
        user_id=get_id(get_object(data, "filter"), "user_id") or _user_of(payload),
        tag=tag if isinstance(tag, str) else None,
        payload=payload,
        raw=document,
    )


def messages(activity: Activity) -> Page:
    """The messages of dm.received and dm.sent, as a read would show them; what cannot be read is among the odd.

    X Chat apart, X pushes one-to-one conversations only, and names two people and no conversation.
    """
    payload = activity.payload
    if payload.get("direct_message_events") is None:
        return Page(odd=(OddEvent(activity.raw, "direct_message_events is missing"),))
    events, odd = sort_out(list_or_odd(payload["direct_message_events"]), read_message, OddKind.PUSHED)
    users, odd_users = read_people(payload.get("users"))
    media, odd_media = read_pushed_media(event.raw for event in events)
    includes = Includes(users=users, media=media, odd=(*odd_users, *odd_media))
    return Page(events=events, odd=odd, includes=includes)


def read_receipts(activity: Activity, came_at: datetime | None = None) -> tuple[Receipt, ...]:
    """Of dm.read. Raises ValueError, naming the member, when none can be read. came_at: when it was pushed, where that
    was not just now.
    """
    return _all_of(activity, "direct_message_mark_read_events", partial(_receipt, came_at=came_at))


def typings(activity: Activity, came_at: datetime | None = None) -> tuple[Typing, ...]:
    """Of dm.indicate_typing. Raises ValueError, naming the member, when none can be read."""
    return _all_of(activity, "direct_message_indicate_typing_events", partial(_typing, came_at=came_at))


def encrypted_message(activity: Activity, came_at: datetime | None = None) -> ChatMessage:
    """Of chat.received and chat.sent. Raises ValueError, naming the member."""
    payload = activity.payload
    return ChatMessage(
        id=required_name(payload, "id"),
        conversation_id=required_chat_id(payload, "conversation_id"),
        sender_id=get_id(payload, "sender_id"),
        at=_moment(payload, came_at),
    )


def revoked_user_id(activity: Activity) -> str | None:
    """Of oauth.revoke: who has ended our right."""
    return _user_of(activity.payload)


def revoked_at(activity: Activity) -> datetime | None:
    try:
        return get_time(_revocation(activity.payload), "date_time")
    except Odd:
        return None


def _event_type(data: Raw) -> str:
    event_type = get_kind(data, "event_type")
    if not event_type:
        raise Odd("event_type is missing")
    return event_type


def _user_of(payload: Raw) -> str | None:
    source = _revocation(payload).get("source")
    told = read_id(payload.get("user_id"))
    return told or (read_id(source.get("user_id")) if isinstance(source, dict) else None)


def _revocation(payload: Raw) -> Raw:
    """The payload itself; the older Account Activity API wraps it in two more objects."""
    user_event = payload.get("user_event")
    revoke = user_event.get("revoke") if isinstance(user_event, dict) else None
    return revoke if isinstance(revoke, dict) else payload


def _all_of(activity: Activity, name: str, read: Callable[[object], T]) -> tuple[T, ...]:
    """From the list of that name, or where there is none from the payload itself: nobody has published one."""
    payload = activity.payload
    elements = get_list(payload, name) if payload.get(name) is not None else [payload]
    found, odd = sort_out(elements, read)
    if odd and not found:
        raise Odd(odd[0].reason)
    return found


def _receipt(raw: object, came_at: datetime | None) -> Receipt:
    event = as_object(raw, "the receipt")
    return Receipt(
        reader_id=required_id(event, "sender_id"),
        other_id=_recipient_id(event),
        last_read_event_id=get_id(event, "last_read_event_id"),
        at=_moment(event, came_at),
    )


def _typing(raw: object, came_at: datetime | None) -> Typing:
    event = as_object(raw, "the typing")
    return Typing(
        sender_id=required_id(event, "sender_id"), recipient_id=_recipient_id(event), at=_moment(event, came_at)
    )


def _recipient_id(event: Raw) -> str:
    target = get_object(event, "target")
    return required_id(target if target else event, "recipient_id")


def _moment(raw: Raw, came_at: datetime | None) -> datetime:
    """When X says it happened; where it does not say, it was pushed because it happened then."""
    told = (get_milliseconds(raw, name) for name in ("created_timestamp", "created_at_msec"))
    return next((at for at in told if at), None) or get_time(raw, "created_at") or came_at or datetime.now(UTC)
