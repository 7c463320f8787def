"""Stories are long: where both databases are there, each plays its own half of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from django.conf import settings

T = TypeVar("T")


def own_half(every: Iterable[T]) -> list[T]:
    """All of them, but where the whole suite runs on one database after the other: SOAK_HALVES says so."""
    if os.environ.get("SOAK_HALVES") != "1":
        return list(every)
    return list(every)[int("postgres" in settings.DATABASES["default"]["ENGINE"]) :: 2]
