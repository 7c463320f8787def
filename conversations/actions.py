"""What a person can do. Rows say what is wanted; the sweep finds them within a second.

What costs money raises CapReached when it could cross the month's cap of the X account. Of two who wish for the same
the second waits for the first; who looks up a conversation, for no page that is being stored (no_key).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.access import TOKENS_OF_JOINED
from accounts.models import User, XAccount
from conversations import sync
from conversations.models import (
    Conversation,
    ConversationLookup,
    HistoryRead,
    ReadMark,
    SavedView,
    SyncState,
    UnfinishedDay,
)
from conversations.sync import caps, estimates, unfinished_days, wishes

MOST_WISHES = 20
"""Of one person that X is still to be asked: nobody fills the queue for all others."""
WATCHED_FOR = timedelta(minutes=2)
SAID_AT_MOST_EACH = timedelta(seconds=30)


class DearerThanTold(Exception):  # noqa: N818 (no failure: the person is told the new price)
    """It could cost more than the page said that the person has seen: `usd`."""

    def __init__(self, usd: Decimal) -> None:
        super().__init__(usd)
        self.usd = usd


class TooManyWishes(Exception):  # noqa: N818 (no failure: the person asks again later)
    """This person waits for MOST_WISHES answers of X already."""


@transaction.atomic
def mark_read(user: User, conversation: Conversation, dm_event_id: int) -> None:
    """Moves the person's mark forward, never back and never past what there is; any order of two calls ends alike."""
    seen = min(dm_event_id, conversation.last_dm_event_id)
    ReadMark.objects.bulk_create([ReadMark(user=user, conversation=conversation)], ignore_conflicts=True)
    marks = ReadMark.objects.filter(user=user, conversation=conversation, dm_event_id__lt=seen)
    marks.update(dm_event_id=seen, moved_at=timezone.now(), was_moved_back=False)


def mark_unread(user: User, conversation: Conversation) -> bool:
    """Puts the person's mark right before the newest message of the others; False when none of them ever wrote."""
    newest = conversation.last_incoming_dm_event_id
    if not newest:
        return False
    mark = ReadMark(user=user, conversation=conversation, dm_event_id=newest - 1, was_moved_back=True)
    ReadMark.objects.bulk_create(
        [mark],
        update_conflicts=True,
        update_fields=["dm_event_id", "moved_at", "was_moved_back"],
        unique_fields=["user", "conversation"],
    )
    return True


@transaction.atomic
def save_view(user: User, name: str, query: str) -> bool:
    """Gives these filters a name, or the name these filters; False when there are as many as one may have."""
    User.objects.select_for_update().get(pk=user.pk)
    others = user.saved_views.exclude(name=name)
    if others.count() >= SavedView.MOST:
        return False
    SavedView.objects.update_or_create(user=user, name=name, defaults={"query": query})
    return True


def drop_view(view: SavedView) -> None:
    view.delete()


@transaction.atomic
def read_history(
    user: User,
    conversation: Conversation,
    event_types: Sequence[str] = (),
    pages: int = 1,
    told: Decimal | None = None,
) -> HistoryRead:
    """Asks X for so many pages of older events; a wish that is still being worked on is not made twice. told: what the
    person was told that this costs at most, if anything. Raises DearerThanTold, CapReached and TooManyWishes.

    Some kinds alone are read on from where the last such wish ended, well or not: X bills what it gives again.
    """
    rows = Conversation.objects.select_related("x_account__sync").defer(*TOKENS_OF_JOINED)
    conversation = rows.select_for_update(of=("self",), no_key=True).get(pk=conversation.pk)
    alike = conversation.history_reads.filter(event_types=list(event_types))
    if running := alike.filter(state=HistoryRead.State.DUE).first():
        return running
    _require_few(user)
    usd = estimates.of_pages(pages, wishes.people_to_pay(conversation)).usd
    if told is not None:
        _require_as_told(usd, told)
    caps.require(conversation.x_account, usd)
    ended = alike.order_by("-pk").first()
    return HistoryRead.objects.create(
        conversation=conversation,
        asked_by=user,
        event_types=list(event_types),
        pages_wanted=pages,
        next_token=ended.next_token if ended else "",
    )


