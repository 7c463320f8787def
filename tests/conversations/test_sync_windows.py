"""X's windows and what people ask for: polling keeps its part, and nobody runs into a refusal that was foreseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from conversations import ledger, sync
from conversations.models import (
    Conversation,
    ConversationLookup,
    HistoryRead,
    RateWindow,
    ReadInterval,
    RequestClaim,
    SyncState,
)
from conversations.sync import caps, pace, wishes
from conversations.sync.caps import BeingSpent
from tests.conversations.sync_support import ANN, OWN, begin, connect, make_person, one_to_one, poll, say, settle
from tests.factories import SyncStateFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
LIMIT = 15
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def x_account(xsim, monkeypatch):
    """A conversation of forty pages before what was imported."""
    monkeypatch.setattr(pace, "PAGE", 5)
    now = timezone.now()
    xsim.post("settings", {"dm_get_limit": LIMIT, "token_seconds": 10**8})
    make_person(xsim, ANN)
    old = {"dm_conversation_id": one_to_one(OWN, ANN), "sender_id": ANN, "text": "Long ago"}
    moments = [now - timedelta(days=40, minutes=number) for number in range(200)]
    xsim.post("events", [{**old, "created_at": moment.isoformat()} for moment in moments])
    say(xsim, ANN, "Now")
    x_account = connect(xsim)
    begin(x_account, days=1)
    settle(x_account)
    return x_account


def wish_for(pages: int) -> HistoryRead:
    return HistoryRead.objects.create(conversation=Conversation.objects.get(), pages_wanted=pages)


def reads(xsim) -> list[int]:
    """How each read ended since the last look."""
    found = [call["status"] for call in xsim.get("requests") if "dm_events" in call["path"]]
    xsim.delete("requests")
    return found


def test_a_long_history_leaves_polling_its_part_of_a_shared_window(x_account, xsim):
    xsim.post("settings", {"dm_get_shared": True})
    poll(x_account)
    reads(xsim)
    wish = wish_for(pages=30)
    sync.read_history(wish.pk)
    wish.refresh_from_db()
    assert set(reads(xsim)) == {200}
    assert SyncState.objects.get().are_windows_shared
    assert (wish.state, wish.detail, wish.lease_until) == (HistoryRead.State.DUE, wishes.WINDOW, None)
    polls = 0
    with time_machine.travel(timezone.now(), tick=False) as clock:
        while timezone.now() < wish.due_at - timedelta(seconds=20):
            clock.shift(15)
            xsim.post("clock", {"advance": 15})
            sync.poll(x_account.pk)
    polls = reads(xsim)
    assert set(polls) == {200}, "no refusal"
    assert len(polls) >= 8, "polling went on as before"


def test_it_goes_on_in_the_next_window_and_comes_to_its_end(x_account, xsim):
    xsim.post("settings", {"dm_get_shared": True})
    wish = wish_for(pages=6)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(8):
            sync.read_history(wish.pk)
            wish.refresh_from_db()
            if wish.state == HistoryRead.State.DONE:
                break
            ahead = (wish.due_at - timezone.now()).total_seconds()
            clock.shift(ahead)
            xsim.post("clock", {"advance": ahead})
    assert (wish.state, wish.pages_read) == (HistoryRead.State.DONE, 6)
    assert set(reads(xsim)) == {200}


def test_a_window_of_its_own_is_read_to_its_end_without_a_refusal(x_account, xsim):
    reads(xsim)
    wish = wish_for(pages=30)
    sync.read_history(wish.pk)
    wish.refresh_from_db()
    assert reads(xsim) == [200] * LIMIT
    assert (wish.state, wish.detail) == (HistoryRead.State.DUE, wishes.WINDOW)
    assert timedelta(minutes=14) < wish.due_at - timezone.now() < timedelta(minutes=16)
    assert poll(x_account).state == SyncState.State.ACTIVE


def test_a_refused_call_counts_in_the_window_and_teaches_nothing_false(x_account, xsim):
    xsim.post("clock", {"advance": 10})  # windows that end within a second of one another cannot be told apart
    for number in range(3):
        sync.read_history(wish_for(pages=1).pk)
        assert SyncState.objects.get().are_windows_shared is False, number
        ReadInterval.objects.exclude(conversation=None).update(next_token="AAAAAAAAAAAAAAAAAAAAAAAA")
    assert 400 in reads(xsim)


def test_a_conversation_is_opened_with_what_polling_leaves(x_account, xsim):
    now = timezone.now()
    SyncState.objects.update(are_windows_shared=True, next_poll_at=now)
    window = {"limit": LIMIT, "remaining": 5, "reset_at": now + timedelta(minutes=9), "resets": now, "seen_at": now}
    RateWindow.objects.update_or_create(x_account=x_account, endpoint=ledger.DM_READS[0], defaults=window)
    reads(xsim)
    lookup = ConversationLookup.objects.create(x_account=x_account, kind="user_id", target=ANN)
    sync.look_up_conversation(lookup.pk)
    lookup.refresh_from_db()
    assert (lookup.state, lookup.detail, reads(xsim)) == (ConversationLookup.State.DUE, wishes.WINDOW, [])
    RateWindow.objects.update(remaining=10)
    ConversationLookup.objects.update(due_at=now)
    sync.look_up_conversation(lookup.pk)
    lookup.refresh_from_db()
    assert (lookup.state, reads(xsim)) == (ConversationLookup.State.FOUND, [200])


@time_machine.travel(NOW, tick=False)
def test_what_polling_needs_follows_from_when_it_comes_next():
    def needed(seconds: float | None) -> int:
        state.next_poll_at = None if seconds is None else NOW + timedelta(seconds=seconds)
        return pace.needed_by_polls(state, LIMIT, NOW + timedelta(seconds=900))

    state = SyncStateFactory()
    assert needed(75) == 13, "all but the two that steady polling leaves over"
    assert needed(850) == 2
    assert needed(901) == needed(None) == 1, "it waits for the next window, as an import does"
    assert needed(-10) == 14


def test_what_a_clock_that_ran_ahead_saw_of_a_window_counts_for_nothing():
    state = SyncStateFactory()
    ahead = timezone.now() + timedelta(days=2)
    row = {"limit": LIMIT, "remaining": 0, "reset_at": ahead, "resets": ahead, "seen_at": ahead}
    RateWindow.objects.create(x_account=state.x_account, endpoint=ledger.HISTORY, **row)
    assert ledger.open_window(state.x_account, ledger.HISTORY, are_shared=False) is None


def window_of(x_account, remaining: int, **more) -> None:
    now = timezone.now()
    values = {"limit": LIMIT, "reset_at": now + timedelta(minutes=9), "resets": now, "seen_at": now}
    row = RateWindow(x_account=x_account, endpoint=ledger.HISTORY, remaining=remaining, **values | more)
    RateWindow.objects.filter(x_account=x_account, endpoint=ledger.HISTORY).delete()
    row.save()


def test_of_several_wishes_at_one_instant_each_claims_its_request(x_account):
    """Whoever looks while another's request is on its way does not count on the same one."""
    SyncState.objects.update(are_windows_shared=True, next_poll_at=timezone.now() + timedelta(minutes=30))
    RateWindow.objects.all().delete()
    window_of(x_account, remaining=pace.KEPT + 2)
    first, second, third = (wishes.claim(HistoryRead, wish_for(1).pk) for _ in range(3))
    with (
        wishes.request(first, x_account, ledger.HISTORY),
        wishes.request(second, x_account, ledger.HISTORY_WITH),
        pytest.raises(BeingSpent),
        wishes.request(third, x_account, ledger.HISTORY),
    ):
        raise AssertionError("the one that is left is polling's")
    with wishes.request(third, x_account, ledger.HISTORY):
        assert RequestClaim.objects.count() == 1


