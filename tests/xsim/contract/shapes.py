"""Is an object of the shape of a recorded one? The same members, of the same kinds, whatever their values."""

from __future__ import annotations

import re
from typing import Any

NUMBER = re.compile(r"^-?[0-9]+$")
OPTIONAL = frozenset(
    {
        *("data.tag", "users.*.data.affiliation", "users.*.data.entities", "users.*.data.location"),
        *("users.*.data.profile_image_url", "users.*.data.created_at", "users.*.data.affiliation.url"),
        *("users.*.data.entities.url", "users.*.data.entities.description"),
    }
)
"""Ends of the paths of members that are there or not, as the person has them: the samples differ in them, too."""


def unlike(given: Any, sample: Any, where: str = "") -> list[str]:
    """Where the two differ in shape; nothing when they do not."""
    if isinstance(sample, dict) and isinstance(given, dict):
        return _unlike_members(given, sample, where)
    if isinstance(sample, list) and isinstance(given, list):
        return [found for one in given if sample for found in unlike(one, sample[0], f"{where}.0")]
    if type(given) is not type(sample):
        return [f"{where}: {type(given).__name__} for {type(sample).__name__}"]
    if isinstance(sample, str) and NUMBER.match(sample) and not NUMBER.match(given):
        return [f"{where}: {given!r} is no number"]
    return []


def _unlike_members(given: dict[str, Any], sample: dict[str, Any], where: str) -> list[str]:
    if where.endswith("users"):
        known = next(iter(sample.values()))
        return [found for one in given.values() for found in unlike(one, known, f"{where}.*")]
    different = [
        f"{where}.{name}".lstrip(".") for name in given.keys() ^ sample.keys() if not _is_optional(f"{where}.{name}")
    ]
    shared = given.keys() & sample.keys()
    return different + [found for name in shared for found in unlike(given[name], sample[name], f"{where}.{name}")]


def _is_optional(path: str) -> bool:
    return any(path.endswith(f".{one}") for one in OPTIONAL)
