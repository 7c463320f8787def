"""What was missed is read later: late events, gaps, empty pages, cursors that X no longer takes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
import time_machine
from django.utils import timezone

from accounts.models import XAccount
from conversations import metrics, sync
from conversations.ids import time_in
from conversations.models import ReadInterval, SyncState
from conversations.sync import account_status, intervals, pace, polling, store_page
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


def test_in_a_window_that_people_share_a_gap_waits_with_what_is_kept_for_them(x_account, xsim, small_pages):
    xsim.post("settings", {"dm_get_shared": True})
    SyncState.objects.update(are_windows_shared=True)
    xsim.post("clock", {"advance": 3 * 86_400})
    write_history(xsim, [hour / 10 for hour in range(400)])
    xsim.post("settings", {"dm_get_limit": 15})
    xsim.post("clock", {"advance": 901})
    state = poll(x_account)
    assert account_status(x_account).gaps == 1
    assert state.rate_remaining == pace.reserve(15) == 3
    assert state.next_poll_at > timezone.now() + timedelta(minutes=10), "another turn could ask for nothing but the top"


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


def test_a_cursor_that_x_refuses_right_away_leaves_nothing_behind(x_account, xsim, small_pages):
    ids = write_burst(xsim, 40)
    problem = {"title": "Invalid Request", "detail": "One or more parameters to your request was invalid."}
    bad = {"errors": [{"parameters": {"pagination_token": ["x"]}, "message": "not a valid token"}]} | problem
    xsim.post("faults", {"kind": "body", "status": 400, "body": bad, "path": "dm_events", "times": 1, "skip": 2})
    asked(xsim)
    state = poll(x_account)
    assert state.state == State.ACTIVE
    assert set(ids) <= stored_ids(x_account)
    refused = asked(xsim)[2]["query"]
    cursor = parse_qs(refused)["pagination_token"][0]
    assert not ReadInterval.objects.filter(next_token=cursor).exists()


def test_reading_from_now_on_that_breaks_off_at_once_has_a_gap_that_is_told_of_and_read(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 10)
    write_history(xsim, [30])
    begin(x_account, days=0)
    xsim.post("clock", {"advance": 5})
    xsim.post("settings", {"dm_get_limit": 3})
    ids = [int(say(xsim, ANN, f"{number}")["id"]) for number in range(60)]
    poll(x_account)
    (span,) = account_status(x_account).day.gaps
    assert len(ids) > len(stored_ids(x_account)) > 0
    assert span.ends_at == time_in(min(stored_ids(x_account)))
    assert "dminbox_gaps" in metrics.text().decode()
    assert f'dminbox_gaps{{x_account="{x_account.pk}"}} 1.0' in metrics.text().decode()
    xsim.post("settings", {"dm_get_limit": 1000})
    xsim.post("clock", {"advance": 901})
    asked(xsim)
    assert account_status(x_account).gaps == 1
    state = settle(x_account)
    assert stored_ids(x_account) == set(ids)
    assert state.import_finished_at
    assert account_status(x_account).gaps == 0


def test_a_burst_takes_one_page_a_poll_and_the_way_to_settled_ground_once_a_window(x_account, xsim, small_pages):
    ids = write_burst(xsim, 40)  # within four minutes
    poll(x_account)
    assert set(ids) <= stored_ids(x_account)
    sizes(xsim)
    for _ in range(3):
        ids += write_history(xsim, [0, 0.0001])
        poll(x_account)
        assert set(ids) <= stored_ids(x_account)
    assert sizes(xsim) == [10, 10, 10]
    late = late_and_deep(xsim)
    poll(x_account)
    assert late not in stored_ids(x_account)
    let_a_window_go_by(xsim)
    poll(x_account)
    assert late in stored_ids(x_account), "once a window the whole way is gone"


def test_the_way_to_settled_ground_takes_no_request_from_news_and_is_no_gap(x_account, xsim, small_pages):
    xsim.post("settings", {"dm_get_limit": 15})
    xsim.post("clock", {"advance": 901})  # a window of 15 requests
    write_burst(xsim, 40)
    poll(x_account)
    sizes(xsim)
    late = late_and_deep(xsim)
    let_a_window_go_by(xsim)
    state = poll(x_account)
    assert (sizes(xsim), state.rate_remaining) == ([10], 9), "nine requests for 15 minutes"
    assert account_status(x_account).gaps == 0
    assert state.next_poll_at - timezone.now() > timedelta(seconds=60), "nothing is to be caught up with"
    xsim.post("clock", {"advance": 500})
    poll(x_account)
    assert sizes(xsim) == [10, 10], "one of the eight that six minutes have left is to spare"
    poll(x_account)
    assert sizes(xsim) == [10], "nor does another way begin"
    assert late not in stored_ids(x_account)
    xsim.post("clock", {"advance": 350})
    poll(x_account)
    assert sizes(xsim) == [10, 10, 10, 4], "all are to spare where the window ends before the next poll"
    assert late in stored_ids(x_account)
    assert not intervals.gaps(x_account, None).exists()


def test_the_way_to_settled_ground_takes_what_it_needs_once_it_has_waited_long(x_account, xsim, small_pages):
    xsim.post("settings", {"dm_get_limit": 15})
    xsim.post("clock", {"advance": 901})
    write_burst(xsim, 40)
    poll(x_account)
    late = late_and_deep(xsim)
    let_a_window_go_by(xsim)
    poll(x_account)
    assert late not in stored_ids(x_account)
    SyncState.objects.update(settling_since=timezone.now() - polling.PATIENCE * pace.window())
    sizes(xsim)
    for _ in range(3):
        assert late not in stored_ids(x_account)
        poll(x_account)
        assert sizes(xsim) == [10, 10], "with each look for news one page of the way"
    assert late in stored_ids(x_account)
    poll(x_account)
    assert not intervals.gaps(x_account, None).exists()


def test_a_page_that_shortens_the_way_to_settled_ground_leaves_the_rest_of_it_to_wait(
    x_account, xsim, small_pages, settings
):
    settings.SYNC_SETTLING_SECONDS = 300
    xsim.post("settings", {"dm_get_limit": 15})
    xsim.post("clock", {"advance": 1800})
    write_history(xsim, [minutes / 60 for minutes in range(30)])
    poll(x_account)
    assert not intervals.gaps(x_account, None).exists()
    say_for_minutes(xsim, 8)
    poll(x_account)
    say_for_minutes(xsim, 8)
    let_a_window_go_by(xsim)
    sizes(xsim)
    poll(x_account)
    begun_at = intervals.gaps(x_account, None).get().high_id
    say_for_minutes(xsim, 1)
    poll(x_account)
    assert sizes(xsim) == [10, 10], "the first set out and the second came down to where it did"
    row = intervals.gaps(x_account, None).get()
    assert row.high_id > begun_at
    assert row.is_known
    assert account_status(x_account).gaps == 0


def test_a_long_way_to_settled_ground_does_not_rest_before_it_comes_there(x_account, xsim, small_pages):
    write_burst(xsim, 90)  # within nine minutes
    poll(x_account)
    assert settles(x_account, xsim, minutes=8.5)
    assert not intervals.gaps(x_account, None).exists()


def test_a_long_way_to_settled_ground_goes_on_in_each_turn_where_the_one_before_ended(
    x_account, xsim, small_pages, monkeypatch
):
    write_burst(xsim, 90)
    poll(x_account)
    late = late_and_deep(xsim, minutes=8.5)
    let_a_window_go_by(xsim)
    monkeypatch.setattr(pace, "PAGES_PER_TURN", 2)
    turns = 0
    while late not in stored_ids(x_account):
        poll(x_account)
        turns += 1
    assert turns == 8, "each but the first page is asked for once"


@pytest.mark.parametrize("per_minute", [4, 6])
def test_a_stream_of_many_is_polled_evenly_and_has_no_gap_where_nothing_is_missing(
    x_account, xsim, small_pages, per_minute
):
    """A page is a tenth of X's here, and so is what comes: now and then more than a page of it between two polls."""
    rng = random.Random(per_minute)
    random.seed(per_minute)  # what the code draws
    with time_machine.travel(NOW, tick=False) as clock:

        def pass_time(moment: datetime) -> None:
            clock.move_to(moment)
            xsim.post("clock", {"frozen": True, "set": moment.isoformat()})

        pass_time(NOW)
        poll(x_account)
        xsim.post("settings", {"dm_get_limit": 15})
        pass_time(NOW + timedelta(seconds=901))
        said, waits, next_at = set(), [], timezone.now()
        while (now := timezone.now()) < NOW + timedelta(hours=1):
            before = stored_ids(x_account)
            state = poll(x_account)
            here = stored_ids(x_account)
            is_open = len(here - before) % pace.PAGE == 0  # a page of nothing but news: there may be more below it
            assert account_status(x_account).gaps == 0 or is_open or not said <= here
            waits.append(state.next_poll_at - now)
            while next_at <= state.next_poll_at:
                said.add(int(say(xsim, ANN, "on", created_at=next_at.isoformat())["id"]))
                next_at += timedelta(minutes=rng.expovariate(per_minute))
            pass_time(state.next_poll_at)
        assert max(waits) < 3.2 * pace.steady(15), [wait.seconds for wait in waits]
        for _ in range(3):
            pass_time(timezone.now() + timedelta(seconds=301))
            poll(x_account)
        assert said <= stored_ids(x_account)


