"""The floor under an ingest: the same rows as tuples prepared beforehand, one INSERT … ON CONFLICT per page and table.

The tuples are read from a database into which the product has read the pages once; PARTS says which rows
of a table belong to a page: those that hold something the page tells. A page goes into one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

EVENTS = "conversations_dmevent"
PAGE_OF_EVENT = """
    CREATE TEMP TABLE page_of AS
    SELECT id, (row_number() OVER (ORDER BY dm_event_id DESC) - 1) / %s AS page FROM conversations_dmevent
"""
# Each gives (page, key of the row), every key once per page.
PEOPLE_OF_PAGE = """
    SELECT p.page, e.sender_id FROM page_of p JOIN conversations_dmevent e USING (id) WHERE e.sender_id IS NOT NULL
    UNION SELECT p.page, c.peer_id FROM page_of p JOIN conversations_dmevent e USING (id)
        JOIN conversations_conversation c ON c.id = e.conversation_id WHERE c.peer_id IS NOT NULL
    UNION SELECT p.page, %(own)s FROM page_of p
    UNION SELECT p.page, o.author_id FROM page_of p JOIN conversations_eventpost ep ON ep.event_id = p.id
        JOIN conversations_post o ON o.id = ep.post_id WHERE o.author_id IS NOT NULL
"""
MEDIA_OF_PAGE = """
    SELECT p.page, em.media_id FROM page_of p JOIN conversations_eventmedia em ON em.event_id = p.id
