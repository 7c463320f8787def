"""An HTTP answer as the rest of xapi reads it: status, JSON and the headers that count."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from dminbox.xapi.schema import RateLimit

LONGEST_TEXT = 2000  # characters of an HTML page that an error keeps
DEEPEST = 100  # levels of what is pushed; X's own have a dozen, and writing as JSON what has hundreds may fail
# A NUL or half a surrogate pair, written out or escaped: JSON allows them, no database stores them.
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
MAY_BE_UNSTORABLE = re.compile(r"\x00|\\u(?:0000|d[89a-f])", re.IGNORECASE)


class Kind(Enum):
    """What a call does there, which decides what a lost answer means."""

    READ = "read"
    WRITE = "send or delete"
    TOKEN = "token call"  # noqa: S105 - the name of a kind
    APP_READ = "read of the app by itself"
    APP_WRITE = "change of the app by itself"
    APP_TOKEN = "token call of the app by itself"  # noqa: S105 - and so is this

    @property
    def has_effect(self) -> bool:
        """An app's bearer is the same however often it is asked for."""
        return self in (Kind.WRITE, Kind.TOKEN, Kind.APP_WRITE)

    @property
    def gives_tokens(self) -> bool:
        return self in (Kind.TOKEN, Kind.APP_TOKEN)


@dataclass(frozen=True, slots=True)
class Reply:
    """body is the parsed JSON; where there is none, is_json is False and body the first of the text."""

    endpoint: str
    kind: Kind
    status: int
    headers: Mapping[str, str]
    body: Any
    is_json: bool

    @property
    def transaction_id(self) -> str | None:
        return self.headers.get("x-transaction-id")

    @property
    def api_version(self) -> str | None:
        return self.headers.get("api-version")

    @property
    def rate_limit(self) -> RateLimit:
        return rate_limit_in(self.headers)

    @property
    def answered_at(self) -> datetime:
        return _date(self.headers.get("date")) or datetime.now(UTC)


def make_reply(endpoint: str, kind: Kind, status: int, headers: Mapping[str, str], content: bytes) -> Reply:
    """`headers` must find their names in any case."""
    text = content.decode("utf-8-sig", errors="replace")
    try:
        return Reply(endpoint, kind, status, headers, read_json(text), is_json=True)
    except ValueError:
        return Reply(endpoint, kind, status, headers, text[:LONGEST_TEXT], is_json=False)


def read_json(text: str) -> Any:
    """JSON that every database can keep: integers exact, no NaN or infinity, no NUL. Raises ValueError."""
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=lambda _: None)
        return _storable(value) if MAY_BE_UNSTORABLE.search(text) else value
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_pushed_json(text: str) -> Any:
    """As read_json; of what anybody may have had a hand in, and nested no deeper than it can be written again."""
    value = read_json(text)
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise ValueError("nested too deeply")


def rate_limit_in(headers: Mapping[str, str]) -> RateLimit:
    return RateLimit(
        limit=_number(headers, "x-rate-limit-limit"),
        remaining=_number(headers, "x-rate-limit-remaining"),
        reset_at=_epoch(headers, "x-rate-limit-reset"),
        user_day_limit=_number(headers, "x-user-limit-24hour-limit"),
        user_day_remaining=_number(headers, "x-user-limit-24hour-remaining"),
        user_day_reset_at=_epoch(headers, "x-user-limit-24hour-reset"),
        app_day_limit=_number(headers, "x-app-limit-24hour-limit"),
        app_day_remaining=_number(headers, "x-app-limit-24hour-remaining"),
        app_day_reset_at=_epoch(headers, "x-app-limit-24hour-reset"),
    )


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _finite(literal: str) -> float | None:
    number = float(literal)
    return number if math.isfinite(number) else None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_storable(element) for element in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(element) for name, element in value.items()}
    return value


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


def _epoch(headers: Mapping[str, str], name: str) -> datetime | None:
    seconds = _number(headers, name)
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _date(value: str | None) -> datetime | None:
    """X writes "Fri, 28 Oct 2022 02:40:36 UTC" where the standard asks for GMT."""
    try:
        date = parsedate_to_datetime(value) if value else None
    except ValueError:
        return None
    if date is None:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
