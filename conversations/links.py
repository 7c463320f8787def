"""Addresses on x.com, all of them in one place.

X documents no deep link to a single message: its web pages know a conversation, and the media viewer of a message that
has media. That is what `message` gives.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

BASE = "https://x.com"
HOSTS = {"x.com", "www.x.com", "mobile.x.com", "twitter.com", "www.twitter.com", "mobile.twitter.com"}
STATUS = re.compile(r"/(?:i/web|i|[A-Za-z0-9_]{1,50})/status(?:es)?/(\d{1,19})(?:/.*)?")
MESSAGES_MEDIA = re.compile(r"/messages/media/\d{1,19}/?")
PICTURE_PREFIXES = ("pic.twitter.com/", "pic.x.com/")


def conversation(dm_conversation_id: str) -> str:
    return f"{BASE}/messages/{_part(dm_conversation_id)}"


def message(dm_conversation_id: str, dm_event_id: int | str, *, has_media: bool = False) -> str:
    """The nearest X has to one message: the viewer of its media, else its conversation."""
    if has_media:
        return f"{BASE}/messages/media/{_part(dm_event_id)}"
    return conversation(dm_conversation_id)


def person(user_id: int | str) -> str:
    """By id, which outlives every rename."""
    return f"{BASE}/i/user/{_part(user_id)}"


def handle(username: str) -> str:
    return f"{BASE}/{_part(username)}"


def post(post_id: int | str) -> str:
    return f"{BASE}/i/status/{_part(post_id)}"


def hashtag(tag: str) -> str:
    return f"{BASE}/hashtag/{_part(tag)}"


def cashtag(tag: str) -> str:
    return f"{BASE}/search?q=%24{_part(tag)}"


def post_id_of(url: str) -> str | None:
    """The post an address on X shows, None for all others."""
    path = _path_on_x(url)
    match = STATUS.fullmatch(path) if path else None
    return match[1] if match else None


def is_own_media(expanded_url: str, display_url: str) -> bool:
    """Whether a link is the one X itself adds to the text for attached media."""
    if display_url.startswith(PICTURE_PREFIXES):
        return True
    path = _path_on_x(expanded_url)
    return bool(path and MESSAGES_MEDIA.fullmatch(path))


def _path_on_x(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        return parts.path if parts.scheme in ("http", "https") and parts.netloc.lower() in HOSTS else None
    except ValueError:
        return None


def _part(value: int | str) -> str:
    # "replace": a lone surrogate has no UTF-8 form.
    return quote(str(value), safe="", errors="replace")
