"""How PostgreSQL is to plan a statement. Where another database is used, nothing here does anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def by_its_values() -> Iterator[None]:
    """Each statement inside is planned anew, for the values it is asked with.

    A prepared one is after some runs planned for any values, that is to say for average ones: where the right index
    depends on whether somebody has much or little, such a plan may read a whole table. The driver is told to prepare
    none of these: it asks nothing more of the server.
    """
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    driver = connection.connection
    threshold, driver.prepare_threshold = driver.prepare_threshold, None
    try:
        yield
    finally:
        driver.prepare_threshold = threshold
