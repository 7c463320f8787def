"""X's JSON -> the dataclasses of schema.py, in either vocabulary.

Whatever is absent or null is None or empty. A member of another type than X documents makes its element odd: it is
kept raw beside the others and never stops the page. Only a body that is no answer at all raises UnexpectedAnswer.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from dminbox.xapi.errors import UnexpectedAnswer
from dminbox.xapi.members import (
    Odd,
    as_object,
    get_conversation_id,
    get_count,
    get_flag,
    get_id,
    get_ids,
    get_kind,
    get_name,
    get_object,
    get_objects,
    get_strings,
    get_text,
    get_time,
    list_or_odd,
    read_id,
    required_chat_id,
    required_id,
    required_name,
    sort_out,
    string_or_none,
)
from dminbox.xapi.schema import (
    Billed,
    ChatConversation,
    ChatPage,
    DmEvent,
    Includes,
    Media,
    OddEvent,
    OddKind,
    Page,
    Poll,
    PollOption,
    Post,
    Posts,
    Problem,
    Raw,
    Reference,
    ReplayJob,
    Sent,
    Subscription,
    User,
    Users,
    Variant,
    Webhook,
)

MEDIA_KEY = re.compile(r"[0-9]+_[0-9]+")
PROBLEM_TYPE = re.compile(r"about:blank|[A-Za-z0-9_-]{1,64}")

ENTITY_KINDS = ("urls", "hashtags", "cashtags", "mentions")


def parse_page(body: object) -> Page:
    """One page of events; a lookup of one event, whose `data` is an object, is a page of one."""
    document = _document(body)
    if document.get("data") is None and document.get("meta") is None:
        raise UnexpectedAnswer("neither data nor meta")
    meta = _member(document, "meta")
    events, odd = sort_out(_elements(document), parse_event, OddKind.EVENT)
    return Page(
        events=events,
        odd=odd,
        includes=parse_includes(document.get("includes")),
        next_token=_token(meta, "next_token"),
    )


def parse_user(body: object) -> User:
    """The one user of users/me and users/by/username."""
    try:
        return read_user(_document(body).get("data"))
    except Odd as reason:
        raise UnexpectedAnswer(f"no user: {reason}") from None


def parse_users(body: object) -> Users:
    return Users(*sort_out(_expected(body), read_user, OddKind.USER))


def parse_posts(body: object) -> Posts:
    posts, odd = sort_out(_expected(body), read_post, OddKind.POST)
    return Posts(posts=posts, includes=parse_includes(_document(body).get("includes")), odd=odd)


def parse_sent(body: object) -> Sent:
    """Any answer with a dm_event_id means the message is sent, whatever else is missing."""
    data = _member(_document(body), "data")
    dm_event_id = read_id(data.get("dm_event_id"))
    if dm_event_id is None:
        raise UnexpectedAnswer("nothing says it was sent")
    with suppress(Odd):
        return Sent(get_conversation_id(data), dm_event_id)
    return Sent(None, dm_event_id)


def parse_deleted(body: object) -> bool:
    deleted = _member(_document(body), "data").get("deleted")
    if not isinstance(deleted, bool):
        raise UnexpectedAnswer("nothing says it was deleted")
    return deleted


def parse_subscription(body: object) -> Subscription | None:
    """The answer to a new subscription, in each form X has been seen to give; None where it says nothing of it."""
    data = _elements(_document(body))
    if not data or not data[0]:
        return None
    try:
        return _subscription(data[0])
    except Odd as reason:
        raise UnexpectedAnswer(f"no subscription: {reason}") from None


def parse_subscriptions(body: object) -> tuple[tuple[Subscription, ...], str | None]:
    """One page of them, and the token of the next. One that cannot be read has no id to end it by, and is left out."""
    document = _document(body)
    found, _ = sort_out(_elements(document), _subscription)
    return found, _token(_member(document, "meta"), "next_token")


def parse_webhook(body: object) -> Webhook:
    try:
        return _webhook(_bare(body))
    except Odd as reason:
        raise UnexpectedAnswer(f"no webhook: {reason}") from None


def parse_webhooks(body: object) -> tuple[Webhook, ...]:
    """One that cannot be read has no id to end it by, and is left out."""
    return sort_out(_elements(_document(body)), _webhook)[0]


def parse_challenged(body: object) -> bool:
    """Whether X has sent its challenge to a webhook: "valid", and in its contract before 2.167 "attempted"."""
    said = _bare(body)
    challenged = said.get("valid", said.get("attempted"))
    if not isinstance(challenged, bool):
        raise UnexpectedAnswer("nothing says whether it was challenged")
    return challenged


def parse_replay_job(body: object) -> ReplayJob:
    said = _bare(body)
    try:
        return ReplayJob(required_name(said, "job_id"), _time_if_any(said, "created_at"))
    except Odd as reason:
        raise UnexpectedAnswer(f"no job: {reason}") from None


def parse_chat_page(body: object) -> ChatPage:
    document = _document(body)
    if document.get("data") is None and document.get("meta") is None:
        raise UnexpectedAnswer("neither data nor meta")
    meta = _member(document, "meta")
    conversations, odd = sort_out(_elements(document), read_chat, OddKind.CHAT)
    return ChatPage(
        conversations=conversations,
        odd=odd,
        includes=parse_includes(document.get("includes")),
        next_token=_token(meta, "next_token"),
    )


def parse_event(raw: object) -> DmEvent:
    """Raises Odd."""
    event = as_object(raw, "the event")
    attachments = get_object(event, "attachments")
    return DmEvent(
        id=required_id(event, "id"),
        event_type=get_kind(event, "event_type") or "",
        text=get_text(event, "text"),
        created_at=get_time(event, "created_at"),
        dm_conversation_id=get_conversation_id(event),
        sender_id=get_id(event, "sender_id"),
        participant_ids=get_ids(event, "participant_ids"),
        media_keys=get_strings(attachments, "media_keys", MEDIA_KEY),
        post_ids=tuple(reference.id for reference in _references(event)),
        entities=_entities(event, event.get("entities")),
        raw=event,
    )


def parse_includes(raw: object) -> Includes:
    if raw is None:
        return Includes()
    if not isinstance(raw, dict):
        return Includes(odd=(OddEvent(raw, "includes is not an object"),))
    users, odd_users = sort_out(list_or_odd(raw.get("users")), read_user, OddKind.USER)
    told = [*list_or_odd(raw.get("tweets")), *list_or_odd(raw.get("posts"))]
    posts, odd_posts = sort_out(told, read_post, OddKind.POST)
    media, odd_media = sort_out(list_or_odd(raw.get("media")), read_media, OddKind.MEDIA)
    polls, odd_polls = sort_out(list_or_odd(raw.get("polls")), read_poll, OddKind.POLL)
    return Includes(users, posts, media, polls, odd=(*odd_users, *odd_posts, *odd_media, *odd_polls))


def billed_in(body: object, data: str | None) -> Billed:
    """What X charges for this body. `data` says what its elements are: "events", "users", "posts", others
    that have no price of their own, or nothing billed at all."""
    ids: dict[str, dict[str, None]] = {"events": {}, "users": {}, "posts": {}}
    if isinstance(body, dict) and data:
        included = body.get("includes")
        if data in ids:
            ids[data] |= _ids_of(body.get("data"))
        if isinstance(included, dict):
            ids["users"] |= _ids_of(included.get("users"))
            ids["posts"] |= _ids_of(included.get("tweets")) | _ids_of(included.get("posts"))
    return Billed(tuple(ids["events"]), tuple(ids["users"]), tuple(ids["posts"]))


def parse_problems(body: object) -> tuple[Problem, ...]:
    """Everything a body complains of, the particular before the general.

    X has four forms: {"errors": [...]}, alone or beside {"title", "detail", "type"}; {"error", "error_description"};
    and {"code", "message"}.
    """
    if not isinstance(body, dict):
        return ()
    parts = [_problem(part) for part in list_or_odd(body.get("errors")) if isinstance(part, dict)]
    if any(isinstance(body.get(name), str) for name in ("title", "detail", "type", "error", "message")):
        parts.append(_problem(body))
    return tuple(parts)


def _problem(raw: Raw) -> Problem:
    parameter, value = raw.get("parameter"), raw.get("value")
    parameters = raw.get("parameters")
    if isinstance(parameters, dict) and parameters:
        parameter, value = next(iter(parameters.items()))
    return Problem(
        type=_problem_type(raw),
        title=string_or_none(raw.get("title")),
        detail=string_or_none(raw.get("detail") or raw.get("error_description") or raw.get("message")),
        resource_type=string_or_none(raw.get("resource_type")),
        resource_id=string_or_none(raw.get("resource_id")),
        parameter=string_or_none(parameter),
        value=string_or_none(value),
        raw=raw,
    )


def _problem_type(raw: Raw) -> str | None:
    # The same type comes from api.twitter.com and from api.x.com: only the last part counts.
    last = (string_or_none(raw.get("type")) or string_or_none(raw.get("error")) or "").rstrip("/").rpartition("/")[2]
    return last if PROBLEM_TYPE.fullmatch(last) else None


def read_user(raw: object) -> User:
    """Raises Odd."""
    user = as_object(raw, "the user")
    return User(
        id=required_id(user, "id"),
        username=get_text(user, "username"),
        name=get_text(user, "name"),
        profile_image_url=get_text(user, "profile_image_url"),
        protected=get_flag(user, "protected"),
        verified=get_flag(user, "verified"),
        verified_type=get_text(user, "verified_type"),
        created_at=get_time(user, "created_at"),
        raw=user,
    )


def read_post(raw: object) -> Post:
    post = as_object(raw, "the post")
    attachments = get_object(post, "attachments")
    note = get_object(post, "note_tweet") or get_object(post, "note_post")
    long_text = get_text(note, "text")
    return Post(
        id=required_id(post, "id"),
        text=get_text(post, "text") if long_text is None else long_text,
        author_id=get_id(post, "author_id"),
        created_at=get_time(post, "created_at"),
        # Positions count in the text they came with.
        entities=_entities({}, (post if long_text is None else note).get("entities")),
        media_keys=get_strings(attachments, "media_keys", MEDIA_KEY),
        poll_ids=get_ids(attachments, "poll_ids"),
        references=_references(post),
        raw=post,
    )


def read_media(raw: object) -> Media:
    media = as_object(raw, "the media")
    media_key = get_text(media, "media_key")
    if media_key is None or not MEDIA_KEY.fullmatch(media_key):
        raise Odd("media_key is missing or no key")
    return Media(
        media_key=media_key,
        type=get_kind(media, "type"),
        url=get_text(media, "url"),
        preview_image_url=get_text(media, "preview_image_url"),
        alt_text=get_text(media, "alt_text"),
        width=get_count(media, "width"),
        height=get_count(media, "height"),
        duration_ms=get_count(media, "duration_ms"),
        variants=tuple(_variants(media)),
        raw=media,
    )


def _variants(media: Raw) -> Iterator[Variant]:
    for variant in get_objects(media, "variants"):
        url = get_text(variant, "url")
        if url:
            yield Variant(url, get_text(variant, "content_type"), get_count(variant, "bit_rate"))


def read_poll(raw: object) -> Poll:
    poll = as_object(raw, "the poll")
    return Poll(
        id=required_id(poll, "id"),
        options=tuple(
            PollOption(get_count(option, "position"), get_text(option, "label"), get_count(option, "votes"))
            for option in get_objects(poll, "options")
        ),
        voting_status=get_text(poll, "voting_status"),
        end_datetime=get_time(poll, "end_datetime"),
        duration_minutes=get_count(poll, "duration_minutes"),
        raw=poll,
    )


def _subscription(raw: object) -> Subscription:
    told = as_object(raw, "the subscription")
    told = get_object(told, "subscription") or told
    return Subscription(
        id=required_name(told, "subscription_id"),
        event_type=get_kind(told, "event_type") or "",
        user_id=get_id(get_object(told, "filter"), "user_id"),
        tag=string_or_none(told.get("tag")),
        webhook_id=get_name(told, "webhook_id"),
        raw=told,
    )


def _webhook(raw: object) -> Webhook:
    told = as_object(raw, "the webhook")
    return Webhook(
        id=required_name(told, "id"),
        url=get_text(told, "url") or "",
        is_valid=get_flag(told, "valid") or False,
        created_at=_time_if_any(told, "created_at"),
        raw=told,
    )


def read_chat(raw: object) -> ChatConversation:
    told = as_object(raw, "the conversation")
    return ChatConversation(
        id=required_chat_id(told, "id"),
        updated_at=get_time(told, "updated_at"),
        raw=told,
    )


def _time_if_any(raw: Raw, name: str) -> datetime | None:
    """A time that X's contract calls a string, of no certain form."""
    try:
        return get_time(raw, name)
    except Odd:
        return None


