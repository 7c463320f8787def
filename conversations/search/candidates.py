"""Which messages may be meant: the index of either database, newest first. What it gives is a little too much at most.

PostgreSQL: an array of tokens under GIN finds what is rare at once, but it would have to sort all of what is common;
that stands within a short walk through the newest messages. So a walk comes first, a longer one if the first found
something, and GIN for what lies deeper: all of it at once if that is little, else in stretches of time that grow from
the newest down, of which only one is sorted. SQLite: FTS5 walks its lists from the newest down by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from conversations.models import SearchEntry
from conversations.models.search import as_text
from conversations.words import facet
from dminbox.postgres.planning import by_its_values

FIRST_WALK = 1_000
LONGEST_WALK = 10_000
FEWEST_PER_ACCOUNT = 50
AT_ONCE = 200
"""What comes out of the index in one go: numbers alone."""
ENOUGH_TO_GO_ON = 3
"""Found on the first walk: then at least about one message in 300 is meant, and a longer walk gets there."""
TOP = 2**63 - 1
NO_EVENT = 0

Rows = list[tuple[int, int]]
"""position and event of each, newest first."""


@dataclass(frozen=True, slots=True)
class Spec:
    """all_of: tokens that a message must have; any_of: of each group at least one. low <= position < high.

    is_everywhere: the X accounts are all there are, and need no looking at.
    """

    x_accounts: tuple[int, ...]
    all_of: frozenset[int] = frozenset()
    any_of: tuple[frozenset[int], ...] = ()
    low: int = 0
    high: int = TOP
    is_everywhere: bool = False

    @property
    def accounts_group(self) -> frozenset[int]:
        return frozenset(facet("account", pk) for pk in self.x_accounts)


@by_its_values()  # one X account has a million messages, another ten; one word is in all of them
def newest(spec: Spec, enough: int) -> tuple[Rows, bool]:
    """So many if there are, maybe more; and whether that is all there is."""
    if not spec.x_accounts or spec.low >= spec.high or not all(spec.any_of):
        return [], True
    if not spec.all_of and not spec.any_of:
        return _ending(_newest_of_all(spec, enough), enough)
    if connection.vendor == "postgresql":
        return _by_walking_and_gin(spec, enough)
    return _ending(_by_fts(spec, AT_ONCE), AT_ONCE)


def _ending(rows: Rows, limit: int) -> tuple[Rows, bool]:
    return rows, len(rows) < limit


def _newest_of_all(spec: Spec, limit: int) -> Rows:
    entries = SearchEntry.objects.filter(x_account__in=spec.x_accounts, position__gte=spec.low, position__lt=spec.high)
    return list(entries.order_by("-position").values_list("position", "event")[:limit])


# --- SQLite -----------------------------------------------------------------------------------------------------------

FTS = """
    SELECT entry.position, entry.event_id FROM conversations_searchtokens tokens
    JOIN conversations_searchentry entry ON entry.position = tokens.rowid
    WHERE tokens.conversations_searchtokens MATCH %s AND tokens.rowid >= %s AND tokens.rowid < %s
    ORDER BY tokens.rowid DESC LIMIT %s
"""


def _by_fts(spec: Spec, limit: int) -> Rows:
    groups = spec.any_of if spec.is_everywhere else (*spec.any_of, spec.accounts_group)
    parts = [_quoted(token) for token in sorted(spec.all_of)]
    parts += [f"({' OR '.join(map(_quoted, sorted(group)))})" for group in groups]
    return _rows(FTS, [" AND ".join(parts), spec.low, spec.high, limit])


def _quoted(token: int) -> str:
    return f'"{as_text(token)}"'


# --- PostgreSQL -------------------------------------------------------------------------------------------------------

WALKED = """
    (SELECT position, event_id, x_account_id, {meant} AS is_meant FROM conversations_searchentry
    WHERE x_account_id = %s AND position >= %s AND position < %s ORDER BY position DESC LIMIT %s)