def test_the_first_of_many_learns_what_an_unknown_window_holds(x_account):
    RateWindow.objects.all().delete()
    first, second = (wishes.claim(HistoryRead, wish_for(1).pk) for _ in range(2))
    with (
        wishes.request(first, x_account, ledger.HISTORY),
        pytest.raises(BeingSpent),
        wishes.request(second, x_account, ledger.HISTORY),
    ):
        raise AssertionError("nobody knows of a second one yet")


def test_what_a_dead_worker_had_claimed_is_free_again(x_account):
    SyncState.objects.update(are_windows_shared=False)
    window_of(x_account, remaining=1)
    until = timezone.now() + caps.longest_call()
    RequestClaim.objects.create(x_account=x_account, endpoint=ledger.HISTORY, until=until)
    wish = wish_for(1)
    sync.read_history(wish.pk)
    wish.refresh_from_db()
    assert (wish.pages_read, wish.detail) == (0, "")
    assert wish.due_at <= timezone.now() + caps.BACK_WITHIN
    RequestClaim.objects.update(until=timezone.now())
    HistoryRead.objects.update(due_at=timezone.now())
    sync.read_history(wish.pk)
    wish.refresh_from_db()
    assert wish.pages_read == 1
    assert RequestClaim.objects.count() == 1, "and its own is given back"
