"""Names of any script inside a sentence: each keeps its own direction, and cannot turn the words around it. Pure."""

from __future__ import annotations

import re
import unicodedata

CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
FROM_THE_RIGHT = {"R", "AL", "AN"}
ISOLATE, END = "\u2068", "\u2069"


def apart(name: str) -> str:
    """The name between marks that set it apart where it runs from the right; without marks of its own in any case."""
    plain = CONTROLS.sub("", name)
    return f"{ISOLATE}{plain}{END}" if any(map(_is_from_the_right, plain)) else plain


def _is_from_the_right(character: str) -> bool:
    return unicodedata.bidirectional(character) in FROM_THE_RIGHT
