"""Reading one conversation's own history at X: older pages on demand, and refills of some kinds of events."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_noop

from conversations import changes, ledger
from conversations.models import Conversation, DmEvent, HistoryRead, ReadInterval
from conversations.sync import intervals, wishes
from conversations.sync.intervals import BEGINNING, Reach
from conversations.sync.store import StoredPage, store_page
from dminbox.xapi.client import XClient, takes_conversation
from dminbox.xapi.errors import BadPageToken
from dminbox.xapi.schema import Answer, Page

NO_MORE = gettext_noop("X returned no older messages of this conversation.")
NOTHING_NEW = gettext_noop("X returned only messages that were already here. There may be older ones: load more.")
NO_MORE_OF_THESE = gettext_noop("Everything X has of these is here.")
ENCRYPTED = gettext_noop("This is an encrypted XChat conversation. Only X's own apps can open it.")
RESTING = gettext_noop("X returned empty pages where older messages should be. dminbox tries again later.")


@dataclass(slots=True)
class Progress:
    """What one worker's turn at a wish has done. began_anew: X refused a cursor once, and it went on from the top."""

    began_anew: bool = False


def read_history(pk: int) -> None:
    """Takes up a wish for older history, page by page, as long as X's window allows."""
    wish = wishes.claim(HistoryRead, pk)
    if wish is None:
        return
    if not can_be_read(wish.conversation):
        wishes.finish(wish, HistoryRead.State.FAILED, ENCRYPTED)
        return
    progress = Progress()
    with wishes.settling(wish):
        while _goes_on(wish):
            _read_some_kinds(wish, progress) if wish.event_types else _read_on(wish, progress)


def can_be_read(conversation: Conversation) -> bool:
    """Whether X gives messages of it at all: an encrypted group is known by notices alone."""
    return takes_conversation(conversation.dm_conversation_id)


def _goes_on(wish: HistoryRead) -> bool:
    return wish.state == HistoryRead.State.DUE and wish.lease_until is not None and wishes.renew(wish)


def billed_again(conversation: Conversation) -> int:
    """How many stored events X gives, and bills once more on this UTC day, before a read of its history comes to older
    ones: X's cursors lead only on from pages that it has given, never to an id.
    """
    today = ledger.utc_day(timezone.now())
    found: Any = with_billed_again(Conversation.objects.filter(pk=conversation.pk), today).only("pk").get()
    number: int = found.billed_again
    return number


def with_billed_again(
    rows: QuerySet[Conversation], today: date | str, at_most: int | None = None
) -> QuerySet[Conversation]:
    """Adds that number as `billed_again`. at_most: where more events are stored than that, it is not counted: None."""
    older = DmEvent.objects.filter(conversation=OuterRef("pk"), dm_event_id__lt=OuterRef("start")).unbilled(today)
    count = Subquery(older.order_by().values("conversation").annotate(number=Count("pk")).values("number"))
    number: Coalesce | Case = Coalesce(count, 0)
    if at_most is not None:
        stored = DmEvent.objects.filter(conversation=OuterRef("pk")).order_by("dm_event_id").values("pk")
        rows = rows.alias(one_more=Subquery(stored[at_most : at_most + 1]))  # by its index; Exists() takes no order
        number = Case(When(one_more__isnull=True, then=number))
    return intervals.with_start(rows).annotate(billed_again=number)


def _gap(conversation: Conversation) -> ReadInterval | None:
    """Where its history is read on; None where that begins with X's newest event."""
    if intervals.is_cut_off(conversation):
        return None  # what lies in the hole comes first; the walk meets the older cursor on its way
    return intervals.gaps(conversation.x_account, conversation).order_by("-high_id").first()


def _read_on(wish: HistoryRead, progress: Progress) -> None:
    """One page: on from the cursor of the conversation's gap, or from its newest event when it has none."""
    gap = _gap(wish.conversation)
    try:
        with _asked(wish, gap.next_token if gap else "") as answer:
            _store(wish, answer, gap)
    except BadPageToken:
        if gap is None or progress.began_anew:
            raise
        progress.began_anew = True
        intervals.drop(gap)


