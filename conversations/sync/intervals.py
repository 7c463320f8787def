"""How far we have read: stretches of event ids, and the cursor of the gap below each.

A walk begins at X's newest event and goes down page by page. Everything it has passed is read, with one exception:
X shows some events late, so nothing younger than the settling time (by the clock of X's answer that began the walk)
counts. What a walk may claim is its Reach: from `low` up to `high`, `high` being the youngest settled id.

Why nothing is lost:
- a page's claim follows from that page and from where its token came from, never from what the tables said before;
  so it is true whoever else reads the same account, in whatever order the claims are merged, and how often;
- a claim is merged in the transaction that stores the page's events: there is no claim without its events;
- a settled id was visible when its walk began, so every page of the walk, also one read days later, shows it;
- where a walk breaks off, its token stays in the row as the cursor of a gap, and the next walk begins at the top;
- when X's clock is behind a claim (it had run ahead once), the claim is cut back to what is settled now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import BigIntegerField, Case, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import XAccount, snowflake_floor
from conversations import changes
from conversations.changes import NewChange
from conversations.ids import LARGEST, as_numbers
from conversations.models import Change, Conversation, ReadInterval, SyncState
from dminbox import leases
from dminbox.statements import compiled_once
from dminbox.xapi.schema import Page

WINDOW = timedelta(days=30)
"""How far back /2/dm_events goes (docs)."""
BEGINNING = 0
"""Down to here a conversation is read when X has given all it has."""
MOST_STALLS = 5
"""Pages in a row that are followed though they bring nothing older; after one more the gap rests."""
FIRST_REST = timedelta(minutes=15)
LONGEST_REST = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Reach:
    """All of low..high has been read; low == high + 1 claims nothing yet.

    token: leads on below low; "" when nothing is to be read there. oldest: the smallest id seen on the way, settled or
    not. stalls: pages in a row that brought nothing older (empty ones, or a token that leads in a circle). is_known:
    what the token leads to was read before, and is read once more for what X shows late.
    """

    low: int
    high: int
    token: str = ""
    stalls: int = 0
    due_at: datetime | None = None
    oldest: int = LARGEST
    is_known: bool = False

    @property
    def depth(self) -> int:
        """How far down it has come."""
        return self.low if self.low <= self.high else self.oldest

    @property
    def claims_nothing(self) -> bool:
        """Nor does it lead anywhere."""
        return self.low > self.high and not self.token

    @property
    def is_resting(self) -> bool:
        return bool(self.token) and self.stalls > MOST_STALLS


def top(answered_at: datetime) -> Reach:
    """The beginning of a walk whose first page X answered at that time, by X's clock."""
    settled = snowflake_floor(answered_at - timedelta(seconds=settings.SYNC_SETTLING_SECONDS))
    return Reach(low=settled + 1, high=settled)


def advance(reach: Reach, page: Page, *, end_id: int, floor_id: int = 0) -> Reach:
    """The reach after one more page, asked for with reach.token.

    end_id: how far down X's answers go, when this page is the last. floor_id: what is older is not wanted.
    """
    seen = as_numbers(event.id for event in page.events)
    oldest = min([*seen, reach.oldest])
    low = min(reach.low, oldest)
    token = page.next_token or ""
    if not token and oldest < LARGEST:
        low = min(low, end_id)
    if oldest <= floor_id:
        token = ""
    stalls = 0 if oldest < reach.oldest else reach.stalls + 1
    if token and token == reach.token:  # leads to the same page again
        stalls = max(stalls, MOST_STALLS + 1)
    return Reach(low, reach.high, token, stalls, oldest=oldest, is_known=reach.is_known)


def end_of_window(answered_at: datetime) -> int:
    """The oldest id /2/dm_events can give."""
    return snowflake_floor(answered_at - WINDOW)


def merge(rows: Iterable[Reach], reach: Reach) -> Reach:
    """One reach out of a new one and the rows it overlaps or touches. It goes on where the lowest of them goes on.

    At the same depth one that is at its end wins over one with a cursor; of two cursors, the one that has stalled more
    often, which has seen more. is_known: a reach that ends amid the gap of a row knows no more of the rest of that gap
    than the row does.
    """
    touched = [row for row in rows if touches(row, reach)]
    lowest = min([reach, *touched], key=lambda part: (part.low, bool(part.token), part.depth, -part.stalls))
    is_known = lowest.is_known and (lowest is not reach or all(row.is_known for row in touched if row.token))
    return replace(lowest, high=max(part.high for part in [reach, *touched]), is_known=is_known)


def touches(row: Reach, reach: Reach) -> bool:
    return row.low <= reach.high + 1 and row.high >= reach.low - 1


def rows_of(x_account: XAccount, conversation: Conversation | None) -> QuerySet[ReadInterval]:
    return ReadInterval.objects.filter(x_account=x_account, conversation=conversation)