"""
# Below the edge one X account is walked farther than another.
WALK = """
    WITH walked AS MATERIALIZED ({walked}),
    edge AS (SELECT max(low) AS low FROM (
        SELECT min(position) AS low FROM walked GROUP BY x_account_id HAVING count(*) = %s) lows)
    SELECT coalesce(low, -1), 0 FROM edge
    UNION ALL (
        SELECT position, event_id FROM walked
        WHERE is_meant AND position >= coalesce((SELECT low FROM edge), -1) ORDER BY position DESC LIMIT %s)
"""
GIN = """
    WITH meant AS MATERIALIZED (
        SELECT position, event_id FROM conversations_searchentry
        WHERE {meant} AND x_account_id = ANY(%s) AND position >= %s AND position < %s {cut})
    SELECT position, event_id FROM meant ORDER BY position DESC LIMIT %s
"""
OLDEST = "SELECT position, event_id FROM conversations_searchentry WHERE position >= %s ORDER BY position LIMIT 1"
MANY = AT_ONCE // 2
"""Found in one of those stretches: then it is worth while to look at these before going deeper."""
SHARES = (64, 16, 4, 1)
"""What is common below the walk is looked for in a 64th of the time there is, then in a 16th, and so on."""


def _by_walking_and_gin(spec: Spec, enough: int) -> tuple[Rows, bool]:
    found, edge = _walk(spec, FIRST_WALK)
    if edge >= 0 and ENOUGH_TO_GO_ON <= len(found) < enough:
        found, edge = _walk(spec, min(LONGEST_WALK, 2 * FIRST_WALK * enough // len(found)))
    if edge < 0 and len(found) < AT_ONCE:
        return found, True
    if len(found) >= enough:
        return found, False
    deeper, is_end = _by_gin(spec, edge)
    return found + deeper, is_end


def _walk(spec: Spec, steps: int) -> tuple[Rows, int]:
    """What is meant of the newest few of each X account, and from where on that is all of it; -1: from the first."""
    each = max(FEWEST_PER_ACCOUNT, steps // len(spec.x_accounts))
    meant, values = _meant(spec.all_of, spec.any_of)
    walked = " UNION ALL ".join([WALKED.format(meant=meant)] * len(spec.x_accounts))
    params = [param for pk in spec.x_accounts for param in (*values, pk, spec.low, spec.high, each)]
    rows = _rows(WALK.format(walked=walked), [*params, each, AT_ONCE])
    [edge] = [position for position, event in rows if event == NO_EVENT]
    return sorted((row for row in rows if row[1] != NO_EVENT), reverse=True), edge


def _by_gin(spec: Spec, below: int) -> tuple[Rows, bool]:
    with transaction.atomic(), connection.cursor() as cursor:
        # A word that all use is no reason to read the whole table.
        cursor.execute("SET LOCAL enable_seqscan = off")
        some = _gin(spec, spec.low, below, AT_ONCE + 1, is_cut=True)
        if len(some) <= AT_ONCE:
            return some, True
        [(oldest, _)] = _rows(OLDEST, [spec.low])
        for share in SHARES:
            rows = _gin(spec, below - (below - oldest) // share, below, AT_ONCE)
            if len(rows) >= MANY:
                break
        return rows, False


def _gin(spec: Spec, low: int, below: int, limit: int, *, is_cut: bool = False) -> Rows:
    """The newest of them; is_cut: any of them, as they are met, which is all where there are fewer."""
    groups = spec.any_of if spec.is_everywhere else (*spec.any_of, spec.accounts_group)
    meant, values = _meant(spec.all_of, groups)
    sql = GIN.format(meant=meant, cut=f"LIMIT {limit:d}" if is_cut else "")
    return _rows(sql, [*values, list(spec.x_accounts), low, below, limit])


def _meant(all_of: frozenset[int], any_of: tuple[frozenset[int], ...]) -> tuple[str, list[Any]]:
    conditions = ["tokens @> %s::integer[]"] if all_of else []
    conditions += ["tokens && %s::integer[]"] * len(any_of)
    values = [sorted(all_of)] if all_of else []
    return " AND ".join(conditions), [*values, *(sorted(group) for group in any_of)]


def _rows(sql: str, params: list[Any]) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [(position, event) for position, event in cursor.fetchall()]
