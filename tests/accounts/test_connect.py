"""Connecting an X account: the way through, and every way it can fail, each with its own page."""

from __future__ import annotations

from unittest import mock

import pytest
import requests
import time_machine
from django.utils import timezone

from accounts import connecting, grants
from accounts.models import Membership, Role, XAccount
from tests import factories
from tests.accounts.conftest import BRAND, STUDIO, browser, calls, consent, failure
from tests.xsim_server import start_xsim

CONNECT = "/x-accounts/connect/"
pytestmark = pytest.mark.usefixtures("brand")


def begin(client, x_account=None):
    answer = client.post(CONNECT, {"x_account": x_account.pk} if x_account else {})
    assert answer.status_code == 302
    return answer.url


def connect(client, xsim, user_id=BRAND, x_account=None, **options):
    return client.get(consent(xsim, begin(client, x_account), user_id, **options))


@pytest.fixture
def reconnectable(connected):
    XAccount.objects.filter(pk=connected.pk).update(state=XAccount.State.RECONNECT, state_detail="refused")
    connected.refresh_from_db()
    return connected


def test_the_consent_page_is_asked_for_all_scopes_with_pkce(ada, xsim, settings):
    address = begin(browser(ada))
    assert address.startswith(f"{settings.X_AUTHORIZE_URL}?")
    assert "code_challenge_method=S256" in address
    assert "dm.read" in address
    assert "offline.access" in address
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A8000%2Fx-accounts%2Fcallback%2F" in address
    assert requests.get(address, timeout=5).status_code == 200


def test_a_first_connection_stores_tokens_encrypted_and_makes_the_owner_admin(ada, xsim):
    answer = connect(browser(ada), xsim)
    x_account = XAccount.objects.get()
    assert answer.url == f"/x-accounts/{x_account.pk}/start/"
    assert (str(x_account.x_user_id), x_account.username, x_account.name) == (
        BRAND, "NordlichtHelp", "Nordlicht Lamps Support",
    )  # fmt: skip
    assert (x_account.state, x_account.connected_by, x_account.token_generation) == ("connected", ada, 1)
    assert Membership.objects.get().role == Role.ADMIN
    assert x_account.access_token
    assert x_account.refresh_token
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM accounts_xaccount")
        assert all(stored.startswith("gAAAA") for stored in cursor.fetchone())


def test_what_was_connected_works(ada, xsim):
    connect(browser(ada), xsim)
    from accounts import tokens

    assert tokens.call(XAccount.objects.get(), lambda client: client.me().value.id) == BRAND


def test_connecting_again_renews_the_grant_in_place(ada, xsim, reconnectable):
    answer = connect(browser(ada), xsim, x_account=reconnectable)
    assert answer.url == f"/x-accounts/{reconnectable.pk}/"
    stored = XAccount.objects.get()
    assert (stored.pk, stored.state, stored.state_detail) == (reconnectable.pk, "connected", "")
    assert stored.access_token != reconnectable.access_token
    assert stored.token_generation == reconnectable.token_generation + 1


def test_an_account_that_needs_it_is_renewed_in_place_also_by_the_plain_button(ada, xsim, reconnectable):
    assert connect(browser(ada), xsim).url == f"/x-accounts/{reconnectable.pk}/"
    assert XAccount.objects.get().state == "connected"


def test_an_admin_of_the_account_may_renew_it(ben, xsim, reconnectable):
    factories.MembershipFactory(user=ben, x_account=reconnectable, role=Role.ADMIN)
    assert connect(browser(ben), xsim, x_account=reconnectable).status_code == 302
    assert XAccount.objects.get().connected_by == ben
    assert Membership.objects.count() == 1


def test_trying_again_means_the_same_account_again(ben, xsim, reconnectable):
    factories.MembershipFactory(user=ben, x_account=reconnectable, role=Role.ADMIN)
    page = connect(browser(ben), xsim, x_account=reconnectable, decision="deny").content.decode()
    assert "Connect @NordlichtHelp again" in page
    assert f'name="x_account" value="{reconnectable.pk}"' in page


def test_nobody_is_offered_what_would_be_refused(ben, reconnectable):
    factories.MembershipFactory(user=ben, x_account=reconnectable, role=Role.ADMIN)
    page = browser(ben).get("/x-accounts/callback/?state=forged&code=x").content.decode()
    assert "Try again" not in page


