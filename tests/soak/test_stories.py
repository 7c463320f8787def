"""Nothing lost, nothing twice: seeded stories in which the code under test dies at any point and starts again.

One story again: `pytest tests/soak -k "story and 17]"`. More of them: `make soak SEEDS=2000`.
"""

from __future__ import annotations

import os

import pytest

from tests.emptying import empty_database
from tests.halves import own_half
from tests.soak.numbers import COUNTED
from tests.soak.story import Story, surroundings

pytestmark = pytest.mark.services
PLAYED = 200
SEEDS = int(os.environ.get("SOAK_SEEDS", PLAYED))
FIRST = int(os.environ.get("SOAK_FIRST", "0"))


@pytest.mark.parametrize("seed", own_half(range(FIRST, FIRST + SEEDS)))
def test_a_story_ends_with_what_x_holds(seed, transactional_db, xsim, record_property):
    story = Story(seed, xsim)
    with surroundings(seed):
        story.play()
    record_property(COUNTED, story.came_to())


@pytest.mark.parametrize("seed", own_half(range(3)))
def test_the_same_seed_plays_the_same_story(seed, transactional_db, xsim):
    """Down to the last statement: a failure can be looked at again."""
    traces = []
    for _ in range(2):
        xsim.reset()
        empty_database()
        story = Story(seed, xsim)
        with surroundings(seed):
            story.play()
        traces.append(story.stage.trace)
    assert len(traces[0]) > 100
    assert any(line.endswith("is dead") for line in traces[0]) == (story.deaths > 0)
    assert traces[0] == traces[1]
