"""The little language the demo's conversations are written in (the head of stories.txt shows it)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

AT = re.compile(r"@ (\+?)((?:\d+[dhms])+)")
SAY = re.compile(r"(\w+): (.*)")
JOIN = re.compile(r"(\w+) \+ (.+)")
LEAVE = re.compile(r"- (.+)")
MEDIA = re.compile(r" ?\[(photo|video|gif|same) ([\w-]+)(?: #(\w+))?(?: \"([^\"]*)\")?( !gone)?\]$")
MARK = re.compile(r" ?\[(hidden|deleted)\]$")
UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


@dataclass(frozen=True)
class Attachment:
    kind: str
    """photo, video, gif, or same: what carries the label `name`, again."""
    name: str
    label: str | None = None
    alt_text: str | None = None
    is_gone: bool = False


@dataclass(frozen=True)
class At:
    """The next line is so long before now."""

    ago: timedelta


@dataclass(frozen=True)
class After:
    """The next line comes so long after the last."""

    gap: timedelta


@dataclass(frozen=True)
class Say:
    who: str
    text: str
    attachment: Attachment | None = None
    mark: str | None = None
    """hidden: shown to nobody; deleted: by the one who said it, from the own view."""


@dataclass(frozen=True)
class Join:
    who: str
    people: list[str]


@dataclass(frozen=True)
class Leave:
    people: list[str]


Step = At | After | Say | Join | Leave


def parse_line(line: str) -> Step:
    """ValueError for a line of no known kind."""
    if match := AT.fullmatch(line):
        length = duration(match[2])
        return After(length) if match[1] else At(length)
    if match := SAY.fullmatch(line):
        return _say(match[1], match[2])
    if match := JOIN.fullmatch(line):
        return Join(match[1], match[2].split())
    if match := LEAVE.fullmatch(line):
        return Leave(match[1].split())
    raise ValueError(f"not a line of a script: {line}")


def duration(said: str) -> timedelta:
    return timedelta(**{UNITS[unit]: int(number) for number, unit in re.findall(r"(\d+)([dhms])", said)})


def _say(who: str, text: str) -> Say:
    mark = MARK.search(text)
    if mark:
        text = text[: mark.start()]
    media = MEDIA.search(text)
    if media:
        text = text[: media.start()]
    return Say(who, text.replace("⏎", "\n"), _attachment(media) if media else None, mark[1] if mark else None)


def _attachment(match: re.Match[str]) -> Attachment:
    kind, name, label, alt_text, gone = match.groups()
    return Attachment(kind, name, label, alt_text, is_gone=gone is not None)
