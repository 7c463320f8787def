"""What looking things up by id has in common: a batch, a lease on its rows, and X's words for what it does not show."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.utils.translation import gettext_noop

from conversations.ids import as_number
from dminbox.xapi.errors import NotPermitted, NotThere, XError
from dminbox.xapi.schema import Problem

BATCH = 100
"""Ids X takes in one call."""
LEASE = timedelta(minutes=5)
"""Longer than a call with a refresh of its token takes; whose worker died is due again after it."""
LONGEST_REASON = 300
NOT_SHOWN = gettext_noop("X does not show it.")
PASSING = {"internal-error", "field-hydration-failure", "unreadable"}
"""Problems that say nothing about the thing itself."""


def reasons_in(problems: Iterable[Problem], resource_types: Collection[str]) -> dict[int, str]:
    """X's words by the id of what it will not show."""
    reasons: dict[int, str] = {}
    for problem in problems:
        pk = as_number(problem.resource_id) or as_number(problem.value)
        if pk is None or problem.type in PASSING or (problem.resource_type or "") not in {"", *resource_types}:
            continue
        reasons[pk] = (problem.detail or problem.title or NOT_SHOWN)[:LONGEST_REASON]
    return reasons


def reasons_of(error: XError, resource_types: Collection[str]) -> dict[int, str]:
    """The same of an answer that held nothing else, which comes as an error."""
    is_about_them = isinstance(error, NotThere | NotPermitted)
    return reasons_in(error.problems, resource_types) if is_about_them else {}
