"""How one X account stands, in words: what its page and its owners look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import XAccount, snowflake_floor
from conversations import ledger
from conversations.counts import Count
from conversations.ids import time_in
from conversations.ledger import Bill, Spend
from conversations.models import (
    ActivitySubscription,
    Conversation,
    DmEvent,
    Participant,
    PushState,
    RateWindow,
    ReadInterval,
    SyncState,
    UnfinishedDay,
)
from conversations.sync import day, estimates, intervals, pace, trouble, unfinished_days
from conversations.sync.day import Day, Span
from conversations.sync.estimates import Estimate, Pace
from dminbox import leases
from dminbox.wording import worded

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

State = SyncState.State

HEADLINES = {
    State.WAITING: _("Nothing synced yet"),
    State.ACTIVE: pgettext_lazy("state of an X account", "Syncing"),
    State.PAUSED: _("Paused at the import limit"),
    State.CAPPED: _("Paused at the monthly cap"),
    State.RATE_LIMITED: _("Waiting for X's rate limit"),
    State.UNAVAILABLE: _("X cannot be reached"),
    State.NO_CREDIT: _("No credit at X"),
    State.REFUSED: _("X denies access"),
}
NEXT_STEPS = {
    State.WAITING: _("Someone has to choose how far back to import messages."),
    State.ACTIVE: "",
    State.PAUSED: _('Nothing is polled until someone chooses "Continue".'),
    State.CAPPED: _("It resumes next month (UTC), or when someone raises the cap."),
    State.RATE_LIMITED: _("It resumes when X's rate limit resets. No messages are lost."),
    State.UNAVAILABLE: _("We keep trying, less often each time. Messages already here stay available."),
    State.NO_CREDIT: _("Someone has to add credit in X's developer portal; dminbox retries every hour."),
    State.REFUSED: _("It resumes when the cause is fixed; dminbox retries every hour."),
}
STILL_PUSHED = _('Nothing is polled until someone chooses "Continue". Pushed messages still arrive and are billed.')
IMPORTING = _("Importing earlier messages")
SHARED = {
    True: _("X has one rate limit for all Direct Message requests."),
    False: _("X has a separate rate limit for each endpoint."),
    None: _("It is not known yet whether X has one rate limit for all Direct Message requests."),
}
RESTING_STATES = {State.WAITING, State.CAPPED}
IS_TROUBLE = {State.PAUSED, State.CAPPED, State.UNAVAILABLE, State.NO_CREDIT, State.REFUSED}
MOST_COUNTED, LOOKED_AT = 10_000, 1_000
"""Of what is stored: to count all events of a large archive takes minutes, and the page is looked at all day."""


@dataclass(frozen=True, slots=True)
class Window:
    """What X's headers said last of one endpoint; `left` is whole again where resets_at is None: it has ended."""

    endpoint: str
    left: int
    limit: int
    resets_at: datetime | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """One kind of activity that X pushes, or why it does not."""

    event_type: str
    words: str
    detail: str
    is_active: bool
    listed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DayToRead:
    """A UTC day that was not read again to its end. most, usd: the events that this takes at most, and what X bills of
    them, people and posts included; nothing while it is being read. covers: so many later ones are read with it.
    """

    pk: int
    day: date
    detail: str
    state: str
    events_read: int
    most: int
    usd: Decimal
    covers: int