def test_no_way_to_settled_ground_is_left_for_the_next_day(x_account, xsim, monkeypatch):
    """When X bills all of it anew."""
    monkeypatch.setattr(pace, "PAGE", 10)
    evening = datetime(2026, 11, 20, 23, 50, tzinfo=UTC)
    with time_machine.travel(evening):
        xsim.post("clock", {"set": evening.isoformat()})
        write_history(xsim, [30])
        begin(x_account)
        settle(x_account)
        SyncState.objects.update(reconciled_on=evening.date())
        write_burst(xsim, 40)
        poll(x_account)
        late = late_and_deep(xsim)
        let_a_window_go_by(xsim)
        for _ in range(3):
            assert late not in stored_ids(x_account)
            poll(x_account)
        assert late in stored_ids(x_account)


@pytest.mark.parametrize(("begun", "goes_again"), [(timedelta(minutes=2), False), (timedelta(minutes=14), True)])
def test_right_before_midnight_one_more_way_is_gone(x_account, xsim, monkeypatch, begun, goes_again):
    """All above it X bills once more to the first way of the next day."""
    monkeypatch.setattr(pace, "PAGE", 10)
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    now = midnight - timedelta(minutes=2)
    with time_machine.travel(now):
        xsim.post("clock", {"set": now.isoformat()})
        xsim.post("settings", {"dm_get_limit": 1000})
        write_history(xsim, [30])
        begin(x_account)
        settle(x_account)
        SyncState.objects.update(reconciled_on=now.date())
        write_burst(xsim, 40)
        poll(x_account)
        late = late_and_deep(xsim)
        SyncState.objects.update(settling_since=now - begun)
        xsim.post("clock", {"advance": 2})
        poll(x_account)
        assert (late in stored_ids(x_account)) is goes_again


