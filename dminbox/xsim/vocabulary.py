"""The words of a request: which of X's two vocabularies it speaks, what it asks for, and what X does not know.

Inside, everything is called by its name in the tweet vocabulary; a vocabulary renames on the way in and out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class Vocabulary:
    name: str
    problem_host: str
    api_version: str
    renames: Mapping[str, str]
    """Tweet word -> this vocabulary's word."""
    known: Mapping[str, frozenset[str]]
    """Parameter -> the values it takes; expansions by the kind of endpoint: `expansions:dm`, `:posts`, `:users`."""

    def out(self, word: str) -> str:
        return self.renames.get(word, word)

    def back(self, word: str) -> str:
        return next((tweet for tweet, mine in self.renames.items() if mine == word), word)


_COMMON = {
    "media.fields": words(
        "alt_text duration_ms height media_key non_public_metrics organic_metrics preview_image_url promoted_metrics"
        " public_metrics type url variants width"
    ),
    "poll.fields": words("duration_minutes end_datetime id options voting_status"),
    "place.fields": words("contained_within country country_code full_name geo id name place_type"),
    "webhook_config.fields": words("created_at id url valid"),
    "expansions:chat": words("admin_ids member_ids participant_ids"),
}
_CHAT_FIELDS = words(
    "created_at group_avatar_url group_name id is_muted screen_capture_blocking_enabled"
    " screen_capture_detection_enabled type updated_at"
)
_USER_FIELDS = words(
    "confirmed_email connection_status created_at description entities id is_identity_verified location name parody"
    " profile_banner_url profile_image_url protected public_metrics receives_your_dm subscription subscription_type url"
    " username verified verified_followers_count verified_type withheld"
)
_POST_FIELDS = words(
    "article attachments card_uri community_id context_annotations conversation_id created_at display_text_range"
    " edit_controls entities geo id lang matched_media_notes media_metadata non_public_metrics note_request_suggestions"
    " organic_metrics paid_partnership possibly_sensitive promoted_metrics public_metrics reply_settings scopes source"
    " suggested_source_links suggested_source_links_with_counts text withheld"
)
_EVENT_FIELDS = words("attachments created_at dm_conversation_id entities event_type id text")
_DM_EXPANSIONS = words("attachments.media_keys participant_ids sender_id")
_POST_EXPANSIONS = words(
    "article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet"
    " attachments.poll_ids author_id entities.mentions.username geo.place_id in_reply_to_user_id"
)

TWEET = Vocabulary(
    "tweet",
    "https://api.twitter.com",
    "2.166",
    renames={},
    known={
        **_COMMON,
        "dm_event.fields": _EVENT_FIELDS | words("participant_ids referenced_tweets sender_id"),
        "expansions:dm": _DM_EXPANSIONS | {"referenced_tweets.id"},
        "chat_conversation.fields": _CHAT_FIELDS | words("admin_ids member_ids message_ttl_msec participant_ids"),
        "user.fields": _USER_FIELDS | words("affiliation most_recent_tweet_id pinned_tweet_id"),
        "expansions:users": words("affiliation.user_id most_recent_tweet_id pinned_tweet_id"),
        "tweet.fields": _POST_FIELDS
        | words("author_id edit_history_tweet_ids in_reply_to_user_id note_tweet referenced_tweets"),
        "expansions:posts": _POST_EXPANSIONS
        | words(
            "edit_history_tweet_ids entities.note.mentions.username referenced_tweets.id"
            " referenced_tweets.id.attachments.media_keys referenced_tweets.id.author_id"
        ),
    },
)
POST = Vocabulary(
    "post",
    "https://api.x.com",
    "2.167",
    renames={
        "tweet.fields": "post.fields",
        "referenced_tweets": "referenced_posts",
        "referenced_tweets.id": "referenced_posts",
        "tweets": "posts",
        "edit_history_tweet_ids": "edit_history_post_ids",
        "note_tweet": "note_post",
        "retweet_count": "repost_count",
        "tweet_count": "post_count",
        "most_recent_tweet_id": "most_recent_post_id",
        "pinned_tweet_id": "pinned_post_id",
        "affiliation.user_id": "affiliation",
        "message_ttl_msec": "message_ttl_ms",
    },
    known={
        **_COMMON,
        "dm_event.fields": _EVENT_FIELDS,
        "expansions:dm": _DM_EXPANSIONS | {"referenced_posts"},
        "chat_conversation.fields": _CHAT_FIELDS | {"message_ttl_ms"},
        "user.fields": _USER_FIELDS | {"subscribes_to_you"},
        "expansions:users": words("affiliation most_recent_post_id pinned_post_id"),
        "post.fields": _POST_FIELDS | words("article_title note_post"),
        "expansions:posts": _POST_EXPANSIONS | words("edit_history_post_ids referenced_posts username"),
    },
)
LENT_TO_POST = {
    "dm_event.fields": words("sender_id participant_ids referenced_posts"),
    "post.fields": words("author_id referenced_posts in_reply_to_user_id"),
    "chat_conversation.fields": words("admin_ids member_ids participant_ids"),
}
"""Expansions of the post vocabulary that its server may take as fields, too: uncertain, so it can be switched off."""

