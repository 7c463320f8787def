"""A day that an outage kept from being read again is told of, and is read when a person wishes and pays for it."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role
from conversations import actions, metrics, sync
from conversations.models import Post, SpendDay, SyncState, UnfinishedDay, XUser
from conversations.sync import account_status, caps, pace, people, posts, unfinished_days, wishes
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import BadPageToken
from tests import factories
from tests.accounts.conftest import browser
from tests.conversations.page_support import words
from tests.conversations.sync_support import (
    ANN,
    answer_of,
    begin,
    connect_with_ann,
    make_person,
    poll,
    say,
    settle,
    stored_ids,
)

pytestmark = [pytest.mark.services, pytest.mark.django_db]
EVENING = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
DAY = EVENING.date()
MORNING_AFTER = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
x_account = pytest.fixture(connect_with_ann)
State = UnfinishedDay.State


class Clocks:
    """X's and ours."""

    def __init__(self, xsim, ours):
        self.xsim, self.ours = xsim, ours

    def set(self, moment):
        self.xsim.post("clock", {"set": moment.isoformat(), "frozen": True})
        self.ours.move_to(moment)


@pytest.fixture
def clocks(xsim):
    with time_machine.travel(EVENING, tick=False) as ours:
        clocks = Clocks(xsim, ours)
        clocks.set(EVENING)
        xsim.post("settings", {"dm_get_limit": 300})
        yield clocks


def write(xsim, count, until=EVENING):
    for number in range(count):
        say(xsim, ANN, f"Hello {number}", created_at=(until - timedelta(minutes=1 + number)).isoformat())


@pytest.fixture
def late(x_account, xsim, clocks):
    """Read in the evening; then nothing until the next morning, while X shows one of that day late. Its id."""
    write(xsim, 30)
    begin(x_account)
    settle(x_account)
    written, shown = EVENING - timedelta(hours=2), EVENING + timedelta(hours=1)
    event = say(xsim, ANN, "late", created_at=written.isoformat(), visible_at=shown.isoformat())
    clocks.set(MORNING_AFTER)
    settle(x_account)
    return int(event["id"])


@pytest.fixture
def day(late):
    return UnfinishedDay.objects.get()


def told(x_account, day):
    """How many events it takes, and the price."""
    most, price = unfinished_days.price_of(day, SyncState.objects.get(x_account=x_account))
    return most, price.usd


def ask(ada, x_account, day):
    actions.read_day(ada, day, told(x_account, day)[1])


def read(day):
    UnfinishedDay.objects.filter(state=State.DUE).update(due_at=timezone.now() - timedelta(seconds=1))
    sync.read_day(day.pk)
    day.refresh_from_db()
    return day


def note(day, days_before):
    earlier = (day.day - timedelta(days=number) for number in range(1, days_before + 1))
    return [UnfinishedDay.objects.get_or_create(x_account=day.x_account, day=each)[0] for each in earlier]


# --- Which days -------------------------------------------------------------------------------------------------------


def test_an_outage_over_midnight_leaves_a_day_that_is_told_of(x_account, late):
    assert late not in stored_ids(x_account)
    (row,) = account_status(x_account).unfinished
    assert (row.day, row.state) == (DAY, State.NOTED)
    assert f'dminbox_unfinished_days{{x_account="{x_account.pk}"}} 1.0' in metrics.text().decode()


def test_a_day_that_was_read_to_its_end_is_not_told_of(x_account, xsim, clocks):
    write(xsim, 30)
    begin(x_account)
    settle(x_account)
    clocks.set(EVENING.replace(hour=23, minute=50))
    settle(x_account)
    assert poll(x_account).reconciled_on == DAY
    clocks.set(MORNING_AFTER)
    settle(x_account)
    assert not UnfinishedDay.objects.exists()


def test_days_of_which_nothing_was_read_are_read_whole_afterwards(x_account, xsim, clocks, late):
    clocks.set(MORNING_AFTER + timedelta(days=3))
    write(xsim, 20, until=MORNING_AFTER + timedelta(days=2))
    settle(x_account)
    assert list(UnfinishedDay.objects.order_by("day").values_list("day", flat=True)) == [DAY]


