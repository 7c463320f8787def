"""What the tests of pages share: the moment they are looked at, and how they are read."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from conversations import filters
from conversations.models import Conversation

NOW = datetime(2026, 11, 21, 13, 2, tzinfo=UTC)


def page(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, address
    return re.sub(r"\s+", " ", answer.content.decode())


def inbox(client, query=""):
    return page(client, f"/{query}")


def unmarked(html):
    """Without what a script finds the names of people by."""
    return re.sub(r'<span data-x-user="\d+">([^<]*)</span>', r"\1", html)


def words(answer):
    """What of it is read."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def unread_of(user):
    """The conversations that the inbox of this person shows under its filter for unread ones."""
    return filters.narrow(Conversation.objects.visible_to(user), user, filters.wanted_in("unread=1"))
