"""Page tokens as X makes them: base32hex of a prefix, the event id a page stops at, and a zero byte; `Z` pads."""

import base64
import binascii
from dataclasses import dataclass

PREFIXES = {"next": bytes.fromhex("0a2aa5"), "previous": bytes.fromhex("0aeac2")}


@dataclass(frozen=True)
class Cursor:
    event_id: int
    is_next: bool
    """True: towards older events; False: towards newer ones."""


def next_token(event_id: str) -> str:
    return _token("next", event_id)


def previous_token(event_id: str) -> str:
    return _token("previous", event_id)


def read_token(token: str) -> Cursor | None:
    """None when X would not have made this token."""
    try:
        raw = base64.b32hexdecode(token.replace("Z", "="))
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 12 or raw[-1] or raw[:3] not in PREFIXES.values():
        return None
    return Cursor(int.from_bytes(raw[3:11]), is_next=raw[:3] == PREFIXES["next"])


def _token(kind: str, event_id: str) -> str:
    raw = PREFIXES[kind] + int(event_id).to_bytes(8) + b"\0"
    return base64.b32hexencode(raw).decode().replace("=", "Z")
