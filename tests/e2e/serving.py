"""The settings of the server that browser tests talk to: static files straight from their folders."""

import os

from django.contrib.staticfiles.storage import StaticFilesStorage

from dminbox.settings import *  # noqa: F403
from dminbox.settings import STORAGES


class AsTheyLie(StaticFilesStorage):
    """Of a version that a test may change."""

    manifest_hash = os.environ.get("STATIC_VERSION", "1")


STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "tests.e2e.serving.AsTheyLie"}}
SERVESTATIC_AUTOREFRESH = True
SERVESTATIC_USE_FINDERS = True
