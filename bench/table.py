"""The lines of the table: a value, the floor it is divided by, the ratio, and whether that meets its target."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

COLUMNS = ("what", "value", "unit", "floor", "ratio", "target", "met?")


@dataclass(frozen=True, slots=True)
class Row:
    """One line. Without a target it is reported beside the others. ratio: value / floor, unless a row says otherwise.

    target: "≤ 1.05", "≥ 0.25" for the ratio. also: further conditions, each a sentence and whether it holds.
    note: what was counted, in a few words. said: stands beside the target, and nothing is judged by it.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    target: str = ""
    also: tuple[tuple[str, bool], ...] = ()
    note: str = ""
    said: str = ""

    @property
    def is_met(self) -> bool | None:
        """None: nothing was asked for."""
        if not self.target and not self.also:
            return None
        return holds(self.target, self.ratio) and all(is_so for _, is_so in self.also)


def row(name: str, value: float, unit: str, floor: float, target: str = "", **more: Any) -> Row:
    """A line whose ratio is its value by its floor."""
    return Row(name, value, unit, floor, value / floor if floor else None, target, **more)


def holds(target: str, ratio: float | None) -> bool:
    if not target:
        return True
    sign, _, number = target.partition(" ")
    if ratio is None:
        return False
    return {"≤": ratio <= float(number), "≥": ratio >= float(number)}[sign]


def side_by_side(values: Sequence[float], floors: Sequence[float]) -> float:
    """The median of the ratios of what ran right after one another: a busy moment of the machine hits both."""
    return statistics.median(value / floor for value, floor in zip(values, floors, strict=True))


def p95(values: Iterable[float]) -> float:
    in_order = sorted(values)
    return in_order[int(len(in_order) * 0.95)]


def rendered(rows: Iterable[Row]) -> str:
    lines = [COLUMNS, *(_cells(one) for one in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(COLUMNS))]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join([first, *others]).rstrip()


def _cells(one: Row) -> tuple[str, ...]:
    conditions = [one.target, *(sentence for sentence, _ in one.also)]
    met = {None: "", True: "yes", False: "NO"}[one.is_met]
    target = ", ".join(filter(None, [*conditions, one.said]))
    return one.name, _number(one.value), one.unit, _number(one.floor), _number(one.ratio), target, met


def _number(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}" if abs(number) < 10 else f"{number:.1f}"


def as_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [{**asdict(one), "met": one.is_met} for one in rows]


def write(rows: Iterable[Row], folder: Path, about: dict[str, Any], at: datetime) -> Path:
    """One file per run, with what machine and commit it was."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{at:%Y-%m-%dT%H-%M-%S}.json"
    path.write_text(json.dumps({**about, "at": at.isoformat(), "rows": as_json(rows)}, indent=1, ensure_ascii=False))
    return path
