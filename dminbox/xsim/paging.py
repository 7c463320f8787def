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
    return _token("next", int(event_id).to_bytes(8))


def previous_token(event_id: str) -> str:
    return _token("previous", int(event_id).to_bytes(8))


def read_token(token: str) -> Cursor | None:
    """None when X would not have made this token."""
    try:
        raw = base64.b32hexdecode(token.replace("Z", "="))
    except (binascii.Error, ValueError):
        return None
    kind = next((kind for kind, prefix in PREFIXES.items() if raw.startswith(prefix)), None)
    if kind is None or len(raw) != 12 or _token(kind, raw[3:11]) != token:
        return None
    return Cursor(int.from_bytes(raw[3:11]), is_next=kind == "next")


def _token(kind: str, event_id: bytes) -> str:
    return base64.b32hexencode(PREFIXES[kind] + event_id + b"\0").decode().replace("=", "Z")
