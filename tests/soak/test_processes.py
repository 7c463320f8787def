"""The same promise with the real processes: kill -9, an emptied broker, a database that restarts.

One of them again: `python -m tests.soak.processes 7`. More: `make soak PROCESS_SEEDS=100`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak import processes

ROOT = Path(__file__).parent.parent.parent
SEEDS = int(os.environ.get("SOAK_PROCESS_SEEDS", "12"))
FIRST = int(os.environ.get("SOAK_FIRST", "0"))
LONGEST = 300

# On servers of its own; once is enough.
pytestmark = [pytest.mark.services, pytest.mark.postgres]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    return processes.prepare(tmp_path_factory.mktemp("cluster"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_story_with_real_processes_ends_with_what_x_holds(seed, cluster):
    command = [sys.executable, "-m", "tests.soak.processes", str(seed), str(cluster)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONGEST)
    assert done.returncode == 0, f"{' '.join(command[1:])}\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    assert "each once" in done.stdout
