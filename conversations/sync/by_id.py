"""What looking things up by id has in common: who asks for what, a lease on its rows, and X's words for what it does
not show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import structlog
from django.utils.translation import gettext_noop

from accounts.models import XAccount
from accounts.tokens import BeingRenewed
from conversations.ids import as_number
from conversations.sync import caps, pace
from conversations.sync.caps import BeingSpent, CapReached
from conversations.sync.trouble import has_credit, trouble_of
from conversations.sync.who_may_ask import Known
from dminbox.xapi.errors import (
    GrantRefused,
    NotPermitted,
    NotThere,
    OperatorMustAct,
    RateLimited,
    ScopesMissing,
    TokenRefused,
    XError,
)
from dminbox.xapi.members import read_id
from dminbox.xapi.schema import OddEvent, Problem

log = structlog.get_logger("conversations.sync")

BATCH = 100
"""Ids X takes in one call."""
MOST_DUE = 10 * BATCH
"""Rows looked at in one go, so that there is something for many X accounts."""
LEASE = timedelta(minutes=5)
"""Longer than a call with a refresh of its token takes; whose worker died is due again after it."""
WITHOUT_ACCOUNT = timedelta(hours=1)
UNTIL_CAP_IS_RAISED = timedelta(hours=1)
"""Nobody waits for it, and to look again costs nothing: it goes on soon after a cap is raised."""
SOON = timedelta(0)
OF_THE_ACCOUNT = (TokenRefused, GrantRefused, BeingRenewed, ScopesMissing, RateLimited, OperatorMustAct)
"""What is wrong with one X account may be right with the next."""
LONGEST_REASON = 300
NOT_SHOWN = gettext_noop("X does not show it.")
UNREADABLE = gettext_noop("X's data could not be read; an owner can find it in the quarantine.")
MOST_TRIES = 40
"""Of what X gives in a form that cannot be read: some nine hours of them. X bills it for each day that it gives it."""
PASSING = {"internal-error", "field-hydration-failure"}
"""Problems that say nothing about the thing itself."""

Ask = Callable[[XAccount, Sequence[int]], None]
LetWait = Callable[[Collection[int], timedelta], None]
Waits = dict[int, timedelta]


@dataclass(frozen=True, slots=True)
class Lookup:
    """find: some of what is due. each: what one may cost at most. ask: claims the rows, asks X and stores what it says;
    of the errors it raises those OF_THE_ACCOUNT. let_wait: puts off those that are due.
    """

    endpoint: str
    find: Callable[[], Known]
    each: Decimal
    ask: Ask
    let_wait: LetWait


# --- Who asks ---------------------------------------------------------------------------------------------------------


def ask_in_turn(lookup: Lookup) -> None:
    """Call by call, beginning with the X account that knows most: few calls, and each is paid for by somebody who was
    shown what it is about.

    What one cannot ask for the next does that knows it, and what nobody can waits for the first of them; what nobody
    knows is not asked for, and what is too much for one call stays due. Whom X refuses, and who has no request left in
    X's window, is not tried again for what else is due: however much that is, it waits as well.
    """
    refused: Waits = {}
    while has_credit() and (known := lookup.find()):
        lookup.let_wait([pk for pk, who in known.items() if not who], WITHOUT_ACCOUNT)
        waits = _ask_all(lookup, known, refused)
        for wait in set(waits.values()):
            lookup.let_wait([pk for pk in waits if waits[pk] == wait], wait)
        if not refused or not waits:
            return


def _ask_all(lookup: Lookup, known: Known, refused: Waits) -> Waits:
    """How long those have to wait that none of the X accounts that know them can ask for."""
    x_accounts = XAccount.objects.in_bulk(set().union(*known.values()))
    left, waits = dict(known), Waits()
    while (x_account := _who_knows_most(x_accounts, left)) and has_credit():
        del x_accounts[x_account.pk]
        mine = [pk for pk, who in left.items() if x_account.pk in who]
        answered, wait = _ask(lookup, x_account, mine[:BATCH], refused)
        waits |= {pk: min(wait, waits.get(pk, wait)) for pk in mine[answered:]}
        for pk in mine[:answered]:
            del left[pk]
    return {pk: wait for pk, wait in waits.items() if pk in left and wait != SOON}


def _who_knows_most(x_accounts: Mapping[int, XAccount], left: Known) -> XAccount | None:
    counts = Counter(pk for who in left.values() for pk in who if pk in x_accounts)
    most = max(counts, key=lambda pk: (counts[pk], -pk), default=None)
    return None if most is None else x_accounts[most]


def _ask(lookup: Lookup, x_account: XAccount, pks: Sequence[int], refused: Waits) -> tuple[int, timedelta]:
    """How many of them, from the first, are done with, and how long all others have to wait for this X account."""
    if x_account.pk not in refused and (wait := pace.wait_for_request(x_account, lookup.endpoint)):
        refused[x_account.pk] = wait
    if x_account.pk in refused:
        return 0, refused[x_account.pk]
    try:
        with caps.room(x_account, lookup.each, len(pks)) as fits:
            lookup.ask(x_account, pks[:fits])
            # Others may have reserved the rest, and these may have cost less than they could.
            return fits, SOON if fits == len(pks) else caps.BACK_WITHIN
    except CapReached:
        return 0, UNTIL_CAP_IS_RAISED
    except BeingSpent:
        return 0, caps.BACK_WITHIN
    except OF_THE_ACCOUNT as error:
        log.info("lookup_refused", x_account_id=x_account.pk, error=type(error).__name__)
        refused[x_account.pk] = trouble_of(error).wait
        return 0, refused[x_account.pk]


# --- What X does not show ---------------------------------------------------------------------------------------------


def reasons_in(problems: Iterable[Problem], resource_types: Collection[str]) -> dict[int, str]:
    """X's words by the id of what it will not show."""
    reasons: dict[int, str] = {}
    for problem in problems:
        pk = as_number(problem.resource_id) or as_number(problem.value)
        if pk is None or problem.type in PASSING or (problem.resource_type or "") not in {"", *resource_types}:
            continue
        reasons[pk] = (problem.detail or problem.title or NOT_SHOWN)[:LONGEST_REASON]
    return reasons


def given_up(odd: Iterable[OddEvent], left_out: Mapping[int, int]) -> dict[int, str]:
    """Our words for what X has given too often in a form that cannot be read. left_out: how often each was asked for of
    those that X gave in none that can. An element without an id may be any of them.
    """
    ids = {as_number(read_id(one.raw.get("id"))) if isinstance(one.raw, dict) else None for one in odd}
    return {pk: UNREADABLE for pk, tries in left_out.items() if tries >= MOST_TRIES and ids & {pk, None}}


def reasons_of(error: XError, resource_types: Collection[str]) -> dict[int, str]:
    """The same of an answer that held nothing else, which comes as an error."""
    is_about_them = isinstance(error, NotThere | NotPermitted)
    return reasons_in(error.problems, resource_types) if is_about_them else {}
