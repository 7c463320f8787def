"""What every call cost, what is left of each window, and what may still be spent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import snowflake_floor
from conversations import changes, ledger
from conversations.models import ApiCall, BilledResource, PushState, RateWindow, SpendDay, SyncState
from conversations.sync import caps, pace, polling, turns
from conversations.sync.caps import CapReached
from dminbox.xapi.schema import Answer, Billed, RateLimit
from tests.conversations.sync_support import (
    ANN,
    OWN,
    begin,
    connect,
    make_person,
    one_to_one,
    poll,
    say,
    settle,
    stored_ids,
)
from tests.factories import ConversationFactory, DmEventFactory, SyncStateFactory, XAccountFactory, XUserFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STUDIO = "1500000000000000300"
LIST, ONE, OWN_HISTORY, WITH = ledger.DM_READS
Kind = BilledResource.Kind


def answer(events=(), users=(), posts=(), at=NOON, endpoint=LIST, rate=None):
    billed = Billed(tuple(map(str, events)), tuple(map(str, users)), tuple(map(str, posts)))
    return Answer(None, rate or RateLimit(), billed, (), at, endpoint)


def window(endpoint: str, remaining: int, *, resets=NOON + timedelta(minutes=9), limit: int = 15) -> RateWindow:
    return RateWindow(endpoint=endpoint, limit=limit, remaining=remaining, resets=resets, reset_at=resets, seen_at=NOON)


# --- Bills ------------------------------------------------------------------------------------------------------------


def test_a_resource_is_billed_once_a_utc_day_by_whatever_call():
    x_account = XAccountFactory()
    assert ledger.record(x_account, answer([1, 2], [7], [9])).usd == Decimal("0.035")
    assert ledger.record(x_account, answer([2, 3], [7])).usd == Decimal("0.010")
    assert ledger.record_push(x_account, "dm.received", NOON, {Kind.DM_EVENT: [3]}).usd == 0
    assert ledger.record(x_account, answer([3], at=NOON + timedelta(days=1))).usd == Decimal("0.010")


def test_more_resources_than_one_statement_takes_are_billed_once_each():
    x_account = XAccountFactory()
    people = {Kind.USER: range(1, 20_001)}
    assert ledger.record_push(x_account, "dm.received", NOON, people).users == 20_000
    assert ledger.record_push(x_account, "dm.received", NOON, people).users == 0
    assert BilledResource.objects.count() == 20_000


def test_what_another_account_writes_down_at_the_same_moment_is_not_billed_twice(monkeypatch):
    first, second = XAccountFactory(), XAccountFactory()
    ledger.record(first, answer([1], [7]))
    monkeypatch.setattr(ledger, "_known", lambda day, ids: {})  # looked just before the first had committed
    assert ledger.record(second, answer([1, 2], [7])).usd == Decimal("0.010")
    assert SpendDay.objects.aggregate(Sum("usd"))["usd__sum"] == Decimal("0.030")


def test_the_sums_of_the_days_are_those_of_the_calls():
    x_account = XAccountFactory()
    for number in range(5):
        ledger.record(x_account, answer([number, number + 1], at=NOON + timedelta(hours=6 * number)))
    ledger.record_push(x_account, "chat.received", NOON, {Kind.CHAT_EVENT: [-5]})
    total = ApiCall.objects.aggregate(usd=Sum("usd"), events=Sum("dm_events"))
    days = SpendDay.objects.aggregate(usd=Sum("usd"), events=Sum("dm_events"), calls=Sum("calls"))
    assert days == total | {"calls": 6}
    assert SpendDay.objects.count() == 2


class Died(BaseException):
    """The process ends here."""


def test_a_lookup_is_billed_and_counted_towards_the_ceiling_or_neither(monkeypatch):
    state = SyncStateFactory()
    recorded = ledger.record

    def dies_after(*args):
        recorded(*args)
        raise Died

    monkeypatch.setattr(ledger, "record", dies_after)
    with pytest.raises(Died):
        ledger.record_lookup(state.x_account, answer(users=[7, 8]))
    monkeypatch.undo()
    assert not ApiCall.objects.exists()
    assert not BilledResource.objects.exists()
    ledger.record_lookup(state.x_account, answer(users=[7, 8]))
    state.refresh_from_db()
    assert state.import_spent_usd == SpendDay.objects.get().usd == Decimal("0.02")


def test_a_lookup_after_the_import_is_no_part_of_it():
    state = SyncStateFactory(import_finished_at=NOON)
    ledger.record_lookup(state.x_account, answer(users=[7]))
    state.refresh_from_db()
    assert (state.import_spent_usd, SpendDay.objects.get().usd) == (0, Decimal("0.01"))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_lookup_waits_for_the_page_that_is_being_stored_before_it_writes_any_bill():
    """Else each could hold what the other is waiting for."""
    state = SyncStateFactory()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            changes.lock(state.x_account)
            lookup = pool.submit(in_a_thread, ledger.record_lookup, state.x_account, answer(users=[7]))
            with pytest.raises(TimeoutError):
                lookup.result(0.5)
            assert ledger.record(state.x_account, answer(users=[7])).users == 1
        lookup.result(10)
    state.refresh_from_db()
    assert (state.import_spent_usd, BilledResource.objects.count()) == (0, 1)


def in_a_thread(job, *args):
    try:
        job(*args)
    finally:
        connection.close()


def test_a_call_that_fails_stands_in_the_ledger_and_costs_nothing(xsim):
    x_account = connect(xsim)
    begin(x_account)
    xsim.post("faults", {"kind": "503"})
    poll(x_account)
    call = ApiCall.objects.get()
    assert (call.endpoint, call.status, call.usd) == (LIST, 503, 0)


def test_what_we_wrote_down_is_what_x_billed(xsim):
    make_person(xsim, ANN)
    x_account = connect(xsim)
    for number in range(30):
        say(xsim, ANN, f"Hello {number}")
    begin(x_account)
    settle(x_account)
    meter = xsim.get("meter")["today"]
    spent = SpendDay.objects.get(x_account=x_account)
    assert (spent.dm_events, spent.users) == (meter["events"], meter["users"])


@time_machine.travel(datetime(2026, 11, 11, 0, 0, tzinfo=UTC), tick=False)
def test_the_forecast_goes_on_at_the_pace_of_the_days_so_far():
    x_account = XAccountFactory()
    ledger.record(x_account, answer(range(100), at=timezone.now() - timedelta(days=2)))
    ledger.record(x_account, answer(range(50), at=timezone.now()))
    spend = ledger.spend(x_account, Decimal(2))
    assert (spend.today, spend.month, spend.forecast) == (Decimal("0.5"), Decimal("1.5"), Decimal("4.5"))
    assert spend.left == Decimal("0.5")


# --- Windows ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "seen", "told"),
    [
        (window(OWN_HISTORY, 11), [window(LIST, 12)], True),
        (window(OWN_HISTORY, 14), [window(LIST, 12)], False),
        (window(OWN_HISTORY, 11), [window(LIST, 12), window(OWN_HISTORY, 13)], True),
        (window(OWN_HISTORY, 12), [window(LIST, 12), window(OWN_HISTORY, 13)], False),
        (window(OWN_HISTORY, 14), [], None),
        (window(OWN_HISTORY, 14), [window(LIST, 15)], None),
        (window(OWN_HISTORY, 14), [window(LIST, 3, resets=NOON + timedelta(minutes=2))], False),
        (window(OWN_HISTORY, 14), [window(LIST, 3, resets=NOON - timedelta(minutes=2))], None),
        (window(OWN_HISTORY, 7), [window(LIST, 12)], None),
    ],
)
def test_whether_windows_are_shared_is_learnt_from_the_headers(new, seen, told):
    assert ledger.shares_a_window(new, seen) is told


def test_what_was_learnt_is_kept_and_tells_what_is_left():
    state = SyncStateFactory()
    now = timezone.now()
    for endpoint, remaining in [(LIST, 12), (OWN_HISTORY, 11)]:
        rate = RateLimit(limit=15, remaining=remaining, reset_at=now + timedelta(minutes=5))
        ledger.record(state.x_account, answer(endpoint=endpoint, rate=rate, at=now))
    state.refresh_from_db()
    assert state.are_windows_shared is True
    assert ledger.open_window(state.x_account, LIST, are_shared=True).remaining == 11
    assert ledger.open_window(state.x_account, LIST, are_shared=False).remaining == 12
    assert ledger.open_window(state.x_account, WITH, are_shared=False) is None


# --- The month's cap --------------------------------------------------------------------------------------------------


@pytest.fixture
def x_account(xsim):
    make_person(xsim, ANN)
    return connect(xsim)


def test_the_cap_is_never_crossed_and_pauses_reading_with_words(x_account, xsim):
    for number in range(40):
        say(xsim, ANN, f"Hello {number}")
    begin(x_account)
    caps.set_cap(x_account, Decimal("0.25"))
    state = poll(x_account)
    assert state.state == SyncState.State.CAPPED
    assert ledger.spent_this_month(x_account) <= Decimal("0.25")
    assert "$0.25" in state.detail
    assert timedelta(0) <= state.next_poll_at - ledger.next_month(timezone.now()) <= caps.MONTH_SPREAD
    assert polling.due() == polling.imports_due() == []


def test_reading_goes_on_when_the_cap_is_raised(x_account, xsim):
    for number in range(40):
        say(xsim, ANN, f"Hello {number}")
    begin(x_account)
    caps.set_cap(x_account, Decimal("0.10"))
    poll(x_account)
    caps.set_cap(x_account, None)
    settle(x_account)
    assert len(stored_ids(x_account)) == 40


def test_news_that_came_on_top_of_what_is_billed_already_never_cross_the_cap(x_account, xsim):
    """A page of events that X has billed today is free only while nothing new stands above them."""
    begin(x_account)
    for number in range(20):
        say(xsim, ANN, f"Hello {number}")
    settle(x_account)
    caps.set_cap(x_account, ledger.spent_this_month(x_account) + Decimal("0.05"))
    for number in range(30):
        say(xsim, ANN, f"Hello again {number}")
    for _ in range(5):
        state = poll(x_account)
    assert state.state == SyncState.State.CAPPED
    assert ledger.spent_this_month(x_account) <= state.monthly_cap_usd


def test_a_page_under_a_cap_is_no_larger_than_what_is_left_pays_for():
    state = SyncStateFactory(monthly_cap_usd=Decimal("0.05"))
    ledger.record(state.x_account, answer([1, 2], at=timezone.now()))
    with caps.page(state.x_account, 10) as size:
        assert size == 2
    ledger.record(state.x_account, answer([3, 4], at=timezone.now()))
    with pytest.raises(CapReached), caps.page(state.x_account, 10):
        pass


def test_dollars_are_added_up_to_the_last_tenth_of_a_cent():
    """24 times $0.035 as floats are $0.840000000000001, and a cap of $0.86 would leave no event."""
    state = SyncStateFactory(monthly_cap_usd=Decimal("0.86"))
    with time_machine.travel(datetime(2026, 11, 25, 12, 0, tzinfo=UTC), tick=False):
        for day in range(1, 25):
            SpendDay.objects.create(x_account=state.x_account, day=date(2026, 11, day), usd=Decimal("0.035"))
        assert ledger.spent_this_month(state.x_account) == Decimal("0.84")
        with caps.page(state.x_account, 10) as size:
            assert size == 1


def test_a_cap_below_what_was_spent_pauses_at_once():
    state = SyncStateFactory()
    PushState.objects.create(pk=1, subscriptions_checked_at=timezone.now())
    ledger.record(state.x_account, answer([1, 2], at=timezone.now()))
    caps.set_cap(state.x_account, Decimal("0.02"))
    state.refresh_from_db()
    assert caps.is_reached(state.x_account)
    assert state.state == SyncState.State.CAPPED
    assert timedelta(0) <= state.next_poll_at - ledger.next_month(timezone.now()) <= caps.MONTH_SPREAD
    assert PushState.objects.get().subscriptions_checked_at is None, "X is told at once to push no more"


def test_a_poll_that_meets_the_cap_has_x_told_at_once_to_push_no_more(x_account, xsim):
    begin(x_account)
    settle(x_account)
    PushState.objects.create(pk=1, subscriptions_checked_at=timezone.now())
    SyncState.objects.update(monthly_cap_usd=ledger.spent_this_month(x_account) + Decimal("0.01"))
    assert poll(x_account).state == SyncState.State.CAPPED
    assert PushState.objects.get().subscriptions_checked_at is None


def test_what_is_pushed_while_an_import_rests_at_its_ceiling_ends_with_the_cap_too():
    state = SyncStateFactory(state=SyncState.State.PAUSED, monthly_cap_usd=Decimal("0.02"))
    PushState.objects.create(pk=1, subscriptions_checked_at=timezone.now())
    ledger.record_push(state.x_account, "dm.received", timezone.now(), {Kind.DM_EVENT: [1, 2]})
    with transaction.atomic():
        caps.heed(state.x_account)
    assert PushState.objects.get().subscriptions_checked_at is None
    state.refresh_from_db()
    assert state.state == SyncState.State.PAUSED


# --- The day's own events once more -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "hidden", "hours", "empty_pages"),
    [(230, 0, 3, 0), (230, 0, 19, 0), (pace.PAGE, 0, 19, 0), (9, 9, 19, 0), (230, 110, 19, 0), (230, 0, 19, 2)],
    ids=[
        "amid those that are known",
        "before all",
        "before a whole page",
        "before some that X hides",
        "before so many that each poll takes two pages",
        "behind empty",
    ],
)
def test_the_day_is_read_once_more_before_midnight_at_no_cost(x_account, xsim, known, hidden, hours, empty_pages):
    evening = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
    with time_machine.travel(evening) as ours:
        xsim.post("clock", {"set": evening.isoformat()})
        for number in range(known + hidden):
            at = evening - timedelta(minutes=number)
            say(xsim, ANN, f"Hello {number}", created_at=at.isoformat(), is_hidden=number < hidden)
        begin(x_account)
        settle(x_account)
        late = say(
            xsim,
            ANN,
            "shown hours later",
            created_at=(evening - timedelta(hours=hours)).isoformat(),
            visible_at=(evening + timedelta(hours=1)).isoformat(),
        )
        before = xsim.get("meter")["today"]["events"]
        xsim.post("settings", {"empty_pages": empty_pages})
        poll_until_the_day_is_read(x_account, xsim, ours)
        assert int(late["id"]) in stored_ids(x_account)
        assert xsim.get("meter")["today"]["events"] == before + 1


def test_the_day_before_its_beginning_is_none_of_what_is_read_only_from_now_on(x_account, xsim):
    """Nor is it paid for, but for the few that each look shows."""
    evening = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
    with time_machine.travel(evening) as ours:
        xsim.post("clock", {"set": evening.isoformat()})
        for number in range(60):
            say(xsim, ANN, f"Before {number}", created_at=(evening - timedelta(minutes=number + 1)).isoformat())
        begin(x_account, days=0)
        settle(x_account)
        xsim.post("clock", {"advance": 60})
        ours.shift(timedelta(seconds=60))
        wanted = int(say(xsim, ANN, "From now on")["id"])
        poll_until_the_day_is_read(x_account, xsim, ours)
    assert stored_ids(x_account) == {wanted}
    assert xsim.get("meter")["today"]["events"] <= 1 + pace.SLACK


def test_in_the_last_minute_of_a_day_nothing_counts_as_free():
    state = SyncStateFactory()
    evening = datetime(2026, 11, 20, 23, 58, 30, tzinfo=UTC)
    first = snowflake_floor(evening)
    ledger.record(state.x_account, answer(range(first, first + 9), at=evening))
    for seconds, free in [(0, 9), (29, 9), (31, 0), (89, 0), (91, 0)]:
        with time_machine.travel(evening + timedelta(seconds=seconds), tick=False):
            assert turns.free_today(state) == free


def test_what_another_of_our_x_accounts_was_billed_for_is_read_once_more_too(x_account, xsim):
    evening = datetime(2026, 11, 20, 22, 50, tzinfo=UTC)
    with time_machine.travel(evening) as ours:
        xsim.post("clock", {"set": evening.isoformat()})
        second = connect(xsim, STUDIO)
        group = {"id": "1580000000000000000", "member_ids": [OWN, STUDIO, ANN], "is_group": True}
        xsim.post("conversations", group)
        for number in range(140):
            at = evening - timedelta(minutes=number)
            say(xsim, ANN, f"To all {number}", dm_conversation_id=group["id"], created_at=at.isoformat())
        settle_all(x_account, second)
        late = say(
            xsim,
            ANN,
            "shown hours later",
            dm_conversation_id=one_to_one(STUDIO, ANN),
            created_at=(evening - timedelta(hours=2)).isoformat(),
            visible_at=(evening + timedelta(minutes=5)).isoformat(),
        )
        before = xsim.get("meter")["today"]["events"]
        poll_until_the_day_is_read(second, xsim, ours)
        assert int(late["id"]) in stored_ids(second)
        assert xsim.get("meter")["today"]["events"] == before + 1


def pass_time(xsim, ours, span):
    """ours: our own clock, which goes with X's."""
    xsim.post("clock", {"advance": span.total_seconds()})
    ours.shift(span)


