"""X's list of what it pushes, brought in line with what is wanted: each minute, and once more when push is ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TypeVar

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import grants
from accounts.models import XAccount
from conversations import ledger
from conversations.models import ActivitySubscription, PushState
from conversations.sync import pace, push, subscription_rows, trouble, webhooks
from conversations.sync.subscription_rows import News
from dminbox import leases
from dminbox.xapi.activity import Subscription
from dminbox.xapi.app import XApp
from dminbox.xapi.errors import NoCredit, NotThere, OutcomeUnknown, RateLimited, SubscriptionCap, TryLater, XError

log = structlog.get_logger("conversations.push")

T = TypeVar("T")
State = ActivitySubscription.State
EVERY = timedelta(minutes=1)
TURN = timedelta(minutes=1)
"""After which a look ends, however much is left to do: what X shall stop pushing waits for the next one."""
FAILED_WAIT = timedelta(minutes=2)
PUT_OFF = {State.WANTED, State.REFUSED}
MOST_FAILING = 3
REFUSED = gettext_noop("X refuses.")

Key = tuple[str, int | None]
"""An event type and X's id of the user it is about."""


# --- When -------------------------------------------------------------------------------------------------------------


def is_due() -> bool:
    """Each minute; at once when an X account was connected, or its connection ended, since the last look. Not before
    X's window opens again, where a look has used it up; and with push switched off only until nothing of ours is left.
    """
    if not settings.X_CONSUMER_KEY:
        return False
    state = PushState.objects.filter(pk=1).first() or PushState()
    if state.is_ended:
        return bool(settings.X_PUSH != "off")
    if not leases.is_past(state.subscriptions_wait_until, timezone.now(), pace.longest_wait()):
        return False
    checked_at = state.subscriptions_checked_at
    return checked_at is None or _is_long_ago(checked_at) or _is_news(checked_at)


def _is_long_ago(checked_at: datetime) -> bool:
    """Or by a clock that ran ahead."""
    now = timezone.now()
    return not now - EVERY < checked_at <= leases.furthest(now, EVERY) - EVERY


def _is_news(since: datetime) -> bool:
    return XAccount.objects.filter(Q(state_since__gt=since) | Q(connected_at__gt=since)).exists()


def repair() -> None:
    """Brings X's list in line with what is wanted. One process at a time, by a lease."""
    began = timezone.now()
    lease_until = _claim(began)
    if lease_until is None:
        return
    try:
        with grants.app(ledger.record_app_call) as app:
            _repair(app, began + TURN)
    except XError as error:
        _heed(error)
    finally:
        PushState.objects.filter(subscriptions_lease_until=lease_until).update(subscriptions_lease_until=None)


def _heed(error: XError) -> None:
    log.warning("subscriptions_failed", error=type(error).__name__, status=error.status)
    if isinstance(error, RateLimited):
        wait = pace.wait_after_refusal(error)
        PushState.objects.filter(pk=1).update(subscriptions_wait_until=timezone.now() + wait)
    if trouble.has_credit():  # or else it would put off, each minute, the read that finds out
        trouble.heed(error)
    if webhooks.is_set_up():  # what is wrong with the stream, its listener says
        PushState.objects.filter(pk=1).update(detail=trouble.trouble_of(error).detail[:500])


def _claim(now: datetime) -> datetime | None:
    """When the lease ends; None where nothing is due, or another process is at it. Two at once would do no harm."""
    PushState.objects.bulk_create([PushState(pk=1)], ignore_conflicts=True)
    length = timedelta(seconds=settings.SYNC_LEASE_SECONDS)
    is_free = leases.is_free("subscriptions_lease_until", now, length)
    checked_at = PushState.objects.values_list("subscriptions_checked_at", flat=True).get(pk=1)
    ours = PushState.objects.filter(is_free, pk=1, subscriptions_checked_at=checked_at)
    values = {"subscriptions_lease_until": now + length, "subscriptions_checked_at": now, "is_ended": False}
    return now + length if is_due() and ours.update(**values) == 1 else None


def _in_time(rows: Iterable[T], until: datetime) -> Iterator[T]:
    """As far as the time goes. The next look goes on at once, by what is wanted then."""
    for row in rows:
        if timezone.now() >= until:
            PushState.check_subscriptions_soon()
            return
        yield row


# --- What is at X -----------------------------------------------------------------------------------------------------


