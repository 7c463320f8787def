"""Without credit one account tries for all, each hour; and nothing lets the others, or a new month, fire at once."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.models import XAccount
from conversations import ledger, sync
from conversations.models import ActivitySubscription, ConversationLookup, HistoryRead, PushState, SyncState
from conversations.sync import caps, pace, people, polling, posts, subscriptions, trouble, wishes
from conversations.sync.trouble import NO_CREDIT
from conversations.sync.turns import Turn
from tests.conversations.sync_support import ANN, begin, connect, make_person, poll, settle, stored_ids, write_history
from tests.conversations.x_world import named, shared
from tests.factories import ConversationFactory, SyncStateFactory, XAccountFactory

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


@pytest.mark.postgres  # SQLite writes one after the other anyway
@pytest.mark.django_db(transaction=True)
def test_eight_that_meet_no_credit_at_once_do_not_wait_for_one_another_in_a_circle():
    make_accounts(40)
    pks = list(SyncState.objects.values_list("pk", flat=True))
    begin_at_once = threading.Barrier(8)

    def stop_again_and_again(worker: int) -> None:
        begin_at_once.wait(20)
        try:
            for pk in random.Random(worker).sample(pks, 10):
                SyncState.objects.filter(pk=pk).update(state=State.ACTIVE)  # its row moves to another place
                trouble.stop_all_for_credit()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(stop_again_and_again, range(8)))
    assert set(SyncState.objects.values_list("state", flat=True)) == {State.NO_CREDIT}


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


# --- One word for the whole app ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.PAUSED, State.CAPPED])
def test_where_no_account_is_polled_x_is_asked_once_and_no_more(xsim, state):
    x_account = stopped(xsim, state)
    xsim.post("faults", {"kind": "402", "times": -1})
    xsim.delete("requests")
    for _ in range(3):
        for look in (people.look_up_due_people, posts.fetch_due_details, subscriptions.repair):
            look()
        HistoryRead.objects.update(due_at=timezone.now())
        for pk in wishes.waiting(HistoryRead):
            sync.read_history(pk)
        PushState.objects.update(subscriptions_checked_at=None)
        ActivitySubscription.objects.update(due_at=timezone.now())
    asked = [call["path"] for call in xsim.get("requests")]
    assert [path for path in asked if path.startswith(("/2/users", "/2/tweets", "/2/dm"))] == ["/2/users"]
    assert SyncState.objects.get().state == state, "its page says what it waits for"
    assert NO_CREDIT in sync.account_status(x_account).detail
    assert HistoryRead.objects.get().detail == NO_CREDIT
    with time_machine.travel(timezone.now() + trouble.LONGEST_WITHOUT_CREDIT):
        assert sync.has_credit(), "nobody polls: whoever needs something finds out"


def stopped(xsim, state: str) -> XAccount:
    """An X account that is not polled, in whose conversations somebody, a post and older messages are missing."""
    x_account = connect(xsim)
    begin(x_account)
    SyncState.objects.update(state=state, next_poll_at=None)
    lamp, vase = 30_000_000_000_000_001, 30_000_000_000_000_002
    named("2000000000000000009", x_account)
    shared(x_account, lamp, vase)
    HistoryRead.objects.create(conversation=ConversationFactory(x_account=x_account))
    return x_account


def test_an_answer_that_was_asked_for_before_ends_nothing(xsim, monkeypatch):
    """Worker B has its answer in hand when worker A is told "no credit"."""
    accounts = [connect(xsim, f"15000000000000002{number:02}") for number in range(3)]
    for x_account in accounts:
        begin(x_account)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "call", answered_before(ledger.call, trouble.stop_all_for_credit))
        poll(accounts[1])
    assert not sync.has_credit()
    assert set(SyncState.objects.values_list("state", flat=True)) == {State.NO_CREDIT}
    assert min(SyncState.objects.values_list("next_poll_at", flat=True)) > timezone.now() + timedelta(minutes=59)
    assert poll(accounts[1]).state == State.ACTIVE
    assert sync.has_credit()
    assert SyncState.objects.get(x_account=accounts[2]).next_poll_at < timezone.now() + timedelta(minutes=1)


def answered_before(call, told):
    def answered(x_account, ask):
        answer = call(x_account, ask)
        told()
        return answer

    return answered


def test_an_import_that_is_overtaken_asks_no_further(xsim, monkeypatch):
    x_account = connect(xsim)
    make_person(xsim, ANN)
    write_history(xsim, range(1, 40))
    monkeypatch.setattr(pace, "PAGE", 10)
    begin(x_account)
    with monkeypatch.context() as patch:
        patch.setattr(Turn, "may_go_on", lambda *args: False)
        poll(x_account)
    xsim.delete("requests")
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "call", answered_before(ledger.call, trouble.stop_all_for_credit))
        poll(x_account)
    assert len(reads(xsim)) == 1
    settle(x_account)
    assert len(stored_ids(x_account)) == 39, "and once there is credit it goes on"


def test_nor_is_the_day_read_once_more(xsim, monkeypatch):
    evening = datetime(2026, 11, 20, 23, 5, tzinfo=UTC)
    with time_machine.travel(evening, tick=False) as clock:
        xsim.post("clock", {"set": evening.isoformat()})
        x_account = connect(xsim)
        make_person(xsim, ANN)
        write_history(xsim, [number / 10 for number in range(15)])
        monkeypatch.setattr(pace, "PAGE", 10)
        begin(x_account)
        settle(x_account)
        later = pace.window() - timedelta(minutes=2)
        clock.shift(later)
        xsim.post("clock", {"advance": later.total_seconds()})
        xsim.delete("requests")
        with monkeypatch.context() as patch:
            patch.setattr(ledger, "call", answered_before(ledger.call, trouble.stop_all_for_credit))
            poll(x_account)
        assert len(reads(xsim)) == 1
        clock.shift(SECOND)
        poll(x_account)
        assert len(reads(xsim)) == 3, "it is time for it"


def reads(xsim) -> list[str]:
    return [call["path"] for call in xsim.get("requests") if call["path"] == "/2/dm_events"]


def test_an_account_that_a_person_lets_go_on_ends_it_for_all(xsim):
    x_account = stopped(xsim, State.PAUSED)
    trouble.stop_all_for_credit()
    sync.resume_import(x_account)
    assert poll(x_account).state == State.ACTIVE
    assert sync.has_credit()
    assert NO_CREDIT not in sync.account_status(x_account).detail


def test_what_people_wish_for_goes_on_at_once_too(xsim):
    x_account = stopped(xsim, State.PAUSED)
    ConversationLookup.objects.create(x_account=x_account, kind="user_id", target=ANN)
    later = timezone.now() + timedelta(hours=9)
    other = HistoryRead.objects.create(conversation=HistoryRead.objects.get().conversation, due_at=later)
    trouble.stop_all_for_credit()
    for pk in wishes.waiting(HistoryRead):
        sync.read_history(pk)
    sync.look_up_conversation(ConversationLookup.objects.get().pk)
    waiting = [HistoryRead.objects.exclude(pk=other.pk).get(), ConversationLookup.objects.get()]
    assert {(row.detail, row.due_at > timezone.now()) for row in waiting} == {(NO_CREDIT, True)}
    HistoryRead.objects.exclude(pk=other.pk).update(detail="As an older version has put it.")
    sync.resume_import(x_account)
    poll(x_account)
    for row in waiting:
        row.refresh_from_db()
        assert (row.detail, row.due_at <= timezone.now(), row.waits_for_credit) == ("", True, False)
    other.refresh_from_db()
    assert other.due_at == later


def test_what_a_clock_that_ran_ahead_wrote_stops_nobody(xsim):
    x_account = connect(xsim)
    begin(x_account)
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        trouble.stop_all_for_credit()
    assert sync.has_credit()
    poll(x_account)
    assert PushState.objects.get().no_credit_at is None
