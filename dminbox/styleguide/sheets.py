"""What the sheets in static/css say of themselves: their sections, and the tokens of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

FOLDER = Path(settings.BASE_DIR) / "static" / "css"
HEADING = re.compile(r"^/\* --- ([^-:]+?)(?:: [^-]+?)? -+ \*/$", re.M)
USED = re.compile(r"var\((--[a-z0-9-]+)")
SET = re.compile(r"^ +(--[a-z0-9-]+): ([^;]+);", re.M)
GROUP = re.compile(r"^ +/\* (.+?) \*/$", re.M)


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    value: str

    @property
    def is_colour(self) -> bool:
        return self.value.startswith(("#", "light-dark(", "rgb("))


def sections(sheet: str) -> dict[str, str]:
    """Each heading of a sheet with the rules below it."""
    parts = HEADING.split((FOLDER / sheet).read_text())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tokens_of(rules: str) -> list[str]:
    return sorted(set(USED.findall(rules)))


def token_groups() -> dict[str, list[Token]]:
    """All tokens by day, as tokens.css groups them; what the sides and the languages set anew is not told twice."""
    root = (FOLDER / "tokens.css").read_text().split("\n}\n")[0]
    parts = GROUP.split(root)
    return {
        words: [Token(*found) for found in SET.findall(rules)]
        for words, rules in zip(parts[1::2], parts[2::2], strict=True)
    }
