"""What X makes of a text on its way in: escaped, links wrapped in t.co, entities with code-point indices."""

import html
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from dminbox.xsim import ids

URL = re.compile(r"https?://[^\s<>\"]+")
STATUS = re.compile(r"^https?://(?:www\.|mobile\.)?(?:x|twitter)\.com/\w+/status/(\d{1,19})")
TAGS = {
    "hashtags": re.compile(r"(?<![\w&])#(\w*[^\W\d]\w*)"),
    "cashtags": re.compile(r"(?<!\w)\$([A-Za-z]{1,6})\b"),
}
MENTION = re.compile(r"(?<!\w)@([A-Za-z0-9_]{1,15})\b")
KEPT = "%:/?#[]@!$&'()*+,;=~"
"""What stays as it is in an expanded URL beside letters and digits: X gives URLs, no IRIs."""
SHOWN = 27
"""So many characters of a path are shown before an ellipsis."""


@dataclass
class Composed:
    text: str
    entities: dict[str, Any] = field(default_factory=dict)
    post_ids: list[str] = field(default_factory=list)


def compose(
    text: str, posts: Collection[str], user_id_of: Callable[[str], str | None], *, escapes: bool, media_url: str = ""
) -> Composed:
    """`media_url` is what the t.co at the end of a message with media stands for."""
    written = _Writing(posts, escapes)
    last = 0
    for match in URL.finditer(text):
        url = match[0].rstrip(".,;:!?)'\"")
        written.say(text[last : match.start()])
        written.link(url, display(url))
        last = match.start() + len(url)
    written.say(text[last:])
    if media_url:
        written.say(" ")
        written.link(media_url, f"pic.x.com/{ids.tco()[-10:]}")
    entities = {"urls": written.urls, **_tags(written.text), "mentions": _mentions(written.text, user_id_of)}
    return Composed(written.text, {kind: found for kind, found in entities.items() if found}, written.post_ids)


def display(url: str) -> str:
    bare = re.sub(r"^https?://(www\.)?", "", url).rstrip("/")
    return bare if len(bare) <= SHOWN else f"{bare[:SHOWN]}…"


class _Writing:
    def __init__(self, posts: Collection[str], escapes: bool) -> None:
        self.posts = posts
        self.escapes = escapes
        self.text = ""
        self.urls: list[dict[str, Any]] = []
        self.post_ids: list[str] = []

    def say(self, text: str) -> None:
        self.text += html.escape(text, quote=False) if self.escapes else text

    def link(self, url: str, shown: str) -> None:
        start, short = len(self.text), ids.tco()
        self.text += short
        expanded = quote(url, safe=KEPT)
        entity = {"start": start, "end": len(self.text), "url": short, "expanded_url": expanded, "display_url": shown}
        self.urls.append(entity)
        status = STATUS.match(url)
        if status and status[1] in self.posts:
            self.post_ids.append(status[1])


def _tags(text: str) -> dict[str, list[dict[str, Any]]]:
    return {
        kind: [{"start": match.start(), "end": match.end(), "tag": match[1]} for match in pattern.finditer(text)]
        for kind, pattern in TAGS.items()
    }


def _mentions(text: str, user_id_of: Callable[[str], str | None]) -> list[dict[str, Any]]:
    found = []
    for match in MENTION.finditer(text):
        mention = {"start": match.start(), "end": match.end(), "username": match[1]}
        user_id = user_id_of(match[1])
        found.append({**mention, "id": user_id} if user_id else mention)
    return found
