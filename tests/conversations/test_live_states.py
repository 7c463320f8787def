"""Whatever pages say of an X account as a whole is one row of the change log, in the transaction that changes it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import actions as accounts
from accounts import grants, tokens
from accounts.models import XAccount
from conversations import actions, sync
from conversations.models import (
    ActivitySubscription,
    Change,
    Conversation,
    ConversationLookup,
    HistoryRead,
    PushState,
    SyncState,
)
from conversations.sync import caps, importing, stop_all_for_credit, subscription_rows
from conversations.sync.subscription_rows import News
from tests import factories
from tests.conversations.sync_support import ANN, begin, connect, make_person, poll, settle, write_history

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = SyncState.State


@pytest.fixture
def x_account(db):
    now = timezone.now()
    return factories.SyncStateFactory(state=State.ACTIVE, import_finished_at=now, next_poll_at=now).x_account


def kinds(x_account) -> list[str]:
    rows = list(Change.objects.filter(x_account=x_account).order_by("number").values_list("number", "kind"))
    assert [number for number, _ in rows] == list(range(1, len(rows) + 1))
    assert SyncState.objects.get(x_account=x_account).last_change == len(rows)
    return [kind for _, kind in rows]


def state(x_account) -> str:
    return SyncState.objects.get(x_account=x_account).state


def test_no_credit_is_told_to_each_account_that_it_stops_and_once(x_account):
    other, capped = (factories.SyncStateFactory(state=each).x_account for each in (State.ACTIVE, State.CAPPED))
    stop_all_for_credit()
    stop_all_for_credit()
    assert kinds(x_account) == kinds(other) == ["account"]
    assert kinds(capped) == []


def test_the_months_cap_is_told_when_it_is_reached_and_when_it_is_raised(x_account):
    actions.set_cap(x_account, Decimal(0))
    assert (state(x_account), kinds(x_account)) == (State.CAPPED, ["account"])
    actions.set_cap(x_account, Decimal(10))
    assert (state(x_account), kinds(x_account)) == (State.ACTIVE, ["account"] * 2)


def test_a_push_that_uses_up_the_cap_is_told(x_account):
    SyncState.objects.update(monthly_cap_usd=Decimal(0))
    with transaction.atomic():
        caps.heed(x_account)
    assert kinds(x_account) == ["account"]


def test_what_is_not_committed_is_not_told(x_account):
    SyncState.objects.update(monthly_cap_usd=Decimal(0))
    with transaction.atomic():
        caps.heed(x_account)
        transaction.set_rollback(True)
    assert kinds(x_account) == []


def test_the_choice_of_how_far_back_and_going_on_after_a_pause_are_told(x_account):
    SyncState.objects.update(state=State.WAITING, last_change=0)
    importing.begin_import(x_account, 7, Decimal(5))
    assert (state(x_account), kinds(x_account)) == (State.ACTIVE, ["account"])
    SyncState.objects.update(state=State.PAUSED)
    importing.resume_import(x_account)
    importing.resume_import(x_account)
    assert (state(x_account), kinds(x_account)) == (State.ACTIVE, ["account"] * 2)


def test_a_connection_that_x_refuses_is_told_once(x_account):
    first, again = XAccount.objects.get(pk=x_account.pk), XAccount.objects.get(pk=x_account.pk)
    assert tokens.mark_reconnect(first, "Connect it again.")
    assert not tokens.mark_reconnect(again, "Connect it again.")
    assert kinds(x_account) == ["account"]


def test_a_connection_that_somebody_ends_is_told(x_account, ada, monkeypatch):
    monkeypatch.setattr(grants, "revoke", lambda *tokens: True)
    accounts.disconnect(x_account, ada)
    assert kinds(x_account) == ["account"]


def test_trouble_and_its_end_are_told(xsim):
    make_person(xsim, ANN)
    x_account = connect(xsim)
    begin(x_account)
    poll(x_account)
    before = len(kinds(x_account))
    xsim.post("faults", {"kind": "503", "times": -1})
    for _ in range(2):
        poll(x_account)
    assert state(x_account) == State.UNAVAILABLE
    assert kinds(x_account)[before:] == ["account"] * 2, "each failure says anew when it is tried again"
    xsim.delete("faults")
    poll(x_account)
    assert state(x_account) == State.ACTIVE
    assert kinds(x_account)[before:] == ["account"] * 3


def test_push_that_comes_and_goes_is_told_to_those_it_is_for(x_account):
    other = factories.SyncStateFactory().x_account
    PushState.objects.create(pk=1)
    row = ActivitySubscription.objects.create(x_account=x_account, event_type="dm.received")
    typing = ActivitySubscription.objects.create(x_account=x_account, event_type="dm.indicate_typing")
    for each in (row, row, typing):
        subscription_rows.note([News(each, ActivitySubscription.State.ACTIVE)])
    assert kinds(x_account) == ["account"]
    with transaction.atomic():
        subscription_rows.announce_push()
    subscription_rows.note([News(row, ActivitySubscription.State.REFUSED, "X refuses.")])
    assert kinds(x_account) == ["account"] * 3
    assert kinds(other) == []


def test_that_a_history_is_whole_or_is_so_no_longer_is_told_of_its_conversation(xsim):
    xsim.post("settings", {"token_seconds": 10**8})
    make_person(xsim, ANN)
    x_account = connect(xsim)
    write_history(xsim, range(24, 6 * 24, 24))
    lookup = ConversationLookup.objects.create(x_account=x_account, kind="user_id", target=ANN)
    sync.look_up_conversation(lookup.pk)
    conversation = Conversation.objects.get()
    if not conversation.has_reached_beginning:
        sync.read_history(HistoryRead.objects.create(conversation=conversation, pages_wanted=9).pk)
    conversation.refresh_from_db()
    assert conversation.has_reached_beginning
    assert kinds(x_account).count("conversation") == 1
    xsim.post("clock", {"advance": 40 * 24 * 3600})
    write_history(xsim, [24, 48, *range(31 * 24, 38 * 24, 24)])
    begin(x_account)
    settle(x_account)
    conversation.refresh_from_db()
    assert not conversation.has_reached_beginning
    assert kinds(x_account).count("conversation") == 2
