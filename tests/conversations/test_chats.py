"""Conversations that only X's list of encrypted chats knows stand in the inbox, locked."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from conversations.models import Conversation, QuarantinedEvent, RateWindow, SyncState
from conversations.sync import chats, pace
from tests.conversations.page_support import page
from tests.conversations.sync_support import ANN, OWN, begin, connect, make_person, one_to_one
from tests.factories import MembershipFactory, SyncStateFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]


@pytest.fixture
def x_account(xsim):
    make_person(xsim, ANN)
    x_account = connect(xsim)
    begin(x_account)
    SyncState.objects.update(import_finished_at=timezone.now())
    return x_account


def test_a_conversation_that_x_lists_is_marked_once(x_account, xsim):
    xsim.post("chat", {"conversation_id": f"{ANN}:{OWN}", "sender_id": ANN})
    assert list(chats.waiting()) == [x_account.pk]
    chats.check(x_account.pk)
    conversation = Conversation.objects.get()
    assert conversation.dm_conversation_id == one_to_one(OWN, ANN)
    assert conversation.encrypted_at is not None
    assert list(chats.waiting()) == []
    number = SyncState.objects.get().last_change
    SyncState.objects.update(chats_checked_at=None)
    chats.check(x_account.pk)
    assert SyncState.objects.get().last_change == number, "nothing new"


def test_what_cannot_be_read_of_the_list_is_kept_raw_and_the_rest_is_marked(x_account, xsim):
    data = [{"id": f"{ANN}-{OWN}", "type": "direct"}, {"id": "a chat"}]
    body = {"data": data, "includes": {"users": [{"name": "Ann"}]}, "meta": {"result_count": 2}}
    xsim.post("faults", {"kind": "body", "path": "chat", "body": body})
    chats.check(x_account.pk)
    assert Conversation.objects.get().encrypted_at is not None
    rows = QuarantinedEvent.objects.filter(x_account=x_account)
    assert sorted(row.reason for row in rows) == ["id is missing", "id is no conversation id"]
    assert SyncState.objects.get().odd_events == 2


def test_a_window_without_a_request_left_is_waited_for_without_a_call(x_account, xsim):
    xsim.post("chat", {"conversation_id": f"{ANN}:{OWN}", "sender_id": ANN})
    reset_at = timezone.now() + timedelta(minutes=9)
    RateWindow.objects.create(
        x_account=x_account, endpoint=chats.ENDPOINT, limit=15, remaining=0, reset_at=reset_at, resets=reset_at
    )
    chats.check(x_account.pk)
    assert not [call for call in xsim.get("requests") if "chat" in call["path"]]
    assert list(chats.waiting()) == []
    with time_machine.travel(reset_at + timedelta(seconds=2)):
        assert list(chats.waiting()) == [x_account.pk]
        chats.check(x_account.pk)
    assert Conversation.objects.get().encrypted_at is not None


def test_a_new_one_is_found_behind_those_that_are_known(x_account, xsim, monkeypatch):
    """As where X lists them in an order of its own."""
    group = {"id": "g1800000000000000001", "member_ids": [OWN, ANN], "name": "Lamps"}
    xsim.post("chats", group | dict.fromkeys(("created_at", "updated_at"), "2026-10-01T00:00:00Z"))
    xsim.post("chat", {"conversation_id": f"{ANN}:{OWN}", "sender_id": ANN})
    chats.check(x_account.pk)
    Conversation.objects.get(is_group=True).delete()
    monkeypatch.setattr(chats, "PAGE", 1)
    SyncState.objects.update(chats_checked_at=None)
    chats.check(x_account.pk)
    found = Conversation.objects.get(is_group=True)
    assert found.dm_conversation_id == group["id"]
    assert found.last_encrypted_at.isoformat() == "2026-10-01T00:00:00+00:00"


def test_a_list_that_leads_round_in_a_circle_is_read_once(x_account, xsim):
    body = {"data": [], "meta": {"result_count": 0, "next_token": "round"}}
    xsim.post("faults", {"kind": "body", "path": "chat", "body": body, "times": -1})
    chats.check(x_account.pk)
    assert len([call for call in xsim.get("requests") if "chat" in call["path"]]) == 2


@pytest.mark.parametrize("where", [f"{ANN}:{OWN}", "g1800000000000000001"])
def test_it_stands_locked_in_the_inbox_and_in_its_thread(x_account, xsim, client, ada, where):
    MembershipFactory(user=ada, x_account=x_account)
    group = {"id": "g1800000000000000001", "member_ids": [OWN, ANN]}
    xsim.post("chats", group | dict.fromkeys(("created_at", "updated_at"), "2026-10-01T00:00:00Z"))
    xsim.post("chat", {"conversation_id": where, "sender_id": ANN})
    chats.check(x_account.pk)
    conversation = Conversation.objects.get(is_group=where.startswith("g"))
    client.force_login(ada)
    assert "In encrypted XChat since" in page(client, f"/c/{conversation.pk}/")
    row = page(client, f"/?only={conversation.pk}")
    assert "Now in encrypted XChat" in row


def test_the_list_is_read_no_further_than_its_window_goes(x_account, xsim, monkeypatch):
    monkeypatch.setattr(chats, "PAGE", 1)
    xsim.post("settings", {"limits": {"chat_conversations": 1}})
    for number in range(3):
        make_person(xsim, str(int(ANN) + number))
        xsim.post("chat", {"conversation_id": f"{int(ANN) + number}:{OWN}", "sender_id": str(int(ANN) + number)})
    chats.check(x_account.pk)
    assert [call["status"] for call in xsim.get("requests") if "chat" in call["path"]] == [200]


def list_many(xsim, count):
    for number in range(count):
        make_person(xsim, str(int(ANN) + number))
        xsim.post("chat", {"conversation_id": f"{int(ANN) + number}:{OWN}", "sender_id": str(int(ANN) + number)})


@pytest.mark.parametrize("pages_per_turn", [1, 3])
def test_a_long_list_is_read_on_turn_by_turn(x_account, xsim, monkeypatch, pages_per_turn):
    monkeypatch.setattr(chats, "PAGE", 1)
    monkeypatch.setattr(chats, "PAGES_PER_TURN", pages_per_turn)
    list_many(xsim, 7)
    turns = 0
    with time_machine.travel(timezone.now(), tick=False) as clock:
        while list(chats.waiting()):
            chats.check(x_account.pk)
            turns += 1
            assert list(chats.waiting()) == [], "others have their turn"
            clock.shift(pace.window() + timedelta(seconds=1))
    assert turns == -(-7 // pages_per_turn)
    assert Conversation.objects.filter(encrypted_at__isnull=False).count() == 7
    assert len(requests_of(xsim)) == 7, "none twice"
    state = SyncState.objects.get()
    assert (state.chats_token, state.chats_pages) == ("", 0)


def requests_of(xsim):
    return [call for call in xsim.get("requests") if "chat" in call["path"]]


def test_who_dies_amid_a_long_list_goes_on_where_it_was(x_account, xsim, monkeypatch):
    monkeypatch.setattr(chats, "PAGE", 1)
    list_many(xsim, 4)
    inner, marked = chats.mark, []

    def dies(*of):
        marked.append(of)
        if len(marked) == 3:
            raise KeyboardInterrupt
        inner(*of)

    with monkeypatch.context() as patch:
        patch.setattr(chats, "mark", dies)
        with pytest.raises(KeyboardInterrupt):
            chats.check(x_account.pk)
    SyncState.objects.update(chats_checked_at=None)
    chats.check(x_account.pk)
    assert Conversation.objects.filter(encrypted_at__isnull=False).count() == 4
    assert len(requests_of(xsim)) == 3 + 2


def test_a_circle_over_many_turns_ends(x_account, xsim, monkeypatch):
    monkeypatch.setattr(chats, "PAGES_PER_TURN", 1)
    monkeypatch.setattr(chats, "MOST_PAGES", 3)
    for number in range(3):
        body = {"data": [], "meta": {"result_count": 0, "next_token": f"round{number % 2}"}}
        xsim.post("faults", {"kind": "body", "path": "chat", "body": body})
        SyncState.objects.update(chats_checked_at=None)
        chats.check(x_account.pk)
    assert SyncState.objects.get().chats_token == ""
    assert SyncState.objects.get().chats_checked_at > timezone.now() - chats.EVERY / 2


def test_a_place_in_the_list_that_x_knows_no_more_is_given_up(x_account, xsim):
    list_many(xsim, 1)
    SyncState.objects.update(chats_token="A" * 24, chats_pages=4)
    for _ in range(2):
        SyncState.objects.update(chats_checked_at=None)
        chats.check(x_account.pk)
    assert Conversation.objects.filter(encrypted_at__isnull=False).count() == 1


def test_a_refusal_for_the_window_is_waited_for_and_no_longer(x_account, xsim):
    xsim.post("faults", {"kind": "429", "path": "chat"})
    chats.check(x_account.pk)
    assert list(chats.waiting()) == []
    with time_machine.travel(timezone.now() + pace.window() + timedelta(seconds=5)):
        assert list(chats.waiting()) == [x_account.pk]


def test_what_is_known_of_a_long_list_takes_one_query_and_no_lock(x_account, xsim, django_assert_max_num_queries):
    for number in range(20):
        make_person(xsim, str(int(ANN) + number))
        xsim.post("chat", {"conversation_id": f"{int(ANN) + number}:{OWN}", "sender_id": str(int(ANN) + number)})
    chats.check(x_account.pk)
    assert Conversation.objects.filter(encrypted_at__isnull=False).count() == 20
    SyncState.objects.update(chats_checked_at=None)
    with django_assert_max_num_queries(25):
        chats.check(x_account.pk)


def test_those_that_are_due_together_are_looked_at_some_at_a_time_and_drift_apart(x_account, xsim, monkeypatch):
    monkeypatch.setattr(chats, "AT_ONCE", 2)
    for _ in range(3):
        SyncStateFactory(state=SyncState.State.ACTIVE, import_finished_at=timezone.now())
    assert len(chats.waiting()) == 2
    began = timezone.now()
    chats.check(x_account.pk)
    next_at = SyncState.objects.get(x_account=x_account).chats_checked_at + chats.EVERY
    assert began + timedelta(hours=4.5) <= next_at < began + timedelta(hours=6)


def test_an_endpoint_that_fails_disturbs_nothing(x_account, xsim):
    xsim.post("faults", {"kind": "503", "path": "chat", "times": -1})
    chats.check(x_account.pk)
    assert SyncState.objects.get().state == SyncState.State.ACTIVE
    assert list(chats.waiting()) == []
