"""Addresses of rows. A page holds hundreds, so each kind is reversed once, with places for the ids."""

from __future__ import annotations

from functools import cache

from django.urls import get_script_prefix, get_urlconf, reverse

PLACE = 10**17
"""So long a number stands in no path, but where it was put for an id."""


def address_of(name: str, *pks: int) -> str:
    """The same as reverse(), for views whose arguments are numbers."""
    return _shape(get_script_prefix(), get_urlconf(), name, len(pks)).format(*pks)


@cache
def _shape(_prefix: str, _urlconf: str | None, name: str, places: int) -> str:
    """/c/{}/files/{}/; an address begins with where the site is mounted."""
    shape = reverse(name, args=range(PLACE, PLACE + places))
    for place in range(PLACE, PLACE + places):
        shape = shape.replace(str(place), "{}", 1)
    return shape
