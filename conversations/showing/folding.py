"""Comings and goings that follow each other, folded into one line of a thread. Pure: no queries of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from django.utils.translation import ngettext

from conversations.models import XUser
from conversations.showing import comings_and_goings
from conversations.showing.names import Naming, moved_so, with_names
from conversations.showing.thread import Shown
from dminbox.wording import number

FOLDED_FROM = 3
"""So many markers in a row say more as one line."""
MOST_PARTS = 3
"""Sentences of one line; who wants to know all unfolds it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows that stand together: a single one, or many markers under the words that sum them up."""

    rows: list[Shown]
    words: str = ""

    @property
    def row(self) -> Shown:
        """The single one, or the first."""
        return self.rows[0]

    @property
    def is_folded(self) -> bool:
        return bool(self.words)

    @property
    def is_plain(self) -> bool:
        """A single one with nothing above or below that belongs to it, as most are."""
        return not (self.words or self.row.has_line_above or self.row.seen_at)

    def holds(self, dm_event_id: int | None) -> bool:
        return any(row.event.dm_event_id == dm_event_id for row in self.rows)


def stretches(rows: Iterable[Shown]) -> list[Stretch]:
    """All rows in their order; long runs of markers within one day as one stretch."""
    found: list[Stretch] = []
    for run in _runs(rows):
        if len(run) >= FOLDED_FROM:
            found.append(Stretch(run, with_names(partial(summary, run))))
        else:
            found += [Stretch([row]) for row in run]
    return found


def summary(rows: Sequence[Shown], name: Naming) -> str:
    """Ada added Ben, Cleo and 4 others; Mira left. Who did the same more than once is named once."""
    people: dict[tuple[str, int | None], dict[int, XUser]] = {}
    inviters: dict[int | None, XUser] = {}
    for row in rows:
        by = row.event.sender if row.kind == "joined" else None
        if by:
            inviters[by.pk] = by
        for kind, moved in comings_and_goings.kinds_of(row.event):
            who = people.setdefault((kind, by.pk if by else None), {})
            who.update({each.x_user_id: each.x_user for each in moved})
    parts = [moved_so(kind, list(who.values()), inviters.get(by), name) for (kind, by), who in people.items()]
    return comings_and_goings.one_after_another([*parts[:MOST_PARTS], *_more(len(parts) - MOST_PARTS)])


def _more(count: int) -> list[str]:
    if count < 1:
        return []
    return [ngettext("and %(count)s more change", "and %(count)s more changes", count) % {"count": number(count)}]


def _runs(rows: Iterable[Shown]) -> Iterator[list[Shown]]:
    run: list[Shown] = []
    for row in rows:
        if run and not _goes_on(run[-1], row):
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _goes_on(before: Shown, row: Shown) -> bool:
    is_apart = row.day or row.is_locked_above or row.is_new_above or before.seen_at
    return not is_apart and {before.kind, row.kind} <= {"joined", "left"}
