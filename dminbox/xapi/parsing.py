"""X's JSON -> the dataclasses of schema.py, in either vocabulary.

Whatever is absent or null is None or empty. A member of another type than X documents makes its element odd: it is
kept raw beside the others and never stops the page. Only a body that is no answer at all raises UnexpectedAnswer.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from dminbox.xapi.errors import UnexpectedAnswer
from dminbox.xapi.schema import (
    Billed,
    DmEvent,
    Includes,
    Media,
    OddEvent,
    Page,
    Poll,
    PollOption,
    Post,
    Posts,
    Problem,
    Raw,
    Reference,
    Sent,
    User,
    Variant,
)

T = TypeVar("T")

ID = re.compile(r"[0-9]{1,19}")
CONVERSATION_ID = re.compile(r"[0-9]{1,19}([-:][0-9]{1,19})?")
MEDIA_KEY = re.compile(r"[0-9]+_[0-9]+")
KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
PROBLEM_TYPE = re.compile(r"about:blank|[A-Za-z0-9_-]{1,64}")

LARGEST_COUNT = 2**31 - 1  # pixels, milliseconds, votes and bits per second all stay below it
ENTITY_KINDS = ("urls", "hashtags", "cashtags", "mentions")


class Odd(ValueError):  # noqa: N818 - no failure: the element is kept as an OddEvent
    """An element that cannot be read; the words name the member and never its content."""


def parse_page(body: object) -> Page:
    """One page of events; a lookup of one event, whose `data` is an object, is a page of one."""
    document = _document(body)
    if document.get("data") is None and document.get("meta") is None:
        raise UnexpectedAnswer("neither data nor meta")
    meta = _member(document, "meta")
    events, odd = _sort(_elements(document), parse_event)
    return Page(
        events=events,
        odd=odd,
        includes=parse_includes(document.get("includes")),
        next_token=_token(meta, "next_token"),
        previous_token=_token(meta, "previous_token"),
        result_count=_count_or_none(meta.get("result_count")) or 0,
    )


def parse_user(body: object) -> User:
    """The one user of users/me and users/by/username."""
    try:
        return _user(_document(body).get("data"))
    except Odd as reason:
        raise UnexpectedAnswer(f"no user: {reason}") from None


def parse_users(body: object) -> tuple[tuple[User, ...], tuple[OddEvent, ...]]:
    return _sort(_expected(body), _user)


def parse_posts(body: object) -> Posts:
    posts, odd = _sort(_expected(body), _post)
    return Posts(posts=posts, includes=parse_includes(_document(body).get("includes")), odd=odd)


def parse_sent(body: object) -> Sent:
    """Any answer with a dm_event_id means the message is sent, whatever else is missing."""
    data = _member(_document(body), "data")
    dm_event_id = _read_id(data.get("dm_event_id"))
    if dm_event_id is None:
        raise UnexpectedAnswer("nothing says it was sent")
    with suppress(Odd):
        return Sent(_conversation_id(data), dm_event_id)
    return Sent(None, dm_event_id)


def parse_deleted(body: object) -> bool:
    deleted = _member(_document(body), "data").get("deleted")
    if not isinstance(deleted, bool):
        raise UnexpectedAnswer("nothing says it was deleted")
    return deleted


def parse_event(raw: object) -> DmEvent:
    """Raises Odd."""
    event = _object(raw, "the event")
    attachments = _object_or_empty(event, "attachments")
    return DmEvent(
        id=_required_id(event, "id"),
        event_type=_kind(event, "event_type") or "",
        text=_text(event, "text"),
        created_at=_time(event, "created_at"),
        dm_conversation_id=_conversation_id(event),
        sender_id=_id(event, "sender_id"),
        participant_ids=_ids(event, "participant_ids"),
        media_keys=_strings(attachments, "media_keys", MEDIA_KEY),
        card_ids=_strings(attachments, "card_ids"),
        post_ids=tuple(reference.id for reference in _references(event)),
        entities=_entities(event, event.get("entities")),
        raw=event,
    )


def parse_includes(raw: object) -> Includes:
    if raw is None:
        return Includes()
    if not isinstance(raw, dict):
        return Includes(odd=(OddEvent(raw, "includes is not an object"),))
    users, odd_users = _sort(_list_or_odd(raw.get("users")), _user)
    posts, odd_posts = _sort([*_list_or_odd(raw.get("tweets")), *_list_or_odd(raw.get("posts"))], _post)
    media, odd_media = _sort(_list_or_odd(raw.get("media")), _media)
    polls, odd_polls = _sort(_list_or_odd(raw.get("polls")), _poll)
    return Includes(users, posts, media, polls, odd=(*odd_users, *odd_posts, *odd_media, *odd_polls))


def billed_in(body: object, data: str | None) -> Billed:
    """What X charges for this body. `data` says what its elements are: "events", "users", "posts" or nothing billed."""
    ids: dict[str, dict[str, None]] = {"events": {}, "users": {}, "posts": {}}
    if isinstance(body, dict) and data:
        included = body.get("includes")
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
    parts = [_problem(part) for part in _list_or_odd(body.get("errors")) if isinstance(part, dict)]
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
        title=_string(raw.get("title")),
        detail=_string(raw.get("detail") or raw.get("error_description") or raw.get("message")),
        resource_type=_string(raw.get("resource_type")),
        resource_id=_string(raw.get("resource_id")),
        parameter=_string(parameter),
        value=_string(value),
        raw=raw,
    )


def _problem_type(raw: Raw) -> str | None:
    # The same type comes from api.twitter.com and from api.x.com: only the last part counts.
    last = (_string(raw.get("type")) or _string(raw.get("error")) or "").rstrip("/").rpartition("/")[2]
    return last if PROBLEM_TYPE.fullmatch(last) else None


def _user(raw: object) -> User:
    user = _object(raw, "the user")
    return User(
        id=_required_id(user, "id"),
        username=_text(user, "username"),
        name=_text(user, "name"),
        profile_image_url=_text(user, "profile_image_url"),
        protected=_flag(user, "protected"),
        verified=_flag(user, "verified"),
        verified_type=_text(user, "verified_type"),
        created_at=_time(user, "created_at"),
        raw=user,
    )


def _post(raw: object) -> Post:
    post = _object(raw, "the post")
    attachments = _object_or_empty(post, "attachments")
    note = _object_or_empty(post, "note_tweet") or _object_or_empty(post, "note_post")
    long_text = _text(note, "text")
    return Post(
        id=_required_id(post, "id"),
        text=_text(post, "text") if long_text is None else long_text,
        author_id=_id(post, "author_id"),
        created_at=_time(post, "created_at"),
        # Positions count in the text they came with.
        entities=_entities({}, (post if long_text is None else note).get("entities")),
        media_keys=_strings(attachments, "media_keys", MEDIA_KEY),
        poll_ids=_ids(attachments, "poll_ids"),
        references=_references(post),
        lang=_text(post, "lang"),
        public_metrics=_object_or_empty(post, "public_metrics"),
        raw=post,
    )


def _media(raw: object) -> Media:
    media = _object(raw, "the media")
    media_key = _text(media, "media_key")
    if media_key is None or not MEDIA_KEY.fullmatch(media_key):
        raise Odd("media_key is missing or no key")
    return Media(
        media_key=media_key,
        type=_kind(media, "type"),
        url=_text(media, "url"),
        preview_image_url=_text(media, "preview_image_url"),
        alt_text=_text(media, "alt_text"),
        width=_count(media, "width"),
        height=_count(media, "height"),
        duration_ms=_count(media, "duration_ms"),
        variants=tuple(_variants(media)),
        raw=media,
    )


def _variants(media: Raw) -> Iterator[Variant]:
    for variant in _objects(media, "variants"):
        url = _text(variant, "url")
        if url:
            yield Variant(url, _text(variant, "content_type"), _count(variant, "bit_rate"))


def _poll(raw: object) -> Poll:
    poll = _object(raw, "the poll")
    return Poll(
        id=_required_id(poll, "id"),
        options=tuple(
            PollOption(_count(option, "position"), _text(option, "label"), _count(option, "votes"))
            for option in _objects(poll, "options")
        ),
        voting_status=_text(poll, "voting_status"),
        end_datetime=_time(poll, "end_datetime"),
        duration_minutes=_count(poll, "duration_minutes"),
        raw=poll,
    )


def _references(raw: Raw) -> tuple[Reference, ...]:
    references = [*_objects(raw, "referenced_tweets"), *_objects(raw, "referenced_posts")]
    return tuple(Reference(_kind(reference, "type"), _required_id(reference, "id")) for reference in references)


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


def _sort(elements: list[Any], parse: Callable[[object], T]) -> tuple[tuple[T, ...], tuple[OddEvent, ...]]:
    read: list[T] = []
    odd: list[OddEvent] = []
    for element in elements:
        try:
            read.append(parse(element))
        except Odd as reason:
            odd.append(OddEvent(element, str(reason)))
    return tuple(read), tuple(odd)


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
    found = (_read_id(element.get("id")) for element in elements if isinstance(element, dict))
    return {known: None for known in found if known}


def _read_id(value: object) -> str | None:
    """An id as text. X sends strings; a number is taken as long as it is exact, and a float never is."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**19:
        return str(value)
    return value if isinstance(value, str) and ID.fullmatch(value) else None


