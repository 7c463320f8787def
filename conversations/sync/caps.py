"""What an X account may still cost: reading stops before its cap of the month is crossed, and an import's pages stop
before its ceiling is.

Where there is a cap, or a ceiling is near, what a call may cost is reserved before it is made. People and posts that
the pages of an import name are looked up even above its ceiling, and count towards it: each once, as far as the cap
allows. Where X shows people with each page (as in its post vocabulary), one event may bring more of them than were
reckoned with, and so cross either.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import grants
from accounts.models import XAccount
from conversations import changes, ledger
from conversations.models import PushState, SpendReservation, SyncState
from conversations.sync import trouble
from dminbox import leases
from dminbox.wording import CAP_REACHED, CEILING_REACHED

State = SyncState.State
WISH = gettext_noop("This month's cap is reached; it goes on with the new month, or when somebody raises the cap.")
PAUSED = ["state", "state_since", "detail", "next_poll_at"]
"""The columns that `pause` sets."""
IMPORTING = Q(import_days__isnull=False, import_finished_at=None)
"""A person has said how far back and at what price, and it goes on."""
MONTH_SPREAD = timedelta(minutes=15)
"""Within it all accounts that wait for the new month begin again, not at once."""
NEAR_CEILING = 1000
"""Events with a post each: all that is on its way for one X account at a time costs less."""
BACK_WITHIN = timedelta(seconds=2)
"""When to come back for what other calls have reserved, and may not need."""


class CapReached(Exception):  # noqa: N818 (no failure: a person's choice)
    """One more request could cross the month's cap."""


class CeilingReached(CapReached):
    """One more request could cross the ceiling of an import."""


class BeingSpent(Exception):  # noqa: N818 (no failure: others are at it)
    """It would fit without what is reserved for calls that are on their way: come back within BACK_WITHIN."""


def left(x_account: XAccount) -> Decimal | None:
    """US dollars until the cap; None without one."""
    cap = SyncState.objects.filter(x_account=x_account).values_list("monthly_cap_usd", flat=True).first()
    return None if cap is None else _rest(cap, ledger.spent_this_month(x_account))


def _rest(cap: Decimal, spent: Decimal) -> Decimal:
    return max(cap - spent, Decimal(0))


def page(
    x_account: XAccount, size: int, *, with_people: bool = False, is_of_import: bool = False
) -> AbstractContextManager[int]:
    """Room for a page, no larger than the cap allows if X bills all of it: how much of a page is new shows only once it
    is here.
    """
    return room(x_account, most_for_event(with_people=with_people), size, is_of_import=is_of_import)


def most_for_event(*, with_people: bool) -> Decimal:
    """What one event of a page is reckoned to cost at most: itself, one shared post and, where X shows people, two of
    them. An event that names more people can cross the cap by these.
    """
    each = settings.PRICE_DM_EVENT_USD + settings.PRICE_POST_USD
    return each + with_people * 2 * settings.PRICE_USER_USD


@contextmanager
def room(x_account: XAccount, each: Decimal, most: int, *, is_of_import: bool = False) -> Iterator[int]:
    """How many resources of `most`, at `each`, the cap allows: reserved until the end of the block, so the call and its
    bill belong inside. Not to be called inside a transaction. is_of_import: an import's ceiling counts, while it lasts.

    Raises CapReached or CeilingReached when not even one fits, BeingSpent when it does not fit for now.
    """
    fits, pk = _reserve(x_account, each, most, is_of_import=is_of_import)
    try:
        yield fits
    finally:
        if pk is not None:
            SpendReservation.objects.filter(pk=pk).delete()


def _reserve(x_account: XAccount, each: Decimal, most: int, *, is_of_import: bool = False) -> tuple[int, int | None]:
    """How many fit, and the row that reserves them (none without a limit). The account's lock lets one in at a time."""
    is_limited = Q(monthly_cap_usd__isnull=False) | (IMPORTING if is_of_import else Q())
    if not each or not SyncState.objects.filter(is_limited, x_account=x_account).exists():
        return most, None
    with transaction.atomic():
        state = changes.lock(x_account)
        # In this order: a bill that is written in between counts twice rather than not at all.
        reserved = _reserved(x_account)
        fits = most
        for rest, reached in _limits(x_account, state, is_of_import=is_of_import):
            fits = min(fits, int((rest - reserved) / each))
            if fits < 1:
                raise BeingSpent if rest >= each else reached
        until = timezone.now() + longest_call()
        return fits, SpendReservation.objects.create(x_account=x_account, usd=fits * each, until=until).pk


