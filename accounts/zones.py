"""The time zones a person can choose."""

from __future__ import annotations

import zoneinfo
from functools import lru_cache

ELSEWHERE = ("Etc/", "SystemV/", "posix/", "right/")


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Places of the world, as zoneinfo names them, and UTC. Reading them takes a while: once per process."""
    known = zoneinfo.available_timezones()
    places = {name for name in known if "/" in name and not name.startswith(ELSEWHERE)}
    return tuple(sorted(places | {"UTC"}))


def zone(name: str) -> zoneinfo.ZoneInfo:
    """The zone of that name, UTC when there is none."""
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")