def test_a_connection_is_renewed_although_its_stored_tokens_cannot_be_read(ada, xsim, reconnectable, settings):
    settings.ENCRYPTION_KEYS = ["c29tZSBvdGhlciBrZXksIG5vdCB0aGUgcmlnaHQgMSE="]
    assert connect(browser(ada), xsim, x_account=reconnectable).status_code == 302
    assert XAccount.objects.get().access_token


def test_denied(ada, xsim):
    answer = connect(browser(ada), xsim, decision="deny")
    assert (answer.status_code, failure(answer)) == (403, "denied")
    assert "Try again" in answer.content.decode()


@pytest.mark.parametrize("query", ["", "?state=forged&code=x", "?code=x", "?state=&code="])
def test_bad_state(ada, xsim, query):
    client = browser(ada)
    begin(client)
    answer = client.get(f"/x-accounts/callback/{query}")
    assert (answer.status_code, failure(answer)) == (400, "state")
    assert calls(xsim, "/2/oauth2/token") == []


def test_a_state_is_good_for_one_use(ada, xsim):
    client = browser(ada)
    back = consent(xsim, begin(client), BRAND)
    client.get(back)
    assert failure(client.get(back)) == "state"
    assert len(calls(xsim, "/2/oauth2/token")) == 1


def test_a_callback_that_loads_twice_at_once_uses_its_state_once(ada, xsim):
    client, double = browser(ada), browser()
    back = consent(xsim, begin(client), BRAND)
    double.cookies = client.cookies
    seen = []

    def meanwhile(code, verifier, redirect_uri, really=grants.exchange_code):
        seen.append(failure(double.get(back)))
        return really(code, verifier, redirect_uri)

    with mock.patch.object(grants, "exchange_code", meanwhile):
        assert client.get(back).status_code == 302
    assert seen == ["state"]


def test_a_state_is_good_in_its_own_session_only(ada, xsim):
    back = consent(xsim, begin(browser(ada)), BRAND)
    assert failure(browser(ada).get(back)) == "state"
    other_owner = factories.UserFactory(is_owner=True)
    assert failure(browser(other_owner).get(back)) == "state"
    assert calls(xsim, "/2/oauth2/token") == []


def test_a_state_of_another_person_in_the_same_session_is_worth_nothing(ada, xsim):
    client = browser(ada)
    back = consent(xsim, begin(client), BRAND)
    session = client.session
    session[connecting.SESSION_KEY] = {
        state: {**attempt, "user_id": ada.pk + 1} for state, attempt in session[connecting.SESSION_KEY].items()
    }
    session.save()
    assert failure(client.get(back)) == "state"


def test_a_state_expires_after_ten_minutes(ada, xsim):
    client = browser(ada)
    back = consent(xsim, begin(client), BRAND)
    with time_machine.travel(timezone.now() + connecting.LIFETIME + timezone.timedelta(seconds=1)):
        answer = client.get(back)
    assert (answer.status_code, failure(answer)) == (400, "expired")
    assert calls(xsim, "/2/oauth2/token") == []


def test_several_attempts_may_be_open_but_not_any_number(ada, xsim):
    client = browser(ada)
    first = consent(xsim, begin(client), BRAND)
    for _ in range(connecting.MOST_OPEN - 1):
        begin(client)
    assert client.get(first).status_code == 302
    second = consent(xsim, begin(client), STUDIO)
    for _ in range(connecting.MOST_OPEN):
        begin(client)
    assert failure(client.get(second)) == "state"


def test_missing_scopes_are_named(ada, xsim):
    answer = connect(browser(ada), xsim, scopes=["dm.read", "tweet.read", "users.read", "offline.access"])
    assert (answer.status_code, failure(answer)) == (403, "scopes")
    assert "dm.write, media.write" in answer.content.decode()
    assert not XAccount.objects.exists()


def test_a_code_that_comes_too_late(ada, xsim):
    client = browser(ada)
    back = consent(xsim, begin(client), BRAND)
    xsim.post("clock", {"advance": 31})
    answer = client.get(back)
    assert (answer.status_code, failure(answer)) == (400, "code")


def test_a_code_that_x_never_gave(ada, xsim):
    client = browser(ada)
    state = consent(xsim, begin(client), BRAND).partition("state=")[2].partition("&")[0]
    assert failure(client.get(f"/x-accounts/callback/?state={state}&code=forged")) == "code"


