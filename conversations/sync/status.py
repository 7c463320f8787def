"""How one X account stands, in words: what its page and its owners look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from accounts.models import XAccount
from conversations import ledger
from conversations.ids import time_in
from conversations.ledger import Bill
from conversations.models import Conversation, DmEvent, SyncState
from conversations.sync import intervals

State = SyncState.State

HEADLINES = {
    State.WAITING: "Nothing is read yet",
    State.ACTIVE: "Reading",
    State.PAUSED: "Paused at the price ceiling",
    State.CAPPED: "Paused at this month's cap",
    State.RATE_LIMITED: "Waiting for X's limit of requests",
    State.UNAVAILABLE: "X cannot be reached",
    State.NO_CREDIT: "No credit at X",
    State.REFUSED: "X refuses to let us read",
}
NEXT_STEPS = {
    State.WAITING: "Somebody has to choose how far back to read.",
    State.ACTIVE: "",
    State.PAUSED: 'It goes on when somebody chooses "Go on"; until then no more messages are read.',
    State.CAPPED: "It goes on by itself with the new month (UTC), or when an owner raises the cap.",
    State.RATE_LIMITED: "It goes on by itself when X's window opens again. Nothing is lost meanwhile.",
    State.UNAVAILABLE: "We keep trying, less often each time. What was read so far is here.",
    State.NO_CREDIT: "Somebody has to add credit in X's developer portal; we try again once an hour.",
    State.REFUSED: "Once the cause is gone it goes on by itself: we try again once an hour.",
}
IMPORTING = "Reading what was there before"
IS_TROUBLE = {State.PAUSED, State.CAPPED, State.UNAVAILABLE, State.NO_CREDIT, State.REFUSED}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, by the ids at its ends."""

    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """Words and numbers of one X account's reading; times are None where nothing is known or planned.

    headline: what it does now. detail: what is wrong, with X's words or transaction id. next_step: what happens next,
    or who has to do something. gaps: stretches still to be read; resting_until: when the first of those that X did not
    show is tried again. lost: stretches that lay outside X's 30 days when it could be read again.
    """

    state: str
    headline: str
    detail: str
    next_step: str
    since: datetime | None
    is_trouble: bool
    last_poll_at: datetime | None
    last_success_at: datetime | None
    next_poll_at: datetime | None
    requests_left: int | None
    requests_limit: int | None
    window_resets_at: datetime | None
    conversations: int
    events: int
    billed_today: Bill
    gaps: int
    resting_until: datetime | None
    lost: tuple[Span, ...]
    odd_events: int
    import_days: int | None
    import_spent_usd: Decimal
    import_ceiling_usd: Decimal
    import_finished_at: datetime | None
    needs_choice: bool
    can_go_on: bool


def account_status(x_account: XAccount) -> AccountStatus:
    sync = SyncState.objects.filter(x_account=x_account).first() or SyncState(x_account=x_account)
    is_connected = x_account.state == XAccount.State.CONNECTED
    gaps = list(intervals.gaps(x_account, None, sync.horizon_id)) if sync.pk else []
    is_window_open = sync.rate_reset_at is not None and sync.rate_reset_at > timezone.now()
    return AccountStatus(
        state=sync.state if is_connected else x_account.state,
        headline=_headline(x_account, sync),
        detail=sync.detail if is_connected else x_account.state_detail,
        next_step=NEXT_STEPS[State(sync.state)] if is_connected else _way_back(x_account),
        since=sync.state_since if is_connected else x_account.state_since,
        is_trouble=not is_connected or sync.state in IS_TROUBLE,
        last_poll_at=sync.last_poll_at,
        last_success_at=sync.last_success_at,
        next_poll_at=sync.next_poll_at if is_connected else None,
        requests_left=sync.rate_remaining if is_window_open else sync.rate_limit,
        requests_limit=sync.rate_limit,
        window_resets_at=sync.rate_reset_at if is_window_open else None,
        conversations=Conversation.objects.filter(x_account=x_account).count(),
        events=DmEvent.objects.filter(conversation__x_account=x_account).count(),
        billed_today=ledger.billed_today(x_account),
        gaps=len(gaps),
        resting_until=min((gap.due_at for gap in gaps if gap.due_at), default=None),
        lost=tuple(Span(time_in(first), time_in(last)) for first, last in intervals.holes(x_account)),
        odd_events=sync.odd_events,
        import_days=sync.import_days,
        import_spent_usd=sync.import_spent_usd,
        import_ceiling_usd=sync.import_ceiling_usd,
        import_finished_at=sync.import_finished_at,
        needs_choice=is_connected and sync.state == State.WAITING,
        can_go_on=is_connected and sync.state == State.PAUSED,
    )


def _headline(x_account: XAccount, sync: SyncState) -> str:
    if x_account.state != XAccount.State.CONNECTED:
        return x_account.get_state_display()
    if sync.state == State.ACTIVE and sync.import_finished_at is None:
        return IMPORTING
    return HEADLINES[State(sync.state)]


def _way_back(x_account: XAccount) -> str:
    if x_account.state == XAccount.State.DISCONNECTED:
        return "Nothing is asked of X until somebody connects it again; what was read stays here."
    return "Somebody has to connect it again; then it goes on where it stopped."
