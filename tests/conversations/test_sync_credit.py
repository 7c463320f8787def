"""Without credit one account tries for all, each hour; and nothing lets the others, or a new month, fire at once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import XAccount
from conversations import ledger, sync
from conversations.models import SyncState
from conversations.sync import caps, polling, trouble
from tests.conversations.sync_support import begin, connect
from tests.factories import SyncStateFactory, XAccountFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = SyncState.State
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def make_accounts(count: int) -> list[XAccount]:
    rows = [XAccountFactory() for _ in range(count)]
    for row in rows:
        SyncStateFactory(x_account=row, state=State.ACTIVE, import_finished_at=NOW, next_poll_at=NOW)
    return rows


def due_after(clock, wait: timedelta) -> list[int]:
    clock.move_to(NOW + wait)
    return polling.due()


def test_one_tries_after_an_hour_though_the_first_was_disconnected(clock):
    accounts = make_accounts(5)
    XAccount.objects.filter(pk=accounts[0].pk).update(state=XAccount.State.DISCONNECTED)
    trouble.stop_all_for_credit()
    assert due_after(clock, timedelta(minutes=59)) == []
    assert due_after(clock, timedelta(hours=1, seconds=1)) == [accounts[1].pk]


def test_the_others_follow_one_by_one_where_the_first_try_told_nothing(clock):
    """It may be answered by a 503, or by nobody, for it was disconnected in that hour."""
    accounts = make_accounts(5)
    trouble.stop_all_for_credit()
    XAccount.objects.filter(pk=accounts[0].pk).update(state=XAccount.State.DISCONNECTED)
    firsts = timedelta(hours=1) + trouble.FIRST_TRY
    found = [len(due_after(clock, firsts + place * trouble.BETWEEN_TRIES + SECOND)) for place in range(4)]
    assert found == [1, 2, 3, 4]


def test_a_thousand_accounts_are_all_tried_before_the_second_hour_ends(clock):
    make_accounts(3)
    pks = list(SyncState.objects.values_list("pk", flat=True))
    waits = trouble.waits_without_credit(pks + list(range(10_000, 11_000)))
    assert max(wait for _, wait in waits) < trouble.LONGEST_WITHOUT_CREDIT
    assert max(Counter(wait for _, wait in waits).values()) <= 2


def test_the_next_402_puts_off_all_for_another_hour(xsim):
    xsim.post("settings", {"token_seconds": 10**8})
    accounts = [connect(xsim, f"15000000000000002{number:02}") for number in range(4)]
    for x_account in accounts:
        begin(x_account)
    XAccount.objects.filter(pk=accounts[0].pk).update(state=XAccount.State.DISCONNECTED)
    xsim.post("faults", {"kind": "402", "times": -1})
    sync.poll(accounts[3].pk)
    began = datetime.now(UTC)
    with time_machine.travel(began, tick=False) as clock:
        tried = 0
        for _ in range(3 * 60):
            clock.shift(60)
            xsim.post("clock", {"advance": 60})
            for pk in polling.imports_due():
                sync.poll(pk)
                tried += 1
    assert tried == 3, "one an hour"


def test_the_new_month_wakes_capped_accounts_not_all_at_once(clock):
    accounts = make_accounts(20)
    for x_account in accounts:
        caps.set_cap(x_account, Decimal(0))
    times = set(SyncState.objects.values_list("next_poll_at", flat=True))
    first = ledger.next_month(NOW)
    assert len(times) > 15
    assert first <= min(times)
    assert max(times) <= first + caps.MONTH_SPREAD
    clock.move_to(first + caps.MONTH_SPREAD)
    assert len(polling.due()) == len(accounts)
