"""An X account connected to the local X, and the two clocks: the local X's and the time when rows are due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import requests
from django.utils import timezone

from accounts.models import XAccount
from conversations import sync
from conversations.ids import time_in
from conversations.models import DmEvent, SyncState
from conversations.sync import intervals
from dminbox.xapi.parsing import billed_in, parse_page, parse_problems
from dminbox.xapi.schema import Answer, Page, RateLimit
from tests.factories import SyncStateFactory, XAccountFactory
from tests.xsim_server import SimServer

OWN = "1500000000000000100"
ANN = "2000000000000000001"
MORNING = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def connect(xsim: SimServer, user_id: str = OWN) -> XAccount:
    """An X account with a grant of the local X, where the person is made if needed."""
    if user_id not in xsim.get("world")["people"]:
        xsim.post("people", {"id": user_id, "username": f"help{user_id[-3:]}", "name": "Nordlicht Lamps Support"})
    grant = xsim.grant(user_id)
    return XAccountFactory(
        x_user_id=int(user_id),
        access_token=grant["access_token"],
        refresh_token=grant["refresh_token"],
        token_expires_at=datetime(2046, 1, 1, tzinfo=UTC),
    )


def make_reading() -> XAccount:
    """An X account that is read and pushed to, by whatever a test says that X gives."""
    return SyncStateFactory(x_account=XAccountFactory(x_user_id=int(OWN))).x_account


def connect_with_ann(xsim: SimServer) -> XAccount:
    """The same with tokens that outlast any test, and Ann, who writes to it."""
    xsim.post("settings", {"token_seconds": 10**8})
    make_person(xsim, ANN)
    return connect(xsim)


def one_to_one(x_user_id: str, other: str) -> str:
    return "-".join(sorted([x_user_id, other], key=int))


def say(xsim: SimServer, other: str, text: str, **more: Any) -> dict[str, Any]:
    """A message by `other` to the X account, now by the local X's clock unless `created_at` says when."""
    event = {"dm_conversation_id": one_to_one(OWN, other), "sender_id": other, "text": text, **more}
    return xsim.post("events", event)[0]


def write_history(xsim: SimServer, hours: Iterable[int], other: str = ANN) -> list[int]:
    """One message for each of these hours ago, by the local X's clock."""
    now = datetime.fromisoformat(xsim.get("clock")["now"])
    return [
        int(say(xsim, other, f"{ago} h ago", created_at=(now - timedelta(hours=ago)).isoformat())["id"])
        for ago in hours
    ]


def make_person(xsim: SimServer, user_id: str, **more: Any) -> None:
    xsim.post("people", {"id": user_id, "username": f"customer{user_id[-6:]}", "name": "A customer", **more})


def begin(x_account: XAccount, days: int = 30, ceiling: int | Decimal = 1000) -> SyncState:
    sync.begin_import(x_account, days=days, ceiling_usd=Decimal(ceiling))
    return x_account.sync


def poll(x_account: XAccount) -> SyncState:
    """One turn, due or not."""
    SyncState.objects.filter(x_account=x_account).update(next_poll_at=timezone.now() - timedelta(seconds=1))
    sync.poll(x_account.pk)
    return SyncState.objects.get(x_account=x_account)


def settle(x_account: XAccount, turns: int = 50) -> SyncState:
    """Turn after turn until there is no gap left, and nothing to be read at once."""
    for _ in range(turns):
        state = poll(x_account)
        is_read = state.import_finished_at and not intervals.gaps(x_account, None, state.horizon_id).exists()
        if is_read and state.next_poll_at > timezone.now():
            return state
    raise AssertionError("still gaps left")


def stored_ids(x_account: XAccount) -> set[int]:
    return set(DmEvent.objects.filter(conversation__x_account=x_account).values_list("dm_event_id", flat=True))


def stored(x_account: XAccount) -> dict[str, dict[str, Any]]:
    """Conversation -> event id -> raw, with a failure on any event that is stored twice."""
    found: dict[str, dict[str, Any]] = {}
    rows = DmEvent.objects.filter(conversation__x_account=x_account).select_related("conversation")
    for row in rows:
        events = found.setdefault(row.conversation.dm_conversation_id, {})
        assert str(row.dm_event_id) not in events
        events[str(row.dm_event_id)] = row.raw
    return found


FIELDS = (
    "id,text,event_type,created_at,dm_conversation_id,sender_id,participant_ids,attachments,referenced_tweets,entities"
)
EXPANSIONS = "sender_id,participant_ids,attachments.media_keys,referenced_tweets.id"


def held_by_x(xsim: SimServer, token: str, path: str = "/2/dm_events") -> dict[str, dict[str, Any]]:
    """Conversation -> event id -> the event as X gives it, read over plain HTTP page by page."""
    found: dict[str, dict[str, Any]] = {}
    query = {"max_results": "100", "dm_event.fields": FIELDS, "expansions": EXPANSIONS}
    empty = 0
    while empty < 50:
        answer = xsim.api(token, path, params=query)
        assert answer.status_code == requests.codes.ok, answer.text
        body = answer.json()
        for event in body.get("data", []):
            found.setdefault(event["dm_conversation_id"], {})[event["id"]] = event
        empty = 0 if body.get("data") else empty + 1
        if "next_token" not in body["meta"]:
            return found
        query["pagination_token"] = body["meta"]["next_token"]
    raise AssertionError("pages without end")


def answer_of(body: dict[str, Any], answered_at: datetime = MORNING) -> Answer[Page]:
    """An answer of X with this body, as the client would give it."""
    return Answer(
        value=parse_page(body),
        rate_limit=RateLimit(),
        billed=billed_in(body, "events"),
        problems=parse_problems(body),
        answered_at=answered_at,
        endpoint="GET /2/dm_events",
    )


def message(pk: int, sender: str, conversation: str, text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {
        "id": str(pk),
        "event_type": "MessageCreate",
        "text": text,
        "sender_id": sender,
        "dm_conversation_id": conversation,
        "created_at": f"{time_in(pk):%Y-%m-%dT%H:%M:%S}.000Z",
        **more,
    }


def asked(xsim: SimServer) -> list[dict[str, Any]]:
    """All reads of /2/dm_events since the last look."""
    calls = [call for call in xsim.get("requests") if call["path"] == "/2/dm_events"]
    xsim.delete("requests")
    return calls


def sizes(xsim: SimServer) -> list[int]:
    return [int(parse_qs(call["query"])["max_results"][0]) for call in asked(xsim)]