def _required_id(raw: Raw, name: str) -> str:
    known = _id(raw, name)
    if known is None:
        raise Odd(f"{name} is missing")
    return known


def _id(raw: Raw, name: str) -> str | None:
    value = raw.get(name)
    if value is None:
        return None
    known = _read_id(value)
    if known is None:
        raise Odd(f"{name} is no id")
    return known


def _ids(raw: Raw, name: str) -> tuple[str, ...]:
    known = [_read_id(value) for value in _list(raw, name)]
    if None in known:
        raise Odd(f"{name} holds what is no id")
    return tuple(value for value in known if value is not None)


def _conversation_id(raw: Raw) -> str | None:
    # The chat endpoints and their events write A:B for what the DM endpoints write A-B.
    value = raw.get("dm_conversation_id")
    if value is None:
        return None
    known = _read_id(value) or value
    if not isinstance(known, str) or not CONVERSATION_ID.fullmatch(known):
        raise Odd("dm_conversation_id is no conversation id")
    return known.replace(":", "-")


def _strings(raw: Raw, name: str, pattern: re.Pattern[str] | None = None) -> tuple[str, ...]:
    values = _list(raw, name)
    if not all(isinstance(value, str) and (pattern is None or pattern.fullmatch(value)) for value in values):
        raise Odd(f"{name} holds what does not belong there")
    return tuple(values)


