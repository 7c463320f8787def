"""What X shall push for whom: made on connect, listed and repaired each minute, removed on disconnect or at the cap."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import grants
from accounts.access import without_tokens
from accounts.models import XAccount
from conversations import changes, ledger
from conversations.models import ActivitySubscription, PushState, SyncState
from conversations.sync import caps, pace, push, trouble, webhooks
from dminbox import leases
from dminbox.xapi.activity import Subscription
from dminbox.xapi.app import XApp
from dminbox.xapi.errors import NoCredit, NotThere, OutcomeUnknown, SubscriptionCap, TryLater, XError

log = structlog.get_logger("conversations.push")

State = ActivitySubscription.State
KINDS = ("dm.received", "dm.sent", "chat.received", "dm.read", "dm.indicate_typing")
"""In the order in which X's number of them is spent: everybody's first kind comes before anybody's second."""
MESSAGES = "dm.received"
"""While this one is active, X pushes for an X account."""
OF_THE_APP = "oauth.revoke"
EVERY = timedelta(minutes=1)
REFUSED_WAIT = timedelta(hours=1)
FAILED_WAIT = timedelta(minutes=2)
PUT_OFF = {State.WANTED, State.REFUSED}
MOST_FAILING = 3
OVER_CAP = gettext_noop("X allows no more subscriptions; this X account is polled.")
REFUSED = gettext_noop("X refuses.")


Key = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    event_type: str
    x_account: XAccount | None = None

    @property
    def key(self) -> Key:
        return self.event_type, self.x_account.x_user_id if self.x_account else None


def is_due() -> bool:
    """Each minute; at once when an X account was connected, or its connection ended, since the last look."""
    if not PushState.is_set_up():
        return False
    checked_at = _checked_at()
    return checked_at is None or _is_long_ago(checked_at) or _is_news(checked_at)


def _is_long_ago(checked_at: datetime) -> bool:
    """Or by a clock that ran ahead."""
    now = timezone.now()
    return not now - EVERY < checked_at <= leases.furthest(now, EVERY) - EVERY


def _checked_at() -> datetime | None:
    return PushState.objects.filter(pk=1).values_list("subscriptions_checked_at", flat=True).first()


def _is_news(since: datetime) -> bool:
    return XAccount.objects.filter(Q(state_since__gt=since) | Q(connected_at__gt=since)).exists()


def check_soon() -> None:
    PushState.objects.filter(pk=1).update(subscriptions_checked_at=None)


def repair() -> None:
    """Brings X's list in line with what is wanted. One process at a time, by the time of the last check."""
    if not _claim():
        return
    try:
        with grants.app(ledger.record_app_call) as app:
            _repair(app)
    except XError as error:
        if trouble.has_credit():  # or else it would put off, each minute, the read that finds out
            trouble.heed(error)
        log.warning("subscriptions_failed", error=type(error).__name__, status=error.status)


def _claim() -> bool:
    PushState.objects.bulk_create([PushState(pk=1)], ignore_conflicts=True)
    unchanged = PushState.objects.filter(pk=1, subscriptions_checked_at=_checked_at())
    return is_due() and unchanged.update(subscriptions_checked_at=timezone.now()) == 1


def _repair(app: XApp) -> None:
    """What nobody wants any more goes first, whatever else fails, and without credit, too: it costs nothing."""
    listed = {(one.event_type, _number(one.user_id)): one for one in app.subscriptions()}
    wanted = _wanted()
    most = _cap()
    keep = {one.key for one in wanted[:most]}
    _remove(app, listed, keep)
    _forget({one.key for one in wanted})
    has_credit = trouble.has_credit()  # the read that is paid for again says when making is worth while
    if has_credit and webhooks.is_set_up():
        webhooks.repair(app)
    webhook_id = _webhook_id()
    astray = _astray(listed, webhook_id) & keep
    _remove(app, listed, listed.keys() - astray)
    if not has_credit:
        _note_removed(wanted, astray)
        return
    _make_missing(app, _note_listed(wanted, most, listed, astray), webhook_id)
    _try_beyond(app, wanted[most : most + 1], webhook_id)


