"""When X is asked, how much, and what happens when it says no."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from accounts import tokens
from accounts.models import XAccount, snowflake_floor
from conversations import ledger, sync
from conversations.models import DmEvent, ReadInterval, SyncState
from conversations.sync import caps, intervals, pace, polling, store_page, trouble, turns
from dminbox.xapi.errors import RateLimited, Unavailable
from dminbox.xapi.schema import RateLimit
from tests.conversations.sync_support import (
    ANN,
    OWN,
    answer_of,
    begin,
    connect,
    held_by_x,
    make_person,
    message,
    one_to_one,
    poll,
    say,
    settle,
    stored,
    stored_ids,
    write_history,
)

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = SyncState.State
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def x_account(xsim):
    xsim.post("settings", {"token_seconds": 10**8})
    make_person(xsim, ANN)
    return connect(xsim)


def asked(xsim) -> list[dict]:
    """The queries of all reads of /2/dm_events since the last look."""
    calls = [call for call in xsim.get("requests") if call["path"] == "/2/dm_events"]
    xsim.delete("requests")
    return calls


def sizes(xsim) -> list[int]:
    return [int(parse_qs(call["query"])["max_results"][0]) for call in asked(xsim)]


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


# --- Late events, gaps, cursors ---------------------------------------------------------------------------------------


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


def test_a_burst_takes_one_page_a_poll_and_the_way_to_settled_ground_once_a_window(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 10)
    xsim.post("settings", {"dm_get_limit": 1000})
    write_history(xsim, [30])
    begin(x_account)
    settle(x_account)
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


def test_what_was_pushed_since_the_last_poll_does_not_hide_what_lies_between(x_account, xsim, monkeypatch):
    """Groups are never pushed: their news stand scattered between messages that are here already."""
    monkeypatch.setattr(pace, "PAGE", 10)
    xsim.post("settings", {"dm_get_limit": 1000})
    write_history(xsim, [30])
    begin(x_account)
    settle(x_account)
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


# --- The budget -------------------------------------------------------------------------------------------------------


def test_when_the_next_poll_is_follows_from_the_headers():
    def wait(remaining: int | None, left: int | None) -> float:
        reset_at = None if left is None else NOW + timedelta(seconds=left)
        rate = RateLimit(limit=15, remaining=remaining, reset_at=reset_at)
        return pace.wait_after(rate, NOW, timedelta(seconds=60)).total_seconds()

    assert wait(None, None) == 75, "twelve of fifteen are for steady polling"
    assert wait(14, 900) == 75
    assert wait(3, 200) == 75, "the reserve takes up pages of news"
    assert wait(5, 800) == 160, "what is left is spread"
    assert wait(1, 600) == 601, "the last one is kept"
    assert wait(0, 20) == 21


def test_a_large_window_is_not_used_up_for_its_own_sake():
    rate = RateLimit(limit=300, remaining=299, reset_at=NOW + timedelta(seconds=900))
    assert pace.wait_after(rate, NOW, timedelta(seconds=60)) == timedelta(seconds=60)
    assert pace.wait_after(rate, NOW, timedelta(seconds=1)) == timedelta(seconds=3.75)


def test_an_idle_poll_asks_for_what_comes_free_and_a_few_more():
    assert pace.first_page(known=0, last_news=0) == 3
    assert pace.first_page(known=40, last_news=0) == 43
    assert pace.first_page(known=40, last_news=10) == 60
    assert pace.first_page(known=400, last_news=0) == 100


def test_a_window_without_a_told_end_is_taken_for_fifteen_minutes():
    assert pace.wait_after_refusal(RateLimited("x")) == timedelta(minutes=15)


def test_reading_stops_with_a_reserve_left(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 5)
    write_history(xsim, range(1, 720, 8))
    begin(x_account)
    state = poll(x_account)
    assert state.rate_limit == 15
    assert state.rate_remaining == pace.KEPT
    assert len(asked(xsim)) == 14
    assert timedelta(minutes=14) < state.next_poll_at - timezone.now() < timedelta(minutes=16)
    assert state.state == State.ACTIVE


def test_a_day_of_idle_polls_is_cheap(x_account, xsim):
    write_history(xsim, range(25, 224, 2))
    begin(x_account)
    settle(x_account)
    xsim.post("meter/reset")
    before = ledger.billed_today(x_account)
    for _ in range(20):
        xsim.post("clock", {"advance": 75})
        poll(x_account)
    assert xsim.get("meter")["today"]["events"] <= pace.SLACK
    assert ledger.billed_today(x_account) == before, "what was billed today is billed once"


def test_what_we_counted_is_what_x_billed(x_account, xsim):
    write_history(xsim, range(1, 120))
    begin(x_account)
    settle(x_account)
    today, bill = xsim.get("meter")["today"], ledger.billed_today(x_account)
    assert (bill.dm_events, bill.users, bill.posts) == (today["events"], today["users"], today["posts"])
    assert float(bill.usd) == pytest.approx(today["usd"])
    assert SyncState.objects.get().import_spent_usd == bill.usd


def test_the_import_pauses_at_its_ceiling_and_goes_on_when_somebody_says_so(x_account, xsim, settings, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 20)
    settings.IMPORT_CEILING_USD = Decimal(1)
    xsim.post("settings", {"dm_get_limit": 1000})
    ids = write_history(xsim, range(1, 150))
    begin(x_account, ceiling=1)
    state = poll(x_account)
    assert state.state == State.PAUSED
    assert state.next_poll_at is None
    assert Decimal(1) <= state.import_spent_usd < Decimal("1.02"), "a page is as small as what is left"
    assert "$1.00" in state.detail
    count = len(asked(xsim))
    poll(x_account)
    assert (count, asked(xsim)) == (5, []), "a pause asks X for nothing"
    assert sync.account_status(x_account).can_go_on
    sync.resume_import(x_account)
    assert poll(x_account).import_finished_at
    assert stored_ids(x_account) == set(ids)


def test_nothing_more_is_asked_for_once_the_ceiling_is_reached_in_a_gap(x_account, xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 5)
    write_history(xsim, range(1, 720, 7))
    begin(x_account, ceiling=1)
    assert poll(x_account).state == State.ACTIVE
    asked(xsim)
    xsim.post("clock", {"advance": 900})
    say(xsim, ANN, "news")
    assert poll(x_account).state == State.PAUSED
    assert all("pagination_token" in call["query"] for call in asked(xsim)), "the top was asked for"


@pytest.mark.parametrize("error", [Unavailable("503"), RateLimited("429"), caps.CapReached()])
def test_what_fails_while_an_account_is_paused_leaves_it_paused(x_account, monkeypatch, error):
    begin(x_account)

    def pauses_and_fails(turn):
        SyncState.objects.update(state=State.PAUSED, next_poll_at=None, detail="the ceiling")
        raise error

    monkeypatch.setattr(polling, "_read", pauses_and_fails)
    state = poll(x_account)
    assert (state.state, state.next_poll_at, state.detail, state.lease_until) == (
        State.PAUSED,
        None,
        "the ceiling",
        None,
    )


# --- What X refuses ---------------------------------------------------------------------------------------------------


def test_a_used_up_window_is_waited_for_and_is_no_trouble(x_account, xsim):
    begin(x_account)
    xsim.post("faults", {"kind": "429"})
    state = poll(x_account)
    assert state.state == State.RATE_LIMITED
    assert not sync.account_status(x_account).is_trouble
    assert state.next_poll_at > timezone.now()
    assert poll(x_account).state == State.ACTIVE


def test_a_used_up_window_shows_no_requests_left(x_account, xsim):
    begin(x_account)
    poll(x_account)
    xsim.post("faults", {"kind": "429"})
    state = poll(x_account)
    assert (state.rate_remaining, state.rate_reset_at) == (0, state.next_poll_at)


@pytest.mark.parametrize("status", [200, 429])
def test_no_header_silences_an_account_for_longer_than_an_hour(x_account, xsim, status):
    begin(x_account)
    reset = str(int((timezone.now() + timedelta(days=400)).timestamp()))
    headers = {"x-rate-limit-limit": "15", "x-rate-limit-remaining": "0", "x-rate-limit-reset": reset}
    xsim.post("faults", {"kind": "body", "status": status, "body": {"meta": {"result_count": 0}}, "headers": headers})
    assert poll(x_account).next_poll_at < timezone.now() + timedelta(minutes=61)


def test_no_credit_stops_all_x_accounts_and_one_that_is_paid_for_starts_them_again(x_account, xsim):
    other = connect(xsim, "1500000000000000200")
    begin(x_account)
    begin(other)
    poll(other)
    xsim.post("faults", {"kind": "402"})
    poll(x_account)
    states = list(SyncState.objects.all())
    assert {state.state for state in states} == {State.NO_CREDIT}
    assert all(state.next_poll_at > timezone.now() + timedelta(minutes=59) for state in states)
    assert not sync.has_credit()
    assert poll(x_account).state == State.ACTIVE
    assert polling.due() == [other.pk]


@pytest.mark.parametrize("kind", ["500-html", "503", "503-empty", "cut-before", "cut-after"])
def test_x_in_trouble_is_asked_less_and_less_often(x_account, xsim, kind):
    begin(x_account)
    xsim.post("faults", {"kind": kind, "times": 2})
    first = poll(x_account)
    assert first.state == State.UNAVAILABLE
    since = first.state_since
    second = poll(x_account)
    assert (second.failures, second.state_since) == (2, since)
    last = poll(x_account)
    assert (last.state, last.failures, last.detail) == (State.ACTIVE, 0, "")


def test_the_back_off_grows_to_a_limit():
    waits = [trouble.back_off(failures) for failures in range(30)]
    assert waits[0] <= timedelta(seconds=15)
    assert max(waits) <= trouble.LONGEST_BACK_OFF
    assert waits[29] > timedelta(minutes=7)


@pytest.mark.parametrize("kind", ["403-client-not-enrolled", "403-oauth1", "403-unsupported-auth"])
def test_what_the_operator_must_change_is_said_with_a_hint(x_account, xsim, kind):
    begin(x_account)
    xsim.post("faults", {"kind": kind})
    state = poll(x_account)
    assert state.state == State.REFUSED
    assert "app" in state.detail
    assert poll(x_account).state == State.ACTIVE


def test_a_connection_that_x_ended_stops_the_polling_until_it_is_made_again(x_account, xsim):
    begin(x_account)
    xsim.delete("grants")
    state = poll(x_account)
    x_account.refresh_from_db()
    assert x_account.state == XAccount.State.RECONNECT
    assert polling.imports_due() == []
    status = sync.account_status(x_account)
    assert status.is_trouble
    assert "connect" in status.next_step
    assert state.lease_until is None
    XAccount.objects.update(state=XAccount.State.CONNECTED)
    assert polling.imports_due() == [x_account.pk], "and then at once"


def test_scopes_that_are_missing_are_never_taken_for_an_empty_inbox(x_account, xsim):
    begin(x_account)
    xsim.post("faults", {"kind": "403"})
    poll(x_account)
    x_account.refresh_from_db()
    status = sync.account_status(x_account)
    assert x_account.state == XAccount.State.RECONNECT
    assert status.is_trouble
    assert "allow everything" in status.detail
    assert not DmEvent.objects.exists()


def test_a_failure_of_our_own_gives_the_lease_back_and_is_not_hidden(x_account, monkeypatch):
    begin(x_account)

    def deadlock(*_args, **_more):
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(polling, "store_page", deadlock)
    with pytest.raises(OperationalError):
        poll(x_account)
    state = SyncState.objects.get()
    assert state.lease_until is None
    assert timezone.now() < state.next_poll_at < timezone.now() + timedelta(minutes=2)
    assert not ReadInterval.objects.exists(), "no claim without its events"


def test_an_account_without_credit_that_was_disconnected_stops_nobody_for_long(x_account, xsim):
    begin(x_account)
    xsim.post("faults", {"kind": "402"})
    poll(x_account)
    assert not sync.has_credit()
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    with time_machine.travel(timezone.now() + trouble.LONGEST_WITHOUT_CREDIT):
        assert sync.has_credit()


def test_a_request_that_x_does_not_understand_is_shown_with_its_words(x_account, xsim):
    begin(x_account)
    problem = {"title": "Invalid Request", "detail": "The lamp is out.", "type": "about:blank", "status": 400}
    xsim.post("faults", {"kind": "body", "status": 400, "body": problem})
    state = poll(x_account)
    assert state.state == State.REFUSED
    assert "The lamp is out." in state.detail


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