@pytest.mark.parametrize("query", ["&error=server_error", "&error=invalid_scope&code=x", "&code="])
def test_an_answer_without_a_code(ada, xsim, query):
    client = browser(ada)
    state = consent(xsim, begin(client), BRAND).partition("state=")[2].partition("&")[0]
    assert failure(client.get(f"/x-accounts/callback/?state={state}{query}")) == "no_code"


@pytest.mark.parametrize("kind", ["503", "500-html", "cut-before", "cut-after"])
def test_x_in_trouble_at_the_token_call(ada, xsim, kind):
    xsim.post("faults", {"kind": kind, "path": "/2/oauth2/token"})
    answer = connect(browser(ada), xsim)
    assert (answer.status_code, failure(answer)) == (502, "unreachable_token")
    assert not XAccount.objects.exists()


def test_x_that_is_not_there_at_all(ada, settings):
    with start_xsim() as gone:
        gone.post("people", {"id": BRAND, "username": "NordlichtHelp", "name": "Nordlicht"})
        settings.X_AUTHORIZE_URL = f"{gone.url}/i/oauth2/authorize"
        settings.X_TOKEN_URL = f"{gone.url}/2/oauth2/token"
        client = browser(ada)
        back = consent(gone, begin(client), BRAND)
    assert failure(client.get(back)) == "unreachable_token"


@pytest.mark.parametrize(
    ("kind", "status", "key"),
    [
        ("503", 502, "unreachable_profile"),
        ("500-html", 502, "unreachable_profile"),
        ("cut-before", 502, "unreachable_profile"),
        ("402", 503, "no_credit"),
        ("402-2026-02", 503, "no_credit"),
        ("403-client-not-enrolled", 503, "app"),
        ("403", 403, "scopes"),
        ("429", 503, "rate_limited"),
        ("429-no-reset", 503, "rate_limited"),
        ("401", 502, "token_refused"),
        ("404", 502, "unexpected"),
    ],
)
def test_x_says_no_when_asked_whose_account_it_is(ada, xsim, kind, status, key):
    xsim.post("faults", {"kind": kind, "path": "/2/users/me"})
    answer = connect(browser(ada), xsim)
    assert (answer.status_code, failure(answer)) == (status, key)
    assert not XAccount.objects.exists()


def test_an_answer_that_is_no_profile(ada, xsim):
    xsim.post("faults", {"kind": "body", "path": "/2/users/me", "status": 200, "body": {"data": {"name": "x"}}})
    assert failure(connect(browser(ada), xsim)) == "unexpected"


def test_an_app_that_is_not_enrolled_gets_the_hint(ada, xsim):
    xsim.post("faults", {"kind": "403-client-not-enrolled", "path": "/2/users/me"})
    assert "developer portal" in connect(browser(ada), xsim).content.decode()


def test_a_wrong_client_secret_names_the_settings(ada, xsim, settings):
    settings.X_CLIENT_SECRET = "not the one"
    answer = connect(browser(ada), xsim)
    assert (answer.status_code, failure(answer)) == (503, "client")
    assert "X_CLIENT_SECRET" in answer.content.decode()


def test_an_account_that_is_connected_already(ada, xsim, connected):
    answer = connect(browser(ada), xsim)
    assert (answer.status_code, failure(answer)) == (409, "already_connected")
    page = answer.content.decode()
    assert "Connect @NordlichtHelp again" in page
    assert f'name="x_account" value="{connected.pk}"' in page
    stored = XAccount.objects.get()
    assert (stored.access_token, stored.token_generation) == (connected.access_token, connected.token_generation)
    # The stored grant was not ended by the way.
    assert xsim.api(connected.access_token, "/2/users/me").status_code == 200


def test_another_account_than_the_one_to_be_connected_again(ada, xsim, reconnectable):
    answer = connect(browser(ada), xsim, STUDIO, x_account=reconnectable)
    assert (answer.status_code, failure(answer)) == (409, "other_account")
    assert "@NordlichtStudio" in answer.content.decode()
    assert XAccount.objects.get().state == XAccount.State.RECONNECT
    # What X granted for an account nobody wanted is given back.
    assert {grant["user_id"] for grant in xsim.get("grants")} == {BRAND}


