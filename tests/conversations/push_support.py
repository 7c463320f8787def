"""What X pushes, made up: messages, typing, receipts and notices to an X account, and what a read of X gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from accounts.models import XAccount
from conversations.models import ActivityDelivery
from conversations.sync import store_page
from dminbox.xapi.activity import parse_activity
from tests.conversations.sync_support import ANN, OWN, answer_of, message, one_to_one

FIRST = 1_900_000_000_000_000_000
STREAM, WEBHOOK = ActivityDelivery.Source.STREAM, ActivityDelivery.Source.WEBHOOK


def activity(kind: str, payload: dict, uuid: str = "-17", user_id: str = OWN):
    return parse_activity(
        {
            "data": {
                "event_uuid": uuid,
                "filter": {"user_id": user_id} if user_id else {},
                "event_type": kind,
                "payload": payload,
            }
        }
    )


def said(number: int, text: str = "Hello", *, sender: str = ANN, to: str = OWN, **data) -> dict:
    at = int((datetime(2026, 11, 20, 9, tzinfo=UTC) + timedelta(seconds=number)).timestamp() * 1000)
    return {
        "direct_message_events": [
            {
                "type": "message_create",
                "id": str(FIRST + number),
                "created_timestamp": str(at),
                "message_create": {
                    "target": {"recipient_id": to},
                    "sender_id": sender,
                    "message_data": {
                        "text": text,
                        "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
                        **data,
                    },
                },
            }
        ],
        "users": {ANN: {"data": {"id": ANN, "username": "ann_lamps", "name": "Ann"}}},
    }


def received(number: int = 1, uuid: str = "-17", **more):
    return activity("dm.received", said(number, **more), uuid)


def typing(uuid: str = "5", at: datetime | None = None):
    stamp = str(int((at or timezone.now()).timestamp() * 1000))
    event = {"created_timestamp": stamp, "sender_id": ANN, "target": {"recipient_id": OWN}}
    return activity("dm.indicate_typing", {"direct_message_indicate_typing_events": [event]}, uuid)


def seen(number: int, uuid: str = "6"):
    stamp = str(int(timezone.now().timestamp() * 1000))
    event = {
        "created_timestamp": stamp,
        "sender_id": ANN,
        "target": {"recipient_id": OWN},
        "last_read_event_id": str(FIRST + number),
    }
    return activity("dm.read", {"direct_message_mark_read_events": [event]}, uuid)


def chat(uuid: str = "9", at: str = "1784841183370"):
    return activity(
        "chat.received",
        {"id": "e4f4", "created_at_msec": at, "sender_id": ANN, "conversation_id": f"{ANN}:{OWN}"},
        uuid,
    )


def read(*numbers: int, **more) -> None:
    events = [message(FIRST + number, ANN, one_to_one(OWN, ANN), **more) for number in numbers]
    store_page(XAccount.objects.get(), answer_of({"data": events, "meta": {"result_count": len(events)}}))
