"""The ledger holds every call: whatever the local X was asked stands in it, and costs what X billed."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from unittest import mock

import pytest

from accounts import actions as account_actions
from accounts import tokens
from accounts.models import XAccount
from conversations.models import ApiCall, PushState, SpendDay
from conversations.sync import event_pages, subscriptions
from tests.accounts.conftest import consent
from tests.conversations.sync_support import ANN, OWN, begin, connect, make_person, poll, say, settle

pytestmark = [pytest.mark.services, pytest.mark.django_db]
ME, CODE, REFRESH, REVOKE = (
    "GET /2/users/me",
    "POST token (authorization_code)",
    "POST token (refresh_token)",
    "POST revoke",
)


@pytest.fixture
def x_account(xsim):
    make_person(xsim, ANN)
    say(xsim, ANN, "Hello")
    x_account = connect(xsim)
    begin(x_account)
    settle(x_account)
    forget(xsim)
    return x_account


def forget(xsim) -> None:
    xsim.delete("requests")
    ApiCall.objects.all().delete()


def entries() -> list[tuple[str, int]]:
    return list(ApiCall.objects.order_by("pk").values_list("endpoint", "status"))


def asked(xsim) -> int:
    return len([call for call in xsim.get("requests") if call["path"].startswith("/2/")])


def test_a_call_that_was_refused_before_its_token_was_renewed(x_account, xsim):
    xsim.post("faults", {"kind": "401", "path": "dm_events"})
    poll(x_account)
    reads = "GET /2/dm_events"
    assert entries()[:3] == [(reads, 401), (REFRESH, 200), (reads, 200)]
    assert len(entries()) == asked(xsim)
    assert set(ApiCall.objects.values_list("x_account", flat=True)) == {x_account.pk}


def test_both_tries_of_a_refresh_whose_answer_was_lost(x_account, xsim):
    xsim.post("faults", {"kind": "cut-before", "path": "oauth2/token"})
    XAccount.objects.update(token_expires_at=x_account.connected_at)
    poll(x_account)
    assert entries()[:2] == [(REFRESH, 0), (REFRESH, 200)]


def test_a_refresh_is_told_after_its_pair_is_stored(x_account, xsim):
    """What the ledger cannot write must not take the only good pair with it."""
    XAccount.objects.update(token_expires_at=x_account.connected_at)
    with mock.patch("conversations.ledger.hear", side_effect=RuntimeError), pytest.raises(RuntimeError):
        tokens.client_for(x_account)
    assert XAccount.objects.get().token_generation == 1


def test_an_answer_that_names_no_sender_and_the_one_after_it(x_account, xsim):
    say(xsim, ANN, "Hello again")
    with mock.patch.object(event_pages, "_names_no_sender", return_value=True):
        poll(x_account)
    assert entries()[:2] == [("GET /2/dm_events", 200)] * 2
    assert len(entries()) == asked(xsim)


def test_connecting_costs_a_look_at_who_it_is(client, ada, xsim):
    xsim.post("people", {"id": OWN, "username": "nordlicht", "name": "Nordlicht Lamps"})
    client.force_login(ada)
    xsim.delete("requests")
    client.get(consent(xsim, client.post("/x-accounts/connect/").url, OWN))
    x_account = XAccount.objects.get()
    assert entries() == [(CODE, 200), (ME, 200)]
    look = ApiCall.objects.get(endpoint=ME)
    assert (look.x_account, look.users, look.usd) == (x_account, 1, Decimal("0.010"))
    assert SpendDay.objects.get().usd == Decimal(str(xsim.get("meter")["today"]["usd"]))
    account_actions.disconnect(x_account, ada)
    assert Counter(endpoint for endpoint, _ in entries()) == {CODE: 1, ME: 1, REVOKE: 2}


def test_so_does_signing_in_which_is_no_accounts(client, ada, ben, xsim):
    xsim.post("people", {"id": ANN, "username": "ann", "name": "Ann"})
    client.get(consent(xsim, client.post("/accounts/twitter_oauth2/login/").url, ANN))
    assert entries() == [(CODE, 200), (ME, 200)]
    look = ApiCall.objects.get(endpoint=ME)
    assert (look.x_account, look.users, look.usd) == (None, 1, Decimal("0.010"))


def test_the_apps_own_calls_with_its_token_and_those_without_an_answer(xsim):
    xsim.delete("requests")
    xsim.post("faults", {"kind": "cut-before", "path": "subscriptions"})
    subscriptions.repair()
    PushState.objects.update(subscriptions_checked_at=None)
    subscriptions.repair()
    bearer, listed = ("POST /oauth2/token", 200), "GET /2/activity/subscriptions"
    assert entries()[:4] == [bearer, (listed, 0), bearer, (listed, 200)]
    assert len(entries()) == len(xsim.get("requests"))


def test_a_code_that_x_refuses(client, ada, xsim):
    xsim.post("people", {"id": OWN, "username": "nordlicht", "name": "Nordlicht Lamps"})
    client.force_login(ada)
    xsim.post("faults", {"kind": "503", "path": "oauth2/token"})
    client.get(consent(xsim, client.post("/x-accounts/connect/").url, OWN))
    assert entries() == [(CODE, 503)]
