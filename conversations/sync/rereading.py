"""What was kept raw is read again: after an upgrade that can read it, it is stored as if X had just sent it.

One row at a time, of the quarantine or of what was pushed, each stored and deleted or done in one step: run twice, or
ended in between, it loses and doubles nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import structlog
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import QuerySet

from accounts.models import XAccount
from conversations import changes
from conversations.ids import as_numbers
from conversations.models import Media, Post, QuarantinedEvent, SyncState
from conversations.sync import chats, posts, push, quarantine, turns
from conversations.sync.store import store_page
from dminbox.xapi import again
from dminbox.xapi.members import Odd
from dminbox.xapi.parsing import read_chat, read_poll
from dminbox.xapi.schema import Answer, Billed, OddKind, Page, RateLimit

log = structlog.get_logger("conversations.sync")

AT_ONCE = 50
"""In one transaction, which holds the lock of their X account."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """read: stored, and in quarantine no more. still: stay as they are, with their counts."""

    read: int = 0
    still: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.read + other.read, self.still + other.still)


def batches(rows: QuerySet[QuarantinedEvent]) -> Iterator[tuple[XAccount, list[int]]]:
    """These rows, some of one X account at a time."""
    rows = rows.order_by("pk")
    for x_account in XAccount.objects.filter(pk__in=rows.order_by().values("x_account")).order_by("pk"):
        last = 0
        while pks := list(rows.filter(x_account=x_account, pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
            yield x_account, pks
            last = pks[-1]


def read_again(some: Iterable[tuple[XAccount, Sequence[int]]]) -> Outcome:
    """What another process reads at this moment is gone when it is our turn."""
    return sum((_read_some(x_account, pks) for x_account, pks in some), Outcome())


def read_deliveries_again(pks: Iterable[int]) -> Outcome:
    """What X pushed, one at a time. It was billed when it came, and is not again."""
    read = Counter(push.read_again(pk) for pk in pks)
    return Outcome(read[True], read[False])


def _read_some(x_account: XAccount, pks: Sequence[int]) -> Outcome:
    some = QuarantinedEvent.objects.filter(pk__in=pks).order_by("pk")
    polls = [_read_poll(row) for row in some.filter(kind=OddKind.POLL)]
    with transaction.atomic():
        state = changes.lock(x_account)
        state.x_account = x_account
        read = polls + [_read(state, row) for row in some.exclude(kind=OddKind.POLL)]
        quarantine.count(x_account)
    outcome = Outcome(read.count(True), read.count(False))
    log.info("quarantine_read", x_account_id=x_account.pk, read=outcome.read, still_odd=outcome.still)
    return outcome


def _read_poll(row: QuarantinedEvent) -> bool:
    """Outside the lock of its X account: others may show the posts, too, and all are locked in one order."""
    try:
        with transaction.atomic():
            posts.add_poll(read_poll(row.raw))
            row.delete()
    except Odd:
        return False
    return True


def _read(state: SyncState, row: QuarantinedEvent) -> bool:
    """Whether it is stored now. What is still odd is rolled back, and so stays as it was."""
    pk = row.pk
    try:
        with transaction.atomic():
            row.delete()
            _store(state, row)
    except (DatabaseError, InterfaceError):
        raise
    except Odd:
        return False
    except Exception as error:  # noqa: BLE001 (whatever X sent: one of many must not keep the others from being read)
        log.warning("quarantined_not_understood", quarantined_id=pk, error=type(error).__name__)
        return False
    return True


def _store(state: SyncState, row: QuarantinedEvent) -> None:
    """As the page or the push would have that brought it. Raises Odd where some of it would be odd again."""
    if row.kind == OddKind.CHAT:
        chats.mark(state.x_account, [read_chat(row.raw)])
        return
    page = _of_use(state.x_account, again.page_of(row.kind or OddKind.EVENT, row.raw))
    answer = Answer(
        value=page,
        rate_limit=RateLimit(),
        billed=Billed(),
        problems=(),
        answered_at=row.last_seen_at,
        endpoint="quarantine",
    )
    floor_id = 0 if row.dm_conversation_id else turns.floor_of(state)
    stored = store_page(
        state.x_account, answer, dm_conversation_id=row.dm_conversation_id, floor_id=floor_id, is_locked=True
    )
    if stored.odd:
        raise Odd("some of it is odd")


def _of_use(x_account: XAccount, page: Page) -> Page:
    """Without what X has told since: posts and media change, and a read tells more of a message than a push."""
    if any(event.is_pushed for event in page.events):
        page = push.without_known(x_account, page)
    told = Media.objects.filter(media_key__in=[item.media_key for item in page.includes.media]).exclude(raw={})
    keys = set(told.values_list("media_key", flat=True))
    shown = Post.objects.filter(pk__in=as_numbers(post.id for post in page.includes.posts)).exclude(raw={})
    pks = {str(pk) for pk in shown.values_list("pk", flat=True)}
    media = tuple(item for item in page.includes.media if item.media_key not in keys)
    rest = tuple(post for post in page.includes.posts if post.id not in pks)
    return replace(page, includes=replace(page.includes, media=media, posts=rest))