def next_poll(x_account, xsim, ours, state):
    """When it is planned."""
    pass_time(xsim, ours, state.next_poll_at - timezone.now())
    return poll(x_account)


def poll_until_the_day_is_read(x_account, xsim, ours):
    today = timezone.now().date()
    while poll(x_account).reconciled_on is None:
        pass_time(xsim, ours, timedelta(minutes=3))
        assert timezone.now().date() == today, "the day went by without it"


@pytest.mark.parametrize(("limit", "seconds"), [(300, 300), (15, 75)], ids=["many", "scarce"])
def test_with_spare_requests_the_day_is_also_read_about_each_hour_at_no_cost(x_account, xsim, settings, limit, seconds):
    """What X showed hours late is there before an outage over midnight can lose it."""
    settings.SYNC_POLL_SECONDS = settings.SYNC_POLL_SECONDS_BUSY = seconds
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    with time_machine.travel(noon, tick=False) as ours:
        xsim.post("clock", {"set": noon.isoformat()})
        xsim.post("settings", {"dm_get_limit": limit})
        for number in range(230):
            say(xsim, ANN, f"Hello {number}", created_at=(noon - timedelta(minutes=number)).isoformat())
        begin(x_account)
        state = settle(x_account)
        late = say(
            xsim,
            ANN,
            "shown hours later",
            created_at=(noon - timedelta(hours=3)).isoformat(),
            visible_at=(noon + timedelta(minutes=90)).isoformat(),
        )
        before = xsim.get("meter")["today"]["events"]
        xsim.delete("requests")
        polls = 0
        while timezone.now() < noon + timedelta(hours=2, minutes=50):
            state, polls = next_poll(x_account, xsim, ours, state), polls + 1
        requests = [each for each in xsim.get("requests") if each["path"] == "/2/dm_events"]
    assert state.reconciled_on is None
    assert all(each["status"] == 200 for each in requests)
    assert int(late["id"]) in stored_ids(x_account)
    assert xsim.get("meter")["today"]["events"] - before <= 2, "it, and the one that shows where the day before ends"
    assert len(requests) - polls <= 4 * 3