@dataclass(frozen=True, slots=True)
class Push:
    """How messages come by push. is_alive: they reach us now; else the inbox polls, and `headline` says why.

    is_resting: no message comes in any way, for nobody shall read this X account, or nobody may. is_polled: messages
    come by polling, be it beside push.
    """

    headline: str
    detail: str
    is_alive: bool
    is_resting: bool
    is_polled: bool
    since: datetime | None
    last_line_at: datetime | None
    next_try_at: datetime | None
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """Words and numbers of one X account's reading; times are None where nothing is known or planned.

    headline: what it does now. detail: what is wrong, with X's words or transaction id. next_step: what happens next,
    or who has to do something. gaps: stretches still to be read; resting_until: when the first of those that X did not
    show is tried again. lost: stretches that lay outside X's 30 days when it could be read again. import_left: what
    going on at the ceiling may bring.
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
    polls_every: timedelta
    requests_left: int | None
    requests_limit: int | None
    window_resets_at: datetime | None
    windows: tuple[Window, ...]
    windows_words: str
    push: Push
    day: Day
    conversations: Count
    events: Count
    billed_today: Bill
    spend: Spend
    gaps: int
    resting_until: datetime | None
    lost: tuple[Span, ...]
    unfinished: tuple[DayToRead, ...]
    odd_events: int
    import_days: int | None
    import_spent_usd: Decimal
    import_ceiling_usd: Decimal
    import_finished_at: datetime | None
    import_left: Estimate | None
    needs_choice: bool
    can_go_on: bool


def account_status(x_account: XAccount) -> AccountStatus:
    sync = SyncState.objects.filter(x_account=x_account).first() or SyncState(x_account=x_account)
    sync.x_account = x_account
    is_connected = x_account.state == XAccount.State.CONNECTED
    read = list(intervals.rows_of(x_account, None))
    gaps = [row for row in read if intervals.has_unread_below(row, sync)]
    push = _push(x_account, sync)
    conversations, events = stored(x_account)
    is_window_open = sync.rate_reset_at is not None and sync.rate_reset_at > timezone.now()
    return AccountStatus(
        state=sync.state if is_connected else x_account.state,
        headline=_headline(x_account, sync),
        detail=_detail(x_account, sync),
        next_step=_next_step(sync, push) if is_connected else _way_back(x_account),
        since=sync.state_since if is_connected else x_account.state_since,
        is_trouble=not is_connected or sync.state in IS_TROUBLE,
        last_poll_at=sync.last_poll_at,
        last_success_at=sync.last_success_at,
        next_poll_at=sync.next_poll_at if is_connected else None,
        polls_every=max(pace.usual_wait(sync), pace.steady(sync.rate_limit)),
        requests_left=sync.rate_remaining if is_window_open else sync.rate_limit,
        requests_limit=sync.rate_limit,
        window_resets_at=sync.rate_reset_at if is_window_open else None,
        windows=_windows(x_account),
        windows_words=str(SHARED[sync.are_windows_shared]),
        push=push,
        day=day.last_day(sync, read),
        conversations=conversations,
        events=events,
        billed_today=ledger.billed_today(x_account),
        spend=ledger.spend(x_account, sync.monthly_cap_usd),
        gaps=len(gaps),
        resting_until=min((gap.due_at for gap in gaps if gap.due_at), default=None),
        lost=tuple(Span(time_in(first), time_in(last)) for first, last in intervals.holes(x_account)),
        unfinished=_days_to_read(x_account, sync),
        odd_events=sync.odd_events,
        import_days=sync.import_days,
        import_spent_usd=sync.import_spent_usd,
        import_ceiling_usd=sync.import_ceiling_usd,
        import_finished_at=sync.import_finished_at,
        import_left=_import_left(x_account, sync, read) if sync.state == State.PAUSED else None,
        needs_choice=is_connected and sync.state == State.WAITING,
        can_go_on=is_connected and sync.state == State.PAUSED,
    )


def _days_to_read(x_account: XAccount, sync: SyncState) -> tuple[DayToRead, ...]:
    """The newest and the oldest, which covers all since then; and those that are being read."""
    days = unfinished_days.told_of(x_account)
    shown = [row for row in days if row in (days[0], days[-1]) or row.state == row.State.DUE]
    return tuple(_day_to_read(row, sync, days.index(row)) for row in shown)


def _day_to_read(row: UnfinishedDay, sync: SyncState, covers: int) -> DayToRead:
    is_due = row.state == row.State.DUE
    most, price = (0, Estimate(0)) if is_due else unfinished_days.price_of(row, sync)
    return DayToRead(row.pk, row.day, worded(row.detail), row.state, row.events_read, most, price.usd, covers)


def stored(x_account: XAccount) -> tuple[Count, Count]:
    """How many conversations are stored, and how many events of the LOOKED_AT that heard last."""
    pks = list(x_account.conversations.newest_first().values_list("pk", flat=True)[: MOST_COUNTED + 1])
    events = DmEvent.objects.filter(conversation__in=pks[:LOOKED_AT])
    # In the order of its index a database stops at the limit, wherever in the table these stand.
    found = events.order_by("conversation", "dm_event_id").values("dm_event_id")[: MOST_COUNTED + 1].count()
    return Count(len(pks), most=MOST_COUNTED), Count(found, len(pks) > LOOKED_AT, MOST_COUNTED)


def known_pace(x_account: XAccount) -> Pace:
    """What came since it was connected, for the choice of how far back to read: by push, or opened by somebody."""
    since = x_account.connected_at
    return _pace_since(x_account, snowflake_floor(since), timezone.now() - since)


def _pace_since(x_account: XAccount, since_id: int, span: timedelta) -> Pace:
    events = DmEvent.objects.filter(conversation__x_account=x_account, dm_event_id__gte=since_id)
    lively = Conversation.objects.filter(x_account=x_account, last_dm_event_id__gte=since_id)
    people = Participant.objects.filter(conversation__in=lively).exclude(x_user=x_account.x_user_id)
    return Pace(events.count(), span, people.values("x_user").distinct().count())


def _import_left(x_account: XAccount, sync: SyncState, read: list[ReadInterval]) -> Estimate | None:
    """What the gaps above the horizon may hold, at the pace of what was read of this account."""
    spans = [Span(time_in(row.low_id), time_in(row.high_id)) for row in read if row.high_id >= row.low_id]
    lowest = min((row.low_id for row in read), default=0)
    missing = day.gap_spans(read, sync, timezone.now())
    return estimates.expected(_pace_since(x_account, lowest, _length(spans)), _length(missing))


def _length(spans: list[Span]) -> timedelta:
    return sum((span.ends_at - span.begins_at for span in spans), timedelta(0))


def _windows(x_account: XAccount) -> tuple[Window, ...]:
    now = timezone.now()
    return tuple(
        Window(
            endpoint=row.endpoint,
            left=row.remaining if row.reset_at > now else row.limit,
            limit=row.limit,
            resets_at=row.reset_at if row.reset_at > now else None,
            seen_at=row.seen_at,
        )
        for row in RateWindow.objects.filter(x_account=x_account).order_by("endpoint")
    )


# --- Push -------------------------------------------------------------------------------------------------------------

NO_KEY = _("No push, because X_CONSUMER_KEY and X_CONSUMER_SECRET are not set; messages are polled")
RESTING = _("No push or polling right now; the top of this page says why")
SWITCHED_OFF = _("Push is off (X_PUSH=off); messages are polled")
NOT_ENDED = _("X has not been told yet to stop pushing; until then it may bill what it pushes.")
LEFT_AT_X = _(
    "X was asked to push the messages of this X account and may still push and bill them: without the keys nobody can "
    "stop that. Put the keys back with X_PUSH=off, restart, and remove them when this notice is gone."
)
NOT_SUBSCRIBED = _("X pushes to this installation, but not the messages of this X account; they are polled")
NO_LISTENER = _("Nothing is connected to X's stream: is `listen` running? Until then, messages are polled")
NOT_CALLED = _("X is not calling the webhook; messages are polled")
CALLS = _("X calls the webhook; polling runs less often, as a check")
STREAMS = _("X pushes messages over its stream; polling runs less often, as a check")
PUSHED_ALONE = _("Pushed messages arrive and are billed; polling is paused until someone continues it")
NEITHER_NOW = _("Pushed messages do not arrive right now, and polling is paused until someone continues it")
STREAM_WORDS = {
    PushState.State.OFF: NO_LISTENER,
    PushState.State.CONNECTING: _("Connecting to the stream; until then, messages are polled"),
    PushState.State.CONNECTED: _("X's stream is connected but silent; until it is back, messages are polled"),
    PushState.State.WAITING: _("The stream broke off and reconnects soon; until then, messages are polled"),
    PushState.State.NO_CREDIT: _("X allows no stream without credit; messages are polled"),
    PushState.State.REFUSED: _("X rejects the stream; messages are polled"),
}


def _push(x_account: XAccount, sync: SyncState) -> Push:
    state = PushState.objects.filter(pk=1).first() or PushState()
    rows = ActivitySubscription.objects.filter(x_account=x_account).order_by("pk")
    subscriptions = tuple(
        Subscription(
            row.event_type,
            str(row.get_state_display()),
            worded(row.detail),
            row.state == row.State.ACTIVE,
            state.subscriptions_listed_at if row.state == row.State.ACTIVE else None,
        )
        for row in rows
    )
    receives = any(row.is_active and row.event_type == "dm.received" for row in subscriptions)
    is_set_up = PushState.is_set_up()
    is_stream = is_set_up and settings.X_PUSH == "stream"
    is_broke = sync.state == State.NO_CREDIT and not state.is_alive
    is_paused = sync.state == State.PAUSED
    is_stopped = sync.state in RESTING_STATES or is_broke or (is_paused and not (is_set_up and receives))
    is_resting = x_account.state != XAccount.State.CONNECTED or is_stopped
    headline = _paused_headline(state) if is_paused else _push_headline(state, receives=receives)
    return Push(
        headline=str(RESTING if is_resting else headline),
        detail=_push_detail(state, receives=receives, is_resting=is_resting),
        is_resting=is_resting,
        is_polled=not is_resting and not is_paused,
        is_alive=is_set_up and state.is_alive and receives,
        since=state.state_since if is_stream and state.pk else None,
        last_line_at=(state.last_line_at if is_stream else state.webhook_listed_at) if is_set_up else None,
        next_try_at=state.next_try_at if is_stream and not state.is_alive else None,
        subscriptions=subscriptions if is_set_up else (),
    )


def _holds(lease_until: datetime) -> bool:
    now = timezone.now()
    return now < lease_until <= leases.furthest(now, timedelta(seconds=settings.PUSH_LEASE_SECONDS))


def _push_detail(state: PushState, *, receives: bool, is_resting: bool) -> str:
    """What X still does in spite of the settings is told in any case."""
    if not settings.X_CONSUMER_KEY:
        return str(LEFT_AT_X) if receives else ""
    if settings.X_PUSH == "off":
        return "" if state.is_ended else str(NOT_ENDED)
    return "" if is_resting else worded(state.detail)


def _paused_headline(state: PushState) -> StrOrPromise:
    return PUSHED_ALONE if state.is_alive else NEITHER_NOW


def _push_headline(state: PushState, *, receives: bool) -> StrOrPromise:
    if not settings.X_CONSUMER_KEY:
        return NO_KEY
    if settings.X_PUSH == "off":
        return SWITCHED_OFF
    if state.is_alive:
        by_push = CALLS if settings.X_PUSH == "webhook" else STREAMS
        return by_push if receives else NOT_SUBSCRIBED
    if settings.X_PUSH == "webhook":
        return NOT_CALLED
    is_held = state.lease_until is not None and _holds(state.lease_until)
    return STREAM_WORDS[PushState.State(state.state)] if is_held else NO_LISTENER


# --- Words ------------------------------------------------------------------------------------------------------------


def _headline(x_account: XAccount, sync: SyncState) -> str:
    if x_account.state != XAccount.State.CONNECTED:
        return str(x_account.get_state_display())
    if sync.state == State.ACTIVE and sync.import_finished_at is None:
        return str(IMPORTING)
    return str(HEADLINES[State(sync.state)])


def _detail(x_account: XAccount, sync: SyncState) -> str:
    """What is wrong; and that there is no credit, whatever else it waits for."""
    words = worded(sync.detail) if x_account.state == XAccount.State.CONNECTED else x_account.state_words
    if trouble.has_credit() or sync.state == State.NO_CREDIT:
        return words
    return f"{words} {gettext(trouble.NO_CREDIT)}".strip()


def _next_step(sync: SyncState, push: Push) -> str:
    is_still_pushed = sync.state == State.PAUSED and not push.is_resting
    return str(STILL_PUSHED if is_still_pushed else NEXT_STEPS[State(sync.state)])


def _way_back(x_account: XAccount) -> str:
    if x_account.state == XAccount.State.DISCONNECTED:
        return gettext("No requests are sent to X until someone connects it again; messages already here are kept.")
    return gettext("Someone has to connect it again; then it continues where it stopped.")