def record(x_account: XAccount, conversation: Conversation | None, reach: Reach, *, is_top: bool) -> Reach:
    """Merges a reach into the rows. Call it under the lock of the account's SyncState, with the page's events stored.

    is_top: the page began a walk, so its settled id is X's clock of now, and no row may claim more.
    """
    rows = list(rows_of(x_account, conversation))
    if is_top and any(row.high_id > reach.high for row in rows):
        _cut_back(x_account, conversation, reach.high)
        rows = list(rows_of(x_account, conversation))
    if is_top and reach.claims_nothing:
        return reach
    touched = [row for row in rows if touches(resume(row), reach)]
    if reach.is_resting:
        reach = replace(reach, due_at=timezone.now() + _rest(reach.stalls))
    merged = merge(map(resume, touched), reach)
    _replace(touched, merged, x_account, conversation)
    return merged


def read_between(x_account: XAccount) -> tuple[int, int]:
    """The newest and the oldest id down to which /2/dm_events was read, whatever gaps are between them; 0 for none."""
    ends = rows_of(x_account, None).aggregate(newest=Max("high_id"), oldest=Min("low_id"))
    return ends["newest"] or 0, ends["oldest"] or 0


def gaps(x_account: XAccount, conversation: Conversation | None, floor_id: int = 0) -> QuerySet[ReadInterval]:
    """The stretches below which there is still something to read, newest first; those that rest, too."""
    return leading_on(rows_of(x_account, conversation), floor_id)


def leading_on(rows: QuerySet[ReadInterval], floor_id: int = 0) -> QuerySet[ReadInterval]:
    """Those of the rows whose cursor leads on to something that is wanted."""
    wanted = rows.exclude(next_token="").annotate(depth=Coalesce("oldest_id", "low_id"))  # noqa: S106 (no secret: a page's)
    return wanted.filter(depth__gt=floor_id)


def next_gap(x_account: XAccount, floor_id: int = 0) -> ReadInterval | None:
    """Of /2/dm_events, the one to be read on next; none that rests."""
    now = timezone.now()
    found = _next_gap(x_account.pk, floor_id, now, leases.furthest(now, LONGEST_REST))
    return found[0] if found else None


@compiled_once  # several times in each poll
def _next_gap(x_account: int, floor_id: int, now: datetime, furthest: datetime) -> QuerySet[ReadInterval]:
    rows = leading_on(ReadInterval.objects.filter(x_account=x_account, conversation=None), floor_id)
    is_due = leases.is_free_within("due_at", now, furthest)
    return rows.filter(is_due).order_by("is_known", "-high_id", "-low_id")[:1]


def meets_read(x_account: XAccount, reach: Reach) -> bool:
    """Whether nothing lies between this reach and what was read below it."""
    below = rows_of(x_account, None).filter(low_id__lte=F("high_id"), low_id__lt=reach.low)
    return below.filter(high_id__gte=reach.low - 1).exists()


def has_unread_below(row: ReadInterval, state: SyncState) -> bool:
    """Whether its gap holds something that is wanted and was never read."""
    return bool(row.next_token) and resume(row).depth > state.horizon_id and not row.is_known


def is_top_resting(x_account: XAccount) -> bool:
    """Whether a walk from the top has met only empty pages, so that its gap rests."""
    resting = gaps(x_account, None).filter(due_at__gt=timezone.now(), is_known=False)
    return resting.filter(low_id__gt=F("high_id")).exists()


def resume(row: ReadInterval) -> Reach:
    """The reach that a row holds: what it claims, and where its gap is read on."""
    oldest = row.low_id if row.oldest_id is None else row.oldest_id
    return Reach(row.low_id, row.high_id, row.next_token, row.empty_pages, row.due_at, oldest, row.is_known)


def drop(row: ReadInterval) -> bool:
    """Forgets a stretch whose cursor X takes no longer, and those above it, so that the next walk from the top passes
    through its gap. Gives whether any of their gaps held something that was never read.
    """
    above = Q(high_id__gte=row.low_id) | Q(pk=row.pk)  # which may claim nothing so far
    gone = rows_of(row.x_account, row.conversation).filter(above)
    is_unread = leading_on(gone).filter(is_known=False).exists()
    gone.delete()
    return is_unread


def pass_over(x_account: XAccount, down_to: int) -> None:
    """A walk from the top has come down to that id, and so through the gaps above it: what is left of them leads only
    to what was known when they were found. Call it under the lock of the account's SyncState.
    """
    passed = gaps(x_account, None, down_to).filter(is_known=False)
    passed.filter(low_id__gt=F("high_id")).delete()
    passed.update(is_known=True)


def way_below(row: ReadInterval) -> tuple[int, int]:
    """Its gap as two ids: from the first, right above what was read below it (1: nothing was), to below the second."""
    depth = resume(row).depth
    ground = rows_of(row.x_account, row.conversation).filter(low_id__lte=F("high_id"), high_id__lt=depth)
    highest: int | None = ground.aggregate(Max("high_id"))["high_id__max"]
    return (highest or 0) + 1, depth


