"""Asking X to push a kind of activity: what is sent, and what each of X's answers to it means."""

import json
from typing import Any

from dminbox.xapi import error_table, parsing
from dminbox.xapi.errors import UnexpectedAnswer
from dminbox.xapi.reply import Reply
from dminbox.xapi.schema import Subscription

PATH = "/2/activity/subscriptions"
LONGEST_TAG = 200
REPEATED = (400, 409)


def body_of(event_type: str, user_id: str | None, tag: str, webhook_id: str | None) -> dict[str, Any]:
    """X wants a filter even where there is nothing to filter by."""
    if not 1 <= len(tag) <= LONGEST_TAG:
        raise ValueError(f"a tag has 1 to {LONGEST_TAG} characters")
    body: dict[str, Any] = {"event_type": event_type, "filter": {"user_id": user_id} if user_id else {}, "tag": tag}
    return {**body, "webhook_id": webhook_id} if webhook_id else body


def made(reply: Reply) -> Subscription | None:
    """What was made, or None: X did not tell it, or it was there before."""
    if _is_repeated(reply):
        return None
    if failure := error_table.failure_in(reply):
        raise failure
    if not reply.is_json and not reply.body:
        return None
    try:
        return parsing.parse_subscription(reply.body)
    except UnexpectedAnswer as error:
        raise error_table.unreadable(reply, str(error)) from None


def _is_repeated(reply: Reply) -> bool:
    return reply.status in REPEATED and reply.is_json and "duplicate" in json.dumps(reply.body).lower()
