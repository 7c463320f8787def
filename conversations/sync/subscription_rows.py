"""What X shall push, for whom, and how far each of it has come: the rows behind the subscriptions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.models import XAccount
from conversations import changes
from conversations.models import ActivitySubscription, SyncState
from conversations.sync import caps, pace, push
from dminbox import leases

State = ActivitySubscription.State
KINDS = ("dm.received", "dm.sent", "chat.received", "dm.read", "dm.indicate_typing")
"""In the order in which X's number of them is spent: everybody's first kind comes before anybody's second."""
MESSAGES = "dm.received"
"""While this one is active, X pushes for an X account."""
OF_THE_APP = "oauth.revoke"
REFUSED_WAIT = timedelta(hours=1)
OVER_CAP = gettext_noop("X allows no more subscriptions; this X account is polled.")
COLUMNS = ["state", "detail", "subscription_id", "due_at"]
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class News:
    """What a row shall say from now on. wait: until it may be tried again."""

    row: ActivitySubscription
    state: str
    detail: str = ""
    subscription_id: str = ""
    wait: timedelta = timedelta(0)

    @property
    def differs(self) -> bool:
        said = self.row.state, self.row.detail, self.row.subscription_id
        return bool(self.wait) or said != (self.state, self.detail, self.subscription_id)

    @property
    def begins_or_ends_push(self) -> bool:
        return self.row.event_type == MESSAGES and (self.row.state == State.ACTIVE) != (self.state == State.ACTIVE)


# --- Which rows there are ---------------------------------------------------------------------------------------------


def load() -> tuple[list[ActivitySubscription], list[ActivitySubscription]]:
    """The rows of what is wanted, in the order in which X's number of them is spent, each with its X account and made
    where it was missing; and the rows that nobody wants any more.
    """
    x_accounts = _pushed_for()
    # The app's own first: it costs one, and tells of every connection that ends.
    wanted = [ActivitySubscription(event_type=OF_THE_APP)]
    wanted += [ActivitySubscription(event_type=kind, x_account=x_account) for kind in KINDS for x_account in x_accounts]
    rows = _rows()
    if missing := [row for row in wanted if _subject(row) not in rows]:
        ActivitySubscription.objects.bulk_create(missing, ignore_conflicts=True)
        rows = _rows()
    found = [rows.pop(_subject(row)) for row in wanted]
    for row, one in zip(found, wanted, strict=True):
        row.x_account = one.x_account
    return found, list(rows.values())


def _pushed_for() -> list[XAccount]:
    """Also those to be connected again, unless somebody has ended the connection at X: X pushes what is subscribed
    without our token, billed and capped as ever, and else nothing would come until somebody finds the time.
    """
    reading = SyncState.objects.exclude(state__in=[SyncState.State.WAITING, SyncState.State.CAPPED])
    is_wanted = Q(state=XAccount.State.CONNECTED) | Q(state=XAccount.State.RECONNECT) & ~Q(state_detail=push.REVOKED)
    return caps.with_room(XAccount.objects.filter(is_wanted, sync__in=reading).order_by("pk"))


def may_be_made(row: ActivitySubscription) -> bool:
    """Whether there is a token to make it with, by what `load` has seen."""
    return row.x_account is None or row.x_account.state == XAccount.State.CONNECTED


def _rows() -> dict[tuple[str, int | None], ActivitySubscription]:
    return {_subject(row): row for row in ActivitySubscription.objects.all()}


def _subject(row: ActivitySubscription) -> tuple[str, int | None]:
    return row.event_type, row.x_account_id


def forget(rows: list[ActivitySubscription]) -> None:
    """Push that ends with it is told."""
    if not rows:
        return
    with transaction.atomic():
        _announce(row for row in rows if row.event_type == MESSAGES and row.state == State.ACTIVE)
        ActivitySubscription.objects.filter(pk__in=[row.pk for row in rows]).delete()


# --- What they say ----------------------------------------------------------------------------------------------------


def is_due(row: ActivitySubscription) -> bool:
    return leases.is_past(row.due_at, timezone.now(), pace.longest_wait())


def note(news: Iterable[News]) -> None:
    """Writes what differs, all at once; push that begins or ends with it is told."""
    differing = [one for one in news if one.differs]
    told = [one.row for one in differing if one.begins_or_ends_push]
    now = timezone.now()
    for one in differing:
        one.row.state, one.row.detail = one.state, one.detail[:300]
        one.row.subscription_id, one.row.due_at = one.subscription_id[:64], now + one.wait
    if differing:
        with transaction.atomic():
            _announce(told)
            ActivitySubscription.objects.bulk_update([one.row for one in differing], COLUMNS, ROWS_AT_ONCE)


def note_over_cap(rows: Iterable[ActivitySubscription]) -> None:
    """Looked at each minute, tried each hour."""
    note(News(row, State.OVER_CAP, OVER_CAP, wait=REFUSED_WAIT) for row in rows if row.state != State.OVER_CAP)


def announce_push() -> None:
    """That X pushes again, or no longer, to each X account whose messages it pushes. First in a transaction."""
    _announce(ActivitySubscription.objects.filter(event_type=MESSAGES, state=State.ACTIVE))


def _announce(rows: Iterable[ActivitySubscription]) -> None:
    changes.announce_states(row.x_account_id for row in rows if row.x_account_id is not None)
