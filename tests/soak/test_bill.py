"""The judge of the ledger is judged itself: what it says of a story that a midnight falls into."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest

from conversations.models import BilledResource
from tests.factories import XAccountFactory
from tests.soak import bill

pytestmark = [pytest.mark.services, pytest.mark.django_db]
EVE, DAY = date(2026, 11, 21), date(2026, 11, 22)


def x_that_charged(**events):
    """A local X that has charged so many events on each of both days."""
    nothing = dict.fromkeys(bill.KINDS, 0) | {"usd": 0}
    days = {str(day): nothing | {"events": events[name]} for name, day in [("eve", EVE), ("day", DAY)]}
    return SimpleNamespace(get=lambda _: {"days": days})


@pytest.mark.parametrize(
    ("eve", "day", "is_fine"),
    [(1, 2, True), (2, 1, True), (1, 0, False), (0, 3, False)],
    ids=["as noted", "pushed before midnight and noted after it", "too few", "noted before it was charged"],
)
def test_what_stands_on_a_day_was_charged_before_its_end(eve, day, is_fine):
    x_account = XAccountFactory()
    for number, on in enumerate([EVE, DAY, DAY]):
        BilledResource.objects.create(x_account=x_account, day=on, kind="dm_event", resource_id=number)

    def judge():
        for on in (EVE, DAY):
            bill.is_no_more_than_x_charged(x_that_charged(eve=eve, day=day), on)

    if is_fine:
        judge()
    else:
        with pytest.raises(AssertionError, match="X has charged"):
            judge()
