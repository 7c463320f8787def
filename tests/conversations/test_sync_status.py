"""The state of an X account in words, the owners' admin, and the sweep that finds what is due."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, XAccount, snowflake_floor
from conversations import sync, tasks
from conversations.counts import Count
from conversations.models import (
    ActivityDelivery,
    ActivitySubscription,
    ApiCall,
    BilledResource,
    Change,
    ConversationLookup,
    HistoryRead,
    Post,
    PushState,
    QuarantinedEvent,
    RateWindow,
    ReadInterval,
    SpendDay,
    SyncState,
    UnfinishedDay,
    XUser,
)
from tests.factories import (
    ConversationFactory,
    DmEventFactory,
    MembershipFactory,
    SyncStateFactory,
    XAccountFactory,
)

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = SyncState.State


def test_an_account_nobody_has_decided_about_asks_for_the_choice():
    status = sync.account_status(XAccountFactory())
    assert status.needs_choice
    assert status.headline == "Nothing synced yet"
    assert status.last_poll_at is None


@pytest.mark.parametrize("state", State.values)
def test_every_state_has_words(state):
    row = SyncStateFactory(state=state, import_finished_at=timezone.now())
    status = sync.account_status(row.x_account)
    assert status.headline
    assert status.next_step or state == State.ACTIVE
    assert status.since == row.state_since


def test_an_import_that_is_under_way_says_so():
    row = SyncStateFactory()
    assert sync.account_status(row.x_account).headline == "Importing earlier messages"


@pytest.mark.parametrize("state", [XAccount.State.RECONNECT, XAccount.State.DISCONNECTED])
def test_a_lost_connection_goes_before_everything_else(state):
    x_account = XAccountFactory(state=state, state_detail="X ended it.")
    SyncStateFactory(x_account=x_account, state=State.RATE_LIMITED, next_poll_at=timezone.now())
    status = sync.account_status(x_account)
    assert status.is_trouble
    assert status.detail == "X ended it."
    assert status.next_poll_at is None
    assert "connect" in status.next_step


def test_numbers_are_of_this_account_alone():
    row = SyncStateFactory(rate_limit=15, rate_remaining=4, rate_reset_at=timezone.now() + timedelta(minutes=5))
    DmEventFactory(conversation=ConversationFactory(x_account=row.x_account))
    DmEventFactory()
    today = timezone.now().date()
    for kind, pk in (("dm_event", 1), ("dm_event", 2), ("user", 1), ("post", 1)):
        BilledResource.objects.create(day=today, kind=kind, resource_id=pk, x_account=row.x_account)
    BilledResource.objects.create(day=today, kind="dm_event", resource_id=3, x_account=XAccountFactory())
    yesterday = today - timedelta(days=1)
    BilledResource.objects.create(day=yesterday, kind="dm_event", resource_id=1, x_account=row.x_account)
    status = sync.account_status(row.x_account)
    assert (status.events, status.conversations) == (Count(1, most=10_000), Count(1, most=10_000))
    assert (status.requests_left, status.requests_limit) == (4, 15)
    bill = status.billed_today
    assert (bill.dm_events, bill.users, bill.posts, float(bill.usd)) == (2, 1, 1, pytest.approx(0.035))


def test_a_window_that_is_over_is_full_again():
    row = SyncStateFactory(rate_limit=15, rate_remaining=0, rate_reset_at=timezone.now() - timedelta(minutes=1))
    status = sync.account_status(row.x_account)
    assert (status.requests_left, status.window_resets_at) == (15, None)


# --- The admin --------------------------------------------------------------------------------------------------------

MODELS = [
    "syncstate",
    "readinterval",
    "historyread",
    "conversationlookup",
    "billedresource",
    "conversation",
    "apicall",
    "spendday",
    "ratewindow",
    "change",
    "activitydelivery",
    "activitysubscription",
    "pushstate",
]


@pytest.fixture
def odd():
    row = SyncStateFactory()
    return QuarantinedEvent.objects.create(
        x_account=row.x_account, raw_hash="a" * 64, raw={"text": "the lamp flickers"}, reason="id is missing"
    )


def page_of(client, name: str, pk: int | None = None) -> str:
    view = reverse(f"admin:conversations_{name}_changelist")
    response = client.get(view if pk is None else reverse(f"admin:conversations_{name}_change", args=[pk]))
    assert response.status_code == 200
    return response.content.decode()


def test_an_owner_sees_that_something_is_odd_and_only_a_member_sees_what(client, ada, odd):
    client.force_login(ada)
    assert "id is missing" in page_of(client, "quarantinedevent")
    assert "flickers" not in page_of(client, "quarantinedevent", odd.pk)
    MembershipFactory(user=ada, x_account=odd.x_account, role=Role.VIEWER)
    assert "flickers" in page_of(client, "quarantinedevent", odd.pk)


def _delivery(x_account, **more):
    fields = {"event_uuid": "-77", "event_type": "dm.received", "source": "stream", "x_user_id": x_account.x_user_id}
    return ActivityDelivery.objects.create(raw={"text": "Only between us"}, **fields | more)


def test_what_x_pushed_is_shown_raw_to_members_of_its_account_alone(client, ada):
    x_account = XAccountFactory()
    client.force_login(ada)
    row = _delivery(x_account)
    assert "Only members of this X account" in page_of(client, "activitydelivery", row.pk)
    MembershipFactory(user=ada, x_account=x_account, role=Role.VIEWER)
    assert "Only between us" in page_of(client, "activitydelivery", row.pk)


def test_odd_activities_can_be_listed_alone(client, ada):
    client.force_login(ada)
    x_account = XAccountFactory()
    _delivery(x_account, event_uuid="taken-up", state="done")
    _delivery(x_account, event_uuid="not-understood", state="odd", detail="payload.x is missing")
    shown = client.get(reverse("admin:conversations_activitydelivery_changelist"), {"state": "odd"}).content.decode()
    assert "not-understood" in shown
    assert "payload.x is missing" in shown
    assert "taken-up" not in shown


def test_kinds_nobody_knows_are_counted(client, ada):
    client.force_login(ada)
    assert "does not know yet" not in page_of(client, "quarantinedevent")
    conversation = ConversationFactory()
    for kind in ("MessagePinned", "MessagePinned", "MessageCreate"):
        DmEventFactory(conversation=conversation, event_type=kind)
    _delivery(conversation.x_account, event_type="dm.reacted", state="odd")
    shown = " ".join(page_of(client, "quarantinedevent").split()).replace("> <", "><")
    assert "<td>MessagePinned</td><td>event, stored and shown by its type</td><td>2</td>" in shown
    assert "<td>dm.reacted</td><td>activity, stored unprocessed</td><td>1</td>" in shown
    assert "<td>MessageCreate</td>" not in shown


def test_the_admin_adds_up_what_each_account_has_cost(client, ada):
    client.force_login(ada)
    row = SyncStateFactory()
    today = timezone.now().date()
    SpendDay.objects.create(x_account=row.x_account, day=today, usd=Decimal("1.25"))
    SpendDay.objects.create(x_account=row.x_account, day=today - timedelta(days=40), usd=Decimal(99))
    SpendDay.objects.create(x_account=XAccountFactory(), day=today, usd=Decimal(7))
    shown = page_of(client, "syncstate")
    assert '<td class="field-spent_today">$1.25</td>' in shown
    assert '<td class="field-spent_this_month">$1.25</td>' in shown


def test_the_admin_has_the_last_24_hours_of_each_account_as_its_page_has_them(client, ada):
    client.force_login(ada)
    row = SyncStateFactory(rate_limit=15)
    now = timezone.now()
    call = {"x_account": row.x_account, "status": 200}
    ApiCall.objects.create(endpoint="GET /2/dm_events", dm_events=7, usd=Decimal("0.07"), rate_limit=15, **call)
    ApiCall.objects.create(endpoint="GET /2/users", at=now - timedelta(hours=30), dm_events=100, **call)
    ReadInterval.objects.create(
        x_account=row.x_account, low_id=snowflake_floor(now), high_id=snowflake_floor(now), next_token="on"
    )
    shown = page_of(client, "syncstate")
    assert '<td class="field-requests_of_day">1 of 1,440 polls allowed by X, 0 other requests</td>' in shown
    assert '<td class="field-events_of_day">7</td>' in shown
    assert '<td class="field-spent_in_day">$0.07</td>' in shown
    assert re.search(r'<td class="field-gaps_of_day">2[34] hours in 1 part</td>', shown)


@pytest.mark.parametrize("rows", [1, 15])
def test_a_list_in_the_admin_takes_the_same_queries_however_long_it_is(
    client, ada, rows, django_assert_max_num_queries
):
    client.force_login(ada)
    for _ in range(rows):
        state = SyncStateFactory()
        ApiCall.objects.create(x_account=state.x_account, endpoint="GET /2/dm_events", status=200)
        SpendDay.objects.create(x_account=state.x_account, day=timezone.now().date())
    for name in ("syncstate", "apicall", "spendday"):
        with django_assert_max_num_queries(10):
            page_of(client, name)


def test_the_admin_shows_no_message_and_changes_nothing(client, ada):
    client.force_login(ada)
    now = timezone.now()
    event = DmEventFactory(text="Only between us")
    x_account = event.conversation.x_account
    rows = {
        "syncstate": SyncStateFactory(x_account=x_account),
        "readinterval": ReadInterval.objects.create(x_account=x_account, low_id=1, high_id=2, next_token="cursor"),
        "historyread": HistoryRead.objects.create(conversation=event.conversation),
        "conversationlookup": ConversationLookup.objects.create(x_account=x_account, kind="username", target="whom"),
        "billedresource": BilledResource.objects.create(
            day=timezone.now().date(), kind="user", resource_id=1, x_account=x_account
        ),
        "conversation": event.conversation,
        "apicall": ApiCall.objects.create(x_account=x_account, endpoint="GET /2/dm_events", status=200),
        "spendday": SpendDay.objects.create(x_account=x_account, day=timezone.now().date(), usd=Decimal("1.25")),
        "ratewindow": RateWindow.objects.create(
            x_account=x_account, endpoint="GET /2/users", limit=1, remaining=1, reset_at=now, resets=now
        ),
        "change": Change.objects.create(x_account=x_account, number=1, kind="event", event=event),
        "activitydelivery": _delivery(x_account),
        "activitysubscription": ActivitySubscription.objects.create(x_account=x_account, event_type="dm.received"),
        "pushstate": PushState.objects.create(pk=1, holder="holder-of-the-lease"),
    }
    for name in MODELS:
        shown = page_of(client, name) + page_of(client, name, rows[name].pk)
        assert not {"Only between us", "cursor", "whom"} & set(shown.split('"')), name
        assert "Only between us" not in shown
        assert "holder-of-the-lease" not in shown
        assert client.post(reverse(f"admin:conversations_{name}_add")).status_code == 403


def test_the_list_of_conversations_says_how_many_events_each_has(client, ada):
    client.force_login(ada)
    conversation = ConversationFactory()
    DmEventFactory.create_batch(2, conversation=conversation)
    ConversationFactory(x_account=conversation.x_account)
    counts = re.findall(r'class="field-events">(\d+)<', page_of(client, "conversation"))
    assert counts == ["0", "2"]


def test_cleo_sees_no_admin(client, cleo, odd):
    client.force_login(cleo)
    assert client.get(reverse("admin:conversations_quarantinedevent_changelist")).status_code == 404


# --- The sweep --------------------------------------------------------------------------------------------------------


@pytest.fixture
def queued(monkeypatch, db):
    found: list[tuple] = []
    PushState.objects.create(pk=1, subscriptions_checked_at=timezone.now())
    for name in (
        "poll_account",
        "import_account",
        "take_up_activity",
        "check_chats",
        "repair_subscriptions",
        "read_history",
        "read_day",
        "look_up_conversation",
        "look_up_people",
        "fetch_post_details",
        "fetch_media_file",
        "make_thumbnails",
    ):
        task = getattr(tasks, name)
        monkeypatch.setattr(task, "apply_async", lambda args=(), name=name, **_: found.append((name, *args)))
    return found


def test_the_sweep_makes_the_state_of_whoever_was_just_connected(queued):
    x_account = XAccountFactory()
    XAccountFactory(state=XAccount.State.DISCONNECTED)
    PushState.objects.update(subscriptions_checked_at=timezone.now())
    tasks.sweep()
    assert SyncState.objects.get().x_account == x_account
    assert queued == []


def test_the_sweep_finds_what_is_due_and_nothing_else(queued):
    now = timezone.now()
    due = SyncStateFactory(next_poll_at=now)
    reading = SyncStateFactory(next_poll_at=now, import_finished_at=now)
    SyncStateFactory(next_poll_at=now + timedelta(minutes=1))
    SyncStateFactory(next_poll_at=now, lease_until=now + timedelta(minutes=1))
    SyncStateFactory(next_poll_at=now, state=State.PAUSED)
    SyncStateFactory(next_poll_at=now, x_account=XAccountFactory(state=XAccount.State.RECONNECT))
    conversation = ConversationFactory(x_account=due.x_account)
    history = HistoryRead.objects.create(conversation=conversation)
    HistoryRead.objects.create(conversation=conversation, state=HistoryRead.State.DONE)
    lookup = ConversationLookup.objects.create(x_account=due.x_account, kind="user_id", target="1")
    day = UnfinishedDay.objects.create(x_account=due.x_account, day=now.date(), state="due")
    UnfinishedDay.objects.create(x_account=reading.x_account, day=now.date())
    PushState.objects.update(subscriptions_checked_at=timezone.now())
    tasks.sweep()
    assert sorted(queued) == [
        ("check_chats", reading.x_account_id),
        ("import_account", due.x_account_id),
        ("look_up_conversation", lookup.pk),
        ("poll_account", reading.x_account_id),
        ("read_day", day.pk),
        ("read_history", history.pk),
    ]


def test_subscriptions_are_looked_at_each_minute(queued):
    PushState.objects.update(subscriptions_checked_at=timezone.now() - timedelta(minutes=1))
    tasks.sweep()
    assert queued == [("repair_subscriptions",)]


def test_the_sweep_asks_for_people_and_posts_that_are_due(queued):
    XUser.objects.create(pk=1, lookup_due_at=timezone.now())
    Post.objects.create(pk=1)
    tasks.sweep()
    assert sorted(queued) == [("fetch_post_details",), ("look_up_people",)]


def test_an_idle_sweep_is_a_handful_of_queries(queued, django_assert_max_num_queries):
    with django_assert_max_num_queries(10):
        tasks.sweep()
    assert queued == []