def test_what_x_hides_does_not_keep_a_small_page_from_settled_ground(x_account, xsim):
    """It takes up room on the page, which then ends above what was asked for."""
    write_history(xsim, [30])
    begin(x_account)
    settle(x_account)
    now = datetime.fromisoformat(xsim.get("clock")["now"])
    for number in range(80):
        at = now - timedelta(seconds=7 * number)
        say(xsim, ANN, f"{number}", created_at=at.isoformat(), is_hidden=number % 2 == 1)
    poll(x_account)
    poll(x_account)
    late = late_and_deep(xsim, minutes=9)
    poll(x_account)
    assert late in stored_ids(x_account)


def test_a_refused_cursor_of_an_outage_leaves_a_gap_that_is_told_of_and_read(x_account, xsim, small_pages):
    xsim.post("clock", {"advance": 3 * 86_400})
    ids = write_history(xsim, range(70))
    xsim.post("settings", {"dm_get_limit": 4})
    xsim.post("clock", {"advance": 901})
    poll(x_account)
    assert account_status(x_account).gaps == 1
    ReadInterval.objects.exclude(next_token="").update(next_token="AAAAAAAAAAAAAAAAAAAAAAAA")
    for _ in range(8):
        xsim.post("clock", {"advance": 901})
        poll(x_account)
        if set(ids) <= stored_ids(x_account):
            break
        assert account_status(x_account).gaps == 1
    assert set(ids) <= stored_ids(x_account)


