"""Nothing lost, nothing twice: seeded stories in which the code under test dies at any point and starts again.

One story again: `pytest tests/soak -k "story and 17]"`. More of them: `make soak SEEDS=2000`.
"""

from __future__ import annotations

import os

import pytest
from django.conf import settings as django_settings

from tests.soak.story import Story, small_pages

pytestmark = pytest.mark.services
SEEDS = int(os.environ.get("SOAK_SEEDS", "200"))
FIRST = int(os.environ.get("SOAK_FIRST", "0"))


def seeds() -> list[int]:
    """Where PostgreSQL takes the other half, each database plays its own."""
    every = range(FIRST, FIRST + SEEDS)
    if os.environ.get("SOAK_HALVES") != "1":
        return list(every)
    on_postgres = "postgres" in django_settings.DATABASES["default"]["ENGINE"]
    return [seed for seed in every if seed % 2 == on_postgres]


@pytest.mark.parametrize("seed", seeds())
def test_a_story_ends_with_what_x_holds(seed, transactional_db, xsim, settings):
    settings.SYNC_LEASE_SECONDS = 5
    settings.PUSH_SILENCE_SECONDS = 3
    with small_pages(seed):
        Story(seed, xsim).play()
