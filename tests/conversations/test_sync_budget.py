"""How often X is asked, and what that costs: the pace, the reserve of a window, the ceiling of an import."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from conversations import ledger, sync
from conversations.models import SyncState
from conversations.sync import caps, pace, polling
from dminbox.xapi.errors import RateLimited, Unavailable
from dminbox.xapi.schema import RateLimit
from tests.conversations.sync_support import (
    ANN,
    asked,
    begin,
    connect_with_ann,
    poll,
    say,
    settle,
    stored_ids,
    write_history,
)

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = SyncState.State
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
x_account = pytest.fixture(connect_with_ann)


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


def test_an_idle_day_costs_what_the_readme_says(x_account, xsim, settings):
    """Less often than in real life, which X bills the same: each of its days it bills what stands at the top once."""
    settings.SYNC_POLL_SECONDS = 1200
    evening, day = datetime(2026, 11, 20, 22, 0, tzinfo=UTC), timedelta(days=1)
    with time_machine.travel(evening, tick=False) as clock:
        xsim.post("clock", {"set": evening.isoformat()})
        write_history(xsim, range(1, 40))
        begin(x_account)
        settle(x_account)
        spent = {}
        while timezone.now() < evening + day:
            clock.shift(600)
            xsim.post("clock", {"advance": 600})
            for pk in polling.due():
                sync.poll(pk)
            spent[timezone.now().day] = xsim.get("meter")["today"]["usd"]
        calls = len(asked(xsim))
    assert calls > 40, "it was polled all day"
    assert spent[21] == pytest.approx(0.03)


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
    assert state.import_spent_usd == Decimal("0.99"), "what is left may not pay for one more with a post"
    assert "$1.00" in state.detail
    count = len(asked(xsim))
    poll(x_account)
    assert (count, asked(xsim)) == (7, []), "a pause asks X for nothing"
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
