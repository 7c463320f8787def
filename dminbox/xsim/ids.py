"""X's ids: snowflakes, conversation ids, and the slugs behind t.co."""

import re
import secrets
from datetime import UTC, datetime, timedelta

EPOCH = datetime.fromtimestamp(1288834974.657, UTC)
ONE_TO_ONE = re.compile(r"^([0-9]{1,19})-([0-9]{1,19})$")
GROUP = re.compile(r"^[0-9]{15,19}$")
CHAT = re.compile(r"^([0-9]{1,19}:[0-9]{1,19}|g[0-9]{1,19})$")
USER = re.compile(r"^[0-9]{1,19}$")


def snowflake(moment: datetime) -> int:
    """The smallest id of that millisecond."""
    return ((moment - EPOCH) // timedelta(milliseconds=1)) << 22


def moment_of(event_id: str) -> datetime:
    return EPOCH + timedelta(milliseconds=int(event_id) >> 22)


def one_to_one_id(one: str, other: str) -> str:
    smaller, larger = sorted((one, other), key=int)
    return f"{smaller}-{larger}"


def members_of_one_to_one(conversation_id: str) -> list[str]:
    """The two user ids, once when somebody writes to himself; nothing for a group's id."""
    match = ONE_TO_ONE.match(conversation_id)
    return list(dict.fromkeys(match.groups())) if match else []


def may_write(chat_id: str, user_id: str) -> bool:
    """Into an encrypted conversation: of a group the id alone says nothing."""
    return CHAT.match(chat_id) is not None and (":" not in chat_id or user_id in chat_id.split(":"))


def tco() -> str:
    return f"https://t.co/{secrets.token_urlsafe(12).replace('-', 'x').replace('_', 'y')[:10]}"