def _repair(app: XApp, until: datetime) -> None:
    listed = app.subscriptions()
    PushState.objects.filter(pk=1).update(subscriptions_listed_at=timezone.now())
    if settings.X_PUSH == "off":
        _end(app, listed, until)
        return
    _bring_in_line(app, listed, until)
    if not webhooks.is_set_up() and webhooks.known_id():
        webhooks.end(app)


def _end(app: XApp, listed: Iterable[Subscription], until: datetime) -> None:
    """Push is switched off: X is told so until it lists nothing of ours, and then never asked again."""
    ours = [one for one in listed if one.tag == push.TAG]
    _remove(app, ours, until)
    subscription_rows.forget(list(ActivitySubscription.objects.all()))
    _end_webhook(app)
    if not ours:
        off = {"state": PushState.State.OFF, "state_since": timezone.now(), "detail": ""}
        PushState.objects.filter(pk=1).update(is_ended=True, **off)
        log.info("push_ended")


def _end_webhook(app: XApp) -> None:
    """Where none is known of, X may refuse its list for good: who has had the stream alone needs no right to it."""
    try:
        webhooks.end(app)
    except XError as error:
        if webhooks.known_id() or not trouble.trouble_of(error).is_final:
            raise
        log.info("webhooks_not_listed", error=type(error).__name__)


def _bring_in_line(app: XApp, listed: Iterable[Subscription], until: datetime) -> None:
    """What nobody wants any more goes first, whatever else fails, and without credit, too: it costs nothing."""
    rows, unwanted = subscription_rows.load()
    most = _cap()
    keep = {_key(row) for row in rows[:most]}
    _remove(app, [one for one in listed if one.tag == push.TAG and _key_of(one) not in keep], until)
    subscription_rows.forget(unwanted)
    has_credit = trouble.has_credit()  # the read that is paid for again says when making is worth while
    if has_credit and webhooks.is_set_up():
        webhooks.repair(app)
    webhook_id = webhooks.known_id() if webhooks.is_set_up() else None
    kept = {one.id: one for one in listed if _key_of(one) in keep}
    astray = {pk: one for pk, one in kept.items() if one.tag == push.TAG and _is_astray(one, webhook_id)}
    right = {_key_of(one): one for pk, one in kept.items() if pk not in astray}
    missing = _note_listed(rows, most, right)
    _remove(app, astray.values(), until)
    if has_credit:
        _make_missing(app, missing, webhook_id, until)
        _try_beyond(app, rows[most : most + 1], webhook_id)


def _is_astray(one: Subscription, webhook_id: str | None) -> bool:
    """X would push it past the way in: to an address we had before, or over the stream when it is the webhook."""
    is_registered = webhook_id is not None or not webhooks.is_set_up()  # or else nobody knows yet
    return is_registered and (one.webhook_id or None) != webhook_id


def _note_listed(
    rows: list[ActivitySubscription], most: int, listed: Mapping[Key, Subscription]
) -> list[ActivitySubscription]:
    """What is to be made now: within X's number, not listed, not put off, and with a token. Whatever becomes of it, X
    pushes none of it meanwhile: who was pushed is polled.
    """
    subscription_rows.note_over_cap(rows[most:])
    within = [(row, listed.get(_key(row))) for row in rows[:most]]
    subscription_rows.note(
        News(row, State.ACTIVE, subscription_id=one.id) if one else News(row, State.WANTED)
        for row, one in within
        if one or row.state == State.ACTIVE
    )
    missing = [row for row, one in within if not one and subscription_rows.may_be_made(row)]
    return [row for row in missing if row.state not in PUT_OFF or subscription_rows.is_due(row)]


def _remove(app: XApp, subscriptions: Iterable[Subscription], until: datetime) -> None:
    """One that X refuses, or does not answer for, is passed over until the next look; after some unanswered ones it is
    X itself, and at once where its window is used up.
    """
    failing = 0
    for one in _in_time(subscriptions, until):
        try:
            app.delete_subscription(one.id)
        except NotThere:
            log.info("subscription_gone", event_type=one.event_type)
        except XError as error:
            log.info("subscription_not_removed", event_type=one.event_type, error=type(error).__name__)
            failing += isinstance(error, TryLater | OutcomeUnknown)
            if failing >= MOST_FAILING or isinstance(error, RateLimited) or _is_of_the_app(error):
                raise


