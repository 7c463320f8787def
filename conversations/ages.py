"""How old what is shown may be: when X was read last, and until when it has pushed since."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Case, DateTimeField, Exists, OuterRef, QuerySet, Subquery, Value, When

from accounts.models import XAccount
from conversations.models import ActivitySubscription, Change, PushState


class Age(NamedTuple):
    """read_at: all that X gives was here then. pushed_at: later, and what X pushes was here: not what groups say."""

    read_at: datetime | None
    pushed_at: datetime | None


def with_pushed_at(x_accounts: QuerySet[XAccount], way: str) -> QuerySet[XAccount]:
    """Adds `pushed_at`: when X last pushed, or said that there is nothing to push; None where it does not push.

    way: as `PushState.way` tells.
    """
    pushed = ActivitySubscription.objects.filter(
        x_account=OuterRef("pk"), event_type="dm.received", state=ActivitySubscription.State.ACTIVE
    )
    if way == "off":
        return x_accounts.annotate(pushed_at=Value(None, DateTimeField()))
    return x_accounts.annotate(pushed_at=Case(When(Exists(pushed), then=_heard(way)), default=None))


def _heard(way: str) -> Subquery:
    """X's stream says each few seconds that it lives; a webhook is silent while nothing happens."""
    heard: QuerySet[Any, Any]
    if way == "stream":
        heard = PushState.objects.filter(pk=1).values("last_line_at")
    else:
        last = Change.objects.filter(x_account=OuterRef("pk"), number=OuterRef("sync__last_change"))
        heard = last.exclude(kind=Change.Kind.ACCOUNT).values("created_at")
    return Subquery(heard[:1], output_field=DateTimeField())


def age_of(x_accounts: Iterable[Any]) -> Age:
    """Of several together: whichever is known the least far counts. They come `with_pushed_at` and their `sync`."""
    rows = [(row.sync.last_success_at, row.pushed_at) for row in x_accounts if hasattr(row, "sync")]
    reads = [read_at for read_at, _ in rows if read_at]
    if not reads:
        return Age(None, None)
    pushed_at = min(max(read_at, pushed_at or read_at) for read_at, pushed_at in rows if read_at)
    return Age(min(reads), pushed_at if pushed_at > min(reads) else None)
