"""Statements that Django puts together once, and that are asked again and again with other values.

To put one together takes Django longer than the database needs to answer it: it was a quarter of the time of a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, wraps
from itertools import chain, count
from typing import Any, ParamSpec, TypeVar

from django.db import connections
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler

Values = ParamSpec("Values")
Row = TypeVar("Row")


def compiled_once(make: Callable[Values, QuerySet[Any, Row]]) -> Callable[Values, list[Row]]:
    """Of a function that makes a queryset of ids, times and lists of ids, one that gives the queryset's rows.

    make: it compares columns with its values, with lists by __in, and does nothing else with them: so the statement is
    the same for any values, and is made with others that stand in for them. Else the first call raises ValueError.
    It asks the tables what a person may see: a User(pk=…) that it makes of an id knows nothing of them but the id.
    Words are no values: each makes a statement of its own.
    """

    @cache
    def statement_of(kinds: tuple[Kind, ...]) -> _Statement:
        return _Statement.of(make, kinds)

    @wraps(make)
    def rows(*values: Values.args, **named: Values.kwargs) -> list[Row]:
        if named:
            raise TypeError("values are handed in by their place")
        if [] in values:
            return []  # nothing is in an empty list
        filled = [_filled_up(value) if isinstance(value, list) else value for value in values]
        return list(statement_of(tuple(map(_kind_of, filled))).asked_with(_flat(filled)))

    return rows


def _filled_up(ids: list[int]) -> list[int]:
    """With its last id once more, so that a few statements do for all lengths: 1, 2, 4, 8 …"""
    return ids + ids[-1:] * ((1 << (len(ids) - 1).bit_length()) - len(ids))


TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
Kind = type[int] | type[datetime] | int | str
"""Of a value; of a list, how long it is; of a word, itself."""


def _kind_of(value: object) -> Kind:
    match value:
        case str():
            return value
        case list():
            return len(value)
        case datetime():
            return datetime
        case int():
            return int
    raise TypeError(f"{value!r} is no id, time, list of ids, or word")


def _flat(values: Sequence[Any]) -> list[Any]:
    lists = (value if isinstance(value, list) else [value] for value in values if not isinstance(value, str))
    return list(chain.from_iterable(lists))


@dataclass(frozen=True, slots=True)
class _Statement:
    """places: for each parameter the number of the value that belongs there, or None where it is always the same."""

    queryset: QuerySet[Any, Any]
    compiler: SQLCompiler
    sql: str
    params: Sequence[Any]
    places: Sequence[int | None]

    @classmethod
    def of(cls, make: Callable[..., QuerySet[Any, Any]], kinds: Sequence[Kind]) -> _Statement:
        numbers = count()
        stand_ins = [_stand_in(kind, numbers) for kind in kinds]
        queryset = make(*stand_ins)
        compiler = queryset.query.get_compiler(queryset.db)
        sql, params = compiler.as_sql()
        place_of = {_adapted(value, compiler.connection): place for place, value in enumerate(_flat(stand_ins))}
        places = [place_of.get(param) if isinstance(param, int | str | datetime) else None for param in params]
        if {*places} - {None} != {*place_of.values()}:
            raise ValueError(f"{make.__qualname__} does something else with its values than compare columns with them")
        if any(_is_time(param) and place is None for param, place in zip(params, places, strict=True)):
            raise ValueError(f"{make.__qualname__} looks at the clock itself: hand the time in")
        return cls(queryset, compiler, sql, params, places)

    def asked_with(self, values: Sequence[Any]) -> QuerySet[Any, Any]:
        """The queryset as it would be if it had been made with these values."""
        compiler: Any = copy(self.compiler)
        compiler.connection = connections[self.queryset.db]  # each thread has its own
        params = list(self._params(values, compiler.connection))
        compiler.as_sql = lambda *_, **__: (self.sql, params)
        queryset = self.queryset.all()
        queryset.query.get_compiler = lambda *_, **__: compiler  # type: ignore[method-assign]
        return queryset

    def _params(self, values: Sequence[Any], connection: Any) -> Iterator[Any]:
        for param, place in zip(self.params, self.places, strict=True):
            if place is None:
                yield param
            else:
                value = _adapted(values[place], connection)
                yield type(param)(value) if isinstance(value, int) else value  # PostgreSQL is told how wide it is


def _stand_in(kind: Kind, numbers: Iterator[int]) -> Any:
    """A value that no row has, and nothing else in a statement."""
    if isinstance(kind, str):
        return kind
    if isinstance(kind, int):
        return [_stand_in(int, numbers) for _ in range(kind)]
    number = next(numbers)
    return -(2**40) - number if kind is int else datetime(1, 1, 2, microsecond=number, tzinfo=UTC)


def _is_time(param: Any) -> bool:
    """On SQLite a time is a text."""
    return isinstance(param, datetime) or (isinstance(param, str) and bool(TIME.match(param)))


def _adapted(value: Any, connection: Any) -> Any:
    """As Django gives it to the database."""
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
