"""Profiles of people whom X named without showing them, by one call for up to a hundred ids.

Suspended or deleted people are missing from every answer: X's words are kept, and the profile last seen stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.access import without_tokens
from accounts.models import XAccount
from conversations import changes, ledger
from conversations.ids import as_number
from conversations.models import XUser
from conversations.sync import caps, pace
from conversations.sync.by_id import BATCH, LEASE, reasons_in, reasons_of
from conversations.sync.caps import BeingSpent, CapReached
from conversations.sync.includes import store_users
from conversations.sync.trouble import back_off, has_credit, heed, trouble_of
from dminbox import leases
from dminbox.xapi.errors import RateLimited, ScopesMissing, TokenRefused, XError
from dminbox.xapi.schema import Answer, User

log = structlog.get_logger("conversations.sync")

Users = Answer[tuple[User, ...]]
UNTIL_CAP_IS_RAISED = timedelta(hours=1)
"""Nobody waits for a profile, and to look again costs nothing: it goes on soon after a cap is raised."""


def look_up_due_people() -> None:
    """One call for those who are due. May run in many workers at once: each person is claimed by one."""
    pks = list(due().order_by("lookup_due_at", "pk").values_list("pk", flat=True)[:BATCH])
    if not pks or not has_credit():
        return
    # Profiles are no secret of one account, so the first connected one that can ask does.
    x_accounts = list(without_tokens().filter(state=XAccount.State.CONNECTED).order_by("pk"))
    if x_accounts and (people := _claim(pks)):
        _look_up(x_accounts, people)


def due() -> QuerySet[XUser]:
    return XUser.objects.filter(leases.is_due("lookup_due_at", timezone.now(), pace.longest_wait()))


def _claim(pks: Sequence[int]) -> list[XUser]:
    until = timezone.now() + LEASE
    due().filter(pk__in=pks).update(lookup_due_at=until, lookup_attempts=F("lookup_attempts") + 1)
    return list(XUser.objects.filter(pk__in=pks, lookup_due_at=until))


def _look_up(x_accounts: Sequence[XAccount], people: Sequence[XUser]) -> None:
    try:
        answer = _ask(x_accounts, [str(person.pk) for person in people])
    except (CapReached, BeingSpent) as full:
        _put_off(people, {}, caps.BACK_WITHIN if isinstance(full, BeingSpent) else UNTIL_CAP_IS_RAISED)
        return
    except XError as error:
        heed(error)
        log.info("people_lookup_failed", people=len(people), error=type(error).__name__)
        reasons = reasons_of(error, {"user"})
        _mark_unavailable(reasons)
        attempts = max(person.lookup_attempts for person in people)
        _put_off(people, reasons, trouble_of(error, attempts).wait)
        return
    _store(people, answer)


def _ask(x_accounts: Sequence[XAccount], ids: Sequence[str]) -> Users:
    """The answer to the first who gets one; what is wrong with one account may be right with the next."""
    for x_account in x_accounts[:-1]:
        try:
            return _ask_one(x_account, ids)
        except (CapReached, BeingSpent, TokenRefused, ScopesMissing, RateLimited):
            continue
    return _ask_one(x_accounts[-1], ids)


def _ask_one(x_account: XAccount, ids: Sequence[str]) -> Users:
    with caps.room(x_account, len(ids) * settings.PRICE_USER_USD, 1):
        answer = ledger.call(x_account, lambda client: client.users(ids))
        ledger.record_lookup(x_account, answer)
    return answer


def _store(people: Sequence[XUser], answer: Users) -> None:
    reasons = reasons_in(answer.problems, {"user"})
    wait = back_off(max(person.lookup_attempts for person in people))
    with transaction.atomic():
        store_users(answer.value, answer.answered_at)
        _mark_unavailable(reasons)
        shown = {as_number(user.id) for user in answer.value}
        _put_off([person for person in people if person.pk not in shown], reasons, wait)


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