def _kind(raw: Raw, name: str) -> str | None:
    value = _text(raw, name)
    if value and not KIND.fullmatch(value):
        raise Odd(f"{name} is no name of a kind")
    return value


def _text(raw: Raw, name: str) -> str | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, str):
        raise Odd(f"{name} is not text")
    return value


def _flag(raw: Raw, name: str) -> bool | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, bool):
        raise Odd(f"{name} is neither true nor false")
    return value


def _time(raw: Raw, name: str) -> datetime | None:
    value = _text(raw, name)
    if not value:
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Odd(f"{name} is no time") from None


def _count(raw: Raw, name: str) -> int | None:
    value = raw.get(name)
    if value is not None and _count_or_none(value) is None:
        raise Odd(f"{name} is no count")
    return value


def _count_or_none(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT
    return value if is_count else None  # type: ignore[return-value]  # is_count says it is an int


def _object(raw: object, name: str) -> Raw:
    if not isinstance(raw, dict):
        raise Odd(f"{name} is not an object")
    return raw


def _object_or_empty(raw: Raw, name: str) -> Raw:
    value = raw.get(name)
    return {} if value is None else _object(value, name)


def _objects(raw: Raw, name: str) -> list[Raw]:
    return [_object(element, f"an element of {name}") for element in _list(raw, name)]


def _list(raw: Raw, name: str) -> list[Any]:
    value = raw.get(name)
    if value is not None and not isinstance(value, list):
        raise Odd(f"{name} is not a list")
    return value or []


def _list_or_odd(value: object) -> list[Any]:
    """A list as it is; anything else as the one odd element of a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _string(value: object) -> str | None:
    """What a problem says, as text, whatever X made of it."""
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else str(value)
