"""What X charges for: each event, person and post once per UTC day, whoever of us reads it first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import BilledResource, SyncState
from conversations.sync.ids import as_numbers
from dminbox.xapi.schema import Answer, Billed

Kind = BilledResource.Kind


@dataclass(frozen=True, slots=True)
class Bill:
    """Counts of billed resources; `usd` by the prices of the settings."""

    dm_events: int = 0
    users: int = 0
    posts: int = 0

    @property
    def usd(self) -> Decimal:
        return (
            self.dm_events * settings.PRICE_DM_EVENT_USD
            + self.users * settings.PRICE_USER_USD
            + self.posts * settings.PRICE_POST_USD
        )

    @property
    def resources(self) -> int:
        return self.dm_events + self.users + self.posts


def record_lookup(x_account: XAccount, answer: Answer[Any]) -> None:
    """The bill of posts and people looked up because of what was read: it counts towards the ceiling of an import."""
    usd = record(x_account, answer).usd
    importing = SyncState.objects.filter(x_account=x_account, import_finished_at=None)
    importing.update(import_spent_usd=F("import_spent_usd") + usd)


def record(x_account: XAccount, answer: Answer[Any]) -> Bill:
    """Writes down what an answer cost, by the UTC day of X's own clock. Returns what was not billed that day before.

    Every call that goes to X is recorded so; three queries, whatever its size.
    """
    day = _utc_day(answer.answered_at)
    ids = _ids_by_kind(answer.billed)
    if not any(ids.values()):
        return Bill()
    known = _known(day, ids)
    new = {kind: sorted(set(ids[kind]) - known.get(kind, set())) for kind in Kind}
    rows = [
        BilledResource(day=day, kind=kind, resource_id=pk, x_account=x_account) for kind in Kind for pk in new[kind]
    ]
    BilledResource.objects.bulk_create(rows, ignore_conflicts=True)
    return Bill(len(new[Kind.DM_EVENT]), len(new[Kind.USER]), len(new[Kind.POST]))


def billed_today(x_account: XAccount) -> Bill:
    """What this X account was the first to read since midnight UTC."""
    return billed_on(x_account, _utc_day(timezone.now()))


def billed_on(x_account: XAccount, day: date) -> Bill:
    rows = BilledResource.objects.filter(x_account=x_account, day=day).values_list("kind").annotate(Count("pk"))
    counts = dict(rows.order_by())
    return Bill(counts.get(Kind.DM_EVENT, 0), counts.get(Kind.USER, 0), counts.get(Kind.POST, 0))


def _utc_day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _ids_by_kind(billed: Billed) -> dict[Kind, list[int]]:
    return {
        Kind.DM_EVENT: as_numbers(billed.event_ids),
        Kind.USER: as_numbers(billed.user_ids),
        Kind.POST: as_numbers(billed.post_ids),
    }


def _known(day: date, ids: Mapping[Kind, list[int]]) -> dict[str, set[int]]:
    wanted = Q()
    for kind, numbers in ids.items():
        wanted |= Q(kind=kind, resource_id__in=numbers)
    known: dict[str, set[int]] = {}
    for name, pk in BilledResource.objects.filter(wanted, day=day).values_list("kind", "resource_id"):
        known.setdefault(name, set()).add(pk)
    return known