def _astray(listed: dict[Key, Subscription], webhook_id: str | None) -> set[Key]:
    """Those of ours that X would push past the way in: to an address we had before, or over the stream when it is the
    webhook.
    """
    if webhook_id is None and webhooks.is_set_up():
        return set()  # not registered yet, so nobody knows
    return {key for key, one in listed.items() if one.tag == push.TAG and (one.webhook_id or None) != webhook_id}


def _note_removed(wanted: list[Wanted], astray: set[Key]) -> None:
    for one in wanted:
        if one.key in astray:
            _note(_row(one), State.WANTED)


def _note_listed(
    wanted: list[Wanted], most: int, listed: dict[Key, Subscription], astray: set[Key]
) -> list[tuple[Wanted, ActivitySubscription]]:
    """What is to be made now: wanted, within X's number, not listed, and not put off."""
    missing = []
    for place, one in enumerate(wanted):
        row = _row(one)
        if place >= most:
            _note_over_cap(row)
        elif one.key in listed and one.key not in astray:
            _note(row, State.ACTIVE, subscription_id=listed[one.key].id)
        elif row.state not in PUT_OFF or _is_due(row):
            missing.append((one, row))
    return missing


def _make_missing(app: XApp, missing: list[tuple[Wanted, ActivitySubscription]], webhook_id: str | None) -> None:
    """One X account that X does not answer for is passed over; after some of them it is X itself, and the next look
    goes on with those that were not put off.
    """
    failing: set[XAccount | None] = set()
    for place, (one, row) in enumerate(missing):
        if one.x_account in failing:
            continue
        try:
            _make(app, one, row, webhook_id)
        except SubscriptionCap:
            _learn_cap()
            for _, beyond in missing[place:]:
                _note_over_cap(beyond)
            return
        except (TryLater, OutcomeUnknown) as error:
            failing.add(one.x_account)
            _put_off(row, error)
            if len(failing) >= MOST_FAILING:
                return


def _try_beyond(app: XApp, beyond: list[Wanted], webhook_id: str | None) -> None:
    """X may have come to allow more than it taught us: now and then one more is tried."""
    learnt = PushState.objects.filter(pk=1, subscription_cap__lt=settings.X_SUBSCRIPTION_CAP)
    for one in beyond:
        row = _row(one)
        if not _is_due(row) or not learnt.exists():
            return
        try:
            _make(app, one, row, webhook_id)
        except SubscriptionCap:
            _note(row, State.OVER_CAP, OVER_CAP)
        except (TryLater, OutcomeUnknown) as error:
            log.info("subscription_put_off", event_type=one.event_type, error=type(error).__name__)
        else:
            PushState.objects.filter(pk=1).update(subscription_cap=None, subscriptions_checked_at=None)


def _wanted() -> list[Wanted]:
    """The app's own first: it costs one, and tells of every connection that ends."""
    reading = SyncState.objects.exclude(state__in=[SyncState.State.WAITING, SyncState.State.CAPPED])
    x_accounts = without_tokens().filter(state=XAccount.State.CONNECTED, sync__in=reading).order_by("pk")
    connected = [x_account for x_account in x_accounts if not caps.is_reached(x_account)]
    return [Wanted(OF_THE_APP)] + [Wanted(kind, x_account) for kind in KINDS for x_account in connected]


def _is_due(row: ActivitySubscription) -> bool:
    now = timezone.now()
    return not now < row.due_at <= leases.furthest(now, pace.longest_wait())


def _cap() -> int:
    learnt = PushState.objects.filter(pk=1).values_list("subscription_cap", flat=True).first()
    return min(settings.X_SUBSCRIPTION_CAP, learnt if learnt is not None else settings.X_SUBSCRIPTION_CAP)


def _remove(app: XApp, listed: dict[Key, Subscription], keep: Set[Key]) -> None:
    for key, one in listed.items():
        if key in keep or one.tag != push.TAG:
            continue
        try:
            app.delete_subscription(one.id)
        except NotThere:
            log.info("subscription_gone", event_type=one.event_type)


