"""Profiles of people whom X named without showing them, by one call for up to a hundred ids.

Suspended or deleted people are missing from every answer: X's words are kept, and the profile last seen stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import XAccount
from conversations import changes, ledger
from conversations.ids import as_number
from conversations.models import XUser
from conversations.sync import pace, who_may_ask
from conversations.sync.by_id import (
    LEASE,
    MOST_DUE,
    OF_THE_ACCOUNT,
    Lookup,
    ask_in_turn,
    given_up,
    reasons_in,
    reasons_of,
)
from conversations.sync.includes import store_users
from conversations.sync.quarantine import store_odd
from conversations.sync.trouble import back_off, heed, trouble_of
from conversations.sync.who_may_ask import Known
from dminbox import leases
from dminbox.xapi.errors import XError
from dminbox.xapi.schema import Answer, Users

log = structlog.get_logger("conversations.sync")


def look_up_due_people() -> None:
    """By the X accounts in whose conversations somebody is missing. May run in many workers at once: each person is
    claimed by one.
    """
    if XAccount.objects.filter(state=XAccount.State.CONNECTED).exists():
        ask_in_turn(Lookup("GET /2/users", _find, settings.PRICE_USER_USD, _look_up, _let_wait))


def _find() -> Known:
    return who_may_ask.people(list(due().order_by("lookup_due_at", "pk").values_list("pk", flat=True)[:MOST_DUE]))


def due() -> QuerySet[XUser]:
    return XUser.objects.filter(leases.is_due("lookup_due_at", timezone.now(), pace.longest_wait()))


def _let_wait(pks: Collection[int], wait: timedelta) -> None:
    due().filter(pk__in=pks).update(lookup_due_at=timezone.now() + wait)


def _claim(pks: Sequence[int]) -> list[XUser]:
    until = timezone.now() + LEASE
    due().filter(pk__in=pks).update(lookup_due_at=until, lookup_attempts=F("lookup_attempts") + 1)
    return list(XUser.objects.filter(pk__in=pks, lookup_due_at=until))


def _give_back(claimed: Sequence[XUser]) -> None:
    """X said nothing of them: it was no attempt, and another X account may ask."""
    ours = XUser.objects.filter(pk__in=[row.pk for row in claimed], lookup_due_at=claimed[0].lookup_due_at)
    ours.update(lookup_due_at=timezone.now(), lookup_attempts=F("lookup_attempts") - 1)


def _look_up(x_account: XAccount, pks: Sequence[int]) -> None:
    people = _claim(pks)
    if not people:
        return
    ids = [str(person.pk) for person in people]
    try:
        answer = ledger.call(x_account, lambda client: client.users(ids))
    except OF_THE_ACCOUNT:
        _give_back(people)
        raise
    except XError as error:
        heed(error)
        log.info("people_lookup_failed", x_account_id=x_account.pk, people=len(people), error=type(error).__name__)
        reasons = reasons_of(error, {"user"})
        _mark_unavailable(reasons)
        attempts = max(person.lookup_attempts for person in people)
        _put_off(people, reasons, trouble_of(error, attempts).wait)
        return
    ledger.record_lookup(x_account, answer)
    _store(x_account, people, answer)


def _store(x_account: XAccount, people: Sequence[XUser], answer: Answer[Users]) -> None:
    given = answer.value
    shown = {as_number(user.id) for user in given.users}
    left_out = [person for person in people if person.pk not in shown]
    unreadable = given_up(given.odd, {person.pk: person.lookup_attempts for person in left_out})
    reasons = unreadable | reasons_in(answer.problems, {"user"})
    wait = back_off(max(person.lookup_attempts for person in people))
    with transaction.atomic():
        store_odd(x_account, given.odd)
        store_users(given.users, answer.answered_at)
        _mark_unavailable(reasons)
        _put_off(left_out, reasons, wait)


@transaction.atomic(savepoint=False)
def _mark_unavailable(reasons: Mapping[int, str]) -> None:
    rows = list(XUser.objects.filter(pk__in=reasons, lookup_due_at__isnull=False).order_by("pk"))
    news = [row.pk for row in rows if row.unavailable_since is None]
    for row in rows:
        row.unavailable_since = row.unavailable_since or timezone.now()
        row.unavailable_reason = reasons[row.pk]
        row.lookup_due_at = None
    XUser.objects.bulk_update(rows, ["unavailable_since", "unavailable_reason", "lookup_due_at"])
    changes.tell_of_people(news)


def _put_off(people: Sequence[XUser], reasons: Mapping[int, str], wait: timedelta) -> None:
    """Those of whom X said nothing are asked for again, unless a page has shown them meanwhile."""
    pks = [person.pk for person in people if person.pk not in reasons]
    XUser.objects.filter(pk__in=pks, lookup_due_at__isnull=False).update(lookup_due_at=timezone.now() + wait)