@transaction.atomic
def read_day(user: User, day: UnfinishedDay, told: Decimal) -> None:
    """Asks X for all from now down to the beginning of that day; a wish that is still being worked on is not made
    twice. told: what the person was told it costs at most. Raises DearerThanTold, CapReached and TooManyWishes.
    """
    row = UnfinishedDay.objects.select_for_update(no_key=True).get(pk=day.pk)
    if row.state in (UnfinishedDay.State.DUE, UnfinishedDay.State.DONE):
        return
    _require_few(user)
    state = SyncState.objects.select_related("x_account").defer(*TOKENS_OF_JOINED).get(x_account=row.x_account_id)
    row.events_wanted, price = unfinished_days.price_of(row, state)
    _require_as_told(price.usd, told)
    caps.require(state.x_account, price.usd)
    row.state, row.asked_by, row.asked_at = UnfinishedDay.State.DUE, user, timezone.now()
    row.events_read, row.failures, row.next_token, row.detail, row.due_at = 0, 0, "", "", timezone.now()
    row.save()


def _require_as_told(usd: Decimal, told: Decimal) -> None:
    if usd > told:
        raise DearerThanTold(usd)


def look_up_conversation(user: User, x_account: XAccount, kind: str, target: str) -> ConversationLookup:
    """Asks X for a conversation; the same question still on its way is not asked twice. Raises CapReached and
    TooManyWishes.
    """
    with transaction.atomic():
        XAccount.objects.select_for_update(no_key=True).get(pk=x_account.pk)
        question = {"x_account": x_account, "kind": kind, "target": target}
        running = ConversationLookup.objects.filter(**question, state=ConversationLookup.State.DUE).first()
        if running:
            return running
        _require_few(user)
        caps.require(x_account, estimates.of_pages(1).usd)
        return ConversationLookup.objects.create(**question, asked_by=user)


def _require_few(user: User) -> None:
    """Raises TooManyWishes."""
    due = (model._default_manager.filter(asked_by=user, state="due") for model in wishes.X_ACCOUNT)
    if sum(rows.count() for rows in due) >= MOST_WISHES:
        raise TooManyWishes


def begin_import(x_account: XAccount, days: int, ceiling_usd: Decimal) -> None:
    """The choice of how far back to read, and at what price at most; 0 days: only from now on."""
    if days:
        caps.require(x_account, ceiling_usd)
    sync.begin_import(x_account, days, ceiling_usd)


def resume_import(x_account: XAccount) -> None:
    """Go on at the ceiling: as much again may be spent, and never more than the month's cap leaves."""
    caps.require(x_account, settings.PRICE_DM_EVENT_USD)
    sync.resume_import(x_account)


@transaction.atomic
def set_cap(x_account: XAccount, cap_usd: Decimal | None) -> None:
    """What the X account may cost in a month; None: as much as it takes. What waits for the cap is looked at anew."""
    caps.set_cap(x_account, cap_usd)
    wishes.wake(x_account)


def watch(x_accounts: Iterable[XAccount]) -> None:
    """Somebody is looking: these are polled more often for a while. Written down at most each half minute.

    They come with their `sync`, which mostly says that it is written down.
    """
    until = timezone.now() + WATCHED_FOR
    enough = until - SAID_AT_MOST_EACH
    states = [row.sync for row in x_accounts if hasattr(row, "sync")]
    old = [state.pk for state in states if state.watched_until is None or state.watched_until < enough]
    if old:
        is_old = Q(watched_until=None) | Q(watched_until__lt=enough)
        SyncState.objects.filter(is_old, pk__in=old).update(watched_until=until)