def _make(app: XApp, one: Wanted, row: ActivitySubscription, webhook_id: str | None) -> None:
    """Raises what concerns more than this one: no credit, X's number, X that does not answer."""
    try:
        made = _ask(app, one, webhook_id)
    except (NoCredit, SubscriptionCap, TryLater, OutcomeUnknown):
        raise
    except XError as error:
        if one.x_account is None:
            log.warning("subscription_refused", event_type=one.event_type, error=type(error).__name__)
        _note(row, State.REFUSED, trouble.trouble_of(error).detail or REFUSED)
    else:
        _note(row, State.ACTIVE, subscription_id=made.id if made else "")


def _ask(app: XApp, one: Wanted, webhook_id: str | None) -> Subscription | None:
    if one.x_account is None:
        return app.create_subscription(one.event_type, tag=push.TAG, webhook_id=webhook_id)
    user_id = str(one.x_account.x_user_id)
    answer = ledger.call(
        one.x_account,
        lambda client: client.create_subscription(one.event_type, user_id, tag=push.TAG, webhook_id=webhook_id),
    )
    ledger.record(one.x_account, answer)
    return answer.value


def _learn_cap() -> None:
    active = ActivitySubscription.objects.filter(state=State.ACTIVE).count()
    PushState.objects.filter(pk=1).update(subscription_cap=active)
    log.warning("subscription_cap", active=active)


def _row(one: Wanted) -> ActivitySubscription:
    key = {"x_account": one.x_account, "event_type": one.event_type}
    ActivitySubscription.objects.bulk_create([ActivitySubscription(**key)], ignore_conflicts=True)
    return ActivitySubscription.objects.get(**key)


def _note(row: ActivitySubscription, state: str, detail: str = "", *, subscription_id: str = "") -> None:
    wait = REFUSED_WAIT if state in (State.REFUSED, State.OVER_CAP) else timedelta(0)
    _write(row, state, detail, wait, subscription_id)


def _note_over_cap(row: ActivitySubscription) -> None:
    """Looked at each minute, tried each hour."""
    if row.state != State.OVER_CAP:
        _note(row, State.OVER_CAP, OVER_CAP)


def _put_off(row: ActivitySubscription, error: XError) -> None:
    """It may have been made all the same: X's list tells, at the next look."""
    problem = trouble.trouble_of(error)
    log.info("subscription_put_off", event_type=row.event_type, error=type(error).__name__)
    _write(row, State.WANTED, problem.detail, max(problem.wait, FAILED_WAIT))


def _write(row: ActivitySubscription, state: str, detail: str, wait: timedelta, subscription_id: str = "") -> None:
    now = timezone.now()
    told = row.x_account_id if row.event_type == MESSAGES else None
    begins_or_ends = (row.state == State.ACTIVE) != (state == State.ACTIVE)
    row.state, row.detail, row.subscription_id = state, detail[:300], subscription_id[:64]
    row.checked_at, row.due_at = now, now + wait
    with transaction.atomic():
        if told is not None and begins_or_ends:
            changes.announce_states([told])
        row.save(update_fields=["state", "detail", "subscription_id", "checked_at", "due_at"])


def announce_push() -> None:
    """That X pushes again, or no longer, to each X account whose messages it pushes. First in a transaction."""
    pushed = ActivitySubscription.objects.filter(event_type=MESSAGES, state=State.ACTIVE)
    changes.announce_states(pushed.values_list("x_account", flat=True))


def _forget(wanted: Iterable[Key]) -> None:
    keys = set(wanted)
    for row in ActivitySubscription.objects.select_related("x_account").defer("x_account__access_token"):
        if (row.event_type, row.x_account.x_user_id if row.x_account else None) not in keys:
            row.delete()


def _webhook_id() -> str | None:
    if settings.X_PUSH != "webhook":
        return None
    return PushState.objects.filter(pk=1).values_list("webhook_id", flat=True).first() or None


def _number(user_id: str | None) -> int | None:
    return int(user_id) if user_id and user_id.isdigit() else None
