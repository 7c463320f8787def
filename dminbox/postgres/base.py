"""Django's PostgreSQL, made safe for statements whose values the server puts in (`DATABASE_PREPARES`).

There a statement takes so many values and no more, and each value says how wide it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import base, features, operations
from psycopg.types import numeric

MOST_VALUES = 2**16 - 1  # PostgreSQL's protocol counts them in 16 bits
MOST_ROWS = 2_000
FITTING = {numeric.Int2: range(-(2**15), 2**15), numeric.Int4: range(-(2**31), 2**31)}


class DatabaseFeatures(features.DatabaseFeatures):
    max_query_params = MOST_VALUES


class DatabaseOperations(operations.DatabaseOperations):
    def bulk_batch_size(self, fields: Sequence[Any], objs: Sequence[Any]) -> int:
        """Rows that one statement can write: a page of X may name thousands of people.

        A change of many rows names the key with each of a row's values, which Django counts as two in all; and looks
        for each row's values among those of all the others, which many at once would make slow.
        """
        return min(MOST_VALUES // max(2 * len(fields), 1), MOST_ROWS)

    def adapt_integerfield_value(self, value: Any, internal_type: str) -> Any:
        """Django takes 32 bits for a `Value` of any number; X's ids have 64, and the driver would cut them silently."""
        adapted = super().adapt_integerfield_value(value, internal_type)
        fitting = FITTING.get(type(adapted))
        return adapted if fitting is None or int(adapted) in fitting else numeric.Int8(adapted)


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
