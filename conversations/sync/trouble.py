"""What each failure of a read means for who waits: which state, in which words, and when to try again."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import tokens
from accounts.models import XAccount
from conversations import changes
from conversations.ledger import CLOCKS_DIFFER
from conversations.models import ConversationLookup, HistoryRead, PushState, SyncState, UnfinishedDay
from conversations.sync import pace
from dminbox.wording import WITH_ID, X_REFUSES
from dminbox.xapi.errors import (
    GrantRefused,
    NoCredit,
    NotThere,
    OperatorMustAct,
    OutcomeUnknown,
    RateLimited,
    ScopesMissing,
    TokenRefused,
    TryLater,
    UnexpectedAnswer,
    XError,
)

log = structlog.get_logger("conversations.sync")

State = SyncState.State
HOUR = timedelta(hours=1)
BETWEEN_STARTS = timedelta(milliseconds=200)
FIRST_TRY = timedelta(minutes=2)
"""What the one who tries first is ahead of the others."""
BETWEEN_TRIES = timedelta(seconds=3)
"""Time for the first answer to put off the next account."""
LONGEST_ROUND = timedelta(minutes=55)
LONGEST_WITHOUT_CREDIT = 2 * HOUR
ROWS_AT_ONCE = 500
FIRST_BACK_OFF = timedelta(seconds=15)
LONGEST_BACK_OFF = timedelta(minutes=15)
IDLE = [State.WAITING, State.PAUSED]
"""States in which no account is polled, whatever the time."""
TIMED = [State.UNAVAILABLE, State.REFUSED]
"""States whose words tell when it is tried again: each failure changes them."""
NO_CREDIT = gettext_noop("X says that the developer account has no credit left. No messages are synced until it has.")
RECONNECT = gettext_noop("X no longer accepts our connection to this X account. It has to be connected again.")
SCOPES = gettext_noop(
    "X says that this connection may not read Direct Messages. Connect it again and allow everything."
)
NO_ANSWER = gettext_noop("X does not answer.")
UNREADABLE = gettext_noop("X's response could not be read.")
NOT_THERE = gettext_noop("X says that it does not exist.")
REFUSED = gettext_noop("X rejected our request.")


@dataclass(frozen=True, slots=True)
class Trouble:
    """state: of the SyncState; "" when the X account's own state says it. is_final: waiting alone does not help."""

    state: str
    detail: str
    wait: timedelta
    is_final: bool = False


def trouble_of(error: XError, failures: int = 0) -> Trouble:
    """`failures`: how often in a row it has happened before."""
    match error:
        case tokens.BeingRenewed():
            return Trouble("", "", tokens.RENEWED_WITHIN)
        case RateLimited():
            return Trouble(State.RATE_LIMITED, "", pace.wait_after_refusal(error))
        case NoCredit():
            return Trouble(State.NO_CREDIT, NO_CREDIT, HOUR)
        case TokenRefused() | GrantRefused():
            return Trouble("", RECONNECT, timedelta(minutes=1))
        case ScopesMissing():
            return Trouble("", SCOPES, HOUR, is_final=True)
        case OperatorMustAct():
            return Trouble(State.REFUSED, _with_id(error.hint, error), HOUR, is_final=True)
        case TryLater() | OutcomeUnknown():
            return Trouble(State.UNAVAILABLE, _with_id(NO_ANSWER, error), back_off(failures))
        case UnexpectedAnswer():
            return Trouble(State.UNAVAILABLE, _with_id(UNREADABLE, error), back_off(failures + 3))
        case NotThere():
            return Trouble(State.REFUSED, _with_id(NOT_THERE, error), HOUR, is_final=True)
        case _:
            words = X_REFUSES % {"reason": error.detail} if error.detail else REFUSED
            return Trouble(State.REFUSED, _with_id(words, error), HOUR, is_final=True)


def back_off(failures: int) -> timedelta:
    """Doubling, with jitter, so that many who wait do not come back together."""
    longest = min(FIRST_BACK_OFF * (1 << min(failures, 10)), LONGEST_BACK_OFF)
    return longest * random.uniform(0.5, 1)  # noqa: S311 (no secret)


def has_credit() -> bool:
    """Whether X's last word on it was not "no credit": one app, one purse, for all X accounts. Where none of them is
    polled, nobody finds out: then whoever needs something asks anew, once the longest wait is over.
    """
    return not _said().exists()


def is_overtaken(asked_at: datetime) -> bool:
    """Whether X has said "no credit" since a call that it answered was asked for."""
    return _said().filter(no_credit_at__gte=asked_at).exists()


