"""What X tells beside a shared post: its numbers, the pages it links to, and why it is not shown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from conversations.times import moment_of
from dminbox.wording import number

REPOSTS = ngettext_lazy("%(count)s repost", "%(count)s reposts", "number")
METRICS = {
    "reply_count": ngettext_lazy("%(count)s reply", "%(count)s replies", "number"),
    "retweet_count": REPOSTS,
    "repost_count": REPOSTS,
    "quote_count": ngettext_lazy("%(count)s quote", "%(count)s quotes", "number"),
    "like_count": ngettext_lazy("%(count)s like", "%(count)s likes", "number"),
    "bookmark_count": ngettext_lazy("%(count)s bookmark", "%(count)s bookmarks", "number"),
    "impression_count": ngettext_lazy("%(count)s view", "%(count)s views", "number"),
}
"""X's fields in the order they are shown; one of them has two names in X's two vocabularies."""
WHYS = {
    "suspended": _("Its author is suspended."),
    "not authorized": _("Its author's posts are protected, or we lost access to it."),
    "no longer exists": _("It was deleted."),
    "could not find": _("It was deleted or never existed."),
    "not found": _("It was deleted or never existed."),
    "withheld": _("It is withheld in our region."),
    "violated": _("X removed it."),
}
"""What X's sentences mean, by a few words of each (reported)."""
MOST_LINKS = 2


@dataclass(frozen=True, slots=True)
class LinkCard:
    """A page that a message or a post links to, as X describes it. picture: where X keeps it; "" without one."""

    address: str
    title: str
    description: str
    host: str
    picture: str = ""


def metrics_of(raw: Mapping[str, Any]) -> list[str]:
    """42 likes, 1 reply: only what X counted, and what is not nought."""
    told = raw.get("public_metrics")
    if not isinstance(told, Mapping):
        return []
    counts = ((words, told.get(name)) for name, words in METRICS.items())
    return [
        words % {"number": count, "count": number(count)}
        for words, count in counts
        if isinstance(count, int) and count > 0
    ]


def link_cards_of(entities: Mapping[str, Any]) -> list[LinkCard]:
    found = [card for card in _link_cards(entities) if card.title]
    return list({card.address: card for card in found}.values())[:MOST_LINKS]


def why_unavailable(reason: str) -> str:
    """X's words put plainly; "" for those we do not know."""
    return next((str(why) for words, why in WHYS.items() if words in reason.casefold()), "")


def poll_end(poll: Any) -> datetime | None:
    return moment_of(poll.get("end_datetime")) if isinstance(poll, Mapping) else None


def _link_cards(entities: Mapping[str, Any]) -> Iterator[LinkCard]:
    urls = entities.get("urls")
    for url in urls if isinstance(urls, list) else []:
        if not isinstance(url, Mapping):
            continue
        address = _words(url, "unwound_url") or _words(url, "expanded_url")
        host = _host_of(address)
        if host:
            yield LinkCard(
                address, _words(url, "title")[:200], _words(url, "description")[:300], host, _picture_of(url)
            )


def _picture_of(url: Mapping[str, Any]) -> str:
    """The widest: small copies we make ourselves."""
    told = url.get("images")
    images = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    images = [one for one in images if _host_of(_words(one, "url"))]
    widest = max(images, key=_width_of, default=None)
    return _words(widest, "url") if widest else ""


def _width_of(image: Mapping[str, Any]) -> int:
    width = image.get("width")
    return width if isinstance(width, int) else 0


def _words(url: Mapping[str, Any], name: str) -> str:
    value = url.get(name)
    return value if isinstance(value, str) else ""


def _host_of(address: str) -> str:
    """Of http and https addresses alone."""
    try:
        parts = urlsplit(address)
        return (parts.hostname or "") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