"""
PARTS = {
    "conversations_mediafile": f"""
        SELECT x.page, m.file_id FROM ({MEDIA_OF_PAGE}) x JOIN conversations_media m ON m.id = x.media_id
            WHERE m.file_id IS NOT NULL
        UNION SELECT x.page, m.preview_id FROM ({MEDIA_OF_PAGE}) x JOIN conversations_media m ON m.id = x.media_id
            WHERE m.preview_id IS NOT NULL
        UNION SELECT x.page, u.avatar_id FROM ({PEOPLE_OF_PAGE}) x JOIN conversations_xuser u ON u.id = x.sender_id
            WHERE u.avatar_id IS NOT NULL
    """,
    "conversations_xuser": PEOPLE_OF_PAGE,
    "conversations_media": MEDIA_OF_PAGE,
    "conversations_post": """
        SELECT DISTINCT p.page, ep.post_id FROM page_of p JOIN conversations_eventpost ep ON ep.event_id = p.id
    """,
    "conversations_conversation": """
        SELECT DISTINCT p.page, e.conversation_id FROM page_of p JOIN conversations_dmevent e USING (id)
    """,
    EVENTS: "SELECT page, id FROM page_of",
    "conversations_eventparticipant": """
        SELECT p.page, l.id FROM page_of p JOIN conversations_eventparticipant l ON l.event_id = p.id
    """,
    "conversations_eventpost": """
        SELECT p.page, l.id FROM page_of p JOIN conversations_eventpost l ON l.event_id = p.id
    """,
    "conversations_eventmedia": """
        SELECT p.page, l.id FROM page_of p JOIN conversations_eventmedia l ON l.event_id = p.id
    """,
    "conversations_participant": """
        SELECT DISTINCT p.page, r.id FROM page_of p JOIN conversations_dmevent e USING (id)
            JOIN conversations_conversation c ON c.id = e.conversation_id
            JOIN conversations_participant r ON r.conversation_id = e.conversation_id
            WHERE NOT c.is_group OR r.x_user_id = e.sender_id
    """,
    # Who shows otherwise by a page is announced after its events; what stands before all of them was there before.
    "conversations_change": """
        SELECT page, id FROM (
            SELECT max(p.page) OVER (ORDER BY l.number) AS page, l.id
                FROM conversations_change l LEFT JOIN page_of p ON p.id = l.event_id
        ) numbered WHERE page IS NOT NULL
    """,
    "conversations_billedresource": f"""
        SELECT p.page, b.id FROM page_of p JOIN conversations_dmevent e USING (id)
            JOIN conversations_billedresource b ON b.kind = 'dm_event' AND b.resource_id = e.dm_event_id
        UNION SELECT x.page, b.id FROM (
            SELECT p.page, ep.post_id FROM page_of p JOIN conversations_eventpost ep ON ep.event_id = p.id) x
            JOIN conversations_billedresource b ON b.kind = 'post' AND b.resource_id = x.post_id
        UNION SELECT min(x.page), b.id FROM ({PEOPLE_OF_PAGE}) x
            JOIN conversations_billedresource b ON b.kind = 'user' AND b.resource_id = x.sender_id GROUP BY b.id
    """,
    "conversations_apicall": """
        SELECT row_number() OVER (ORDER BY id) - 1, id FROM conversations_apicall
    """,
    "conversations_spendday": "SELECT DISTINCT p.page, l.id FROM page_of p CROSS JOIN conversations_spendday l",
    "conversations_ratewindow": "SELECT DISTINCT p.page, l.id FROM page_of p CROSS JOIN conversations_ratewindow l",
    "conversations_readinterval": "SELECT DISTINCT p.page, l.id FROM page_of p CROSS JOIN conversations_readinterval l",
    "conversations_syncstate": "SELECT DISTINCT p.page, l.id FROM page_of p CROSS JOIN conversations_syncstate l",
}
"""In the order in which they are written."""
ONLY_ADDED = {
    "conversations_eventparticipant", "conversations_eventpost", "conversations_eventmedia", "conversations_change",
    "conversations_billedresource", "conversations_apicall", "conversations_mediafile",
}  # fmt: skip
"""Rows that no later page changes: ON CONFLICT DO NOTHING."""


@dataclass
class Insert:
    """Rows of one table that one page brings. columns: name and type, the first of them the key."""

    table: str
    columns: tuple[tuple[str, str], ...]
    rows: list[tuple[Any, ...]]

    def __post_init__(self) -> None:
        one = "(" + ", ".join("%s::jsonb" if kind == "jsonb" else "%s" for _, kind in self.columns) + ")"
        values = ", ".join([one] * len(self.rows))
        self.statement = f"INSERT INTO {self.table} ({self.names}) VALUES {values} {self._on_conflict}"
        self.values = [value for row in self.rows for value in row]

    @property
    def names(self) -> str:
        return ", ".join(f'"{name}"' for name, _ in self.columns)

    @property
    def _on_conflict(self) -> str:
        if self.table in ONLY_ADDED:
            return "ON CONFLICT DO NOTHING"
        told = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name, _ in self.columns[1:])
        return f"ON CONFLICT (id) DO UPDATE SET {told}"


_prepared: list[list[Insert]] = []


def prepare(url: str, own_id: str, events_per_page: int) -> int:
    """Reads the tuples of every page from the database at `url`. Returns how many pages there are."""
    with psycopg.connect(url) as source:
        source.execute(PAGE_OF_EVENT, [events_per_page])
        source.execute("CREATE INDEX ON page_of (id)")
        count = int(_one(source, "SELECT max(page) + 1 FROM page_of"))
        _prepared[:] = [[] for _ in range(count)]
        for table in PARTS:
            for page, insert in _inserts(source, table, own_id):
                _prepared[min(page, count - 1)].append(insert)
    return count


def insert(url: str, first: int, count: int) -> float:
    """Writes these pages, each in one transaction. Returns the seconds that took."""
    with psycopg.connect(url, autocommit=True) as target:
        target.execute("SELECT 1")
        started = time.perf_counter()
        for inserts in _prepared[first : first + count]:
            with target.transaction():
                for one in inserts:
                    target.execute(one.statement, one.values)
        return time.perf_counter() - started


def copy(url: str) -> float:
    """Seconds to bring the same rows in by COPY, once each, a table at a time. Into empty tables."""
    rows: dict[str, dict[Any, tuple[Any, ...]]] = {table: {} for table in PARTS}
    names = {one.table: one.names for inserts in _prepared for one in inserts}
    for inserts in _prepared:
        for one in inserts:
            rows[one.table].update((row[0], row) for row in one.rows)
    with psycopg.connect(url) as target:
        target.execute("DELETE FROM conversations_syncstate")
        started = time.perf_counter()
        for table, found in rows.items():
            if not found:
                continue
            with target.cursor().copy(f"COPY {table} ({names[table]}) FROM STDIN") as stream:
                for values in found.values():
                    stream.write_row(values)
        target.commit()
        return time.perf_counter() - started


def differences(url: str, other: str) -> dict[str, int]:
    """Table -> rows that only one of the two databases has, leaving out what is a time by our clock."""
    with psycopg.connect(url) as one, psycopg.connect(other) as two:
        counts = {table: len(_fingerprints(one, table) ^ _fingerprints(two, table)) for table in PARTS}
    return {table: count for table, count in counts.items() if count}


TIMES_OF_X = {
    "conversations_dmevent": {"created_at"},
    "conversations_participant": {"joined_at", "left_at", "last_message_at"},
    "conversations_post": {"created_at"},
}
"""All other times are of our clock, and two runs happen at two times."""
BY_OUR_CLOCK = {"lease_holder", "horizon_id", "low_id", "high_id", "seam_id"}
"""Drawn anew each time, or made from what time it is."""


def _fingerprints(database: psycopg.Connection[Any], table: str) -> set[str]:
    wanted = [f'"{name}"' for name, kind in _columns(database, table) if _is_compared(table, name, kind)]
    statement = f"SELECT md5(ROW({', '.join(wanted)})::text) FROM {table}"
    return {row[0] for row in database.execute(statement)}


def _is_compared(table: str, name: str, kind: str) -> bool:
    if kind.startswith("timestamp"):
        return name in TIMES_OF_X.get(table, ())
    return name not in BY_OUR_CLOCK


def _inserts(source: psycopg.Connection[Any], table: str, own_id: str) -> Iterable[tuple[int, Insert]]:
    columns = _columns(source, table)
    shown = ", ".join(f'r."{name}"::text' if kind == "jsonb" else f'r."{name}"' for name, kind in columns)
    rows = f"({PARTS[table]}) x (page, key) JOIN {table} r ON r.id = x.key ORDER BY x.page, r.id"
    parameters = {"own": int(own_id)} if "%(own)s" in rows else None
    by_page: dict[int, list[tuple[Any, ...]]] = {}
    for page, *values in source.execute(f"SELECT x.page, {shown} FROM {rows}", parameters):
        by_page.setdefault(int(page), []).append(tuple(values))
    for page, found in by_page.items():
        yield page, Insert(table, columns, found)


def _columns(database: psycopg.Connection[Any], table: str) -> tuple[tuple[str, str], ...]:
    found = database.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
        [table],
    )
    return tuple((name, kind) for name, kind in found)


def _one(database: psycopg.Connection[Any], statement: str) -> Any:
    row = database.execute(statement).fetchone()
    assert row
    return row[0]
