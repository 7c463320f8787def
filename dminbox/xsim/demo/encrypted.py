"""What went over to X's encrypted chat: one conversation that was here before, and one that never was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from dminbox.xsim.demo.people import SUPPORT_ID, Role
from dminbox.xsim.world import Arrival, ChatConversation

MOVED, CHAT_ONLY = "uwe", "oak"
SINCE = {MOVED: (timedelta(days=28), timedelta(hours=7)), CHAT_ONLY: (timedelta(days=12), timedelta(days=1, hours=2))}
"""How long ago each began, and somebody wrote last."""
WRITES = {MOVED: (95.0, 437.0), CHAT_ONLY: (250.0, 1261.0)}
"""After how many seconds, and how often then."""


def chats(now: datetime, roles: Mapping[str, Role]) -> dict[str, ChatConversation]:
    """By the key of whom the support writes with."""
    found = {}
    for key, (begun, last) in SINCE.items():
        person_id = roles[key].person.id
        conversation_id = f"{person_id}:{SUPPORT_ID}"
        found[key] = ChatConversation(conversation_id, [person_id, SUPPORT_ID], now - begun, now - last)
    return found


def encrypted_arrivals(key: str, chat: ChatConversation) -> list[Arrival]:
    after, every = WRITES[key]
    return [Arrival(after, chat.id, chat.member_ids[0], every=every, kind="chat")]
