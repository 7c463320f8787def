"""Reading one member of what X sends: absent or null is None or empty, another type than X documents raises Odd."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from dminbox.xapi.schema import OddEvent, OddKind, Raw

T = TypeVar("T")

ID = re.compile(r"[0-9]{1,19}")
CHAT_ID = re.compile(r"[0-9]{1,19}[-:][0-9]{1,19}|g?[0-9]{1,19}")
CONVERSATION_ID = re.compile(r"[0-9]{1,19}([-:][0-9]{1,19})?")
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
MILLISECONDS = re.compile(r"[0-9]{1,14}")

LARGEST_COUNT = 2**31 - 1  # pixels, milliseconds, votes and bits per second all stay below it
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2080, 1, 1, tzinfo=UTC)  # X's ids hold the time; soon after that they no longer fit into 63 bits


class Odd(ValueError):  # noqa: N818 - no failure: the element is kept as an OddEvent
    """An element that cannot be read; the words name the member and never its content."""


def sort_out(
    elements: list[Any], parse: Callable[[object], T], kind: OddKind = OddKind.OTHER
) -> tuple[tuple[T, ...], tuple[OddEvent, ...]]:
    read: list[T] = []
    odd: list[OddEvent] = []
    for element in elements:
        try:
            read.append(parse(element))
        except Odd as reason:
            odd.append(OddEvent(element, str(reason), kind))
    return tuple(read), tuple(odd)


def read_id(value: object) -> str | None:
    """An id as text. X sends strings; a number is taken as long as it is exact, and a float never is."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**19:
        return str(value)
    return value if isinstance(value, str) and ID.fullmatch(value) else None


def required_id(raw: Raw, name: str) -> str:
    known = get_id(raw, name)
    if known is None:
        raise Odd(f"{name} is missing")
    return known


def get_id(raw: Raw, name: str) -> str | None:
    value = raw.get(name)
    if value is None:
        return None
    known = read_id(value)
    if known is None:
        raise Odd(f"{name} is no id")
    return known


def get_name(raw: Raw, name: str) -> str | None:
    """An id that need not be a number."""
    value = raw.get(name)
    if value is None:
        return None
    known = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(known, str) or not NAME.fullmatch(known):
        raise Odd(f"{name} is no id")
    return known


def required_name(raw: Raw, name: str) -> str:
    known = get_name(raw, name)
    if known is None:
        raise Odd(f"{name} is missing")
    return known


def get_ids(raw: Raw, name: str) -> tuple[str, ...]:
    known = [read_id(value) for value in get_list(raw, name)]
    if None in known:
        raise Odd(f"{name} holds what is no id")
    return tuple(value for value in known if value is not None)


def get_conversation_id(raw: Raw) -> str | None:
    # The chat endpoints and their events write A:B for what the DM endpoints write A-B, and nothing promises that the
    # smaller number stands first: in the other order it would be a second conversation.
    value = raw.get("dm_conversation_id")
    if value is None:
        return None
    known = read_id(value) or value
    if not isinstance(known, str) or not CONVERSATION_ID.fullmatch(known):
        raise Odd("dm_conversation_id is no conversation id")
    return _in_one_order(known)


def one_to_one(first: str, second: str) -> str:
    """The dm_conversation_id of two people: X writes the smaller number first."""
    return "-".join(sorted((first, second), key=int))


def required_chat_id(raw: Raw, name: str) -> str:
    """X Chat writes the two people of a conversation in either order, and with a colon."""
    value = raw.get(name)
    if not isinstance(value, str) or not CHAT_ID.fullmatch(value):
        raise Odd(f"{name} is no conversation id")
    return _in_one_order(value)


def _in_one_order(conversation_id: str) -> str:
    people = conversation_id.replace(":", "-").split("-")
    return one_to_one(*people) if len(people) == 2 else conversation_id


def get_strings(raw: Raw, name: str, pattern: re.Pattern[str] | None = None) -> tuple[str, ...]:
    values = get_list(raw, name)
    if not all(isinstance(value, str) and (pattern is None or pattern.fullmatch(value)) for value in values):
        raise Odd(f"{name} holds what does not belong there")
    return tuple(values)


def get_kind(raw: Raw, name: str) -> str | None:
    value = get_text(raw, name)
    if value and not KIND.fullmatch(value):
        raise Odd(f"{name} is no name of a kind")
    return value


def get_text(raw: Raw, name: str) -> str | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, str):
        raise Odd(f"{name} is not text")
    return value


def get_flag(raw: Raw, name: str) -> bool | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, bool):
        raise Odd(f"{name} is neither true nor false")
    return value


def get_time(raw: Raw, name: str) -> datetime | None:
    value = get_text(raw, name)
    if not value:
        return None
    try:
        time = datetime.fromisoformat(value)
        known = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Odd(f"{name} is no time") from None
    return _of_this_age(known, name)


def get_milliseconds(raw: Raw, name: str) -> datetime | None:
    """A time told as milliseconds since 1970, in text or as a number."""
    value = raw.get(name)
    if value is None:
        return None
    told = read_id(value)
    if told is None or not MILLISECONDS.fullmatch(told):
        raise Odd(f"{name} is no time in milliseconds")
    return _of_this_age(EPOCH + timedelta(milliseconds=int(told)), name)


def _of_this_age(time: datetime, name: str) -> datetime:
    if not EPOCH <= time < LATEST:
        raise Odd(f"{name} lies in no time of X")
    return time


def get_count(raw: Raw, name: str) -> int | None:
    value = raw.get(name)
    if value is not None and count_or_none(value) is None:
        raise Odd(f"{name} is no count")
    return value


def count_or_none(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT
    return value if is_count else None  # type: ignore[return-value]  # is_count says it is an int


def as_object(raw: object, name: str) -> Raw:
    if not isinstance(raw, dict):
        raise Odd(f"{name} is not an object")
    return raw


def get_object(raw: Raw, name: str) -> Raw:
    value = raw.get(name)
    return {} if value is None else as_object(value, name)


def get_objects(raw: Raw, name: str) -> list[Raw]:
    return [as_object(element, f"an element of {name}") for element in get_list(raw, name)]


def get_list(raw: Raw, name: str) -> list[Any]:
    value = raw.get(name)
    if value is not None and not isinstance(value, list):
        raise Odd(f"{name} is not a list")
    return value or []


def list_or_odd(value: object) -> list[Any]:
    """A list as it is; anything else as the one odd element of a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def string_or_none(value: object) -> str | None:
    """What a problem says, as text, whatever X made of it."""
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else str(value)
