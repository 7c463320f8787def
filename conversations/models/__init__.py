"""What was said: people, conversations, events, posts and media as X gave them, and how far we have read."""

from conversations.models.changes import Change, UntoldLook
from conversations.models.events import (
    Conversation,
    DmEvent,
    EventMedia,
    EventParticipant,
    EventPost,
    Participant,
    ReadMark,
)
from conversations.models.ledger import ApiCall, BilledResource, RateWindow, RequestClaim, SpendDay, SpendReservation
from conversations.models.link_pictures import LinkPicture
from conversations.models.media import Media, MediaFile
from conversations.models.people import XUser, XUserLook, XUserName
from conversations.models.posts import Post, PostMedia
from conversations.models.push import ActivityDelivery, ActivitySubscription, PushState
from conversations.models.saved_views import SavedView
from conversations.models.search import NameGram, SearchEntry, SearchState
from conversations.models.sync import (
    ConversationLookup,
    HistoryRead,
    QuarantinedEvent,
    ReadInterval,
    SyncState,
    UnfinishedDay,
    UnknownMember,
)

__all__ = [
    "ActivityDelivery",
    "ActivitySubscription",
    "ApiCall",
    "BilledResource",
    "Change",
    "Conversation",
    "ConversationLookup",
    "DmEvent",
    "EventMedia",
    "EventParticipant",
    "EventPost",
    "HistoryRead",
    "LinkPicture",
    "Media",
    "MediaFile",
    "NameGram",
    "Participant",
    "Post",
    "PostMedia",
    "PushState",
    "QuarantinedEvent",
    "RateWindow",
    "ReadInterval",
    "ReadMark",
    "RequestClaim",
    "SavedView",
    "SearchEntry",
    "SearchState",
    "SpendDay",
    "SpendReservation",
    "SyncState",
    "UnfinishedDay",
    "UnknownMember",
    "UntoldLook",
    "XUser",
    "XUserLook",
    "XUserName",
]