def say_on_pages_of_ten(xsim, monkeypatch, until):
    """One a minute, for a good hour: the day takes several pages."""
    monkeypatch.setattr(pace, "PAGE", 10)
    xsim.post("clock", {"set": until.isoformat()})
    xsim.post("settings", {"dm_get_limit": 300})
    for number in range(65):
        say(xsim, ANN, f"Hello {number}", created_at=(until - timedelta(minutes=number)).isoformat())


def test_the_last_time_sets_out_anew_where_a_walk_of_before_is_on_its_way(x_account, xsim, monkeypatch):
    evening = datetime(2026, 11, 20, 21, 45, tzinfo=UTC)
    with time_machine.travel(evening, tick=False) as ours:
        say_on_pages_of_ten(xsim, monkeypatch, evening)
        begin(x_account)
        settle(x_account)
        while (state := poll(x_account)).reconcile_below > snowflake_floor(evening - timedelta(minutes=30)):
            assert state.reconcile_token
        assert (state.reconcile_is_last, state.reconciled_on) == (False, None)
        late = say(xsim, ANN, "late", created_at=(evening - timedelta(seconds=930)).isoformat())
        xsim.post("clock", {"advance": 1200})
        ours.shift(1200)
        poll_until_the_day_is_read(x_account, xsim, ours)
    assert SyncState.objects.get().reconcile_is_last
    assert int(late["id"]) in stored_ids(x_account)