def test_a_day_so_quiet_that_the_next_poll_reads_all_of_it_is_not_told_of(x_account, xsim, clocks):
    write(xsim, 20, until=EVENING - timedelta(days=2))
    write(xsim, 2)
    begin(x_account)
    settle(x_account)
    clocks.set(MORNING_AFTER)
    settle(x_account)
    assert not UnfinishedDay.objects.exists()


def test_a_day_without_news_is_not_told_of_where_the_walk_comes_down_to_the_day_before(x_account, xsim, clocks):
    write(xsim, 5, until=EVENING - timedelta(days=2))
    begin(x_account)
    settle(x_account)
    clocks.set(MORNING_AFTER)
    write(xsim, 40, until=MORNING_AFTER)
    settle(x_account)
    assert not UnfinishedDay.objects.exists()


def test_while_an_import_goes_on_no_day_is_told_of(x_account, xsim, clocks):
    write(xsim, 30)
    begin(x_account)
    settle(x_account)
    SyncState.objects.update(import_finished_at=None)
    clocks.set(MORNING_AFTER)
    poll(x_account)
    assert not UnfinishedDay.objects.exists()


def test_the_note_ends_when_x_gives_that_day_no_longer(x_account, late, clocks):
    clocks.set(datetime(2026, 12, 20, 23, 0, tzinfo=UTC))
    assert len(account_status(x_account).unfinished) == 1
    clocks.set(datetime(2026, 12, 21, 1, 0, tzinfo=UTC))
    assert account_status(x_account).unfinished == ()


# --- Reading one again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [100, 7])
def test_a_wish_finds_what_came_late_at_no_more_than_the_price_that_was_told(
    x_account, xsim, ada, day, late, page, monkeypatch
):
    monkeypatch.setattr(pace, "PAGE", page)
    most, usd = told(x_account, day)
    before = xsim.get("meter")["today"]["events"]
    ask(ada, x_account, day)
    assert read(day).state == State.DONE
    assert late in stored_ids(x_account)
    assert 31 <= day.events_read <= most
    billed = xsim.get("meter")["today"]["events"] - before
    assert 15 < billed <= usd / Decimal("0.010")
    assert account_status(x_account).unfinished == ()
    assert (day.asked_by, day.next_token, day.lease_until) == (ada, "", None)


def test_reading_a_day_covers_those_since_then(x_account, ada, day, late):
    oldest = note(day, 2)[-1]
    ask(ada, x_account, oldest)
    assert read(oldest).state == State.DONE
    assert late in stored_ids(x_account)
    assert set(UnfinishedDay.objects.values_list("state", flat=True)) == {State.DONE}


@pytest.mark.parametrize("by_expansion_only", [False, True])
def test_people_and_posts_cost_no_more_than_was_told_either(x_account, xsim, ada, clocks, by_expansion_only):
    xsim.post("settings", {"default_vocabulary": "post", "people_by_expansion_only": by_expansion_only})
    make_person(xsim, "903")
    made = {"author_id": "903", "text": "A lamp", "created_at": "2026-11-01T12:00:00Z"}
    xsim.post("posts", [made | {"id": str(10 + number)} for number in range(40)])
    for number in range(30):
        at = (EVENING - timedelta(minutes=1 + number)).isoformat()
        say(xsim, ANN, f"Look {number}", created_at=at, post_ids=[str(10 + number)])
    begin(x_account)
    settle(x_account)
    look_up()
    times = {"created_at": (EVENING - timedelta(hours=2)).isoformat()}
    times["visible_at"] = (EVENING + timedelta(hours=1)).isoformat()
    for number, who in enumerate(("911", "912", "913")):
        make_person(xsim, who)
        say(xsim, who, "late", post_ids=[str(45 + number)], **times)
    clocks.set(MORNING_AFTER)
    settle(x_account)
    look_up()
    day = UnfinishedDay.objects.get()
    usd, before = told(x_account, day)[1], cost(xsim)
    ask(ada, x_account, day)
    assert read(day).state == State.DONE
    look_up()
    assert Decimal("0.30") < cost(xsim) - before <= usd


def look_up():
    """What was read named people and posts."""
    XUser.objects.exclude(lookup_due_at=None).update(lookup_due_at=timezone.now())
    Post.objects.exclude(details_due_at=None).update(details_due_at=timezone.now())
    posts.fetch_due_details()
    people.look_up_due_people()


