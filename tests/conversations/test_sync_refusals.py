"""What happens when X says no, or nothing: windows, credit, permissions, failures."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from accounts.models import XAccount
from conversations import sync
from conversations.models import DmEvent, ReadInterval, SyncState
from conversations.sync import polling, trouble
from tests.conversations.sync_support import begin, connect, connect_with_ann, poll

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = SyncState.State
x_account = pytest.fixture(connect_with_ann)


def test_a_used_up_window_is_waited_for_and_is_no_trouble(x_account, xsim):
    begin(x_account)
    xsim.post("faults", {"kind": "429"})
    state = poll(x_account)
    assert state.state == State.RATE_LIMITED
    assert not sync.account_status(x_account).is_trouble
    assert state.next_poll_at > timezone.now()
    assert state.failures == 0
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