def _references(raw: Raw) -> tuple[Reference, ...]:
    references = [*get_objects(raw, "referenced_tweets"), *get_objects(raw, "referenced_posts")]
    return tuple(Reference(get_kind(reference, "type"), required_id(reference, "id")) for reference in references)


def _entities(event: Raw, nested: object) -> dict[str, list[Raw]]:
    """From `entities` (post vocabulary) or the event's own members (tweet vocabulary). They only decorate a text, so
    what cannot be read is left out; raw has it."""
    places = [place for place in (nested, event) if isinstance(place, dict)]
    found: dict[str, list[Raw]] = {}
    for kind in ENTITY_KINDS:
        lists = (place[kind] for place in places if isinstance(place.get(kind), list))
        entities = [entity for entity in next(lists, []) if isinstance(entity, dict)]
        if entities:
            found[kind] = entities
    return found


def _document(body: object) -> Raw:
    if not isinstance(body, dict):
        raise UnexpectedAnswer("the body is not a JSON object")
    return body


def _member(document: Raw, name: str) -> Raw:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnexpectedAnswer(f"{name} is not an object")
    return value


def _expected(body: object) -> list[Any]:
    """The elements of a lookup by ids, where no `data` at all is no answer."""
    document = _document(body)
    if document.get("data") is None:
        raise UnexpectedAnswer("no data")
    return _elements(document)


def _elements(document: Raw) -> list[Any]:
    data = document.get("data")
    if data is None:
        return []
    if isinstance(data, dict):
        return [data]
    if not isinstance(data, list):
        raise UnexpectedAnswer("data is neither a list nor an object")
    return data


def _bare(body: object) -> Raw:
    """What an answer about webhooks is about: its `data`, which X's contract before 2.167 left out."""
    document = _document(body)
    return _member(document, "data") if document.get("data") is not None else document


def _token(meta: Raw, name: str) -> str | None:
    # A token that cannot be read would end the reading early and leave a hole nobody sees.
    token = meta.get(name)
    if token is not None and not isinstance(token, str):
        raise UnexpectedAnswer(f"{name} is not text")
    return token or None


def _ids_of(data: object) -> dict[str, None]:
    elements = [data] if isinstance(data, dict) else data
    if not isinstance(elements, list):
        return {}
    found = (read_id(element.get("id")) for element in elements if isinstance(element, dict))
    return {known: None for known in found if known}