def cost(xsim):
    return Decimal(str(xsim.get("meter")["today"]["usd"]))


def test_what_was_billed_today_already_is_not_in_the_price(x_account, ada, day):
    most, usd = told(x_account, day)
    ask(ada, x_account, day)
    read(day)
    assert told(x_account, day)[1] <= usd - Decimal("0.15")
    assert told(x_account, day)[0] == most + 1


def test_reading_stops_at_its_price_and_the_page_asks_again(x_account, xsim, ada, day):
    ask(ada, x_account, day)
    write(xsim, 30, until=MORNING_AFTER - timedelta(hours=1))
    assert (read(day).state, day.detail) == (State.NOTED, unfinished_days.USED_UP)
    assert day.events_read == day.events_wanted
    poll(x_account)
    ask(ada, x_account, day)
    assert read(day).state == State.DONE


def test_a_new_day_has_another_price(x_account, xsim, ada, day, clocks):
    ask(ada, x_account, day)
    clocks.set(datetime(2026, 11, 21, 23, 59, 30, tzinfo=UTC))
    before = xsim.get("meter")["today"]["events"]
    assert (read(day).state, day.detail) == (State.NOTED, unfinished_days.NEW_PRICE)
    assert xsim.get("meter")["today"]["events"] == before


def test_what_would_cost_more_than_was_told_is_not_wished_for(x_account, ada, day):
    usd = told(x_account, day)[1]
    with pytest.raises(actions.DearerThanTold) as dearer:
        actions.read_day(ada, day, usd - Decimal("0.001"))
    assert dearer.value.usd == usd
    day.refresh_from_db()
    assert (day.state, day.asked_by) == (State.NOTED, None)


def test_the_months_cap_holds_and_a_raised_one_wakes_the_wish(x_account, ada, day):
    SyncState.objects.update(monthly_cap_usd=Decimal("0.10"))
    with pytest.raises(caps.CapReached):
        ask(ada, x_account, day)
    SyncState.objects.update(monthly_cap_usd=None)
    ask(ada, x_account, day)
    SpendDay.objects.update(usd=50)
    SyncState.objects.update(monthly_cap_usd=Decimal(50))
    assert (read(day).state, day.detail, day.waits_for_month) == (State.DUE, caps.WISH, True)
    actions.set_cap(x_account, Decimal(900))
    assert read(day).state == State.DONE


def test_it_goes_on_at_its_page_after_a_death_and_leaves_requests_for_polls(
    x_account, xsim, ada, day, late, monkeypatch
):
    monkeypatch.setattr(pace, "PAGE", 7)
    ask(ada, x_account, day)
    store, calls = unfinished_days.store_page, []

    def die_at_the_third(*args, **more):
        calls.append(args)
        if len(calls) == 3:
            raise RuntimeError
        return store(*args, **more)

    monkeypatch.setattr(unfinished_days, "store_page", die_at_the_third)
    with pytest.raises(RuntimeError):
        read(day)
    day.refresh_from_db()
    assert (day.state, day.events_read, bool(day.next_token)) == (State.DUE, 14, True)
    UnfinishedDay.objects.update(lease_until=None)
    poll(x_account)
    xsim.post("settings", {"dm_get_limit": 4})
    assert (read(day).state, day.detail) in [(State.DUE, wishes.WINDOW), (State.DONE, "")]
    xsim.post("settings", {"dm_get_limit": 300})
    poll(x_account)
    assert read(day).state == State.DONE
    assert late in stored_ids(x_account)


def test_where_x_refuses_the_cursor_it_begins_anew_at_no_further_cost(x_account, xsim, ada, day, late, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 7)
    ask(ada, x_account, day)
    UnfinishedDay.objects.update(next_token="A" * 24, events_read=14)
    assert read(day).state == State.DONE
    assert late in stored_ids(x_account)


def test_where_x_refuses_each_cursor_that_it_gives_it_ends_with_xs_words(x_account, xsim, ada, day, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 7)
    ask(ada, x_account, day)
    inner, asked_with = XClient.dm_events, []

    def refuses(client, *, pagination_token=None, **of):
        asked_with.append(pagination_token)
        if len(asked_with) > 20:
            pytest.fail("it would go on for ever")
        if pagination_token:
            raise BadPageToken("that token is none", status=400)
        return inner(client, pagination_token=pagination_token, **of)

    monkeypatch.setattr(XClient, "dm_events", refuses)
    assert read(day).state == State.FAILED
    assert [bool(token) for token in asked_with] == [False, True]


