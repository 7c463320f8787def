"""What people wish for (older history, a day, a conversation): how a worker takes a wish up and puts it off."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import tokens
from accounts.models import TOKENS, XAccount
from conversations import changes, ledger
from conversations.models import Conversation, ConversationLookup, HistoryRead, RequestClaim, SyncState, UnfinishedDay
from conversations.sync import caps, event_pages, intervals, pace, trouble
from conversations.sync.caps import BeingSpent
from dminbox import leases
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import NoCredit, RateLimited, XError
from dminbox.xapi.schema import Answer, Page

log = structlog.get_logger("conversations.sync")

Wish = TypeVar("Wish", HistoryRead, ConversationLookup, UnfinishedDay)
X_ACCOUNT: dict[type[models.Model], str] = {
    HistoryRead: "conversation__x_account",
    ConversationLookup: "x_account",
    UnfinishedDay: "x_account",
}
"""The way from a wish to whose it is."""
Read = Callable[[XClient, int, bool], Answer[Page]]
"""A method of the client: how many events, and whether with people."""
LONGEST_WORDS = 300
WINDOW = gettext_noop("X's rate limit is reached; it resumes by itself.")
AFTER_WINDOW = timedelta(seconds=10)
LONGEST_WAIT = intervals.LONGEST_REST
"""But for the new month."""


class NoRequestLeft(Exception):  # noqa: N818 (no failure: the wish waits)
    """X's window has none for this wish now; it is put off."""


def waiting(model: type[Wish]) -> models.QuerySet[Any, int]:
    """Wishes to be taken up now, oldest first."""
    connected = _claimable(model).filter(**{f"{X_ACCOUNT[model]}__state": XAccount.State.CONNECTED})
    return connected.order_by("due_at", "pk").values_list("pk", flat=True)


def claim(model: type[Wish], pk: int) -> Wish | None:
    """The row with a lease that is ours; None when it is not due or somebody else's, or there is no credit. The lease's
    end is its mark.
    """
    ends = lease_end()
    if _claimable(model).filter(pk=pk).update(lease_until=ends) != 1:
        return None
    tokens_of_joined = (f"{X_ACCOUNT[model]}__{name}" for name in TOKENS)
    wish = model._default_manager.select_related(X_ACCOUNT[model]).defer(*tokens_of_joined).get(pk=pk)
    if trouble.has_credit():
        return wish
    put_off(wish, trouble.HOUR, trouble.NO_CREDIT, waits_for_credit=True)
    return None


def _claimable(model: type[Wish]) -> models.QuerySet[Any]:
    now = timezone.now()
    is_due = Q(waits_for_month=False) & leases.is_due("due_at", now, LONGEST_WAIT)
    is_due |= Q(waits_for_month=True) & leases.is_due("due_at", now, caps.until_new_month())
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


@contextmanager
def settling(wish: Wish) -> Iterator[None]:
    """What ends a turn before its wish is fulfilled is written down: when it goes on, or why it does not."""
    try:
        yield
    except NoRequestLeft:
        return  # it is put off already
    except BeingSpent:
        put_off(wish, caps.BACK_WITHIN, "")
    except caps.CapReached:
        _put_off_to_new_month(wish)
    except XError as error:
        _settle_trouble(wish, error)


def finish(wish: Wish, state: str, words: str = "") -> None:
    settle(wish, state=state, detail=words)


def put_off(wish: Wish, wait: timedelta, words: str, *, waits_for_credit: bool = False) -> None:
    settle(wish, due_at=timezone.now() + wait, detail=words, waits_for_credit=waits_for_credit)


def asked(
    wish: Wish, x_account: XAccount, endpoint: str, read: Read, most: int | None = None
) -> AbstractContextManager[Answer[Page]]:
    """One page for this wish, as many events as the cap allows; it is stored, with its bill, inside the block. most:
    of events, where a whole page would be too many.

    Raises NoRequestLeft, BeingSpent, CapReached and whatever X answers.
    """
    state = SyncState.objects.filter(x_account=x_account).first() or SyncState(x_account=x_account)

    @contextmanager
    def room(with_people: bool) -> Iterator[int]:
        with (
            request(wish, x_account, endpoint),
            caps.page(x_account, most or pace.PAGE, with_people=with_people) as size,
        ):
            yield size

    def ask(size: int, with_people: bool) -> Answer[Page]:
        answer = ledger.call(x_account, lambda client: read(client, size, with_people))
        if wish.failures:
            write(wish, failures=0)
        return answer

    return event_pages.page(state, room, ask, ledger.record)


