"""What we ask X for, in the two vocabularies it speaks.

X speaks of "tweets" and, in its contract since 2.167, of "posts". The words of a request decide the words of the
answer; the parsers read both. In the post vocabulary sender_id, participant_ids and referenced_posts are expansions
and no fields: who does not expand them does not get them.
"""

from enum import StrEnum


class Vocabulary(StrEnum):
    """The words of a request."""

    TWEET = "tweet"
    POST = "post"


class EventType(StrEnum):
    """The three kinds of event X documents; a DmEvent may carry a kind that is not among them."""

    MESSAGE_CREATE = "MessageCreate"
    PARTICIPANTS_JOIN = "ParticipantsJoin"
    PARTICIPANTS_LEAVE = "ParticipantsLeave"


DM_EVENT_FIELDS: dict[Vocabulary, tuple[str, ...]] = {
    Vocabulary.TWEET: (
        "id",
        "text",
        "event_type",
        "created_at",
        "dm_conversation_id",
        "sender_id",
        "participant_ids",
        "attachments",
        "referenced_tweets",
        "entities",
    ),
    Vocabulary.POST: ("id", "text", "event_type", "created_at", "dm_conversation_id", "attachments", "entities"),
}
PEOPLE_EXPANSIONS = ("sender_id", "participant_ids")
DM_EXPANSIONS: dict[Vocabulary, tuple[str, ...]] = {
    Vocabulary.TWEET: (*PEOPLE_EXPANSIONS, "attachments.media_keys", "referenced_tweets.id"),
    Vocabulary.POST: (*PEOPLE_EXPANSIONS, "attachments.media_keys", "referenced_posts"),
}

# No metrics among the media fields and no private ones among the others: they need rights we do not ask for.
USER_FIELDS = (
    "id",
    "name",
    "username",
    "profile_image_url",
    "protected",
    "verified",
    "verified_type",
    "created_at",
)
MEDIA_FIELDS = (
    "media_key",
    "type",
    "url",
    "preview_image_url",
    "alt_text",
    "width",
    "height",
    "duration_ms",
    "variants",
)
POLL_FIELDS = ("id", "options", "duration_minutes", "end_datetime", "voting_status")

POST_FIELDS_NAME: dict[Vocabulary, str] = {Vocabulary.TWEET: "tweet.fields", Vocabulary.POST: "post.fields"}
POST_FIELDS: dict[Vocabulary, tuple[str, ...]] = {
    Vocabulary.TWEET: (
        "id",
        "text",
        "author_id",
        "created_at",
        "entities",
        "note_tweet",
        "attachments",
        "referenced_tweets",
        "lang",
        "public_metrics",
    ),
    Vocabulary.POST: ("id", "text", "created_at", "entities", "note_post", "attachments", "lang", "public_metrics"),
}
POST_EXPANSIONS: dict[Vocabulary, tuple[str, ...]] = {
    Vocabulary.TWEET: (
        "author_id",
        "attachments.media_keys",
        "attachments.poll_ids",
        "referenced_tweets.id",
        "referenced_tweets.id.author_id",
        "referenced_tweets.id.attachments.media_keys",
    ),
    # The post vocabulary has no names for what hangs on a referenced post: its author and media are read by its id.
    Vocabulary.POST: ("author_id", "attachments.media_keys", "attachments.poll_ids", "referenced_posts"),
}

CHAT_PEOPLE = ("participant_ids", "member_ids", "admin_ids")
CHAT_FIELDS: dict[Vocabulary, tuple[str, ...]] = {
    Vocabulary.TWEET: ("id", "type", "created_at", "updated_at", "group_name", "is_muted", *CHAT_PEOPLE),
    Vocabulary.POST: ("id", "type", "created_at", "updated_at", "group_name", "is_muted"),
}


def dm_query(vocabulary: Vocabulary, *, expand_users: bool = True) -> dict[str, str]:
    """The fields and expansions of every DM lookup. Without expand_users nobody is expanded (and billed)."""
    return {
        "dm_event.fields": ",".join(DM_EVENT_FIELDS[vocabulary]),
        "expansions": ",".join(_dm_expansions(vocabulary, expand_users)),
        **user_query(),
        "media.fields": ",".join(MEDIA_FIELDS),
        POST_FIELDS_NAME[vocabulary]: ",".join(POST_FIELDS[vocabulary]),
    }


def _dm_expansions(vocabulary: Vocabulary, expand_users: bool) -> tuple[str, ...]:
    # In the post vocabulary leaving out these expansions would lose the senders themselves, so the switch is idle.
    if expand_users or vocabulary is Vocabulary.POST:
        return DM_EXPANSIONS[vocabulary]
    return tuple(name for name in DM_EXPANSIONS[vocabulary] if name not in PEOPLE_EXPANSIONS)


def chat_query(vocabulary: Vocabulary, *, expand_users: bool) -> dict[str, str]:
    """The fields of the list of encrypted conversations. Without expand_users nobody is expanded (and billed)."""
    fields = {"chat_conversation.fields": ",".join(CHAT_FIELDS[vocabulary])}
    return {**fields, "expansions": ",".join(CHAT_PEOPLE), **user_query()} if expand_users else fields


def user_query() -> dict[str, str]:
    return {"user.fields": ",".join(USER_FIELDS)}


def post_query(vocabulary: Vocabulary) -> dict[str, str]:
    """The fields and expansions of a lookup of posts: author, media, poll and the posts they refer to."""
    return {
        POST_FIELDS_NAME[vocabulary]: ",".join(POST_FIELDS[vocabulary]),
        "expansions": ",".join(POST_EXPANSIONS[vocabulary]),
        **user_query(),
        "media.fields": ",".join(MEDIA_FIELDS),
        "poll.fields": ",".join(POLL_FIELDS),
    }
