"""What the people of the demo say, as plain text files, and how those files are read."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def lines(name: str) -> list[str]:
    """The lines of a file that say something: neither empty nor a comment."""
    said = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in said if line.strip() and not line.startswith("# ")]


def sections(name: str) -> list[tuple[str, list[str]]]:
    """Heads (`== head`) with the lines below each."""
    found: list[tuple[str, list[str]]] = []
    for line in lines(name):
        if line.startswith("== "):
            found.append((line[3:].strip(), []))
        else:
            found[-1][1].append(line)
    return found


def rows(name: str, columns: int) -> list[list[str]]:
    """A table with `|` between its columns."""
    table = [[cell.strip() for cell in line.split("|")] for line in lines(name) if not line.startswith("#")]
    if wrong := [row for row in table if len(row) != columns]:
        raise ValueError(f"{name}: not {columns} columns in {wrong[0]}")
    return table
