"""The environment of a test run, set before Django reads its settings (loaded by pytest's -p)."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

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
os.environ.setdefault("DATABASE_URL", "")
os.environ.setdefault("REDIS_URL", "")
