"""Days that were not read again to their end: what reading one costs now, and reading it when a person wishes for it.

X gives events only from the newest down. So all that came since that day is read as well, and billed unless X has
billed it today already. The price that a person was told holds for the UTC day on which it was told, and for so many
events; then the wish ends, and the page says what going on costs.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.models import XAccount
from conversations import changes, ledger
from conversations.models import BilledResource, Conversation, DmEvent, EventPost, Participant, SyncState, UnfinishedDay
from conversations.sync import intervals, pace, wishes
from conversations.sync.estimates import Estimate
from conversations.sync.posts import MOST_SHOWN
from conversations.sync.reconciling import lowest_id
from conversations.sync.store import store_page
from conversations.sync.turns import begin_of, first_of_day, floor_of
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import BadPageToken
from dminbox.xapi.schema import Answer, Page

USED_UP = gettext_noop("X returned more events than expected, so reading stopped at its price.")
NEW_PRICE = gettext_noop("A new UTC day began before it was read to its end, so its price has changed.")
CIRCLE = gettext_noop("X's pages led in a circle. Try again later.")
MOST_COUNTED = 100_000
MORE, AT_LEAST = Decimal("0.1"), 10
"""Room for what X shows late: a share of what is known, and so many more."""
MOST_PEOPLE = 2
"""Whom a late event names beside the authors of posts."""


def told_of(x_account: XAccount) -> list[UnfinishedDay]:
    """Newest first."""
    since = timezone.now() - intervals.WINDOW
    return list(x_account.unfinished_days.told_of(since).order_by("-day"))


def price_of(row: UnfinishedDay, state: SyncState) -> tuple[int, Estimate]:
    """How many events reading that day again asks for at most, and what X bills of them at most: with the posts shared
    in them, and people. What shows late may name each time somebody new, and a post of which nothing is here.
    """
    now, first = timezone.now(), first_of_day(state, begin_of(row.day))
    lively = Conversation.objects.filter(x_account=row.x_account_id, last_dm_event_id__gte=first)
    stored = DmEvent.objects.filter(conversation__in=lively, dm_event_id__gte=first)[:MOST_COUNTED].count()
    late = int(stored * MORE) + AT_LEAST
    free = ledger.free_today(state.x_account, first, now, MOST_COUNTED)
    billed = BilledResource.objects.filter(day=ledger.utc_day(now), kind=BilledResource.Kind.POST)
    shared = EventPost.objects.filter(event__conversation__in=lively, event__dm_event_id__gte=first)
    posts = shared.filter(~Exists(billed.filter(resource_id=OuterRef("post")))).values("post").distinct()
    people = Participant.objects.filter(conversation__in=lively).unbilled() if pace.expands_people(state) else None
    return stored + late, Estimate(
        max(stored + late - free, 0),
        late * (MOST_PEOPLE + MOST_SHOWN) + (people.values("x_user").distinct().count() if people is not None else 0),
        late * MOST_SHOWN + posts[:MOST_COUNTED].count(),
    )


def read_day(pk: int) -> None:
    """Takes up a wish for a day, page by page, as long as X's window allows."""
    wish = wishes.claim(UnfinishedDay, pk)
    if wish is None:
        return
    given: set[str] = set()
    with wishes.settling(wish):
        while wish.state == UnfinishedDay.State.DUE and wish.lease_until is not None and wishes.renew(wish):
            if _is_as_told(wish, timezone.now()):
                _read_on(wish, given)
            else:
                wishes.finish(wish, UnfinishedDay.State.NOTED, NEW_PRICE)


def _is_as_told(wish: UnfinishedDay, now: datetime) -> bool:
    """Not in the day's last minute: by X's clock the next one may have begun."""
    return wish.asked_at is not None and ledger.utc_day(wish.asked_at) == ledger.utc_day(now + ledger.CLOCKS_DIFFER)


def _read_on(wish: UnfinishedDay, given: set[str]) -> None:
    """One page. From the top again where X refuses a cursor of an earlier turn: what was read by then is free today.
    given: the cursors of this turn.
    """

    def read(client: XClient, size: int, with_people: bool) -> Answer[Page]:
        return client.dm_events(max_results=size, pagination_token=wish.next_token or None, expand_users=with_people)

    size = min(pace.PAGE, wish.events_wanted - wish.events_read)
    try:
        with wishes.asked(wish, wish.x_account, ledger.LIST, read, size) as answer:
            _store(wish, answer)
        given.add(wish.next_token)
    except BadPageToken:
        if not wish.next_token or wish.next_token in given:
            raise
        wishes.write(wish, next_token="", events_read=0)  # noqa: S106 (no secret: a page's)


def _store(wish: UnfinishedDay, answer: Answer[Page]) -> None:
    """Says nothing about what has been read: it only fills in what is missing."""
    with transaction.atomic():
        state = changes.lock(wish.x_account)
        store_page(wish.x_account, answer, floor_id=floor_of(state))
        ledger.record(wish.x_account, answer)
        token = answer.value.next_token or ""
        is_circle = token == wish.next_token
        is_at_end = lowest_id(answer.value) < first_of_day(state, begin_of(wish.day))
        wishes.write(wish, next_token=token, events_read=wish.events_read + len(answer.value.events))
        if is_at_end:
            wishes.finish(wish, UnfinishedDay.State.DONE)
            later = wish.x_account.unfinished_days.filter(day__gt=wish.day).exclude(state=UnfinishedDay.State.DUE)
            later.update(state=UnfinishedDay.State.DONE, detail="")  # they were read on the way down
        elif is_circle:
            wishes.finish(wish, UnfinishedDay.State.FAILED, CIRCLE)
        elif wish.events_read >= wish.events_wanted:
            wishes.finish(wish, UnfinishedDay.State.NOTED, USED_UP)
