"""The environment of a test run, set before Django reads its settings (loaded by pytest's -p)."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from dminbox import catalogues
from tests import env_example

for _name in env_example.names():  # what a shell exports is for an installation, not for tests
    os.environ.pop(_name, None)
_data = tempfile.mkdtemp(prefix="dminbox-test-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)

os.environ.update(
    ENV_FILE="",
    DATA_DIR=_data,
    SECRET_KEY="for tests alone, never for an installation",
    ENCRYPTION_KEYS="dGVzdHMtYWxvbmUtbmV2ZXItcmVhbC1pbnN0YWxscyE=",
    PUBLIC_URL="http://127.0.0.1:8000",
    X_CLIENT_ID="",
    DEMO="auto",
)
os.environ["DATABASE_URL"] = os.environ.get("DATABASE_SERVER", "")
# Each worker of a parallel run has a Redis database of its own.
_server = os.environ.get("REDIS_SERVER", "")
_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
os.environ["REDIS_URL"] = f"{_server}/{_worker}" if _server else ""

catalogues.compile_all()  # what a test renders is in the words of the .po files as they are