PARAMETERS = {
    "dm": ("dm_event.fields", "expansions", "user.fields", "tweet.fields", "media.fields"),
    "users": ("user.fields", "expansions", "tweet.fields"),
    "chat": ("chat_conversation.fields", "expansions", "user.fields"),
    "webhooks": ("webhook_config.fields",),
    "posts": (*("tweet.fields", "expansions", "user.fields", "media.fields", "poll.fields", "place.fields"),),
}
"""Kind of endpoint -> what it takes, in tweet words."""
DEFAULTS = {
    "chat_conversation.fields": words("id type"),
    "dm_event.fields": words("id event_type text"),
    "user.fields": words("id name username"),
    "media.fields": words("media_key type"),
    "poll.fields": words("id options"),
    "tweet.fields": words("id text"),
}


@dataclass(frozen=True)
class Ask:
    """What a request wants, in tweet words."""

    kind: str
    """dm, users, posts, or "" for an endpoint that takes none of this."""
    vocabulary: Vocabulary
    fields: Mapping[str, frozenset[str]]
    """Parameter -> fields, the default ones among them."""
    expansions: frozenset[str]
    unknown: list[tuple[str, str, frozenset[str]]] = field(default_factory=list)
    """Parameter, value, and what would have been known. The value is "" when the parameter itself is unknown."""


def parse(query: Mapping[str, str], kind: str, also: frozenset[str], default: str, *, lends: bool) -> Ask:
    """`also` are further parameters of the endpoint; `lends` says if LENT_TO_POST are known fields."""
    vocabulary = spoken(query, POST if default == "post" else TWEET)
    known = {vocabulary.out(name): name for name in PARAMETERS.get(kind, ())}
    unknown = [(name, "", frozenset({*known, *also})) for name in query if name not in known and name not in also]
    taken: dict[str, frozenset[str]] = {}
    for said, name in known.items():
        allowed = _allowed(vocabulary, said, kind, lends=lends)
        values = [value for value in query.get(said, "").split(",") if value]
        unknown += [(said, value, allowed) for value in values if value not in allowed]
        taken[name] = frozenset(_canonical(vocabulary, name, value) for value in values if value in allowed)
    expansions = taken.pop("expansions", frozenset())
    defaults = {name: DEFAULTS.get(name, frozenset()) for name in taken.keys() | DEFAULTS.keys()}
    fields = {name: taken.get(name, frozenset()) | preset for name, preset in defaults.items()}
    if vocabulary is TWEET:
        fields["tweet.fields"] |= {"edit_history_tweet_ids"}
    return Ask(kind, vocabulary, fields, expansions, unknown)


def spoken(query: Mapping[str, str], default: Vocabulary) -> Vocabulary:
    """The words of the request decide; `post.fields` or `tweet.fields` before all others."""
    for name, vocabulary in (("post.fields", POST), ("tweet.fields", TWEET)):
        if name in query:
            return vocabulary
    said = {value for text in query.values() for value in text.split(",")}
    if said & set(POST.renames.values()) - {"affiliation"}:
        return POST
    return TWEET if said & set(POST.renames) else default


def _allowed(vocabulary: Vocabulary, said: str, kind: str, *, lends: bool) -> frozenset[str]:
    allowed = vocabulary.known[f"expansions:{kind}" if said == "expansions" else said]
    if vocabulary is POST and lends:
        return allowed | LENT_TO_POST.get(said, frozenset())
    return allowed


def _canonical(vocabulary: Vocabulary, name: str, value: str) -> str:
    if value == "referenced_posts":
        return "referenced_tweets.id" if name == "expansions" else "referenced_tweets"
    return vocabulary.back(value)
