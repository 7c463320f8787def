"""How PostgreSQL goes about statements: by their values, and as it does once they are prepared, whatever the values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.db import connection
from psycopg import ClientCursor

READS = re.compile(r"\s*\(?(SELECT|WITH)")
NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Statement:
    """is_prepared: whether the driver prepares it when it comes again."""

    sql: str
    params: Any
    is_prepared: bool = True

    @property
    def modes(self) -> Sequence[str]:
        return ["custom", "generic"] if self.is_prepared else ["custom"]


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """What is read inside."""
    heard: list[Statement] = []

    def hear(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if READS.match(sql):
            heard.append(Statement(sql, params, connection.connection.prepare_threshold is not None))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(hear):
        yield heard


def explained(statement: Statement, options: str = "COSTS") -> Iterator[list[Any]]:
    """The lines of each plan that the server may take for it."""
    name = _prepared(statement)
    call = f"EXECUTE {name}({', '.join(['%s'] * len(statement.params))})" if statement.params else f"EXECUTE {name}"
    for mode in statement.modes:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL plan_cache_mode = force_{mode}_plan")
        with ClientCursor(connection.connection) as cursor:  # an EXPLAIN takes no values from the server
            cursor.execute(f"EXPLAIN ({options}) {call}", statement.params or None)
            yield [line for (line,) in cursor.fetchall()]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = auto")


def _prepared(statement: Statement) -> str:
    """As the driver prepares it: its name in this session, known by a remark at the statement's end."""
    remark = f"-- {next(NUMBERS)}"
    driver = connection.connection
    driver.execute(f"{statement.sql}\n{remark}", statement.params, prepare=True)
    sql = "SELECT name FROM pg_prepared_statements WHERE right(statement, %s) = %s"
    [(name,)] = driver.execute(sql, [len(remark), remark])
    return name