def test_setting_out_anew_is_not_the_end_where_the_walk_of_before_had_come_no_further(x_account, xsim, monkeypatch):
    evening = datetime(2026, 11, 20, 21, 45, tzinfo=UTC)
    with time_machine.travel(evening, tick=False) as ours:
        say_on_pages_of_ten(xsim, monkeypatch, evening)
        begin(x_account)
        state = settle(x_account)
        while not state.reconcile_token:
            state = poll(x_account)
        shown = evening + timedelta(minutes=5)
        late = say(
            xsim, ANN, "late", created_at=(evening - timedelta(minutes=30)).isoformat(), visible_at=shown.isoformat()
        )
        pass_time(xsim, ours, timedelta(hours=1))
        state = poll(x_account)
        assert (state.reconcile_is_last, state.reconciled_on) == (True, None)
        poll_until_the_day_is_read(x_account, xsim, ours)
    assert int(late["id"]) in stored_ids(x_account)


def test_however_seldom_it_is_polled_a_turn_comes_for_the_day(x_account, xsim, settings):
    settings.SYNC_POLL_SECONDS = settings.SYNC_POLL_SECONDS_BUSY = settings.SYNC_POLL_SECONDS_WITH_PUSH = 3600
    evening = datetime(2026, 11, 20, 21, 20, tzinfo=UTC)
    with time_machine.travel(evening, tick=False) as ours:
        xsim.post("clock", {"set": evening.isoformat()})
        for number in range(130):
            say(xsim, ANN, f"Hello {number}", created_at=(evening - timedelta(minutes=number)).isoformat())
        begin(x_account)
        state = settle(x_account)
        late = say(
            xsim,
            ANN,
            "shown hours later",
            created_at=(evening - timedelta(hours=2)).isoformat(),
            visible_at=(evening + timedelta(minutes=5)).isoformat(),
        )
        turns = 0
        while state.next_poll_at < evening.replace(hour=23, minute=59):
            state, turns = next_poll(x_account, xsim, ours, state), turns + 1
    assert state.reconciled_on == evening.date()
    assert int(late["id"]) in stored_ids(x_account)
    assert turns <= 6, "a few beside the hourly ones"


