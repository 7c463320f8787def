"""What must be true of the ledger: it agrees with itself, and with what the local X has charged."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count
from django.utils import timezone

from accounts.models import XAccount
from conversations import ledger
from conversations.models import ApiCall, BilledResource, SpendDay, SyncState
from conversations.sync.day import POLLS
from tests.xsim_server import SimServer

Kind = BilledResource.Kind
COLUMNS = {"events": "dm_events", "chat_events": "dm_events", "users": "users", "posts": "posts"}
"""Kind of resource at the local X -> column of the ledger."""
KINDS = {"events": Kind.DM_EVENT, "chat_events": Kind.CHAT_EVENT, "users": Kind.USER, "posts": Kind.POST}
SUMS = ("dm_events", "users", "posts", "usd")


def agrees_with_itself(x_account: XAccount) -> None:
    """Calls, days and single resources are three tables, written in one transaction."""
    days = SpendDay.objects.filter(x_account=x_account)
    calls = ApiCall.objects.filter(x_account=x_account)
    assert _sums(days) == _sums(calls), f"the days add up to {_sums(days)}, the calls to {_sums(calls)}"
    for row in days:
        once = _once_on(row.day, x_account)
        counted = {"dm_events": row.dm_events, "users": row.users, "posts": row.posts}
        assert counted == once, f"counted on {row.day}: {counted}; resources billed: {once}"


def is_no_more_than_x_charged(xsim: SimServer, noted_on: date | None = None) -> None:
    """Each event, person and post once a day, whoever of us read it; what a crash lost is missing here. noted_on: that
    day alone, for which X may have charged on the days before: what is pushed tells no time of X's.
    """
    charged = [day for name, day in xsim.get("meter")["days"].items() if not noted_on or name <= noted_on.isoformat()]
    on_the_day = {"day": noted_on} if noted_on else {}
    for kind, ours in KINDS.items():
        noted = BilledResource.objects.filter(kind=ours, **on_the_day).count()
        at_x = sum(day[kind] for day in charged)
        assert noted <= at_x, f"X has charged {at_x} {kind}, the ledger has {noted}"
    total, at_x = _sums(SpendDay.objects.filter(**on_the_day))["usd"], sum(_dollars(day["usd"]) for day in charged)
    assert total <= at_x, f"X has charged {at_x}, the ledger has {total}"


def is_what_x_charged_on(day: date, xsim: SimServer) -> None:
    """To the cent: for a day on which no answer was lost."""
    charged = xsim.get("meter")["days"].get(day.isoformat(), {})
    at_x = dict.fromkeys(COLUMNS.values(), 0)
    for kind, column in COLUMNS.items():
        at_x[column] += charged.get(kind, 0)
    expected = at_x | {"usd": _dollars(charged.get("usd", 0))}
    noted = _sums(SpendDay.objects.filter(day=day))
    assert noted == expected, f"the ledger has {noted} on {day}, X has charged {expected}"


def cap_is_kept(x_account: XAccount) -> None:
    """Reading stops before the month's cap; what X pushes until it is told to stop may pass it."""
    cap = SyncState.objects.values_list("monthly_cap_usd", flat=True).get(x_account=x_account)
    if cap is None:
        return
    calls = ApiCall.objects.filter(x_account=x_account, at__gte=ledger.month_of(timezone.now()))
    read = _sums(calls.exclude(endpoint__startswith="push "))["usd"]
    assert read <= cap, f"reading has cost {read}, and the cap is {cap}"


def ceiling_is_kept(x_account: XAccount) -> None:
    """Pages stop before what an import may cost; who and what they have named is looked up on top of it."""
    state = SyncState.objects.get(x_account=x_account)
    if state.import_finished_at:
        return
    pages = _sums(ApiCall.objects.filter(x_account=x_account, endpoint=POLLS))["usd"]
    assert pages <= state.import_ceiling_usd, f"pages have cost {pages}, and the ceiling is {state.import_ceiling_usd}"


def _sums(rows: Any) -> dict[str, Any]:
    """Added up here: SQLite adds dollars up as floats."""
    found = list(rows.values_list(*SUMS))
    return {name: sum(row[place] for row in found) for place, name in enumerate(SUMS)}


def _once_on(day: date, x_account: XAccount) -> dict[str, int]:
    rows = BilledResource.objects.filter(x_account=x_account, day=day).order_by()
    counts = dict(rows.values_list("kind").annotate(Count("pk")))
    events = counts.get(Kind.DM_EVENT, 0) + counts.get(Kind.CHAT_EVENT, 0)
    return {"dm_events": events, "users": counts.get(Kind.USER, 0), "posts": counts.get(Kind.POST, 0)}


def _dollars(charged: float) -> Decimal:
    return Decimal(str(charged))