def test_a_grant_for_another_account_that_is_connected_here_is_left_alone(ada, xsim, reconnectable):
    """X may end the stored grant together with the new one."""
    client = browser(ada)
    connect(client, xsim, STUDIO)
    answer = connect(client, xsim, STUDIO, x_account=reconnectable)
    assert failure(answer) == "other_account"
    assert [grant["user_id"] for grant in xsim.get("grants")].count(STUDIO) == 2


def test_an_owner_who_stopped_being_one_in_between_connects_nothing(ada, ben, xsim):
    factories.MembershipFactory(user=ada, role=Role.ADMIN, x_account__x_user_id=STUDIO)
    client = browser(ada)
    back = consent(xsim, begin(client), BRAND)
    ada.is_owner = False
    ada.save()
    assert failure(client.get(back)) == "state"
    assert not XAccount.objects.filter(x_user_id=BRAND).exists()


def test_an_admin_who_lost_the_role_in_between_renews_nothing(ben, xsim, reconnectable):
    membership = factories.MembershipFactory(user=ben, x_account=reconnectable, role=Role.ADMIN)
    client = browser(ben)
    back = consent(xsim, begin(client, reconnectable), BRAND)
    membership.role = Role.LEAD
    membership.save()
    assert client.get(back).status_code == 404
    factories.MembershipFactory(user=ben, role=Role.ADMIN)
    client = browser(ben)
    assert failure(client.get(back)) == "state"
    assert XAccount.objects.get(pk=reconnectable.pk).state == XAccount.State.RECONNECT


def test_an_admin_of_another_account_who_lost_the_role_in_between_renews_nothing(ben, xsim, reconnectable):
    factories.MembershipFactory(user=ben, role=Role.ADMIN, x_account__x_user_id=STUDIO)
    membership = factories.MembershipFactory(user=ben, x_account=reconnectable, role=Role.ADMIN)
    client = browser(ben)
    back = consent(xsim, begin(client, reconnectable), BRAND)
    membership.delete()
    assert failure(client.get(back)) == "state"
    assert XAccount.objects.get(pk=reconnectable.pk).state == XAccount.State.RECONNECT


def test_disconnecting_ends_the_grant_and_keeps_the_account(ada, xsim, connected):
    answer = browser(ada).post(f"/x-accounts/{connected.pk}/disconnect/", follow=True)
    assert "is disconnected" in answer.content.decode()
    stored = XAccount.objects.get()
    assert (stored.state, stored.state_detail) == ("disconnected", "Disconnected by Ada.")
    assert (stored.access_token, stored.refresh_token, stored.token_expires_at) == ("", "", None)
    assert xsim.api(connected.access_token, "/2/users/me").status_code == 401
    assert xsim.get("grants") == []


def test_disconnecting_says_when_x_could_not_be_told(ada, xsim, connected):
    xsim.post("faults", {"kind": "503", "path": "/2/oauth2/revoke", "times": 5})
    answer = browser(ada).post(f"/x-accounts/{connected.pk}/disconnect/", follow=True)
    assert "X could not be notified" in answer.content.decode()
    assert XAccount.objects.get().access_token == ""


def test_disconnecting_says_that_x_was_not_told_where_no_key_fits_the_tokens(ada, xsim, connected, settings):
    settings.ENCRYPTION_KEYS = ["c29tZSBvdGhlciBrZXksIG5vdCB0aGUgcmlnaHQgMSE="]
    answer = browser(ada).post(f"/x-accounts/{connected.pk}/disconnect/", follow=True)
    assert "X could not be notified" in answer.content.decode()
    assert XAccount.objects.get().state == XAccount.State.DISCONNECTED
    assert xsim.get("grants") != []


def test_a_disconnected_account_comes_back_in_place(ada, xsim, connected):
    client = browser(ada)
    client.post(f"/x-accounts/{connected.pk}/disconnect/")
    assert connect(client, xsim).url == f"/x-accounts/{connected.pk}/"
    assert XAccount.objects.get().state == "connected"


def test_no_code_state_or_token_appears_in_the_logs(ada, xsim, caplog):
    client = browser(ada)
    back = consent(xsim, begin(client), BRAND)
    client.get(back)
    stored = XAccount.objects.get()
    secrets = [part.partition("=")[2] for part in back.partition("?")[2].split("&")]
    assert caplog.records
    for secret in (*secrets, stored.access_token, stored.refresh_token, stored.username):
        assert secret not in caplog.text
