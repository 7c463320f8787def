"""What a local X holds: people, posts, media, conversations and their events, as plain data that goes to JSON and back.

Shapes here are the simulator's own, not X's: `answers.py` turns them into what X says in either vocabulary.
Times are aware datetimes in UTC (ISO 8601 with `Z` in JSON). Ids are strings of digits.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from dminbox.xsim import ids

T = TypeVar("T")


@dataclass
class Person:
    """One X user. `fields` holds any further v2 user field by its X name (description, location, verified …)."""

    id: str
    username: str
    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    """An URL in it that begins with `/` is under the origin, e.g. profile_image_url."""
    files: dict[str, str] = field(default_factory=dict)
    """URL path -> file name, for the avatar, in the manner of `MediaItem.files`."""
    is_suspended: bool = False
    """Missing from includes.users; GET /2/users answers with a partial error."""
    in_includes: bool = True
    """False: exists, but X does not resolve it in includes, as real answers show."""
    is_persona: bool = False
    """Offered on the consent page to sign in as."""
    accepts_messages: bool = True
    """False: a message to this person is refused with 403 dm-no-permission."""
    reads_after: float | None = None
    """So many seconds after a message came this person has read it; None: never."""


@dataclass
class MediaItem:
    """One photo, video or GIF of a message or a post. `files` maps the path part of each of its URLs to a file."""

    media_key: str
    type: str
    """photo, video or animated_gif."""
    width: int
    height: int
    url_path: str | None = None
    """Path of the photo under the origin, e.g. /1.1/ton/data/dm/<dm_id>/<media_id>/name.jpg or /media/name.jpg."""
    preview_path: str | None = None
    variants: list[dict[str, Any]] = field(default_factory=list)
    """{"path": …, "content_type": …, "bit_rate": … (absent for a playlist)}, in no order."""
    alt_text: str | None = None
    duration_ms: int | None = None
    files: dict[str, str] = field(default_factory=dict)
    """URL path -> name of a file that `media.py` can give (made or shipped)."""
    is_gone: bool = False
    """True: every fetch of its bytes answers 404."""


@dataclass
class Post:
    """One post. `fields` holds further v2 fields by X name in the tweet vocabulary (lang, public_metrics …)."""

    id: str
    author_id: str
    text: str
    created_at: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    entities: dict[str, Any] = field(default_factory=dict)
    """The images of its urls are under the origin where they begin with `/`."""
    files: dict[str, str] = field(default_factory=dict)
    """URL path and query -> file name, for those images, in the manner of `MediaItem.files`."""
    media_keys: list[str] = field(default_factory=list)
    poll: dict[str, Any] | None = None
    """v2 poll object: id, options [{position, label, votes}], voting_status, end_datetime, duration_minutes."""
    referenced: list[dict[str, str]] = field(default_factory=list)
    """[{"type": "quoted"|"replied_to", "id": …}]"""
    state: str = "public"
    """public, protected or deleted: the latter two are partial errors wherever they are asked for."""


@dataclass
class Event:
    """One DM event, in the words of X. Absent parts are None or empty and left out of answers."""

    id: str
    event_type: str
    dm_conversation_id: str
    created_at: datetime
    sender_id: str | None = None
    text: str | None = None
    participant_ids: list[str] = field(default_factory=list)
    media_keys: list[str] = field(default_factory=list)
    card_ids: list[str] = field(default_factory=list)
    post_ids: list[str] = field(default_factory=list)
    entities: dict[str, Any] = field(default_factory=dict)
    """{"urls": [...], "hashtags": [...], "cashtags": [...], "mentions": [...]} with code-point indices."""
    visible_at: datetime | None = None
    """Before this time no answer shows it (late visibility); None: at once."""
    lagged_reads: int = 0
    """/2/dm_events does not show it for this many further calls of each reader (read lag after a send)."""
    deleted_for: list[str] = field(default_factory=list)
    """User ids from whose view it was deleted."""
    is_hidden: bool = False
    """Never shown, but still a cursor position."""


@dataclass
class DmConversation:
    """One conversation. Members are derived from the id (one-to-one) or listed with what they may see (group)."""

    id: str
    member_ids: list[str]
    """Everybody who ever was a member; each sees the whole conversation while it was a member of it."""
    is_group: bool = False


@dataclass
class ChatConversation:
    """One encrypted conversation, of which X tells that it is there and when somebody wrote, and nothing more."""

    id: str
    """`A:B` for two people, `g` and digits for a group."""
    member_ids: list[str]
    created_at: datetime
    updated_at: datetime
    """When somebody wrote last."""
    admin_ids: list[str] = field(default_factory=list)
    name: str | None = None
    """Of a group, encrypted."""
    avatar_path: str | None = None
    is_muted: bool = False
    message_ttl_ms: int | None = None
    is_request: bool = False
    """True: still unanswered; X lists none of those and only says that there are some."""


@dataclass
class Arrival:
    """An event that the running world brings by itself, `after` seconds from its start, again every `every` seconds."""

    after: float
    dm_conversation_id: str
    """Of an encrypted message the id of its ChatConversation."""
    sender_id: str
    text: str = ""
    every: float | None = None
    kind: str = "message"
    """message, typing (the sender has read all and is about to write) or chat (the sender writes encrypted)."""

    def __post_init__(self) -> None:
        if self.kind not in ("message", "typing", "chat"):
            raise ValueError(f"an arrival is a message, typing or a chat, not {self.kind!r}")
        if self.kind == "chat" and not ids.may_write(self.dm_conversation_id, self.sender_id):
            raise ValueError(f"{self.dm_conversation_id} is no chat that {self.sender_id} could write into")


@dataclass
class World:
    people: dict[str, Person] = field(default_factory=dict)
    posts: dict[str, Post] = field(default_factory=dict)
    media: dict[str, MediaItem] = field(default_factory=dict)
    conversations: dict[str, DmConversation] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    """Ascending by id as integers."""
    arrivals: list[Arrival] = field(default_factory=list)
    chats: dict[str, ChatConversation] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {member.name: to_json(getattr(self, member.name)) for member in dataclasses.fields(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> World:
        """Members left out get their defaults. What is found by its id may be given as a list, too.

        Raises ValueError that names the member when something is missing, unknown or of a wrong shape.
        """
        if unknown := set(data) - {member.name for member in dataclasses.fields(cls)}:
            raise ValueError(f"World has no member {sorted(unknown)}")
        world = cls(
            people={person.id: person for person in many_from_json(Person, data.get("people"))},
            posts={post.id: post for post in many_from_json(Post, data.get("posts"))},
            media={item.media_key: item for item in many_from_json(MediaItem, data.get("media"))},
            conversations={one.id: one for one in many_from_json(DmConversation, data.get("conversations"))},
            events=many_from_json(Event, data.get("events")),
            arrivals=many_from_json(Arrival, data.get("arrivals")),
            chats={one.id: one for one in many_from_json(ChatConversation, data.get("chats"))},
        )
        world.events.sort(key=lambda event: int(event.id))
        return world


def to_json(value: Any) -> Any:
    """A member of the world, or the world, as what `json.dumps` takes; every member is written, absent ones as null."""
    if value is None or isinstance(value, str | int | float):
        return value
    if dataclasses.is_dataclass(value):
        return {name: to_json(item) for name, item in vars(value).items()}
    if isinstance(value, datetime):
        return time_to_json(value)
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def from_json(cls: type[T], data: Any) -> T:
    """One dataclass of this module from its JSON; ValueError when a member is missing, unknown or no time."""
    if not isinstance(data, dict):
        raise ValueError(f"{cls.__name__} must be an object")
    values = {key: _member(key, value) for key, value in data.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise ValueError(f"{cls.__name__}: {error}") from error


def many_from_json(cls: type[T], data: Any) -> list[T]:
    """From a list, from an object of them by id, or from nothing."""
    if isinstance(data, dict):
        data = list(data.values())
    return [from_json(cls, item) for item in data or []]


def _member(key: str, value: Any) -> Any:
    """Members that end in `_at` are times, as everywhere in this house."""
    return time_from_json(value) if key.endswith("_at") and isinstance(value, str) else value


def time_to_json(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def time_from_json(text: str) -> datetime:
    """Aware, in UTC; a time without a zone is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
