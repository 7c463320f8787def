"""A local X with the demo world in it, and X's own contract beside it. Everything here needs X_CONTRACT_DIR."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dminbox.xsim.demo import demo_world
from tests.xsim.contract.asked import Query
from tests.xsim.contract.worlds import everything
from tests.xsim.openapi import Contract, contract

NOW = datetime(2026, 8, 20, 12, 30, tzinfo=UTC)
VERSIONS = {"tweet": "2.166", "post": "2.167"}


@pytest.fixture(scope="session")
def contract_dir() -> Path:
    return Path(os.environ["X_CONTRACT_DIR"])


@pytest.fixture
def payload(contract_dir):
    """Reads a payload by its name."""

    def read(name: str) -> Any:
        return json.loads((contract_dir / "payloads" / f"{name}.json").read_text(encoding="utf-8"))

    return read


@pytest.fixture(params=["tweet", "post"])
def vocabulary(request) -> str:
    return request.param


@pytest.fixture
def judge(contract_dir, vocabulary) -> Contract:
    return contract(str(contract_dir), VERSIONS[vocabulary])


@pytest.fixture
def whole(judge, vocabulary) -> Query:
    """Everything the file of this vocabulary lets one ask for."""
    return Query.whole(judge, vocabulary)


@pytest.fixture
def x(_xsim_process):
    """An empty local X whose clock stands still, and whose limits are out of the way."""
    _xsim_process.reset()
    _xsim_process.post("clock", {"set": NOW.isoformat(), "frozen": True})
    _xsim_process.post("settings", {"dm_get_limit": 100_000, "limits": {}})
    return _xsim_process


@pytest.fixture(scope="session")
def _demo() -> dict[str, Any]:
    return demo_world(NOW).to_json()


@pytest.fixture
def demo_x(x, _demo):
    """With the demo world; `world` is that world as JSON."""
    x.post("world", _demo)
    x.world = _demo
    return x


@pytest.fixture
def small_x(x):
    """With one of everything."""
    x.world = everything(NOW)
    x.post("world", x.world)
    return x