@contextmanager
def request(wish: Wish, x_account: XAccount, endpoint: str) -> Iterator[None]:
    """One request of X's window for this wish, and not only for polling: nobody else's until the end of the block, so
    the call and the record of its answer belong inside. Raises NoRequestLeft, or BeingSpent.
    """
    with transaction.atomic():
        state = changes.lock(x_account)  # lets one in at a time: what is free here is claimed before the next one looks
        state.x_account = x_account
        wait = _wait_for_request(state, endpoint)
        until = timezone.now() + caps.longest_call()
        claim = None if wait else RequestClaim.objects.create(x_account=x_account, endpoint=endpoint, until=until)
    if claim is None:
        put_off(wish, wait, WINDOW)
        raise NoRequestLeft
    try:
        yield
    finally:
        claim.delete()


def _wait_for_request(state: SyncState, endpoint: str) -> timedelta:
    """Nothing when there is one. Raises BeingSpent while requests are on their way whose answers may leave some."""
    are_shared = bool(state.are_windows_shared)
    window = ledger.open_window(state.x_account, endpoint, are_shared=are_shared)
    claimed = _claimed(state.x_account, ledger.counted_with(endpoint, are_shared=are_shared))
    if window is None:
        needed, remaining = 0, pace.KEPT  # the first of many learns what the window holds
    else:
        is_polled = are_shared or endpoint == ledger.LIST
        needed = pace.needed_by_polls(state, window.limit, window.reset_at) if is_polled else 0
        remaining = window.remaining
    if remaining > needed + claimed:
        return timedelta(0)
    if window is None or remaining > needed:
        raise BeingSpent
    # Apart, for the same reason.
    return window.reset_at - timezone.now() + random.uniform(1, 2) * AFTER_WINDOW  # noqa: S311 (no secret)


def _claimed(x_account: XAccount, endpoints: Iterable[str]) -> int:
    held = ~leases.is_due("until", timezone.now(), caps.longest_call())
    return RequestClaim.objects.filter(held, x_account=x_account, endpoint__in=endpoints).count()


def _put_off_to_new_month(wish: Wish) -> None:
    wait = caps.until_new_month() - random.random() * caps.MONTH_SPREAD  # noqa: S311 (no secret)
    settle(wish, due_at=timezone.now() + wait, detail=caps.WISH, waits_for_month=True)


def wake(x_account: XAccount) -> None:
    """What waits for the new month is looked at now: somebody has changed the cap."""
    for model, whose in X_ACCOUNT.items():
        waiting = model._default_manager.filter(state="due", waits_for_month=True, **{whose: x_account})
        waiting.update(due_at=timezone.now(), detail="", waits_for_month=False)


def settle(wish: Wish, *, detail: str, **values: object) -> None:
    """Writes the outcome and gives the lease back. What it waits for is among the values, if it is known."""
    waits_for = {"waits_for_month": False, "waits_for_credit": False}
    write(wish, **waits_for | values, detail=detail[:LONGEST_WORDS], lease_until=None)


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


def _settle_trouble(wish: Wish, error: XError) -> None:
    """Later with words, the later the more often it has failed; or failed with X's."""
    log.warning("wish_failed", wish=type(wish).__name__, pk=wish.pk, error=type(error).__name__, status=error.status)
    problem = trouble.trouble_of(error, wish.failures)
    trouble.heed(error)
    if not isinstance(error, RateLimited | tokens.BeingRenewed):  # these say themselves when to come again
        write(wish, failures=wish.failures + 1)
    if problem.is_final:
        finish(wish, type(wish).State.FAILED, problem.detail)
        return
    words = WINDOW if isinstance(error, RateLimited) else problem.detail
    put_off(wish, problem.wait, words, waits_for_credit=isinstance(error, NoCredit))


def lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.SYNC_LEASE_SECONDS)


def people_to_pay(conversation: Conversation) -> int:
    """How many people X bills with older events of it: nobody where pages show none."""
    state = getattr(conversation.x_account, "sync", None)
    return conversation.participants.unbilled().count() if state is not None and pace.expands_people(state) else 0