def test_pages_that_lead_in_a_circle_are_no_end(x_account, ada, day, monkeypatch):
    ask(ada, x_account, day)
    again = answer_of({"data": [], "meta": {"result_count": 0, "next_token": "B" * 24}}, MORNING_AFTER)
    monkeypatch.setattr(wishes, "asked", lambda *_: nullcontext(again))
    assert (read(day).state, day.detail) == (State.FAILED, unfinished_days.CIRCLE)
    monkeypatch.undo()
    ask(ada, x_account, day)
    assert read(day).state == State.DONE


def test_who_waits_for_many_answers_asks_for_no_more(x_account, ada, day, monkeypatch):
    monkeypatch.setattr(actions, "MOST_WISHES", 0)
    with pytest.raises(actions.TooManyWishes):
        ask(ada, x_account, day)


# --- The page ---------------------------------------------------------------------------------------------------------

BUTTON = "Read it again: at most $1."


def page(user, x_account):
    return browser(user).get(f"/x-accounts/{x_account.pk}/")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AGENT])
def test_the_page_tells_of_it_and_offers_it_to_who_may_spend_money(x_account, day, ben, role):
    factories.MembershipFactory(user=ben, x_account=x_account, role=role)
    html = words(page(ben, x_account))
    assert "20 November 2026 (UTC) was not read again to its end: what X showed late that day may be missing." in html
    assert (BUTTON in html) == (role == Role.AGENT)
    address = f"/x-accounts/{x_account.pk}/days/{day.pk}/"
    answer = browser(ben).post(address, {"told": "5"})
    day.refresh_from_db()
    assert (answer.status_code, day.state) == ((404, State.NOTED) if role == Role.VIEWER else (302, State.DUE))
    if role == Role.AGENT:
        html = words(page(ben, x_account))
        assert "20 November 2026 (UTC) is being read again: 0 events so far." in html
        assert BUTTON not in html


def test_of_many_days_the_page_offers_the_newest_and_all(x_account, day, ben, django_assert_max_num_queries):
    factories.MembershipFactory(user=ben, x_account=x_account, role=Role.AGENT)
    note(day, 1)
    with CaptureQueriesContext(connection) as of_two:
        page(ben, x_account)
    note(day, 12)
    with django_assert_max_num_queries(len(of_two)):
        html = words(page(ben, x_account))
    assert html.count(BUTTON) == 2
    assert "20 November 2026 (UTC) was not read again" in html
    assert "8 November 2026 (UTC) was not read again" in html
    assert "The same is true of 12 later days. Reading this one again covers them." in html


def test_a_page_of_yesterday_is_told_the_new_price(x_account, day, ben):
    factories.MembershipFactory(user=ben, x_account=x_account, role=Role.AGENT)
    for told_before in ({"told": "0.01"}, {}, {"told": "nonsense"}):
        answer = browser(ben).post(f"/x-accounts/{x_account.pk}/days/{day.pk}/", told_before)
        assert answer.status_code == 422
        html = words(answer)
        assert "The price has changed: this can now cost up to $1." in html
        assert BUTTON in html
    day.refresh_from_db()
    assert day.state == State.NOTED


def test_nobody_else_and_no_other_account_asks_for_it(x_account, day, cleo, ben):
    other = factories.SyncStateFactory().x_account
    factories.MembershipFactory(user=ben, x_account=other, role=Role.ADMIN)
    for user, pk in ((cleo, x_account.pk), (ben, x_account.pk), (ben, other.pk)):
        assert browser(user).post(f"/x-accounts/{pk}/days/{day.pk}/", {"told": "5"}).status_code == 404
    day.refresh_from_db()
    assert day.state == State.NOTED


def test_a_disconnected_account_offers_no_button(x_account, day, ben):
    factories.MembershipFactory(user=ben, x_account=x_account, role=Role.AGENT)
    type(x_account).objects.update(state="disconnected")
    html = words(page(ben, x_account))
    assert "was not read again to its end" in html
    assert BUTTON not in html
