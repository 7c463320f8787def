"""Counting the members that X tells and nobody here reads: by their names, and never by what stands in them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import UnknownMember
from dminbox.xapi import known_members

TABLE = UnknownMember._meta.db_table
INSERT = f"INSERT INTO {TABLE} (x_account_id, kind, name, times_seen, example_id, first_seen_at, last_seen_at) VALUES"
ADD = (
    "ON CONFLICT (x_account_id, kind, name) DO UPDATE "
    f"SET times_seen = {TABLE}.times_seen + excluded.times_seen, last_seen_at = excluded.last_seen_at"
)


def count(x_account: XAccount, found: Sequence[known_members.UnknownMember]) -> None:
    """One row for each name and X account: so none is waited for by other X accounts, however many tell the same.

    found: in the order of their kinds and names, in which everybody takes the rows.
    """
    if not found:
        return
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    rows = ", ".join(["(%s, %s, %s, %s, %s, %s, %s)"] * len(found))
    values = [
        value
        for one in found
        for value in (x_account.pk, one.kind.value, one.name, one.times, one.example_id, now, now)
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"{INSERT} {rows} {ADD}", values)
