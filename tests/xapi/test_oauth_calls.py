"""The consent address, the code, the refresh and the revoke call."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from dminbox.xapi import errors, oauth
from tests.xapi.support import payload

X = oauth.Endpoints()
CALLBACK = "http://127.0.0.1:8000/x-accounts/callback/"
SCOPES = ["dm.read", "dm.write", "tweet.read", "users.read", "offline.access", "media.write"]
APP = {"client_id": "nordlicht-app", "client_secret": "nordlicht-secret"}
NOW = datetime(2026, 10, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def x():
    with responses.RequestsMock() as mock:
        yield mock


def exchange(**options) -> oauth.TokenPair:
    return oauth.exchange_code(X, **APP, redirect_uri=CALLBACK, code="the-code", verifier="the-verifier", **options)


def renew(**options) -> oauth.TokenPair:
    return oauth.refresh(X, **APP, refresh_token="old-refresh", **options)


CALLS = {"code": exchange, "refresh": renew}


def form_of(x) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(x.calls[0].request.body).items()}


def test_the_consent_address_carries_state_scopes_and_challenge():
    url = oauth.authorize_url(
        X, client_id="nordlicht-app", redirect_uri=CALLBACK, scopes=SCOPES, state="s&t", code_challenge="c_h"
    )
    assert url.startswith("https://x.com/i/oauth2/authorize?")
    assert parse_qs(urlsplit(url).query) == {
        "response_type": ["code"],
        "client_id": ["nordlicht-app"],
        "redirect_uri": [CALLBACK],
        "scope": [" ".join(SCOPES)],
        "state": ["s&t"],
        "code_challenge": ["c_h"],
        "code_challenge_method": ["S256"],
    }


@pytest.mark.parametrize("state", ["", "s" * 501])
def test_a_state_x_would_not_take_is_refused(state):
    with pytest.raises(ValueError, match="state"):
        oauth.authorize_url(X, client_id="a", redirect_uri=CALLBACK, scopes=SCOPES, state=state, code_challenge="c")


def test_a_challenge_is_the_hash_of_its_verifier():
    verifier = oauth.new_verifier()
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert oauth.challenge(verifier) == digest
    assert 43 <= len(verifier) <= 128
    assert verifier != oauth.new_verifier()


def test_a_code_becomes_a_pair(x, time_machine):
    time_machine.move_to(NOW, tick=False)
    x.add("POST", X.token_url, json=payload("oauth-token"))
    pair = exchange()
    assert form_of(x) == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": CALLBACK,
        "code_verifier": "the-verifier",
        "client_id": "nordlicht-app",
    }
    assert (pair.access_token, pair.refresh_token) == ("YWNjZXNzLTE6MQ", "cmVmcmVzaC0xOjE")
    assert pair.scopes == frozenset(SCOPES)
    assert pair.raw_scope == "users.read dm.read tweet.read offline.access media.write dm.write"
    assert pair.expires_at == NOW + timedelta(hours=2)


def test_a_refresh_sends_the_secret_as_basic_and_no_bearer(x):
    x.add("POST", X.token_url, json=payload("oauth-token"))
    assert renew().refresh_token == "cmVmcmVzaC0xOjE"
    assert form_of(x) == {"grant_type": "refresh_token", "refresh_token": "old-refresh", "client_id": "nordlicht-app"}
    basic = base64.b64encode(b"nordlicht-app:nordlicht-secret").decode()
    assert x.calls[0].request.headers["Authorization"] == f"Basic {basic}"


def test_fewer_scopes_than_asked_are_the_callers_matter(x, monkeypatch):
    monkeypatch.delenv("OAUTHLIB_RELAX_TOKEN_SCOPE", raising=False)
    x.add("POST", X.token_url, json={**payload("oauth-token"), "scope": "tweet.read users.read"})
    assert exchange().scopes == {"tweet.read", "users.read"}


def test_without_offline_access_there_is_no_refresh_token(x):
    body = payload("oauth-token")
    del body["refresh_token"]
    x.add("POST", X.token_url, json=body)
    assert exchange().refresh_token is None


@pytest.mark.parametrize("expires_in", [None, "soon", -1, 1e30, True])
def test_without_a_length_a_token_lives_two_hours(x, expires_in, time_machine):
    time_machine.move_to(NOW, tick=False)
    x.add("POST", X.token_url, json={**payload("oauth-token"), "expires_in": expires_in})
    assert renew().expires_at == NOW + timedelta(hours=2)


SIGNS = [
    (400, "oauth-error-token", errors.GrantRefused),
    (400, "oauth-error-code", errors.GrantRefused),
    (400, "oauth-error-verifier", errors.BadRequest),
    (401, "oauth-error-client", errors.OperatorMustAct),
    (403, "error-403-client-not-enrolled", errors.OperatorMustAct),
    (402, "error-402-2026-07", errors.NoCredit),
    (429, "error-429", errors.RateLimited),
    (503, "error-503", errors.OutcomeUnknown),
]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(("status", "name", "error"), SIGNS)
def test_a_sign_of_the_token_endpoint(x, call, status, name, error):
    x.add("POST", X.token_url, status=status, json=payload(name))
    with pytest.raises(errors.XError) as caught:
        call()
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant"}, errors.GrantRefused),
        (400, {"error": "invalid_client"}, errors.OperatorMustAct),
        (400, {"error": "invalid_scope"}, errors.BadRequest),
        (401, {}, errors.OperatorMustAct),
    ],
)
def test_a_sign_of_another_server(x, status, body, error):
    x.add("POST", X.token_url, status=status, json=body)
    with pytest.raises(errors.XError) as caught:
        renew()
    assert type(caught.value) is error


def test_a_wrong_secret_names_the_setting(x):
    x.add("POST", X.token_url, status=401, json=payload("oauth-error-client"))
    with pytest.raises(errors.OperatorMustAct) as caught:
        renew()
    assert "X_CLIENT_SECRET" in caught.value.hint


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "body",
    ["", "<html>", "[]", "{}", '{"access_token": 5}', '{"access_token": "a b"}', '{"access_token":"a","scope":[]}'],
)
def test_a_200_without_tokens_leaves_the_outcome_unknown(x, call, body):
    x.add("POST", X.token_url, body=body)
    with pytest.raises(errors.OutcomeUnknown):
        call()


def test_a_redirect_of_the_token_endpoint_is_not_followed(x):
    x.add("POST", X.token_url, status=307, headers={"location": "https://elsewhere.example/"})
    with pytest.raises(errors.UnexpectedAnswer):
        renew()


@pytest.mark.parametrize("body", ["", '{"revoked":true}', "<html>"])
def test_any_2xx_of_revoke_means_done(x, body):
    x.add("POST", X.revoke_url, body=body)
    oauth.revoke(X, **APP, token="old")
    assert form_of(x) == {"token": "old", "client_id": "nordlicht-app"}
    assert x.calls[0].request.headers["Authorization"].startswith("Basic ")


def test_revoking_what_x_does_not_know_is_refused(x):
    x.add("POST", X.revoke_url, status=400, json=payload("oauth-error-token"))
    with pytest.raises(errors.GrantRefused):
        oauth.revoke(X, **APP, token="old")


HTTP = oauth.Endpoints("http://127.0.0.1:1/a", "http://127.0.0.1:1/t", "http://127.0.0.1:1/r")
OVER_HTTP = {
    "authorize": lambda **o: oauth.authorize_url(
        HTTP, client_id="a", redirect_uri=CALLBACK, scopes=SCOPES, state="s", code_challenge="c", **o
    ),
    "code": lambda **o: oauth.exchange_code(HTTP, **APP, redirect_uri=CALLBACK, code="c", verifier="v", **o),
    "refresh": lambda **o: oauth.refresh(HTTP, **APP, refresh_token="r", **o),
    "revoke": lambda **o: oauth.revoke(HTTP, **APP, token="t", **o),
}


@pytest.mark.parametrize("call", OVER_HTTP.values(), ids=OVER_HTTP)
def test_http_needs_the_argument_and_not_the_environment(call, monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with pytest.raises(ValueError, match="allow_http"):
        call()


def test_with_the_argument_http_works_without_the_environment(x, monkeypatch):
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    x.add("POST", HTTP.token_url, json=payload("oauth-token"))
    assert OVER_HTTP["refresh"](allow_http=True).access_token
    assert OVER_HTTP["authorize"](allow_http=True).startswith("http://127.0.0.1:1/a?")
