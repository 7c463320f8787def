"""Times as X writes them into what is kept raw. Pure."""

from __future__ import annotations

from datetime import datetime

from django.utils.dateparse import parse_datetime


def moment_of(told: object) -> datetime | None:
    """None for what is no time, no day there is, or a time of nobody knows which zone."""
    try:
        found = parse_datetime(told) if isinstance(told, str) else None
    except ValueError:  # well formed, and no date there is
        return None
    return found if found is not None and found.tzinfo else None
