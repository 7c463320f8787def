"""What a poll asks X for, and who may ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts import tokens
from accounts.models import snowflake_floor
from conversations import sync
from conversations.models import ReadInterval, SyncState
from conversations.sync import intervals, pace, polling, turns
from tests.conversations.sync_support import (
    ANN,
    OWN,
    asked,
    begin,
    connect_with_ann,
    one_to_one,
    poll,
    say,
    settle,
    sizes,
    stored,
    stored_ids,
    write_history,
)

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = SyncState.State
x_account = pytest.fixture(connect_with_ann)


# --- What is asked for ------------------------------------------------------------------------------------------------


def test_who_was_just_connected_waits_for_the_choice_of_how_far_back(x_account):
    sync.make_missing_states()
    sync.make_missing_states()
    assert SyncState.objects.get().state == State.WAITING
    assert poll(x_account).last_poll_at is None
    assert polling.due() == []


def test_a_first_read_asks_for_full_pages_and_an_idle_poll_for_a_small_one(x_account, xsim):
    write_history(xsim, range(25, 174))
    begin(x_account)
    assert settle(x_account).import_finished_at
    assert sizes(xsim) == [100, 100, 100]
    poll(x_account)
    assert sizes(xsim) == [pace.SLACK]


def test_a_poll_that_meets_much_news_widens_until_it_stands_on_read_ground(x_account, xsim):
    write_history(xsim, [40, 50])
    begin(x_account)
    settle(x_account)
    asked(xsim)
    write_history(xsim, [number / 100 for number in range(1, 60)])
    poll(x_account)
    # What is new today may be read already: its number is what comes free.
    assert sizes(xsim) == [3, 12, 48]
    assert len(stored_ids(x_account)) == 61


def test_only_from_now_on_stores_nothing_older_and_costs_one_small_page(x_account, xsim):
    write_history(xsim, range(1, 60))
    begin(x_account, days=0)
    state = poll(x_account)
    assert sizes(xsim) == [pace.SLACK]
    assert stored_ids(x_account) == set()
    assert state.import_finished_at
    new = say(xsim, ANN, "And now?")
    poll(x_account)
    assert stored_ids(x_account) == {int(new["id"])}
    xsim.post("clock", {"advance": 7200})
    poll(x_account)
    assert stored_ids(x_account) == {int(new["id"])}
    assert not intervals.gaps(x_account, None, state.horizon_id).exists()


def test_seven_days_are_read_and_hardly_more(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 10)
    ids = write_history(xsim, range(1, 600, 6))
    begin(x_account, days=7)
    state = settle(x_account)
    wanted = {pk for pk in ids if pk >= state.horizon_id}
    assert len(wanted) == 28
    assert wanted <= stored_ids(x_account)
    assert len(stored_ids(x_account)) <= 30


def test_our_clock_running_ahead_leaves_out_nothing_that_was_wanted(x_account, xsim):
    xsim.post("clock", {"set": (datetime.now(UTC) - timedelta(hours=5)).isoformat()})
    ids = write_history(xsim, [6 * 24 + 23])
    begin(x_account, days=7)
    settle(x_account)
    assert stored_ids(x_account) == set(ids)


# --- Leases -----------------------------------------------------------------------------------------------------------


def test_one_worker_at_a_time_and_a_dead_one_is_replaced(x_account):
    begin(x_account)
    assert turns.claim(x_account.pk)
    assert turns.claim(x_account.pk) == ""
    assert polling.imports_due() == []
    SyncState.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert polling.imports_due() == [x_account.pk]
    assert turns.claim(x_account.pk)


def test_who_lost_the_lease_stores_what_it_read_and_reads_no_further(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 10)
    ids = write_history(xsim, range(1, 60))
    begin(x_account)
    inner = tokens.call

    def losing(account, fn):
        SyncState.objects.update(lease_holder="somebody else", lease_until=timezone.now() + timedelta(minutes=1))
        return inner(account, fn)

    monkeypatch.setattr(tokens, "call", losing)
    state = poll(x_account)
    assert state.lease_holder == "somebody else"
    assert len(asked(xsim)) == 1
    assert stored_ids(x_account) == set(sorted(ids)[-10:])


def test_a_poll_that_is_not_due_does_nothing(x_account, xsim):
    begin(x_account)
    SyncState.objects.update(next_poll_at=timezone.now() + timedelta(minutes=1))
    sync.poll(x_account.pk)
    assert asked(xsim) == []


def test_an_earlier_horizon_reads_anew_and_a_later_one_does_not(x_account, xsim):
    ids = write_history(xsim, [1, 24 * 9])
    begin(x_account, days=7)
    settle(x_account)
    assert len(stored_ids(x_account)) == 2, "what came along with the last page is kept"
    begin(x_account, days=30)
    assert not ReadInterval.objects.exists()
    settle(x_account)
    assert stored_ids(x_account) == set(ids)
    begin(x_account, days=7)
    assert ReadInterval.objects.exists()
    assert SyncState.objects.get().horizon_id <= snowflake_floor(timezone.now())
    assert one_to_one(OWN, ANN) in stored(x_account)


def test_a_choice_further_back_asks_for_full_pages_from_the_top(x_account, xsim):
    write_history(xsim, range(1, 200))
    begin(x_account, days=1)
    settle(x_account)
    asked(xsim)
    begin(x_account, days=30)
    settle(x_account)
    assert set(sizes(xsim)) == {pace.PAGE}


def test_a_poll_that_finds_nothing_new_takes_few_statements(x_account, xsim, django_assert_num_queries):
    """Told in docs/scaling.md."""
    write_history(xsim, [number / 10 for number in range(40)])
    begin(x_account)
    settle(x_account)
    poll(x_account)
    SyncState.objects.update(next_poll_at=timezone.now() - timedelta(seconds=1))
    with django_assert_num_queries(31):
        sync.poll(x_account.pk)
