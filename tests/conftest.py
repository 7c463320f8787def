"""What all tests share: people, a clean local X, and settings that make tests quick."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from unittest import mock

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import TransactionTestCase
from django.utils import translation

from conversations.templatetags import constant
from tests import factories
from tests.emptying import empty_database
from tests.xsim_server import SimServer, start_xsim


def pytest_collection_finish():
    """All code and all tests are loaded now, and stay. To walk through them time and again is a quarter of the work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def _quick_settings(settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.SERVESTATIC_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    constant.made.cache_clear()  # it has the addresses of static files in it


@pytest.fixture(autouse=True)
def _english():
    """Django leaves the language of a request in the thread: each test begins and ends without one."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Django asks SQLite once per process whether it knows JSON: no test that counts queries shall be the first."""
    with django_db_blocker.unblock():
        assert connection.features.supports_json_field


@pytest.fixture(scope="session", autouse=True)
def _quick_emptying():
    with mock.patch.object(TransactionTestCase, "_fixture_teardown", side_effect=empty_database):
        yield


@pytest.fixture
def ada(db):
    """Ada owns the installation."""
    return factories.UserFactory(email="ada@nordlicht.example", name="Ada", is_owner=True)


@pytest.fixture
def ben(db):
    """Ben is a member where a test makes him one."""
    return factories.UserFactory(email="ben@nordlicht.example", name="Ben")


@pytest.fixture
def cleo(db):
    """Cleo is signed in, and a stranger to every X account."""
    return factories.UserFactory(email="cleo@elsewhere.example", name="Cleo")


@pytest.fixture
def as_ada(client, ada):
    """Django's test client with Ada signed in."""
    client.force_login(ada)
    return client


def forget_plans(connection: BaseDatabaseWrapper, **_: object) -> None:
    """On PostgreSQL, of prepared statements: in life autovacuum sees to that within a minute of tables that grow."""
    if connection.vendor == "postgresql" and connection.connection is not None:
        connection.connection.execute("DISCARD PLANS")


connection_created.connect(forget_plans)


@pytest.fixture(autouse=True)
def _no_plans_of_another_tests_rows() -> None:
    forget_plans(connection)


@pytest.fixture(scope="session")
def _xsim_process() -> Iterator[SimServer]:
    with start_xsim(world="empty") as server:
        yield server


@pytest.fixture
def xsim(_xsim_process: SimServer, settings) -> SimServer:
    """An empty local X with all settings preset, and dminbox's settings pointing at it."""
    _xsim_process.reset()
    url = _xsim_process.url
    settings.LOCAL_X_URL = settings.LOCAL_X_PUBLIC_URL = settings.X_API_URL = url
    settings.X_AUTHORIZE_URL = f"{url}/i/oauth2/authorize"
    settings.X_TOKEN_URL = f"{url}/2/oauth2/token"
    settings.X_REVOKE_URL = f"{url}/2/oauth2/revoke"
    settings.X_MEDIA_HOSTS = [url.removeprefix("http://")]
    return _xsim_process


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out, rather than skips, what makes no sense on this set-up."""
    on_postgres = "postgres" in django_settings.DATABASES["default"]["ENGINE"]
    foreign = "sqlite" if on_postgres else "postgres"
    kept = [item for item in items if not item.get_closest_marker(foreign)]
    if not os.environ.get("X_CONTRACT_DIR"):
        kept = [item for item in kept if not item.get_closest_marker("contract")]
    if os.environ.get("ONLY_DATABASE_AND_BROKER"):
        kept = [item for item in kept if touches_database_or_broker(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def touches_database_or_broker(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    is_marked = item.get_closest_marker("django_db") or item.get_closest_marker("services")
    return bool(is_marked or fixtures & {"db", "transactional_db", "django_db_setup", "live_server"})
