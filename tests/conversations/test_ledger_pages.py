"""What an X account's page tells of its day, its money and the way messages come, and the cap people set there."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Role, XAccount, snowflake_floor
from conversations import ledger, sync
from conversations.models import (
    ActivitySubscription,
    ApiCall,
    BilledResource,
    Conversation,
    PushState,
    RateWindow,
    ReadInterval,
    SpendDay,
    SyncState,
)
from conversations.showing import day_chart
from conversations.sync.day import Span
from dminbox import wording
from tests import factories
from tests.conversations.page_support import NOW, words

POLLS = "GET /2/dm_events"

pytestmark = [pytest.mark.services]


@pytest.fixture(autouse=True)
def _streamed(noon, settings):
    settings.X_PUSH = "stream"


@pytest.fixture
def state(ada):
    x_account = factories.XAccountFactory(username="NordlichtHelp")
    factories.MembershipFactory(user=ada, x_account=x_account, role=Role.ADMIN)
    return factories.SyncStateFactory(
        x_account=x_account,
        import_finished_at=NOW - timedelta(days=3),
        last_success_at=NOW - timedelta(seconds=30),
        next_poll_at=NOW + timedelta(seconds=30),
        horizon_id=snowflake_floor(NOW - timedelta(days=30)),
        rate_limit=15,
    )


def state_page(client, state):
    answer = client.get(f"/x-accounts/{state.x_account_id}/")
    assert answer.status_code == 200
    return words(answer)


def call(state, minutes, endpoint=POLLS, status=200, **more):
    at = NOW - timedelta(minutes=minutes)
    return ApiCall.objects.create(x_account=state.x_account, endpoint=endpoint, status=status, at=at, **more)


# --- The day ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(state):
    call(state, 1, rate_limit=15, dm_events=3, usd=Decimal("0.03"))
    call(state, 2, status=429)
    call(state, 61, rate_limit=15, dm_events=7, usd=Decimal("0.07"))
    call(state, 61, "GET /2/tweets", posts=2, usd=Decimal("0.01"))
    call(state, 62, "push dm.received", dm_events=1, usd=Decimal("0.01"))
    call(state, 24 * 60, dm_events=100, usd=Decimal(1))
    ApiCall.objects.create(x_account=factories.XAccountFactory(), endpoint=POLLS, status=200, dm_events=500, at=NOW)
    return state


def day_of(state):
    return sync.account_status(state.x_account).day


def test_the_day_is_24_hours_of_requests_events_and_spend(busy):
    day = day_of(busy)
    assert len(day.hours) == 24
    assert day.hours[-1].begins_at == NOW.replace(minute=0)
    assert [(hour.polls, hour.others, hour.failed, hour.events, hour.usd) for hour in day.hours[-2:]] == [
        (1, 1, 0, 8, Decimal("0.09")),
        (2, 0, 1, 3, Decimal("0.03")),
    ]
    assert (day.requests, day.events, day.usd) == (4, 11, Decimal("0.12"))


def test_what_x_allows_in_an_hour_follows_from_its_window(busy, settings):
    assert {hour.allowed for hour in day_of(busy).hours} == {60}
    settings.X_WINDOW_SECONDS = 1800
    assert day_of(busy).allowed == 24 * 30
    SyncState.objects.update(rate_limit=None)
    ApiCall.objects.update(rate_limit=None)
    assert {hour.allowed for hour in day_of(busy).hours} == {None}


def interval(state, high, low, token=""):
    """Hours before now."""
    ids = [snowflake_floor(NOW - timedelta(hours=hours)) for hours in (high, low)]
    ReadInterval.objects.create(x_account=state.x_account, high_id=ids[0], low_id=ids[1], next_token=token)


def gaps_in_hours(state):
    spans = day_of(state).gaps
    return [tuple(round((NOW - moment) / timedelta(hours=1), 2) for moment in (x.begins_at, x.ends_at)) for x in spans]


def test_gaps_of_these_hours_are_shown_and_cut_where_the_hours_begin(state):
    interval(state, 0.3, 2, "on")
    interval(state, 5, 10, "on")
    interval(state, 100, 200, "on")
    assert gaps_in_hours(state) == [(5, 2), (23.03, 10)]


def test_what_was_read_whole_leaves_no_gap(state):
    interval(state, 0.3, 700)
    assert gaps_in_hours(state) == []


def test_the_time_since_the_last_page_is_a_gap_while_nothing_can_be_read(state):
    SyncState.objects.update(state="unavailable", last_success_at=NOW - timedelta(hours=2))
    assert gaps_in_hours(state) == [(2, 0)]
    SyncState.objects.update(state="active", next_poll_at=NOW - timedelta(minutes=5))
    assert gaps_in_hours(state) == [(2, 0)]
    SyncState.objects.update(next_poll_at=NOW + timedelta(minutes=5))
    assert gaps_in_hours(state) == []


def test_bars_stand_on_the_ground_and_what_is_more_than_nothing_can_be_seen(busy):
    requests, events, spend, gaps = day_chart.lanes(day_of(busy))
    for bar in (*requests.bars, *events.bars, *spend.bars):
        assert bar.height >= day_chart.LEAST
        assert 0 <= bar.y <= bar.y + bar.height <= day_chart.UNIT
        assert 0 <= bar.x < bar.x + bar.width <= day_chart.WIDTH
    assert [bar.height for bar in events.bars] == [100, 38]
    assert requests.line == 0  # 60 allowed is the most there is
    assert gaps.bars == ()
    assert gaps.words == "none in these hours"
    assert requests.words == "3 of 1,440 polls allowed by X, 1 other request, 1 failed"


def test_a_bar_never_leaves_its_lane_when_two_stand_on_each_other(state):
    for number in range(200):
        call(state, 1 + number % 2)
    for number in range(400):
        call(state, 1 + number % 2, "GET /2/tweets")
    lane = day_chart.lanes(day_of(state))[0]
    assert min(bar.y for bar in lane.bars) == 0
    assert lane.line == 90


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0.2, "less than a minute in 1 part"), (1, "1 minute in 1 part"), (119, "119 minutes in 1 part")],
)
def test_how_much_is_still_to_be_read_is_told_in_words(state, minutes, words):
    day = replace(day_of(state), gaps=(Span(NOW - timedelta(minutes=minutes), NOW),))
    assert day_chart.lanes(day)[3].words == words


def test_sums_of_floating_point_show_no_tenth_of_a_cent():
    assert wording.usd(Decimal("6.929999999999993")) == "$6.93"
    assert wording.usd(Decimal("6.275")) == "$6.275"


def test_a_day_without_anything_is_drawn_too(state):
    assert [lane.bars for lane in day_chart.lanes(day_of(state))] == [(), (), (), ()]


def test_the_picture_has_words_for_each_lane_and_a_table_with_the_same_numbers(as_ada, busy):
    interval(busy, 5, 10, "on")
    html = as_ada.get(f"/x-accounts/{busy.x_account_id}/").content.decode()
    assert html.count('role="img"') == html.count("<svg") == 4
    assert 'aria-label="Events billed per hour: 11. The table below has the numbers."' in html
    assert "<title>12:00: 8 events</title>" in " ".join(html.split())
    row = re.search(
        r'<th scope="row"><time[^>]*>12:00</time></th>(.*?)</tr>', " ".join(html.split()).replace("> <", "><")
    )
    assert re.findall(r"<td>(.*?)</td>", row[1]) == ["1", "60", "1", "0", "8", "$0.09"]
    assert " style=" not in html


@pytest.mark.parametrize("calls", [1, 300])
def test_the_page_takes_the_same_queries_however_busy_the_day_was(as_ada, state, calls, django_assert_max_num_queries):
    for number in range(calls):
        call(state, number)
        RateWindow.objects.create(
            x_account=state.x_account, endpoint=f"GET /{number}", limit=1, remaining=1, reset_at=NOW, resets=NOW
        )
    with django_assert_max_num_queries(25):
        state_page(as_ada, state)


# --- Money ------------------------------------------------------------------------------------------------------------


def spend(state, day, usd):
    SpendDay.objects.create(x_account=state.x_account, day=NOW.date().replace(day=day), usd=Decimal(usd))


def test_today_this_month_the_pace_and_the_cap_are_told(as_ada, state):
    spend(state, 21, "1.50")
    spend(state, 2, "20.00")
    html = state_page(as_ada, state)
    assert "Today (UTC) $1.50 This month $21.50 At this pace about $31 by the end of the month" in html
    assert "Monthly cap none" in html
    SyncState.objects.update(monthly_cap_usd=Decimal(30))
    html = state_page(as_ada, state)
    assert "$21.50 of $30.00, $8.50 left" in html


def cap(client, state, sent):
    return client.post(f"/x-accounts/{state.x_account_id}/cap/", {"cap": sent})


def test_a_cap_is_set_and_taken_away(as_ada, state):
    answer = cap(as_ada, state, "49.90")
    assert answer["Location"] == f"/x-accounts/{state.x_account_id}/"
    assert SyncState.objects.get().monthly_cap_usd == Decimal("49.90")
    assert "The cap is now $49.90 a month." in state_page(as_ada, state)
    cap(as_ada, state, "")
    assert SyncState.objects.get().monthly_cap_usd is None
    assert "The cap was removed." in state_page(as_ada, state)


@pytest.mark.parametrize("sent", ["-1", "0", "much", "1.234", "99999999999", "NaN"])
def test_what_is_no_cap_comes_back_with_422_and_words_and_changes_nothing(as_ada, state, sent):
    SyncState.objects.update(monthly_cap_usd=Decimal(5))
    answer = cap(as_ada, state, sent)
    assert answer.status_code == 422
    html = " ".join(answer.content.decode().split())
    assert 'class="errorlist" id="id_cap_error"' in html
    assert f'value="{sent}"' in html
    assert SyncState.objects.get().monthly_cap_usd == Decimal(5)


def test_raising_the_cap_lets_reading_go_on_at_once(as_ada, state):
    SyncState.objects.update(state="capped", monthly_cap_usd=Decimal(5), next_poll_at=NOW + timedelta(days=9))
    cap(as_ada, state, "50")
    found = SyncState.objects.get()
    assert (found.state, found.next_poll_at) == ("active", NOW)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AGENT, Role.LEAD])
def test_who_is_no_admin_sees_the_spend_but_sets_no_cap(client, ben, state, role):
    factories.MembershipFactory(user=ben, x_account=state.x_account, role=role)
    client.force_login(ben)
    answer = client.get(f"/x-accounts/{state.x_account_id}/")
    assert "This month $0.00" in words(answer)
    assert "/cap/" not in answer.content.decode()
    assert cap(client, state, "1").status_code == 404
    assert SyncState.objects.get().monthly_cap_usd is None


def test_a_stranger_and_a_get_set_no_cap(client, cleo, ada, state):
    client.force_login(cleo)
    assert cap(client, state, "1").status_code == 404
    client.force_login(ada)
    assert client.get(f"/x-accounts/{state.x_account_id}/cap/").status_code == 405


def test_an_owner_sets_the_cap_where_a_member(as_ada, state):
    state.x_account.memberships.update(role=Role.VIEWER)
    assert cap(as_ada, state, "10").status_code == 302


# --- How messages arrive ---------------------------------------------------------------------------------------------


@pytest.fixture
def pushed(state):
    PushState.objects.create(
        pk=1,
        state="connected",
        state_since=NOW - timedelta(hours=1),
        last_line_at=NOW - timedelta(seconds=5),
        lease_until=NOW + timedelta(seconds=15),
    )
    ActivitySubscription.objects.create(x_account=state.x_account, event_type="dm.received", state="active")
    return state


def push(state):
    return sync.account_status(state.x_account).push


def test_a_living_stream_is_told_with_its_last_sign_and_polling_is_slower(as_ada, pushed, settings):
    html = state_page(as_ada, pushed)
    assert "pushed X pushes messages over its stream; polling runs less often, as a check." in html
    assert "Push since 21 Nov 2026, 12:02" in html
    assert "Polled every 5 minutes Next poll 21 Nov 2026, 13:02" in html
    assert "dm.received Active" in html


def test_without_a_consumer_key_the_inbox_polls_and_says_so(as_ada, state, settings):
    settings.X_CONSUMER_KEY = ""
    html = state_page(as_ada, state)
    assert "polled No push, because X_CONSUMER_KEY and X_CONSUMER_SECRET are not set; messages are polled." in html
    assert "Polled every 75 seconds" in html


def test_push_that_is_switched_off_is_told(as_ada, pushed, settings):
    settings.X_PUSH = "off"
    html = state_page(as_ada, pushed)
    assert "Push is off (X_PUSH=off); messages are polled." in html
    assert "Subscription" not in html


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"lease_until": NOW - timedelta(seconds=1), "last_line_at": NOW - timedelta(hours=1)},
            "Nothing is connected to X's stream",
        ),
        ({"state": "waiting"}, "The stream broke off"),
        ({"state": "connecting"}, "Connecting to the stream"),
        ({"state": "no_credit"}, "no stream without credit"),
        ({"state": "refused"}, "X rejects the stream"),
        ({"last_line_at": NOW - timedelta(hours=1)}, "connected but silent"),
    ],
)
def test_a_stream_that_does_not_live_says_why_and_that_the_inbox_polls(pushed, changed, told):
    PushState.objects.update(**changed)
    found = push(pushed)
    assert told in found.headline
    assert "messages are polled" in found.headline
    assert not found.is_alive


def test_a_stream_that_nobody_has_ever_held_is_told(state):
    assert "Nothing is connected to X's stream" in push(state).headline


def test_an_account_beyond_xs_number_of_subscriptions_is_polled(pushed):
    ActivitySubscription.objects.update(state="over_cap", detail="X gives no more than 1,500.")
    found = push(pushed)
    assert not found.is_alive
    assert found.headline == "X pushes to this installation, but not the messages of this X account; they are polled"
    assert found.subscriptions[0].words == "Over X's subscription limit"


@pytest.mark.parametrize("resting", ["capped", "waiting", "no_credit"])
def test_where_nothing_is_read_the_page_says_neither_pushed_nor_polled(as_ada, pushed, resting):
    SyncState.objects.update(state=resting)
    PushState.objects.update(state="no_credit" if resting == "no_credit" else "connected")
    html = state_page(as_ada, pushed)
    assert "How messages arrive No push or polling right now; the top of this page says why." in html
    assert "Polled every" not in html


def test_notices_of_encrypted_messages_stand_beside_the_events_in_the_bill(as_ada, state):
    ids = {BilledResource.Kind.CHAT_EVENT: [7, 8]}
    ledger.record_push(state.x_account, "chat.received", NOW, ids)
    assert "$0.02: 0 events, 0 people, 0 posts, 2 notices of encrypted messages" in state_page(as_ada, state)


def test_the_webhook_lives_while_x_lists_it_as_valid(pushed, settings):
    """That somebody has asked for the CRC, anybody can bring about."""
    settings.X_PUSH = "webhook"
    listed = {"webhook_last_crc_at": NOW, "webhook_listed_at": NOW - timedelta(minutes=10)}
    PushState.objects.update(webhook_is_valid=True, **listed)
    assert push(pushed).headline == "X calls the webhook; polling runs less often, as a check"
    PushState.objects.update(webhook_is_valid=False)
    assert push(pushed).headline == "X is not calling the webhook; messages are polled"
    PushState.objects.update(webhook_is_valid=True, webhook_listed_at=NOW - timedelta(minutes=20))
    assert push(pushed).headline == "X is not calling the webhook; messages are polled"


def test_windows_are_told_per_endpoint_and_whether_they_are_one(as_ada, state):
    for endpoint, minutes in ((POLLS, 8), ("GET /2/users", -1)):
        reset_at = NOW + timedelta(minutes=minutes)
        RateWindow.objects.create(
            x_account=state.x_account, endpoint=endpoint, limit=15, remaining=4, reset_at=reset_at, resets=reset_at
        )
    html = state_page(as_ada, state)
    assert "GET /2/dm_events 4 of 15 13:10" in html
    assert "GET /2/users 15 of 15 now" in html
    assert "is not known yet" in html
    SyncState.objects.update(are_windows_shared=True)
    assert "X has one rate limit for all Direct Message requests." in state_page(as_ada, state)


# --- What going on and beginning may cost -----------------------------------------------------------------------------


def start_page(client, x_account):
    return words(client.get(f"/x-accounts/{x_account.pk}/start/"))


@pytest.fixture
def waiting(ada):
    x_account = factories.XAccountFactory(connected_at=NOW - timedelta(days=2))
    factories.MembershipFactory(user=ada, x_account=x_account, role=Role.ADMIN)
    return x_account


def test_before_anything_is_known_the_ceiling_is_what_is_said(as_ada, waiting):
    html = start_page(as_ada, waiting)
    assert "it is not known yet how many arrive: $20.00 pays for about 2,000 of them." in html
    assert "People and posts cost extra, $0.01 and $0.005 each." in html
    assert " events, about $" not in html


def test_what_came_in_since_it_was_connected_tells_what_a_month_may_cost(as_ada, waiting):
    conversation = factories.ConversationFactory(x_account=waiting)
    for number in range(80):
        pk = snowflake_floor(NOW - timedelta(hours=1)) + number
        factories.DmEventFactory(conversation=conversation, dm_event_id=pk)
    html = start_page(as_ada, waiting)
    assert "About 1,200 events, about $12." in html
    assert "About 280 events, about $2.80." in html
    assert html.count(" events, about $") == 2


def test_people_who_wrote_since_it_was_connected_are_in_the_price(as_ada, waiting):
    for _ in range(3):
        conversation = factories.ConversationFactory(x_account=waiting)
        pk = snowflake_floor(NOW - timedelta(hours=1))
        factories.DmEventFactory(conversation=conversation, dm_event_id=pk)
        factories.ParticipantFactory(conversation=conversation, x_user=conversation.peer)
        Conversation.objects.update(last_dm_event_id=pk)
    assert "About 45 events, about $0.90." in start_page(as_ada, waiting)


def test_a_ceiling_that_this_months_cap_does_not_leave_is_refused_with_words(as_ada, waiting):
    factories.SyncStateFactory(x_account=waiting, state="waiting", monthly_cap_usd=Decimal(10))
    address = f"/x-accounts/{waiting.pk}/start/"
    answer = as_ada.post(address, {"days": 30, "ceiling": "10.01"})
    assert answer.status_code == 422
    assert (
        "Only $10.00 is left under this month&#x27;s cap, and this could cost up to $10.01." in answer.content.decode()
    )
    assert as_ada.post(address, {"days": 30, "ceiling": "10"}).status_code == 302


def test_at_the_ceiling_what_is_left_is_estimated_by_what_was_read(as_ada, state):
    SyncState.objects.update(state="paused", import_finished_at=None, import_days=30)
    interval(state, 0.3, 10 * 24, "on")
    conversation = factories.ConversationFactory(x_account=state.x_account)
    for number in range(50):
        factories.DmEventFactory(
            conversation=conversation, dm_event_id=snowflake_floor(NOW - timedelta(days=9)) + number
        )
    assert "About 100 events may be left, about $1.00" in state_page(as_ada, state)


def test_at_the_ceiling_too_little_to_judge_by_is_said_too(as_ada, state):
    SyncState.objects.update(state="paused", import_finished_at=None, import_days=30)
    interval(state, 0.3, 0.4, "on")
    assert "too little was imported for an estimate" in state_page(as_ada, state)


def test_going_on_where_nothing_is_left_of_the_cap_is_refused_with_words(as_ada, state):
    SyncState.objects.update(state="paused", monthly_cap_usd=Decimal(1))
    spend(state, 20, "1.00")
    answer = as_ada.post(f"/x-accounts/{state.x_account_id}/resume/")
    assert answer.status_code == 422
    assert "Only $0.00 is left under this month's cap" in words(answer).replace("&#x27;", "'")
    assert SyncState.objects.get().state == "paused"


def test_a_state_without_a_row_yet_can_be_shown(as_ada, waiting):
    assert XAccount.objects.filter(pk=waiting.pk, sync=None).exists()
    assert "Nothing synced yet" in words(as_ada.get(f"/x-accounts/{waiting.pk}/"))
