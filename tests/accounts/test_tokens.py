"""One refresh at a time, the new pair committed before its use, and a person asked only when nothing else helps."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from datetime import timedelta
from unittest import mock

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts import grants, tokens
from accounts.models import XAccount
from dminbox.xapi.errors import GrantRefused, OperatorMustAct, OutcomeUnknown, TokenRefused, Unavailable
from dminbox.xapi.oauth import TokenPair
from tests import factories
from tests.accounts.conftest import BRAND, calls, store_grant

TOKEN, ME = "/2/oauth2/token", "/2/users/me"


def whoami(client):
    return client.me().value.id


def pair(name: str) -> TokenPair:
    ends = timezone.now() + timedelta(hours=2)
    return TokenPair(f"access-{name}", f"refresh-{name}", frozenset({"dm.read"}), ends, "dm.read")


def let_end(x_account, left=timedelta(0)):
    x_account.token_expires_at = timezone.now() + left
    x_account.save(update_fields=["token_expires_at"])


def test_a_token_that_lasts_is_used_as_it_is(connected, xsim):
    assert tokens.call(connected, whoami) == BRAND
    assert calls(xsim, TOKEN) == []


def test_a_token_about_to_end_is_renewed_before_the_call(connected, xsim):
    let_end(connected, left=timedelta(minutes=2))
    assert tokens.call(connected, whoami) == BRAND
    assert (calls(xsim, TOKEN), calls(xsim, ME)) == ([200], [200])
    assert connected.token_generation == 2


def test_the_new_pair_is_committed_before_it_is_used(connected, xsim):
    let_end(connected)
    used = []

    def look(client):
        used.append(XAccount.objects.get(pk=connected.pk).access_token)
        return client.me()

    tokens.call(connected, look)
    stored = XAccount.objects.get(pk=connected.pk)
    assert used == [stored.access_token]
    assert stored.token_generation == 2
    assert (stored.refresh_lease_until, stored.refresh_lease_holder) == (None, "")


def test_a_refused_token_is_renewed_once_and_the_call_repeated(connected, xsim):
    xsim.post("clock", {"advance": 7300})  # X's clock alone: for us the token still lasts
    assert tokens.call(connected, whoami) == BRAND
    assert (calls(xsim, ME), calls(xsim, TOKEN)) == ([401, 200], [200])


def test_a_new_token_that_is_refused_too_asks_for_a_person(connected, xsim):
    xsim.post("faults", {"kind": "401", "path": ME, "times": 5})
    with pytest.raises(TokenRefused):
        tokens.call(connected, whoami)
    connected.refresh_from_db()
    assert connected.state == XAccount.State.RECONNECT
    assert "Connect the account again" in connected.state_detail
    assert (calls(xsim, ME), calls(xsim, TOKEN)) == ([401, 401], [200])


def test_a_revoked_grant_asks_for_a_person_and_then_leaves_x_alone(connected, xsim):
    xsim.delete(f"grants?user_id={BRAND}")
    for _ in range(3):
        with pytest.raises(TokenRefused):
            tokens.call(connected, whoami)
    connected.refresh_from_db()
    assert (connected.state, connected.state_detail) == (XAccount.State.RECONNECT, tokens.REFUSED)
    assert (calls(xsim, ME), calls(xsim, TOKEN)) == ([401], [400])


def test_a_connection_cut_before_x_acted_is_tried_once_more(connected, xsim):
    let_end(connected)
    xsim.post("faults", {"kind": "cut-before", "path": TOKEN})
    assert tokens.call(connected, whoami) == BRAND
    connected.refresh_from_db()
    assert connected.refresh_in_doubt_since is None


def test_a_lost_answer_ends_in_reconnect_only_after_the_old_pair_was_refused(connected, xsim):
    let_end(connected)
    xsim.post("faults", {"kind": "cut-after", "path": TOKEN})
    with pytest.raises(TokenRefused):
        tokens.call(connected, whoami)
    connected.refresh_from_db()
    assert (connected.state, connected.state_detail) == (XAccount.State.RECONNECT, tokens.LOST)
    assert calls(xsim, TOKEN)[-1] == 400


def test_a_token_endpoint_in_trouble_leaves_the_old_pair_in_doubt_until_it_answers(connected, xsim):
    let_end(connected)
    xsim.post("faults", {"kind": "503", "path": TOKEN, "times": 2})
    with pytest.raises(Unavailable):
        tokens.call(connected, whoami)
    connected.refresh_from_db()
    assert connected.state == XAccount.State.CONNECTED
    assert connected.refresh_in_doubt_since is not None
    assert connected.refresh_lease_until is None
    assert tokens.call(connected, whoami) == BRAND
    connected.refresh_from_db()
    assert connected.refresh_in_doubt_since is None


def test_while_x_cannot_renew_the_present_token_serves_to_its_end(connected, xsim):
    let_end(connected, left=timedelta(minutes=2))
    xsim.post("faults", {"kind": "500-html", "path": TOKEN, "times": 2})
    assert tokens.call(connected, whoami) == BRAND


def test_a_wrong_client_secret_changes_nothing_and_names_the_setting(connected, xsim, settings):
    settings.X_CLIENT_SECRET = "not the one"
    let_end(connected)
    with pytest.raises(OperatorMustAct) as caught:
        tokens.call(connected, whoami)
    assert "X_CLIENT_SECRET" in caught.value.hint
    connected.refresh_from_db()
    assert (connected.state, connected.refresh_lease_until) == (XAccount.State.CONNECTED, None)


def test_tokens_are_never_sent_over_http_beyond_this_machine(connected, settings):
    let_end(connected)
    settings.X_TOKEN_URL = "http://api.x.example/2/oauth2/token"
    with pytest.raises(ValueError, match="https"):
        tokens.call(connected, whoami)


def test_a_grant_without_a_refresh_token_asks_for_a_person_when_it_ends(connected, xsim):
    let_end(connected)
    XAccount.objects.filter(pk=connected.pk).update(refresh_token="")
    with pytest.raises(TokenRefused):
        tokens.call(connected, whoami)
    connected.refresh_from_db()
    assert "offline.access" in connected.state_detail


@pytest.mark.parametrize("state", [XAccount.State.RECONNECT, XAccount.State.DISCONNECTED])
def test_nobody_speaks_for_an_account_that_is_not_connected(connected, xsim, state):
    XAccount.objects.filter(pk=connected.pk).update(state=state)
    with pytest.raises(TokenRefused):
        tokens.client_for(connected)
    assert xsim.get("requests") == []


def test_a_refused_refresh_uses_the_pair_another_process_stored_meanwhile(connected, xsim):
    let_end(connected)

    def rotated_elsewhere(refresh_token):
        store_grant(xsim, XAccount.objects.get(pk=connected.pk))
        XAccount.objects.filter(pk=connected.pk).update(token_generation=2)
        raise GrantRefused("spent")

    with mock.patch.object(grants, "refresh", rotated_elsewhere):
        assert tokens.call(connected, whoami) == BRAND
    connected.refresh_from_db()
    assert connected.state == XAccount.State.CONNECTED


def test_a_slow_refresher_whose_lease_ran_out_still_stores_the_only_good_pair(connected):
    let_end(connected)

    def slowly(refresh_token):
        # Meanwhile another took the lease over, was refused and gave up.
        XAccount.objects.filter(pk=connected.pk).update(
            refresh_lease_holder="another", state=XAccount.State.RECONNECT, state_detail="refused"
        )
        return pair("slow")

    with mock.patch.object(grants, "refresh", slowly):
        tokens.client_for(connected)
    stored = XAccount.objects.get(pk=connected.pk)
    assert (stored.access_token, stored.state, stored.state_detail) == ("access-slow", "connected", "")
    assert stored.token_generation == 2


def test_a_refresh_that_ends_after_a_disconnect_is_ended_at_x_and_not_stored(connected):
    let_end(connected)

    def meanwhile_disconnected(refresh_token):
        XAccount.objects.filter(pk=connected.pk).update(
            state=XAccount.State.DISCONNECTED, access_token="", refresh_token="", token_generation=2
        )
        return pair("late")

    with (
        mock.patch.object(grants, "refresh", meanwhile_disconnected),
        mock.patch.object(grants, "revoke") as revoke,
        pytest.raises(TokenRefused),
    ):
        tokens.client_for(connected)
    assert revoke.call_args.args == ("refresh-late", "access-late")
    assert XAccount.objects.get(pk=connected.pk).access_token == ""


def _killed_before_its_commit(pk):
    really = grants.refresh

    def answered_and_killed(refresh_token):
        really(refresh_token)
        os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(grants, "refresh", answered_and_killed):
        tokens.client_for(XAccount.objects.get(pk=pk))


@pytest.mark.django_db(transaction=True)
def test_a_refresher_killed_between_answer_and_commit_costs_one_more_try_and_then_a_person(xsim, brand):
    x_account = store_grant(xsim, factories.XAccountFactory(x_user_id=BRAND, token_generation=1))
    let_end(x_account)
    leave_the_database()
    process = multiprocessing.get_context("fork").Process(target=_killed_before_its_commit, args=(x_account.pk,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    x_account.refresh_from_db()
    assert (x_account.state, x_account.token_generation) == ("connected", 1)
    # The dead process still has the lease; when it runs out, the next one takes over.
    XAccount.objects.update(refresh_lease_until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(TokenRefused):
        tokens.call(x_account, whoami)
    x_account.refresh_from_db()
    assert (x_account.state, x_account.state_detail) == (XAccount.State.RECONNECT, tokens.LOST)
    assert calls(xsim, TOKEN) == [200, 400]


def test_a_refresher_killed_before_its_call_costs_nothing(connected, xsim):
    let_end(connected)
    XAccount.objects.filter(pk=connected.pk).update(
        refresh_lease_holder="dead", refresh_lease_until=timezone.now() - timedelta(seconds=1)
    )
    assert tokens.call(connected, whoami) == BRAND


def test_nobody_waits_for_another_refresher(connected, xsim):
    let_end(connected)
    XAccount.objects.filter(pk=connected.pk).update(
        refresh_lease_holder="busy", refresh_lease_until=timezone.now() + timedelta(minutes=1)
    )
    with pytest.raises(tokens.BeingRenewed):
        tokens.call(connected, whoami)
    assert calls(xsim, TOKEN) == []


@pytest.mark.django_db(transaction=True)
def test_a_refresh_refuses_to_run_inside_a_transaction(xsim, brand):
    x_account = store_grant(xsim, factories.XAccountFactory(x_user_id=BRAND))
    let_end(x_account)
    with pytest.raises(RuntimeError), transaction.atomic():
        tokens.client_for(x_account)
    assert calls(xsim, TOKEN) == []


def test_both_answers_lost_keep_the_old_pair(connected):
    let_end(connected)
    with mock.patch.object(grants, "refresh", side_effect=OutcomeUnknown("lost")), pytest.raises(Unavailable):
        tokens.client_for(connected)
    stored = XAccount.objects.get(pk=connected.pk)
    assert (stored.state, stored.refresh_token) == ("connected", connected.refresh_token)


def test_tokens_that_no_key_fits_are_the_operators_matter(connected, xsim, settings):
    settings.ENCRYPTION_KEYS = ["c29tZSBvdGhlciBrZXksIG5vdCB0aGUgcmlnaHQgMSE="]
    with pytest.raises(OperatorMustAct) as caught:
        tokens.call(connected, whoami)
    assert "ENCRYPTION_KEYS" in caught.value.hint
    settings.ENCRYPTION_KEYS = ["dGVzdHMtYWxvbmUtbmV2ZXItcmVhbC1pbnN0YWxscyE="]
    assert tokens.call(connected, whoami) == BRAND


def test_no_token_appears_in_the_logs(connected, xsim, caplog):
    let_end(connected)
    old = (connected.access_token, connected.refresh_token)
    xsim.post("faults", {"kind": "503", "path": TOKEN})
    tokens.call(connected, whoami)
    stored = XAccount.objects.get(pk=connected.pk)
    assert caplog.records
    for secret in (*old, stored.access_token, stored.refresh_token):
        assert secret not in caplog.text


def leave_the_database():
    """No process may share a database connection with its parent."""
    connections.close_all()
    if connection.vendor == "postgresql":
        connection.close_pool()


def _call_until_renewed(x_account) -> str:
    """As a task does that is due again shortly after."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return tokens.call(x_account, whoami)
        except tokens.BeingRenewed:
            assert time.monotonic() < deadline, "nobody renewed it"
            time.sleep(0.1)