def _is_of_the_app(error: XError) -> bool:
    return isinstance(error, NoCredit) or error.status == HTTPStatus.UNAUTHORIZED


# --- Making what is missing -------------------------------------------------------------------------------------------


def _make_missing(app: XApp, missing: list[ActivitySubscription], webhook_id: str | None, until: datetime) -> None:
    """One X account that X does not answer for is passed over; after some of them it is X itself, and the next look
    goes on with those that were not put off.
    """
    failing: set[int | None] = set()
    for place, row in _in_time(enumerate(missing), until):
        if row.x_account_id in failing:
            continue
        try:
            _make(app, row, webhook_id)
        except SubscriptionCap:
            _learn_cap()
            subscription_rows.note_over_cap(missing[place:])
            return
        except (TryLater, OutcomeUnknown) as error:
            failing.add(row.x_account_id)
            _put_off(row, error)
            if len(failing) >= MOST_FAILING:
                return


def _try_beyond(app: XApp, beyond: list[ActivitySubscription], webhook_id: str | None) -> None:
    """X may have come to allow more than it taught us: now and then one more is tried."""
    learnt = PushState.objects.filter(pk=1, subscription_cap__lt=settings.X_SUBSCRIPTION_CAP)
    for row in beyond:
        if not (subscription_rows.may_be_made(row) and subscription_rows.is_due(row)) or not learnt.exists():
            return
        try:
            _make(app, row, webhook_id)
        except SubscriptionCap:
            subscription_rows.note(
                [News(row, State.OVER_CAP, subscription_rows.OVER_CAP, wait=subscription_rows.REFUSED_WAIT)]
            )
        except (TryLater, OutcomeUnknown) as error:
            log.info("subscription_put_off", event_type=row.event_type, error=type(error).__name__)
        else:
            PushState.objects.filter(pk=1).update(subscription_cap=None, subscriptions_checked_at=None)


def _cap() -> int:
    learnt = PushState.objects.filter(pk=1).values_list("subscription_cap", flat=True).first()
    return min(settings.X_SUBSCRIPTION_CAP, learnt if learnt is not None else settings.X_SUBSCRIPTION_CAP)


def _learn_cap() -> None:
    active = ActivitySubscription.objects.filter(state=State.ACTIVE).count()
    PushState.objects.filter(pk=1).update(subscription_cap=active)
    log.warning("subscription_cap", active=active)


def _make(app: XApp, row: ActivitySubscription, webhook_id: str | None) -> None:
    """Raises what concerns more than this one: no credit, X's number, X that does not answer."""
    try:
        made = _ask(app, row, webhook_id)
    except (NoCredit, SubscriptionCap, TryLater, OutcomeUnknown):
        raise
    except XError as error:
        if row.x_account is None:
            log.warning("subscription_refused", event_type=row.event_type, error=type(error).__name__)
        words = trouble.trouble_of(error).detail or REFUSED
        subscription_rows.note([News(row, State.REFUSED, words, wait=subscription_rows.REFUSED_WAIT)])
    else:
        subscription_rows.note([News(row, State.ACTIVE, subscription_id=made.id if made else "")])


def _ask(app: XApp, row: ActivitySubscription, webhook_id: str | None) -> Subscription | None:
    x_account = row.x_account
    if x_account is None:
        return app.create_subscription(row.event_type, tag=push.TAG, webhook_id=webhook_id)
    user_id = str(x_account.x_user_id)
    answer = ledger.call(
        x_account,
        lambda client: client.create_subscription(row.event_type, user_id, tag=push.TAG, webhook_id=webhook_id),
    )
    ledger.record(x_account, answer)
    return answer.value


def _put_off(row: ActivitySubscription, error: XError) -> None:
    """It may have been made all the same: X's list tells, at the next look."""
    problem = trouble.trouble_of(error)
    log.info("subscription_put_off", event_type=row.event_type, error=type(error).__name__)
    subscription_rows.note([News(row, State.WANTED, problem.detail, wait=max(problem.wait, FAILED_WAIT))])


def _key(row: ActivitySubscription) -> Key:
    return row.event_type, row.x_account.x_user_id if row.x_account else None


def _key_of(one: Subscription) -> Key:
    return one.event_type, int(one.user_id) if one.user_id and one.user_id.isdigit() else None
