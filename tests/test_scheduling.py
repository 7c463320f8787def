"""In a parallel run what shares something slow is one worker's, from the start and in a row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.scheduling import BROWSERS, TOGETHER, pytest_xdist_make_scheduler, scope_of

ROOT = Path(__file__).resolve().parent.parent
SHARING = [f"tests/e2e/test_pages.py::test_{number}" for number in range(4)]
ALONE = [f"tests/xapi/test_calls.py::test_{number}" for number in range(9)]


COLLECTED = [*ALONE[:5], *SHARING, *ALONE[5:]]


class Worker:
    """As the scheduler sees one: it is given places in the list of all tests."""

    gateway = SimpleNamespace(id="")
    shutting_down = False

    def __init__(self) -> None:
        self.given: list[str] = []

    def send_runtest_some(self, places: list[int]) -> None:
        self.given += [COLLECTED[place] for place in places]


def config(dist: str) -> SimpleNamespace:
    values = {"dist": dist, "tx": ["2*popen"]}
    return SimpleNamespace(getvalue=values.__getitem__, option=SimpleNamespace(loadscopereorder=True))


def test_one_worker_begins_with_what_shares_something():
    scheduler, workers = pytest_xdist_make_scheduler(config("loadgroup"), None), [Worker(), Worker()]
    for worker in workers:
        scheduler.add_node(worker)
        scheduler.add_node_collection(worker, COLLECTED)
    scheduler.schedule()
    assert workers[0].given == SHARING
    assert set(workers[1].given) <= set(ALONE)


def test_the_tests_with_a_browser_are_two_lots_of_about_the_same_size():
    modules = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/e2e").glob("test_*.py")]
    lots = Counter(scope_of(f"{module}::test_one") for module in modules)
    assert len(lots) == BROWSERS
    assert min(lots.values()) > len(modules) / BROWSERS / 2


def test_other_ways_to_share_out_tests_are_left_to_xdist():
    assert pytest_xdist_make_scheduler(config("load"), None) is None


@pytest.mark.parametrize("place", TOGETHER)
def test_what_is_kept_together_is_there(place):
    assert (ROOT / place).exists()