def settle_all(*x_accounts):
    for x_account in x_accounts:
        begin(x_account)
        settle(x_account)


def test_what_comes_free_is_what_anybody_of_us_was_billed_for_and_this_account_sees():
    first, second = SyncStateFactory().x_account, SyncStateFactory().x_account
    ids = [snowflake_floor(NOON) + number for number in range(9)]
    ledger.record(first, answer(ids[:6]))
    ledger.record(second, answer(ids[6:]))
    talk = ConversationFactory(x_account=second, peer=XUserFactory(pk=first.x_user_id), last_dm_event_id=ids[-1])
    for pk in ids[4:]:
        DmEventFactory(conversation=talk, dm_event_id=pk)

    assert ledger.free_today(second, ids[0], NOON, 100) == 5
    assert ledger.free_today(second, ids[0], NOON, 100, below=ids[5]) == 1
    assert ledger.free_today(second, ids[5], NOON, 100) == 4
    assert ledger.free_today(second, ids[0], NOON, 4) == 4
    assert ledger.free_today(second, ids[0], NOON + timedelta(days=1), 100) == 0
    assert ledger.free_today(first, ids[0], NOON, 100) == 6


@pytest.mark.parametrize("below", [1, snowflake_floor(datetime(2026, 11, 19, 12, tzinfo=UTC))])
def test_a_day_that_was_left_half_read_does_not_stand_for_the_next(x_account, xsim, below):
    evening = datetime(2026, 11, 20, 23, 20, tzinfo=UTC)
    with time_machine.travel(evening, tick=False) as ours:
        xsim.post("clock", {"set": evening.isoformat()})
        for number in range(130):
            say(xsim, ANN, f"Hello {number}", created_at=(evening - timedelta(minutes=number)).isoformat())
        begin(x_account)
        settle(x_account)
        SyncState.objects.update(reconcile_token="yesterday's", reconcile_below=below)
        state = poll(x_account)
        while state.reconcile_below == below:
            xsim.post("clock", {"advance": 90})
            ours.shift(timedelta(seconds=90))
            assert timezone.now() < evening + timedelta(minutes=39), "the day went by without it"
            state = poll(x_account)
        assert state.reconciled_on is None, "there is a second page of it"
        assert state.reconcile_below > snowflake_floor(evening - timedelta(hours=3))


def test_in_the_last_minute_the_day_is_not_read_once_more(x_account, xsim):
    night = datetime(2026, 11, 20, 23, 59, 20, tzinfo=UTC)
    with time_machine.travel(night, tick=False):
        xsim.post("clock", {"set": night.isoformat()})
        for number in range(130):
            say(xsim, ANN, f"Hello {number}", created_at=(night - timedelta(minutes=number)).isoformat())
        begin(x_account)
        settle(x_account)
        state = poll(x_account)
    assert (state.reconciled_on, state.reconcile_token) == (None, "")
