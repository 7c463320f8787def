"""The settings of the server that browser tests talk to: static files straight from their folders."""

from dminbox.settings import *  # noqa: F403
from dminbox.settings import STORAGES

STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
SERVESTATIC_AUTOREFRESH = True
SERVESTATIC_USE_FINDERS = True
