"""What an X account may still cost this month: reading stops before its cap is crossed, never after."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import XAccount
from conversations import changes, ledger
from conversations.models import SyncState
from conversations.sync import trouble

State = SyncState.State
REACHED = (
    "This month's cap of ${:.2f} is reached. No more messages are read or pushed until the month ends (UTC), or "
    "somebody raises the cap."
)
WISH = "This month's cap is reached; it goes on with the new month, or when somebody raises the cap."


class CapReached(Exception):  # noqa: N818 (no failure: a person's choice)
    """One more request could cross the month's cap."""


def left(x_account: XAccount) -> Decimal | None:
    """US dollars until the cap; None without one."""
    cap = SyncState.objects.filter(x_account=x_account).values_list("monthly_cap_usd", flat=True).first()
    return None if cap is None else max(cap - ledger.spent_this_month(x_account), Decimal(0))


def affordable(x_account: XAccount, size: int, *, free: int = 0, with_people: bool = False) -> int:
    """A page no larger than the cap allows, if X shows only what it has not billed yet but for `free` events.

    Raises CapReached when not even one event fits.
    """
    usd = left(x_account)
    if usd is None:
        return size
    each = settings.PRICE_DM_EVENT_USD + settings.PRICE_POST_USD + with_people * 2 * settings.PRICE_USER_USD
    fits = min(size, free + int(usd / each)) if each else size
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
    state.next_poll_at = ledger.next_month(timezone.now())


def set_cap(x_account: XAccount, cap_usd: Decimal | None) -> None:
    """A person's choice; reading goes on at once where the old cap had stopped it."""
    with transaction.atomic():
        state = changes.lock(x_account)
        state.monthly_cap_usd = cap_usd
        if state.state == State.CAPPED:
            trouble.enter(state, State.ACTIVE)
            state.next_poll_at = timezone.now()
        state.save(update_fields=["monthly_cap_usd", "state", "state_since", "detail", "next_poll_at"])
