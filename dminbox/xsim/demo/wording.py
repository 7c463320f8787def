"""How X words what somebody typed: `&`, `<`, `>` escaped, links behind t.co, and the places of all of them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

ENTITY = re.compile(
    r"(?P<urls>https?://[^\s<>\"]+)"
    r"|(?<![\w&])[#＃](?P<hashtags>\w*[^\W\d]\w*)"
    r"|(?<![\w$])\$(?P<cashtags>[A-Z]{1,6})\b"
    r"|(?<!\w)@(?P<mentions>[A-Za-z0-9_]{1,15})\b"
)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
DISPLAYED = 28


@dataclass
class Wording:
    """Text as X gives it, grown piece by piece; the indices of its entities count code points, ends exclusive."""

    pick: random.Random
    user_ids: Mapping[str, str]
    """Lower-case username -> id."""
    text: str = ""
    entities: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def type(self, typed: str) -> None:
        done = 0
        for match in ENTITY.finditer(typed):
            end = match.start() + len(match[0].rstrip(".,;:!?)'"))
            self.text += escaped(typed[done : match.start()])
            self._entity(str(match.lastgroup), typed[match.start() : end])
            done = end
        self.text += escaped(typed[done:])

    def link(self, expanded: str, displayed: str | None = None) -> str:
        """Adds a t.co link and returns its address."""
        url = "https://t.co/" + "".join(self.pick.choices(LETTERS, k=10))
        self._place("urls", url, url=url, expanded_url=quoted(expanded), display_url=displayed or shown(expanded))
        return url

    def _entity(self, kind: str, said: str) -> None:
        if kind == "urls":
            self.link(said)
        elif kind == "mentions":
            known = self.user_ids.get(said[1:].lower())
            self._place(kind, said, username=said[1:], **({"id": known} if known else {}))
        else:
            self._place(kind, said, tag=said[1:])

    def _place(self, kind: str, said: str, **members: str) -> None:
        start = len(self.text)
        self.text += said
        self.entities.setdefault(kind, []).append({"start": start, "end": len(self.text), **members})


def escaped(typed: str) -> str:
    return typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quoted(url: str) -> str:
    """In ASCII alone, as the contract wants a URI; what is quoted already stays as it is."""
    return quote(url, safe=":/?#[]@!$&'()*+,;=%")


def shown(url: str) -> str:
    """The short form that X shows of a link."""
    bare = url.partition("://")[2].removeprefix("www.")
    return bare if len(bare) <= DISPLAYED else bare[: DISPLAYED - 1] + "…"
