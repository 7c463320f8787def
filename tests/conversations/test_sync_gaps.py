"""What was missed is read later: late events, gaps, empty pages, cursors that X no longer takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import XAccount
from conversations import sync
from conversations.models import ReadInterval, SyncState
from conversations.sync import intervals, pace, store_page
from tests.conversations.sync_support import (
    ANN,
    OWN,
    answer_of,
    asked,
    begin,
    connect_with_ann,
    held_by_x,
    message,
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
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
x_account = pytest.fixture(connect_with_ann)


@pytest.fixture
def small_pages(x_account, xsim, monkeypatch):
    """Pages of ten events, requests enough, and what is a month old was read."""
    monkeypatch.setattr(pace, "PAGE", 10)
    xsim.post("settings", {"dm_get_limit": 1000})
    write_history(xsim, [30])
    begin(x_account)
    settle(x_account)


def test_an_event_that_x_shows_late_is_found_below_newer_ones(x_account, xsim):
    write_history(xsim, [30])
    begin(x_account)
    settle(x_account)
    now = datetime.fromisoformat(xsim.get("clock")["now"])
    late = say(xsim, ANN, "late", created_at=now.isoformat(), visible_at=(now + timedelta(minutes=10)).isoformat())
    xsim.post("clock", {"advance": 60})
    for _ in range(25):
        say(xsim, ANN, "newer")
    poll(x_account)
    assert int(late["id"]) not in stored_ids(x_account)
    xsim.post("clock", {"advance": 600})
    poll(x_account)
    assert int(late["id"]) in stored_ids(x_account)


def test_an_outage_longer_than_a_window_is_caught_up_with_gap_by_gap(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 10)
    write_history(xsim, [80])
    begin(x_account)
    settle(x_account)
    xsim.post("settings", {"dm_get_limit": 4})
    xsim.post("clock", {"advance": 3 * 24 * 3600})
    write_history(xsim, range(1, 71))
    turns = 0
    while turns == 0 or intervals.gaps(x_account, None).exists():
        poll(x_account)
        write_history(xsim, [0])
        xsim.post("clock", {"advance": 901})
        turns += 1
    assert turns > 3
    xsim.post("clock", {"advance": 901})
    poll(x_account)
    assert stored(x_account) == held_by_x(xsim, x_account.access_token)


def test_a_gap_of_today_is_read_by_as_large_a_page_as_comes_free(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 40)
    with time_machine.travel(NOW, tick=False) as clock:

        def pass_time(seconds: int) -> None:
            clock.shift(seconds)
            xsim.post("clock", {"set": datetime.now(UTC).isoformat()})

        xsim.post("clock", {"frozen": True, "set": NOW.isoformat()})
        XAccount.objects.update(token_expires_at=NOW + timedelta(days=30))
        begin(x_account, days=1)
        settle(x_account)
        for _ in range(60):
            say(xsim, ANN, "billed today")
        settle(x_account)
        pass_time(1800)
        for _ in range(90):
            say(xsim, ANN, "a burst")
        xsim.post("settings", {"dm_get_limit": 3})
        poll(x_account)  # two requests, and one is kept
        pass_time(901)
        asked(xsim)
        poll(x_account)
    assert sizes(xsim)[1:] == [40], "the gap"


def test_what_lies_behind_empty_pages_is_read_and_behind_too_many_later(x_account, xsim):
    ids = write_history(xsim, [20, 40, 60])
    xsim.post("settings", {"dm_get_limit": 1000, "empty_pages": 5})
    begin(x_account)
    settle(x_account)
    assert stored_ids(x_account) == set(ids)


def test_a_gap_behind_more_than_five_empty_pages_rests_with_its_cursor(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 1)
    monkeypatch.setattr(pace, "SLACK", 1)
    ids = write_history(xsim, [20, 40, 60])
    xsim.post("settings", {"dm_get_limit": 1000, "empty_pages": 9})
    begin(x_account)
    state = poll(x_account)
    gap = ReadInterval.objects.get()
    assert gap.due_at > timezone.now()
    assert state.import_finished_at is None
    assert sync.account_status(x_account).resting_until == gap.due_at
    xsim.delete("requests")
    poll(x_account)
    assert len(asked(xsim)) == 1, "the top alone, while the gap rests"
    ReadInterval.objects.update(due_at=timezone.now())
    xsim.post("settings", {"empty_pages": 0})
    settle(x_account)
    assert stored_ids(x_account) == set(ids)


def test_while_a_gap_behind_empty_pages_rests_a_poll_does_not_walk_through_them_again(x_account, xsim):
    tokens_ahead = [f"18LAA5G1V9DLILOG0G00ZZ{number:02}" for number in range(6)]
    for token in tokens_ahead:
        body = {"meta": {"result_count": 0, "next_token": token}}
        xsim.post("faults", {"kind": "body", "status": 200, "body": body})
    begin(x_account)
    poll(x_account)
    assert (len(asked(xsim)), intervals.is_top_resting(x_account)) == (6, True)
    xsim.post("clock", {"advance": 75})
    xsim.post("faults", {"kind": "body", "status": 200, "body": body})
    state = poll(x_account)
    assert len(asked(xsim)) == 1
    assert state.next_poll_at > timezone.now() + timedelta(seconds=30)


def test_a_cursor_that_x_no_longer_takes_begins_anew_once_from_the_top(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 10)
    ids = write_history(xsim, range(1, 60))
    xsim.post("settings", {"dm_get_limit": 3})
    begin(x_account)
    poll(x_account)
    assert intervals.gaps(x_account, None).exists()
    ReadInterval.objects.update(next_token="AAAAAAAAAAAAAAAAAAAAAAAA")
    xsim.post("settings", {"dm_get_limit": 1000})
    state = settle(x_account)
    assert state.state == State.ACTIVE
    assert stored_ids(x_account) == set(ids)


def test_a_fresh_cursor_that_x_refuses_twice_is_a_refusal_and_no_endless_loop(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 10)
    write_history(xsim, range(1, 60))
    xsim.post("settings", {"dm_get_limit": 1000})
    bad = {"errors": [{"parameters": {"pagination_token": ["x"]}, "message": "not a valid token"}]}
    problem = {**bad, "title": "Invalid Request", "detail": "One or more parameters to your request was invalid."}
    fault = {"kind": "body", "status": 400, "body": problem, "path": "dm_events", "times": 1}
    xsim.post("faults", [{**fault, "skip": 1}, {**fault, "skip": 2}])
    begin(x_account)
    state = poll(x_account)
    assert state.state == State.REFUSED
    assert len(asked(xsim)) < 8


def test_a_deleted_event_stays_with_us(x_account, xsim):
    (pk,) = write_history(xsim, [2])
    begin(x_account)
    settle(x_account)
    world = xsim.get("world")
    world["events"] = []
    xsim.post("world", world)
    poll(x_account)
    assert stored_ids(x_account) == {pk}


def test_a_burst_takes_one_page_a_poll_and_the_way_to_settled_ground_once_a_window(x_account, xsim, small_pages):
    ids = write_history(xsim, [number / 600 for number in range(40)])  # within four minutes
    poll(x_account)
    assert set(ids) <= stored_ids(x_account)
    sizes(xsim)
    for _ in range(3):
        ids += write_history(xsim, [0, 0.0001])
        poll(x_account)
        assert set(ids) <= stored_ids(x_account)
    assert sizes(xsim) == [10, 10, 10]
    now = datetime.fromisoformat(xsim.get("clock")["now"])
    late = say(xsim, ANN, "late, and deep", created_at=(now - timedelta(minutes=3)).isoformat())
    poll(x_account)
    assert int(late["id"]) not in stored_ids(x_account)
    SyncState.objects.update(settled_at=timezone.now() - timedelta(minutes=15))
    poll(x_account)
    assert int(late["id"]) in stored_ids(x_account), "once a window the whole way is gone"


def test_what_was_pushed_since_the_last_poll_does_not_hide_what_lies_between(x_account, xsim, small_pages):
    """Groups are never pushed: their news stand scattered between messages that are here already."""
    ids = write_history(xsim, [number / 600 for number in range(40)])
    poll(x_account)
    sizes(xsim)
    xsim.post("clock", {"advance": 5})
    news = write_history(xsim, [0.0001 for _ in range(25)])
    pushed = [message(pk, ANN, one_to_one(OWN, ANN)) for pk in news[::3]]
    store_page(x_account, answer_of({"data": pushed}))
    poll(x_account)
    assert set(ids + news) <= stored_ids(x_account)
    sizes(xsim)
    poll(x_account)
    assert sizes(xsim) == [10], "nothing new since then"