def test_each_of_several_gaps_with_a_cursor_that_x_has_forgotten_is_passed_at_once(x_account, xsim, small_pages):
    ids = []
    for _ in range(3):
        xsim.post("clock", {"advance": 86_400})
        ids += write_history(xsim, [hour / 10 for hour in range(70)])
        xsim.post("settings", {"dm_get_limit": 4})
        xsim.post("clock", {"advance": 901})
        poll(x_account)
    gaps = list(intervals.gaps(x_account, None))
    assert len(gaps) == 3
    for row in gaps:
        row.next_token = f"{row.pk:A>24}"
        row.save()
    xsim.post("settings", {"dm_get_limit": 1000})
    xsim.post("clock", {"advance": 901})
    for _ in range(8):
        assert poll(x_account).state == State.ACTIVE
    assert set(ids) <= stored_ids(x_account)
    assert account_status(x_account).gaps == 0


def test_an_inbox_of_which_x_hides_all_is_read_to_its_end(x_account, xsim):
    now = datetime.fromisoformat(xsim.get("clock")["now"])
    for number in range(pace.PAGE + 20):
        say(xsim, ANN, f"{number}", created_at=(now - timedelta(hours=1, minutes=number)).isoformat(), is_hidden=True)
    begin(x_account)
    state = poll(x_account)
    assert sizes(xsim) == [pace.PAGE] * 3, "the last shows that nothing comes below"
    assert state.import_finished_at
    assert not ReadInterval.objects.exists()


def test_a_way_to_settled_ground_that_rests_holds_up_no_other(x_account, xsim, small_pages):
    write_burst(xsim, 40)
    poll(x_account)
    let_a_window_go_by(xsim)
    xsim.post("settings", {"dm_get_limit": 15})
    poll(x_account)
    ReadInterval.objects.filter(is_known=True).update(due_at=timezone.now() + timedelta(hours=1), empty_pages=6)
    xsim.post("settings", {"dm_get_limit": 1000})
    write_burst(xsim, 20)
    poll(x_account)
    assert settles(x_account, xsim)


def settles(x_account, xsim, minutes=3):
    """Whether the next way to settled ground finds what X shows late, so deep."""
    late = late_and_deep(xsim, minutes)
    let_a_window_go_by(xsim)
    poll(x_account)
    return late in stored_ids(x_account)


def write_burst(xsim, size):
    """A message every six seconds until now."""
    return write_history(xsim, [number / 600 for number in range(size)])


def say_for_minutes(xsim, minutes):
    """A message each minute."""
    xsim.post("clock", {"advance": 60 * minutes})
    write_history(xsim, [minute / 60 for minute in range(minutes)])


def late_and_deep(xsim, minutes=3):
    """A message that X shows now, so many minutes old."""
    at = datetime.fromisoformat(xsim.get("clock")["now"]) - timedelta(minutes=minutes)
    return int(say(xsim, ANN, "late, and deep", created_at=at.isoformat())["id"])


def let_a_window_go_by(xsim):
    """Since the way to settled ground was gone last; X's clock shows whole seconds."""
    SyncState.objects.update(settling_since=timezone.now() - pace.window())
    xsim.post("clock", {"advance": 2})


def test_what_was_pushed_since_the_last_poll_does_not_hide_what_lies_between(x_account, xsim, small_pages):
    """Groups are never pushed: their news stand scattered between messages that are here already."""
    ids = write_burst(xsim, 40)
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
