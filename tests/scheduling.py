"""Which tests of a parallel run stay together, in one worker and in a row; they begin first."""

from __future__ import annotations

import zlib

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/e2e/", "tests/test_run.py", "tests/soak/test_processes.py")
"""What each of these shares takes seconds to start: a browser and a server, groups of processes, a cluster."""
BROWSERS = 2
"""The tests with a browser take half of a run: as one lot they end long after all others."""


class Together(LoadScopeScheduling):
    """Instead of xdist's own marks for groups, which are lost with pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    place = next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)
    if place != "tests/e2e/":
        return place
    module = nodeid.partition("::")[0]
    return f"{place}{zlib.crc32(module.encode()) % BROWSERS}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Together | None:
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None