def _one_of_many(barrier, results, pk):
    try:
        barrier.wait(30)
        x_account = XAccount.objects.get(pk=pk)
        results.put((_call_until_renewed(x_account), x_account.token_generation))
    except BaseException:
        results.put(traceback.format_exc())
    finally:
        results.close()
        results.join_thread()
        os._exit(0)


@pytest.mark.parametrize("sign", ["our clock says it ends", "x refuses it"])
@pytest.mark.django_db(transaction=True)
def test_twenty_processes_at_once_make_one_refresh_call(xsim, brand, sign):
    x_account = store_grant(xsim, factories.XAccountFactory(x_user_id=BRAND, token_generation=1))
    if sign == "x refuses it":
        xsim.post("clock", {"advance": 7300})
    else:
        let_end(x_account)
    xsim.post("faults", {"kind": "slow", "path": TOKEN, "seconds": 0.5})
    leave_the_database()
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(20), context.Queue()
    processes = [
        context.Process(target=_one_of_many, args=(barrier, results, x_account.pk), daemon=True) for _ in range(20)
    ]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(30)
    assert outcomes == [(BRAND, 2)] * 20
    assert calls(xsim, TOKEN) == [200]
    stored = XAccount.objects.get(pk=x_account.pk)
    assert (stored.state, stored.token_generation, stored.refresh_lease_holder) == ("connected", 2, "")
