"""Two open help desks at the same size, to hold our rows against: their figures are printed, and judge nothing.

50,000 conversations and 1,000,000 messages on two cores, PostgreSQL or MariaDB, their longest thread of 2,000 (ours is
of 200,000). FreeScout reads its list and threads without pages of messages; django-helpdesk does not search texts.
"""

from __future__ import annotations

from bench.table import Row

WHEN = "measured elsewhere, November 2026"
FREESCOUT, HELPDESK = "FreeScout 1.8.235", "django-helpdesk 2.6.1"

# row of the bench: (whose, what, p50 in ms, p95 in ms or None)
FIGURES: dict[str, list[tuple[str, str, float, float | None]]] = {
    "reading": [
        (FREESCOUT, "inbox", 35, 42),
        (HELPDESK, "inbox, its list alone", 379, 401),
        (FREESCOUT, "thread of 20", 33, 38),
        (HELPDESK, "thread of 20", 46, 76),
        (FREESCOUT, "thread of 2,000", 1671, 1717),
        (HELPDESK, "thread of 2,000", 3004, 3055),
    ],
    "search": [
        (FREESCOUT, "rare word", 4447, 5004),
        (FREESCOUT, "no hit", 2081, 2301),
        (HELPDESK, "rare word, in titles alone", 96, 113),
    ],
    "browsing": [
        (FREESCOUT, "inbox, first paint", 168, None),
        (FREESCOUT, "inbox, rows readable", 229, None),
        (HELPDESK, "inbox, first paint", 78, None),
        (HELPDESK, "inbox, rows readable", 548, None),
    ],
}


def rows(name: str) -> list[Row]:
    """What was measured there of what this row of the bench measures here."""
    return [_row(*figure) for figure in FIGURES.get(name, [])]


def _row(whose: str, what: str, median: float, p95: float | None) -> Row:
    note = f"{WHEN}{f'; p95 {p95:,.0f} ms' if p95 else ''}"
    return Row(f"  {whose}: {what}", median, "ms", note=note)
