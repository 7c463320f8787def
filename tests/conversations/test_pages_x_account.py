"""The state of an X account, the choice of how far back, and going on at the ceiling."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Role, XAccount, snowflake_floor
from conversations.models import ActivitySubscription, BilledResource, DmEvent, PushState, SyncState
from conversations.sync import caps, status
from tests import factories
from tests.conversations.page_support import NOW, words

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def x_account(ada):
    x_account = factories.XAccountFactory(username="NordlichtHelp")
    factories.MembershipFactory(user=ada, x_account=x_account, role=Role.ADMIN)
    return x_account


def state_page(client, x_account):
    return words(client.get(f"/x-accounts/{x_account.pk}/"))


def test_the_state_is_told_in_words(as_ada, x_account):
    factories.SyncStateFactory(
        x_account=x_account,
        last_poll_at=NOW - timedelta(minutes=1),
        next_poll_at=NOW + timedelta(minutes=1),
        rate_limit=15,
        rate_remaining=9,
        rate_reset_at=NOW + timedelta(minutes=8),
        import_days=7,
        import_spent_usd=Decimal("1.250"),
        import_ceiling_usd=Decimal(20),
        import_finished_at=NOW,
    )
    factories.DmEventFactory(conversation__x_account=x_account)
    BilledResource.objects.create(day=NOW.date(), kind="dm_event", resource_id=1, x_account=x_account)
    BilledResource.objects.create(day=NOW.date(), kind="post", resource_id=2, x_account=x_account)
    html = state_page(as_ada, x_account)
    for expected in (
        "Last poll 21 Nov 2026, 13:01",
        "Next poll 21 Nov 2026, 13:03",
        "9 of 15, resets at 13:10",
        "1 event in 1 conversation",
        "$0.015: 1 event, 0 people, 1 post",
        "7 days before connecting; $1.25 of at most $20.00",
        "XChat",
        "Ada ada@nordlicht.example Admin",
    ):
        assert expected in html, expected


def test_what_is_counted_is_written_as_the_reader_writes_numbers(as_ada, x_account):
    factories.SyncStateFactory(
        x_account=x_account, rate_limit=15_000, rate_remaining=14_200, rate_reset_at=NOW + timedelta(minutes=8)
    )
    billed = [BilledResource(day=NOW.date(), kind="post", resource_id=n, x_account=x_account) for n in range(1_234)]
    BilledResource.objects.bulk_create(billed)
    html = state_page(as_ada, x_account)
    assert "14,200 of 15,000, resets at 13:10" in html
    assert "0 events, 0 people, 1,234 posts" in html


def test_what_is_stored_is_counted_as_far_as_a_page_can_wait(as_ada, x_account, monkeypatch):
    monkeypatch.setattr(status, "MOST_COUNTED", 1_200)
    conversation = factories.ConversationFactory(x_account=x_account)
    ids = range(1, 1_200)
    rows = [DmEvent(conversation=conversation, dm_event_id=pk, created_at=NOW, raw={}) for pk in ids]
    DmEvent.objects.bulk_create(rows)
    assert "1,199 events in 1 conversation" in state_page(as_ada, x_account)
    factories.DmEventFactory.create_batch(2, conversation=conversation)
    factories.DmEventFactory()
    assert "1,200+ events in 1 conversation" in state_page(as_ada, x_account)


def test_where_there_are_many_conversations_the_events_of_the_newest_are_counted(as_ada, x_account, monkeypatch):
    monkeypatch.setattr(status, "LOOKED_AT", 2)
    for pk in (1, 2, 3):
        factories.DmEventFactory(conversation__x_account=x_account, conversation__last_dm_event_id=pk)
    assert "2+ events in 3 conversations" in state_page(as_ada, x_account)


def test_what_is_wrong_since_when_and_what_comes_next_is_told(as_ada, x_account):
    factories.SyncStateFactory(
        x_account=x_account, state="unavailable", state_since=NOW - timedelta(hours=1), detail="X does not answer."
    )
    html = state_page(as_ada, x_account)
    assert "X cannot be reached since 21 Nov 2026, 12:02" in html
    assert "X does not answer." in html
    assert "We keep trying" in html


def test_a_lost_grant_is_renewed_from_here(as_ada, x_account):
    XAccount.objects.update(state=XAccount.State.RECONNECT, state_detail="X refused the refresh token.")
    factories.SyncStateFactory(x_account=x_account)
    answer = as_ada.get(f"/x-accounts/{x_account.pk}/")
    assert "X refused the refresh token." in words(answer)
    assert '<a href="#connection">' in answer.content.decode(), "it stands far below"
    assert f'action="{reverse("connect_x_account")}"' in answer.content.decode()
    assert f'name="x_account" value="{x_account.pk}"' in answer.content.decode()


def test_a_member_who_is_no_admin_sees_the_state_but_no_buttons(client, ben, x_account):
    factories.SyncStateFactory(x_account=x_account, state="paused")
    factories.MembershipFactory(user=ben, x_account=x_account, role=Role.LEAD)
    client.force_login(ben)
    answer = client.get(f"/x-accounts/{x_account.pk}/")
    assert "Paused" in words(answer)
    for name in ("x_account_resume", "disconnect_x_account"):
        assert reverse(name, args=[x_account.pk]) not in answer.content.decode()


@pytest.fixture
def paused(x_account, settings):
    """At the ceiling before a page was read, while X pushes."""
    settings.X_CONSUMER_KEY, settings.X_PUSH = "key", "stream"
    factories.SyncStateFactory(x_account=x_account, state="paused", state_since=NOW, next_poll_at=None)
    active = ActivitySubscription.State.ACTIVE
    ActivitySubscription.objects.create(x_account=x_account, event_type="dm.received", state=active)
    PushState.objects.create(pk=1, state=PushState.State.CONNECTED, last_line_at=NOW)


def test_what_is_pushed_while_an_import_is_paused_is_told_and_no_poll_is(as_ada, x_account, paused):
    html = state_page(as_ada, x_account)
    assert "Pushed messages still arrive and are billed." in html
    assert "pushed Pushed messages arrive and are billed; polling is paused until someone continues it." in html
    assert "Not synced yet; pushed messages are shown." in html
    for wrong in ("no more messages", "Nothing synced yet", "Polled every", "polling runs less often"):
        assert wrong not in html
    banner = words(as_ada.get("/"))
    assert "Not synced yet; pushed messages up to 13:02 are shown." in banner
    SyncState.objects.update(last_success_at=NOW - timedelta(minutes=20))
    assert "Up to date to 12:42; pushed messages to 13:02." in words(as_ada.get("/"))
    assert re.search(
        "Up to date to 21 Nov 2026, 12:42 ?, and pushed messages since then.",
        state_page(as_ada, x_account),
    )


def test_a_paused_import_whose_stream_broke_off_waits_for_both(as_ada, x_account, paused):
    PushState.objects.update(state=PushState.State.WAITING)
    html = state_page(as_ada, x_account)
    assert "paused Pushed messages do not arrive right now, and polling is paused until someone continues it." in html
    assert "polled every" not in html.casefold()


def test_a_paused_import_for_which_nothing_is_pushed_rests(as_ada, x_account, paused):
    ActivitySubscription.objects.all().delete()
    html = state_page(as_ada, x_account)
    assert "Nothing is polled until someone chooses &quot;Continue&quot;." in html
    assert "still arrive" not in html
    assert "No push or polling right now" in html
    assert "Nothing synced yet." in html
    assert "Nothing synced yet." in words(as_ada.get("/"))


# --- How far back -----------------------------------------------------------------------------------------------------


def start_address(x_account):
    return f"/x-accounts/{x_account.pk}/start/"


def test_the_price_is_said_and_thirty_days_are_preset_before_anything_is_read(as_ada, x_account):
    answer = as_ada.get(start_address(x_account))
    html = words(answer)
    assert "$0.01 for each message," in html
    assert "$0.005 for each shared post" in html
    assert re.search(r'value="30"[^>]*checked', answer.content.decode())
    assert 'value="20"' in answer.content.decode()


@pytest.mark.parametrize("days", [0, 7, 30])
def test_the_choice_begins_the_reading(as_ada, x_account, days):
    answer = as_ada.post(start_address(x_account), {"days": days, "ceiling": "12.50"})
    assert answer["Location"] == "/"
    sync = SyncState.objects.get(x_account=x_account)
    assert (sync.state, sync.import_days, sync.import_ceiling_usd) == ("active", days, Decimal("12.50"))
    assert sync.horizon_id == snowflake_floor(NOW - timedelta(days=days))


@pytest.mark.parametrize(
    "sent", [{}, {"days": 8, "ceiling": 20}, {"days": 7, "ceiling": 0}, {"days": 7, "ceiling": "x"}]
)
def test_a_choice_that_is_none_comes_back_with_422_and_reads_nothing(as_ada, x_account, sent):
    assert as_ada.post(start_address(x_account), sent).status_code == 422
    assert not SyncState.objects.filter(state="active").exists()


def test_a_ceiling_that_no_message_fits_below_is_refused_with_words(as_ada, x_account):
    answer = as_ada.post(start_address(x_account), {"days": 7, "ceiling": "0.04"})
    assert answer.status_code == 422
    assert "At least $0.05: a single message" in answer.content.decode()
    assert caps.most_for_event(with_people=True) <= Decimal("0.05")
    assert as_ada.post(start_address(x_account), {"days": 7, "ceiling": "0.05"}).status_code == 302


def test_once_chosen_the_page_leads_to_the_state(as_ada, x_account):
    factories.SyncStateFactory(x_account=x_account)
    assert as_ada.get(start_address(x_account))["Location"] == f"/x-accounts/{x_account.pk}/"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AGENT, Role.LEAD])
def test_who_is_no_admin_decides_nothing_that_costs_money(client, ben, x_account, role):
    factories.MembershipFactory(user=ben, x_account=x_account, role=role)
    client.force_login(ben)
    assert client.get(start_address(x_account)).status_code == 404
    assert client.post(start_address(x_account), {"days": 7, "ceiling": 20}).status_code == 404
    assert client.post(f"/x-accounts/{x_account.pk}/resume/").status_code == 404


def test_an_owner_decides_where_a_member_and_nowhere_else(as_ada, x_account):
    x_account.memberships.update(role=Role.VIEWER)
    assert as_ada.get(start_address(x_account)).status_code == 200
    x_account.memberships.all().delete()
    assert as_ada.get(start_address(x_account)).status_code == 404


def test_going_on_at_the_ceiling_raises_it_by_another(as_ada, x_account):
    factories.SyncStateFactory(
        x_account=x_account, state="paused", import_spent_usd=Decimal(20), import_ceiling_usd=Decimal(20)
    )
    html = state_page(as_ada, x_account)
    assert "$20.00 of the import limit of $20.00 is spent" in html
    assert "Continue for at most $20.00 more" in html
    assert as_ada.post(f"/x-accounts/{x_account.pk}/resume/").status_code == 302
    sync = SyncState.objects.get()
    assert (sync.state, sync.import_ceiling_usd) == ("active", Decimal(40))
    assert as_ada.get(f"/x-accounts/{x_account.pk}/resume/").status_code == 405
