"""What was said: people, conversations, events, posts and media as X gave them, and how far we have read."""

from conversations.models.events import (
    Conversation,
    DmEvent,
    EventMedia,
    EventParticipant,
    EventPost,
    Participant,
    ReadMark,
)
from conversations.models.media import Media, MediaFile
from conversations.models.people import XUser
from conversations.models.posts import Post, PostMedia
from conversations.models.sync import (
    BilledResource,
    ConversationLookup,
    HistoryRead,
    QuarantinedEvent,
    ReadInterval,
    SyncState,
)

__all__ = [
    "BilledResource",
    "Conversation",
    "ConversationLookup",
    "DmEvent",
    "EventMedia",
    "EventParticipant",
    "EventPost",
    "HistoryRead",
    "Media",
    "MediaFile",
    "Participant",
    "Post",
    "PostMedia",
    "QuarantinedEvent",
    "ReadInterval",
    "ReadMark",
    "SyncState",
    "XUser",
]
