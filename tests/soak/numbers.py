"""What the stories of a run came to, in one line of its end: docs/reliability.md tells the numbers of the last run."""

from __future__ import annotations

from typing import Any

COUNTED = "story"
"""The property under which a story tells what it came to."""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    told = [(value, report.duration) for report in reports for name, value in report.user_properties if name == COUNTED]
    if not told:
        return
    sums = {name: sum(value[name] for value, _ in told) for name in told[0][0]}
    words = ", ".join(f"{count:,} {name}" for name, count in sums.items())
    minutes = sum(seconds for _, seconds in told) / 60
    terminalreporter.write_line(f"{len(told)} stories: {words}; {minutes:.1f} minutes of work")