def _said() -> QuerySet[PushState]:
    """The app's row while "no credit" holds, and not where a clock that ran ahead wrote it."""
    now = timezone.now()
    return PushState.objects.filter(pk=1, no_credit_at__range=(now - LONGEST_WITHOUT_CREDIT, now + CLOCKS_DIFFER))


def heed(error: XError) -> None:
    """Whoever meets an error of X on any call says so here: without credit nobody polls before the hour is over."""
    if isinstance(error, NoCredit):
        stop_all_for_credit()


def stop_all_for_credit() -> None:
    """At once; then one connected account tries each hour, and the others one by one, unless put off once more.

    Many meet this at the same moment: all rows are locked first, in the order of everybody who locks several.
    """
    now = timezone.now()
    said = PushState(pk=1, no_credit_at=now)
    PushState.objects.bulk_create([said], update_conflicts=True, update_fields=["no_credit_at"], unique_fields=["pk"])
    polling = SyncState.objects.exclude(state__in=[*IDLE, State.CAPPED])
    with transaction.atomic():
        rows = list(polling.select_for_update().order_by("x_account"))
        stopped = [row for row in rows if row.state != State.NO_CREDIT]
        changes.announce_states(row.x_account_id for row in stopped)
        for row in stopped:
            row.state, row.state_since, row.detail = State.NO_CREDIT, now, NO_CREDIT
        connected = set(XAccount.objects.filter(state=XAccount.State.CONNECTED).values_list("pk", flat=True))
        waits = dict(waits_without_credit(sorted(row.pk for row in rows if row.x_account_id in connected)))
        for row in rows:
            row.next_poll_at = now + waits.get(row.pk, LONGEST_WITHOUT_CREDIT)
        columns = ["state", "state_since", "detail", "next_poll_at"]
        SyncState.objects.bulk_update(rows, columns, batch_size=ROWS_AT_ONCE)
    log.warning("no_credit")


def waits_without_credit(pks: Iterable[int]) -> list[tuple[int, timedelta]]:
    """How long each waits before it tries: the first alone, the others apart, whatever the first one's try tells."""
    waits = [HOUR + FIRST_TRY + (place * BETWEEN_TRIES) % LONGEST_ROUND for place, _ in enumerate(pks)]
    return list(zip(pks, [HOUR, *waits], strict=False))


def heed_answer(asked_at: datetime) -> None:
    """One call was paid for. What was asked for before X last said "no credit" tells nothing."""
    now = timezone.now()
    is_over = Q(no_credit_at__lt=asked_at) | Q(no_credit_at__gt=now + CLOCKS_DIFFER)
    ended = PushState.objects.filter(is_over, pk=1)
    if ended.exists() and ended.update(no_credit_at=None):  # each poll comes by: only to look takes no lock
        start_all_with_credit()


def start_all_with_credit() -> None:
    """Everybody else tries soon, too, but not all at once; the stream, and what people wish for, at once."""
    polled = list(SyncState.objects.filter(state=State.NO_CREDIT).values_list("pk", flat=True))
    now = timezone.now()
    PushState.objects.filter(state=PushState.State.NO_CREDIT).update(next_try_at=now)
    for model in (HistoryRead, ConversationLookup, UnfinishedDay):
        waiting = model._default_manager.filter(state="due", waits_for_credit=True)
        waiting.update(due_at=now, detail="", waits_for_credit=False)
    for place, pk in enumerate(polled):
        soon = now + place * BETWEEN_STARTS
        SyncState.objects.filter(pk=pk, state=State.NO_CREDIT).update(next_poll_at=soon)


def enter(row: SyncState, state: str, detail: str = "") -> None:
    """Sets the state on the locked row and announces it, without saving it; `state_since` tells when it began.

    Whoever saves it names the columns: `last_change` is the announcement's.
    """
    if row.state != state:
        row.state_since = timezone.now()
    if row.state != state or state in TIMED:
        changes.announce_states([row.x_account_id])
    row.state, row.detail = state, detail[:500]


def is_told_by_x_account(x_account: XAccount, trouble: Trouble) -> bool:
    """Whether the X account's own state tells the trouble: it needs to be connected again."""
    x_account.refresh_from_db(fields=["state"])
    return not trouble.state and x_account.state != XAccount.State.CONNECTED


def _with_id(words: str, error: XError) -> str:
    return WITH_ID % {"sentence": words, "transaction": error.transaction_id} if error.transaction_id else words