def _limits(x_account: XAccount, state: SyncState, *, is_of_import: bool) -> Iterator[tuple[Decimal, type[CapReached]]]:
    """For each limit what it leaves, and what to raise where that is too little."""
    if state.monthly_cap_usd is not None:
        yield state.monthly_cap_usd - ledger.spent_this_month(x_account), CapReached
    if is_of_import and is_importing(state):
        yield left_of_import(state), CeilingReached


def is_importing(state: SyncState) -> bool:
    """As IMPORTING says of the row."""
    return state.import_days is not None and state.import_finished_at is None


def is_near_ceiling(state: SyncState) -> bool:
    """Whether an import is so near its ceiling that what it may cost next is reserved; else each page saves a query."""
    near = NEAR_CEILING * most_for_event(with_people=False)
    return is_importing(state) and left_of_import(state) < near


def left_of_import(state: SyncState) -> Decimal:
    """US dollars until its ceiling; below zero once the people and posts its pages have named have cost more."""
    return state.import_ceiling_usd - state.import_spent_usd


def _reserved(x_account: XAccount) -> Decimal:
    held = ~leases.is_due("until", timezone.now(), longest_call())
    rows = SpendReservation.objects.filter(held, x_account=x_account)
    return sum(rows.values_list("usd", flat=True), Decimal(0))  # SQLite itself adds them up as floats


def longest_call() -> timedelta:
    """A call, the refresh of its token in two tries, the call once more, and storing what came."""
    return timedelta(seconds=4 * sum(grants.timeout()) + 60)


def require(x_account: XAccount, usd: Decimal) -> None:
    """Raises CapReached when a wish that may cost so much does not fit."""
    rest = left(x_account)
    if rest is not None and usd > rest:
        raise CapReached


def is_reached(x_account: XAccount) -> bool:
    """Whether not even one more event fits: then X shall not push any either."""
    rest = left(x_account)
    return rest is not None and not _has_room(rest)


def _has_room(rest: Decimal) -> bool:
    return rest >= settings.PRICE_DM_EVENT_USD


def with_room(x_accounts: QuerySet[XAccount]) -> list[XAccount]:
    """Those of them whose cap is not reached, in one query."""
    rows = x_accounts.annotate(cap=F("sync__monthly_cap_usd"), spent=ledger.spent_this_month_of("pk"))
    return [row for row in rows if row.cap is None or _has_room(_rest(row.cap, row.spent))]


def pause(state: SyncState) -> None:
    """Without saving the row. X is told within a second to push no more. Inside a transaction."""
    trouble.enter(state, State.CAPPED, CAP_REACHED % {"usd": f"{state.monthly_cap_usd:.2f}"})
    state.next_poll_at = ledger.next_month(timezone.now()) + random.random() * MONTH_SPREAD  # noqa: S311 (no secret)
    PushState.check_subscriptions_soon()


def pause_import(state: SyncState) -> None:
    """At its ceiling, until a person says so. Without saving the row. Inside a transaction."""
    trouble.enter(state, State.PAUSED, CEILING_REACHED % {"usd": f"{state.import_ceiling_usd:.2f}"})
    state.next_poll_at = None


def until_new_month() -> timedelta:
    """At the longest."""
    now = timezone.now()
    return ledger.next_month(now) - now + MONTH_SPREAD


def heed(x_account: XAccount) -> None:
    """What was pushed may have used up the cap: the account pauses at once. Inside a transaction."""
    state = changes.lock(x_account)
    if state.monthly_cap_usd is None or state.state == State.CAPPED or not is_reached(x_account):
        return
    if state.state in trouble.IDLE:
        PushState.check_subscriptions_soon()  # nothing is read anyway, but X pushes
    else:
        pause(state)
        state.save(update_fields=PAUSED)


def set_cap(x_account: XAccount, cap_usd: Decimal | None) -> None:
    """A person's choice; reading goes on at once where the old cap had stopped it, or stops where the new one does."""
    with transaction.atomic():
        state = changes.lock(x_account)
        state.monthly_cap_usd = cap_usd
        if state.state == State.CAPPED:
            trouble.enter(state, State.ACTIVE)
            state.next_poll_at = timezone.now()
        state.save(update_fields=["monthly_cap_usd", *PAUSED])
        heed(x_account)
        PushState.check_subscriptions_soon()