def _store(wish: HistoryRead, answer: Answer[Page], gap: ReadInterval | None) -> None:
    """A page that costs nothing and brings nothing is none of the wish: it only lies on the way to older ones."""
    conversation = wish.conversation
    with transaction.atomic():
        changes.lock(conversation.x_account)
        stored = store_page(conversation.x_account, answer, conversation=conversation)
        bill = ledger.record(conversation.x_account, answer)
        merged = _claim_page(conversation, answer, intervals.resume(gap) if gap else None)
        _count(wish, stored, counts=bool(bill.resources or stored.new_events))
        _settle_page(wish, answer, merged, stored)


def _claim_page(conversation: Conversation, answer: Answer[Page], reach: Reach | None) -> Reach:
    start = reach or intervals.top(answer.answered_at)
    reached = intervals.advance(start, answer.value, end_id=BEGINNING)
    merged = intervals.record(conversation.x_account, conversation, reached, is_top=reach is None)
    intervals.close_conversation(conversation, merged)
    return merged


def _count(wish: HistoryRead, stored: StoredPage, *, counts: bool) -> None:
    wishes.write(wish, pages_read=wish.pages_read + counts, events_read=wish.events_read + stored.new_events)


def _settle_page(wish: HistoryRead, answer: Answer[Page], merged: Reach, stored: StoredPage) -> None:
    done = HistoryRead.State.DONE
    if merged.low == BEGINNING or not merged.token:
        wishes.finish(wish, done, "" if wish.events_read else NO_MORE)
    elif wish.pages_read >= wish.pages_wanted:
        wishes.finish(wish, done, "" if wish.events_read else NOTHING_NEW)
    elif merged.is_resting:
        wishes.put_off(wish, max(_until(merged), timedelta(seconds=1)), RESTING)


def _until(merged: Reach) -> timedelta:
    return (merged.due_at or timezone.now()) - timezone.now()


def _read_some_kinds(wish: HistoryRead, progress: Progress) -> None:
    """A refill of some kinds of events: it may fill in what is missing, and says nothing about what has been read."""
    try:
        with _asked(wish, wish.next_token) as answer:
            _store_some_kinds(wish, answer)
    except BadPageToken:
        if not wish.next_token or progress.began_anew:
            raise
        progress.began_anew = True
        wishes.write(wish, next_token="")  # noqa: S106 (no secret: a page's)


def _store_some_kinds(wish: HistoryRead, answer: Answer[Page]) -> None:
    with transaction.atomic():
        changes.lock(wish.conversation.x_account)
        stored = store_page(wish.conversation.x_account, answer, conversation=wish.conversation)
        ledger.record(wish.conversation.x_account, answer)
        _count(wish, stored, counts=True)
        token = answer.value.next_token or ""
        wishes.write(wish, next_token="" if token == wish.next_token else token)  # a circle leads nowhere
        _settle_kinds(wish)


def _settle_kinds(wish: HistoryRead) -> None:
    if not wish.next_token:
        wishes.finish(wish, HistoryRead.State.DONE, "" if wish.events_read else NO_MORE_OF_THESE)
    elif wish.pages_read >= wish.pages_wanted:
        wishes.finish(wish, HistoryRead.State.DONE, "" if wish.events_read else NOTHING_NEW)


def _asked(wish: HistoryRead, token: str) -> AbstractContextManager[Answer[Page]]:
    conversation = wish.conversation

    def read(client: XClient, size: int, with_people: bool) -> Answer[Page]:
        return client.conversation_dm_events(
            conversation.dm_conversation_id,
            max_results=size,
            pagination_token=token or None,
            event_types=wish.event_types,
            expand_users=with_people,
        )

    return wishes.asked(wish, conversation.x_account, ledger.HISTORY, read)
