"""What X sends, as frozen dataclasses.

Ids are strings. Whatever X left out is None, or an empty tuple or dict; only ids are certain. `raw` is X's own object,
kept so that nothing is lost that is not read today. Texts, names and addresses stay out of repr(), and so out of logs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from dminbox.xapi.known_members import UnknownMember
from dminbox.xapi.query import EventType, Vocabulary

__all__ = [
    "Answer",
    "Billed",
    "ChatConversation",
    "ChatPage",
    "DmEvent",
    "EventType",
    "Includes",
    "Media",
    "OddEvent",
    "OddKind",
    "Page",
    "Poll",
    "PollOption",
    "Post",
    "Posts",
    "Problem",
    "RateLimit",
    "Reference",
    "ReplayJob",
    "Sent",
    "Subscription",
    "User",
    "Users",
    "Variant",
    "Vocabulary",
    "Webhook",
]

T = TypeVar("T")
Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One endpoint's windows as its last answer told them; None where X said nothing."""

    limit: int | None = None
    remaining: int | None = None
    reset_at: datetime | None = None
    user_day_limit: int | None = None
    user_day_remaining: int | None = None
    user_day_reset_at: datetime | None = None
    app_day_limit: int | None = None
    app_day_remaining: int | None = None
    app_day_reset_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Billed:
    """What X charges for an answer, each resource once: events in `data`, users and posts in `data` and `includes`.

    X charges a resource once per UTC day, so a sum over calls counts the ids and not the calls.
    """

    event_ids: tuple[str, ...] = ()
    user_ids: tuple[str, ...] = ()
    post_ids: tuple[str, ...] = ()

    @property
    def events(self) -> int:
        return len(self.event_ids)

    @property
    def users(self) -> int:
        return len(self.user_ids)

    @property
    def posts(self) -> int:
        return len(self.post_ids)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing X says is wrong. `type` is the last part of its URL ("resource-not-found"), or "about:blank"."""

    type: str | None = None
    title: str | None = field(default=None, repr=False)
    detail: str | None = field(default=None, repr=False)
    resource_type: str | None = None
    resource_id: str | None = None
    parameter: str | None = None
    value: str | None = field(default=None, repr=False)
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A successful call. `problems` stand beside the value: what X could not show of it.

    answered_at is X's own clock (the Date header, aware UTC), ours where X sent none. unknown: members that X has told
    and nobody here reads.
    """

    value: T
    rate_limit: RateLimit
    billed: Billed
    problems: tuple[Problem, ...]
    answered_at: datetime
    endpoint: str
    transaction_id: str | None = None
    api_version: str | None = None
    unknown: tuple[UnknownMember, ...] = ()


@dataclass(frozen=True, slots=True)
class DmEvent:
    """A message, a join or a leave; event_type is "" when X left it out, and may be a kind nobody knows yet.

    sender_id wrote the message or invited who joins; who leaves has none. participant_ids are who joined or left.
    entities holds those of urls, hashtags, cashtags and mentions that X gave, each a list of objects.
    """

    id: str
    event_type: str = ""
    text: str | None = field(default=None, repr=False)
    created_at: datetime | None = None
    dm_conversation_id: str | None = None
    sender_id: str | None = None
    participant_ids: tuple[str, ...] = ()
    media_keys: tuple[str, ...] = ()
    post_ids: tuple[str, ...] = ()
    entities: dict[str, list[Raw]] = field(default_factory=dict, repr=False)
    raw: Raw = field(default_factory=dict, repr=False)
    is_pushed: bool = False


class OddKind(StrEnum):
    """What an odd element should have been. X pushes messages, people and media in forms of their own."""

    EVENT = "event"
    USER = "user"
    POST = "post"
    MEDIA = "media"
    POLL = "poll"
    CHAT = "chat"
    PUSHED = "pushed"
    PUSHED_USER = "pushed_user"
    PUSHED_MEDIA = "pushed_media"
    OTHER = "other"
    """None of these, or not known."""


@dataclass(frozen=True, slots=True)
class OddEvent:
    """An element that cannot be read as what it should be. `reason` names the member, never what stands in it."""

    raw: Any = field(repr=False)
    reason: str = ""
    kind: OddKind = OddKind.OTHER


@dataclass(frozen=True, slots=True)
class User:
    id: str
    username: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    profile_image_url: str | None = field(default=None, repr=False)
    protected: bool | None = None
    verified: bool | None = None
    verified_type: str | None = None
    created_at: datetime | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a video or GIF. bit_rate is bits per second; None for a playlist, 0 for a GIF."""

    url: str = field(repr=False)
    content_type: str | None = None
    bit_rate: int | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """type is photo, video or animated_gif. A photo has a url, the others a preview_image_url and variants."""

    media_key: str
    type: str | None = None
    url: str | None = field(default=None, repr=False)
    preview_image_url: str | None = field(default=None, repr=False)
    alt_text: str | None = field(default=None, repr=False)
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    variants: tuple[Variant, ...] = ()
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """type is retweeted, quoted or replied_to."""

    type: str | None
    id: str


@dataclass(frozen=True, slots=True)
class PollOption:
    position: int | None = None
    label: str | None = field(default=None, repr=False)
    votes: int | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    id: str
    options: tuple[PollOption, ...] = ()
    voting_status: str | None = None
    end_datetime: datetime | None = None
    duration_minutes: int | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """text and entities are those of the note (the long form) when there is one."""

    id: str
    text: str | None = field(default=None, repr=False)
    author_id: str | None = None
    created_at: datetime | None = None
    entities: dict[str, list[Raw]] = field(default_factory=dict, repr=False)
    media_keys: tuple[str, ...] = ()
    poll_ids: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Includes:
    """The expanded objects of an answer; `odd` are those that cannot be read."""

    users: tuple[User, ...] = ()
    posts: tuple[Post, ...] = ()
    media: tuple[Media, ...] = ()
    polls: tuple[Poll, ...] = ()
    odd: tuple[OddEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Events newest first. next_token leads to older ones and may stand on a short, an empty or the last page."""

    events: tuple[DmEvent, ...] = ()
    odd: tuple[OddEvent, ...] = ()
    includes: Includes = field(default_factory=Includes)
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class Posts:
    """`odd` are posts that cannot be read."""

    posts: tuple[Post, ...] = ()
    includes: Includes = field(default_factory=Includes)
    odd: tuple[OddEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Users:
    """`odd` are people that cannot be read."""

    users: tuple[User, ...] = ()
    odd: tuple[OddEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """dm_conversation_id is None when X told the event alone."""

    dm_conversation_id: str | None
    dm_event_id: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """X pushes this kind of activity, to the webhook or else over the stream. user_id is None without a filter."""

    id: str
    event_type: str = ""
    user_id: str | None = None
    tag: str | None = None
    webhook_id: str | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """is_valid: X's last challenge was answered well. An invalid one gets nothing until it is revalidated."""

    id: str
    url: str = field(default="", repr=False)
    is_valid: bool = False
    created_at: datetime | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """X's promise to send once more, to the webhook, what it pushed in a span of time."""

    id: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChatConversation:
    """An encrypted conversation: that it is there, and nothing of what it says.

    id is "A-B" with the smaller of the two user ids first, as for Direct Messages, or "g" and the number of a group.
    """

    id: str
    updated_at: datetime | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ChatPage:
    conversations: tuple[ChatConversation, ...] = ()
    odd: tuple[OddEvent, ...] = ()
    includes: Includes = field(default_factory=Includes)
    next_token: str | None = None
