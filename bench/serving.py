"""The settings of a web server that answers with the floor as well."""

from dminbox.settings import *  # noqa: F403

ROOT_URLCONF = "bench.bare"
