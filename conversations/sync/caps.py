"""What an X account may still cost this month: reading stops before its cap is crossed, never after."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import XAccount
from conversations import changes, ledger
from conversations.models import PushState, SyncState
from conversations.sync import trouble

State = SyncState.State
REACHED = "This month's cap of ${:.2f} is reached: no more messages are read or pushed."
WISH = "This month's cap is reached; it goes on with the new month, or when somebody raises the cap."
PAUSED = ["state", "state_since", "detail", "next_poll_at"]
"""The columns that `pause` sets."""


class CapReached(Exception):  # noqa: N818 (no failure: a person's choice)
    """One more request could cross the month's cap."""


def left(x_account: XAccount) -> Decimal | None:
    """US dollars until the cap; None without one."""
    cap = SyncState.objects.filter(x_account=x_account).values_list("monthly_cap_usd", flat=True).first()
    return None if cap is None else max(cap - ledger.spent_this_month(x_account), Decimal(0))


def affordable(x_account: XAccount, size: int, *, with_people: bool = False) -> int:
    """A page no larger than the cap allows, if X bills all of it: nobody knows how much of a page is new before it is
    here. Raises CapReached when not even one event fits.
    """
    usd = left(x_account)
    if usd is None:
        return size
    each = settings.PRICE_DM_EVENT_USD + settings.PRICE_POST_USD + with_people * 2 * settings.PRICE_USER_USD
    fits = min(size, int(usd / each)) if each else size
    if fits < 1:
        raise CapReached
    return fits


def require(x_account: XAccount, usd: Decimal) -> None:
    """Raises CapReached when a call that may cost so much does not fit."""
    rest = left(x_account)
    if rest is not None and usd > rest:
        raise CapReached


def is_reached(x_account: XAccount) -> bool:
    """Whether not even one more event fits: then X shall not push any either."""
    rest = left(x_account)
    return rest is not None and rest < settings.PRICE_DM_EVENT_USD


def pause(state: SyncState) -> None:
    """Without saving the row."""
    trouble.enter(state, State.CAPPED, REACHED.format(state.monthly_cap_usd))
    state.next_poll_at = timezone.now() + until_new_month()


def until_new_month() -> timedelta:
    now = timezone.now()
    return ledger.next_month(now) - now


def heed(x_account: XAccount) -> None:
    """What was pushed may have used up the cap: the account pauses at once, and X is told within a second to push no
    more. Inside a transaction.
    """
    state = changes.lock(x_account)
    if state.monthly_cap_usd is None or state.state in [*trouble.IDLE, State.CAPPED] or not is_reached(x_account):
        return
    pause(state)
    state.save(update_fields=PAUSED)
    _check_subscriptions_soon()


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
        _check_subscriptions_soon()


def _check_subscriptions_soon() -> None:
    PushState.objects.filter(pk=1).update(subscriptions_checked_at=None)
