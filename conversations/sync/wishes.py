"""What people wish for (older history, a conversation to open): how a worker takes a wish up and puts it off."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.access import TOKENS_OF_JOINED
from accounts.models import XAccount
from conversations import ledger
from conversations.models import ConversationLookup, HistoryRead, SyncState
from conversations.sync import caps, intervals, pace, trouble
from dminbox import leases
from dminbox.xapi.errors import RateLimited, XError

log = structlog.get_logger("conversations.sync")

Wish = TypeVar("Wish", HistoryRead, ConversationLookup)
LONGEST_WORDS = 300
WINDOW = gettext_noop("X's limit of requests is reached; it goes on by itself.")
AFTER_WINDOW = timedelta(seconds=10)
LONGEST_WAIT = intervals.LONGEST_REST
"""But for the new month."""


def due(model: type[Wish], x_account: str) -> list[int]:
    """Wishes to be taken up now, oldest first. x_account: the path from the model to it."""
    connected = _claimable(model).filter(**{f"{x_account}__state": XAccount.State.CONNECTED})
    return list(connected.order_by("due_at", "pk").values_list("pk", flat=True))


def claim(model: type[Wish], pk: int) -> Wish | None:
    """The row with a lease that is ours; None when it is not due or somebody else's. The lease's end is its mark."""
    ends = lease_end()
    is_ours = _claimable(model).filter(pk=pk).update(lease_until=ends) == 1
    return model._default_manager.get(pk=pk) if is_ours else None


def _claimable(model: type[Wish]) -> models.QuerySet[Any]:
    now = timezone.now()
    is_for_month = Q(detail=caps.WISH)
    is_due = ~is_for_month & leases.is_due("due_at", now, LONGEST_WAIT)
    is_due |= is_for_month & leases.is_due("due_at", now, caps.until_new_month())
    is_free = leases.is_free("lease_until", now, lease_end() - now)
    return model._default_manager.filter(is_free, is_due, state=model.State.DUE)


def renew(wish: Wish) -> bool:
    """Whether the lease was still ours; it is longer now."""
    ends = lease_end()
    ours = type(wish)._default_manager.filter(pk=wish.pk, lease_until=wish.lease_until)
    if ours.update(lease_until=ends) != 1:
        return False
    wish.lease_until = ends
    return True


def finish(wish: Wish, state: str, words: str = "") -> None:
    settle(wish, state=state, detail=words)


def put_off(wish: Wish, wait: timedelta, words: str) -> None:
    settle(wish, due_at=timezone.now() + wait, detail=words)


def may_ask(wish: Wish, x_account: XAccount, endpoint: str) -> bool:
    """Whether X's window has a request for this wish, and not only for polling; else it is put off until the next."""
    state = SyncState.objects.select_related("x_account").defer(*TOKENS_OF_JOINED).filter(x_account=x_account).first()
    are_shared = state is not None and bool(state.are_windows_shared)
    window = ledger.open_window(x_account, endpoint, are_shared=are_shared)
    if window is None:
        return True
    needed = pace.needed_by_polls(state, window.limit, window.reset_at) if state is not None and are_shared else 0
    if window.remaining > needed:
        return True
    # Apart, so that the first of many learns what the new window holds before the next one asks.
    put_off(wish, window.reset_at - timezone.now() + random.uniform(1, 2) * AFTER_WINDOW, WINDOW)  # noqa: S311
    return False


def put_off_to_new_month(wish: Wish) -> None:
    put_off(wish, caps.until_new_month() - random.random() * caps.MONTH_SPREAD, caps.WISH)  # noqa: S311 (no secret)


def settle(wish: Wish, *, detail: str, **values: object) -> None:
    """Writes the outcome and gives the lease back."""
    write(wish, detail=detail[:LONGEST_WORDS], lease_until=None, **values)


def write(wish: Wish, **values: object) -> None:
    """Changes the row while the lease is ours; else it is another worker's, and our turn is over."""
    if wish.lease_until is None:
        return
    ours = type(wish)._default_manager.filter(pk=wish.pk, lease_until=wish.lease_until)
    if ours.update(**values) != 1:
        log.warning("wish_lease_lost", wish=type(wish).__name__, pk=wish.pk)
        wish.lease_until = None
        return
    for name, value in values.items():
        setattr(wish, name, value)


def settle_trouble(wish: Wish, error: XError) -> None:
    """Later with words, or failed with X's."""
    log.warning("wish_failed", wish=type(wish).__name__, pk=wish.pk, error=type(error).__name__, status=error.status)
    problem = trouble.trouble_of(error, failures=2)
    trouble.heed(error)
    if problem.is_final:
        finish(wish, type(wish).State.FAILED, problem.detail)
        return
    put_off(wish, problem.wait, WINDOW if isinstance(error, RateLimited) else problem.detail)


def lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.SYNC_LEASE_SECONDS)