def holes(x_account: XAccount) -> list[tuple[int, int]]:
    """Ranges of ids of /2/dm_events that were not read and that X gives no longer: an outage beyond its window."""
    rows = list(rows_of(x_account, None).filter(low_id__lte=F("high_id")).order_by("high_id"))
    return [
        (older.high_id + 1, newer.low_id - 1)
        for older, newer in zip(rows, rows[1:], strict=False)
        if not newer.next_token
    ]


def seam(x_account: XAccount) -> int:
    """From this id up /2/dm_events is read; what lies right below it X gives in a conversation's own history alone.

    0 while there is none: nothing was read so far, or gaps are still being read.
    """
    lowest: int | None = _ended(rows_of(x_account, None)).aggregate(Max("low_id"))["low_id__max"]
    return lowest or 0


def _ended(rows: QuerySet[ReadInterval]) -> QuerySet[ReadInterval]:
    return rows.filter(low_id__lte=F("high_id"), next_token="")  # noqa: S106 (no secret: a page's)


def is_cut_off(conversation: Conversation) -> bool:
    """Whether all that was read of this conversation's own history ends below the seam: between them lies a hole."""
    joined: bool = _joined(Conversation.objects.filter(pk=conversation.pk)).filter(is_joined=True).exists()
    return not joined


def with_start(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Adds `start`, the id below which the next read of each one's own history begins: LARGEST where that is X's newest
    event, because there is no cursor yet or a hole comes first.
    """
    own = ReadInterval.objects.filter(conversation=OuterRef("pk"))
    leading: Any = leading_on(own).order_by("-high_id")
    depth = Subquery(leading.values("depth")[:1])
    newest = Value(LARGEST, output_field=BigIntegerField())
    started: QuerySet[Conversation] = _joined(rows).alias(
        start=Case(When(is_joined=True, then=Coalesce(depth, newest)), default=newest)
    )
    return started


def _joined(rows: QuerySet[Conversation]) -> Any:
    ended = _ended(ReadInterval.objects.filter(x_account=OuterRef("x_account"), conversation=None))
    edge = Coalesce(Subquery(ended.order_by("-low_id").values("low_id")[:1]), 0)
    own = ReadInterval.objects.filter(conversation=OuterRef("pk"), high_id__gte=OuterRef("seam") - 1)
    return rows.alias(seam=edge).alias(is_joined=Exists(own))


def close_conversation(conversation: Conversation, reach: Reach) -> None:
    """A conversation is whole while one stretch of its own history leads from its beginning up to the seam: notes it
    where this reach does. Inside a transaction, under the lock of the account's SyncState.
    """
    is_whole = reach.low == BEGINNING and reach.high >= seam(conversation.x_account) - 1
    if is_whole and not conversation.has_reached_beginning:
        conversation.has_reached_beginning = True
        conversation.save(update_fields=["has_reached_beginning"])
        changes.announce(conversation.x_account, [NewChange(Change.Kind.CONVERSATION, conversation.pk)])


def reopen_conversations(state: SyncState) -> None:
    """Those that are whole no longer have a hole again, which can be read. That takes a seam higher than the one they
    were compared with last: comparing them goes through all of them.

    Inside a transaction, with the state locked; who calls it saves `seam_id`.
    """
    x_account, now_id = state.x_account, seam(state.x_account)
    state.seam_id, before = now_id, state.seam_id
    if now_id <= before:
        return
    up_to_seam = ReadInterval.objects.filter(low_id=BEGINNING, high_id__gte=now_id - 1)
    whole = Conversation.objects.filter(x_account=x_account, has_reached_beginning=True)
    cut_off = whole.exclude(Exists(up_to_seam.filter(conversation=OuterRef("pk"))))
    pks = list(cut_off.values_list("pk", flat=True))
    if pks:
        Conversation.objects.filter(pk__in=pks).update(has_reached_beginning=False)
        changes.announce(x_account, [NewChange(Change.Kind.CONVERSATION, pk) for pk in pks])


def _cut_back(x_account: XAccount, conversation: Conversation | None, settled: int) -> None:
    ahead = rows_of(x_account, conversation).filter(high_id__gt=settled)
    above = ahead.filter(low_id__gt=settled + 1)
    above.filter(next_token="").delete()  # noqa: S106 (no secret)
    above.update(low_id=settled + 1, oldest_id=Coalesce("oldest_id", "low_id"))
    ahead.update(high_id=settled)


def _replace(
    touched: list[ReadInterval], merged: Reach, x_account: XAccount, conversation: Conversation | None
) -> None:
    ReadInterval.objects.filter(pk__in=[row.pk for row in touched[1:]]).delete()
    row = touched[0] if touched else ReadInterval(x_account=x_account, conversation=conversation)
    if merged.claims_nothing:
        if row.pk:
            row.delete()
        return
    row.low_id, row.high_id, row.next_token, row.is_known = merged.low, merged.high, merged.token, merged.is_known
    row.oldest_id = merged.oldest if merged.low > merged.high else None
    row.empty_pages, row.due_at = merged.stalls, merged.due_at
    row.save()


def _rest(stalls: int) -> timedelta:
    doublings = min(stalls - MOST_STALLS - 1, 10)
    return min(FIRST_REST * (1 << doublings), LONGEST_REST)
