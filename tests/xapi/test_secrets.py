"""No token and no secret in repr(), in an exception, in what hangs on it, or in a log."""

import logging
import traceback

import pytest
import requests
import responses

from dminbox.xapi import errors, oauth
from dminbox.xapi.app import XApp
from dminbox.xapi.client import XClient
from dminbox.xapi.transport import Session
from tests.xapi.support import API, TOKEN, client, payload

# By name wherever they are used, since a traceback quotes the lines of this file.
SECRET, OLD, ACCESS, REFRESH, CODE, VERIFIER = (
    "nordlicht-secret",
    "old-one",
    "new-one",
    "next-one",
    "a-code",
    "a-verifier",
)
SECRETS = (TOKEN, SECRET, OLD, ACCESS, REFRESH, CODE, VERIFIER)
X = oauth.Endpoints()
APP = {"client_id": "nordlicht-app", "client_secret": SECRET}
CALLBACK = "http://127.0.0.1:8000/x-accounts/callback/"

TOKEN_CALLS = {
    "code": lambda: oauth.exchange_code(X, **APP, redirect_uri=CALLBACK, code=CODE, verifier=VERIFIER),
    "refresh": lambda: oauth.refresh(X, **APP, refresh_token=OLD),
}
ANSWERS = {
    "refused": {"status": 400, "json": payload("oauth-error-token")},
    "no json": {"body": f"access_token={ACCESS}"},
    "half a pair": {"json": {"access_token": ACCESS, "refresh_token": 5, "scope": REFRESH}},
    "errors beside tokens": {"json": {"access_token": f"{ACCESS} ", "errors": [{"title": REFRESH}]}},
    "cut": {"body": requests.ConnectionError("cut")},
}


def assert_clean(said: str) -> None:
    assert not [secret for secret in SECRETS if secret in said]


def everything_on(error: BaseException) -> str:
    return " ".join([str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)])


@pytest.mark.parametrize("call", TOKEN_CALLS.values(), ids=TOKEN_CALLS)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_token_call_that_fails_tells_nothing(call, answer):
    with responses.RequestsMock() as x:
        x.add("POST", X.token_url, **answer)
        with pytest.raises(errors.XError) as caught:
            call()
    assert_clean(everything_on(caught.value))


@pytest.mark.parametrize("body", [requests.ConnectionError("cut"), requests.ReadTimeout("slow")])
def test_an_error_drags_no_request_along(body):
    with responses.RequestsMock() as x:
        x.add("GET", f"{API}/2/users/me", body=body)
        with pytest.raises(errors.Unavailable) as caught:
            client().me()
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert_clean(everything_on(caught.value))


@pytest.mark.parametrize("answer", [answer for name, answer in ANSWERS.items() if name != "half a pair"])
def test_a_call_for_the_apps_bearer_that_fails_tells_nothing(answer):
    with responses.RequestsMock() as x, XApp("nordlicht-key", SECRET) as app:
        x.add("POST", f"{API}/oauth2/token", **answer)
        with pytest.raises(errors.XError) as caught:
            app.bearer()
    assert_clean(everything_on(caught.value))


def test_an_app_hides_what_it_holds_and_drags_no_request_along(caplog):
    caplog.set_level(logging.DEBUG)
    with responses.RequestsMock() as x, XApp("nordlicht-key", SECRET) as app:
        x.add("POST", f"{API}/oauth2/token", json={"token_type": "bearer", "access_token": ACCESS})
        x.add("GET", f"{API}/2/activity/stream", body=requests.ConnectionError("cut"))
        x.add("GET", f"{API}/2/webhooks", body=requests.ReadTimeout("slow"))
        for call in (app.stream(1).__enter__, app.webhooks):
            with pytest.raises(errors.Unavailable) as caught:
                call()
            assert (caught.value.__cause__, caught.value.__context__) == (None, None)
            assert_clean(everything_on(caught.value))
        assert_clean(repr(app) + repr(app.stream()) + caplog.text)


def test_clients_sessions_and_pairs_hide_what_they_hold():
    with responses.RequestsMock() as x:
        x.add(
            "POST",
            X.token_url,
            json={**payload("oauth-token"), "access_token": ACCESS, "refresh_token": REFRESH},
        )
        pair = TOKEN_CALLS["refresh"]()
    assert_clean(repr(pair))
    assert "dm.read" in repr(pair)
    assert_clean(repr(client()) + str(client()))
    assert_clean(repr(Session(API, access_token=TOKEN)))


def test_nothing_of_it_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    with responses.RequestsMock() as x:
        x.add(
            "POST",
            X.token_url,
            json={**payload("oauth-token"), "access_token": ACCESS, "refresh_token": REFRESH},
        )
        x.add("GET", f"{API}/2/dm_events", json=payload("page-tweet-vocabulary"))
        for call in TOKEN_CALLS.values():
            call()
        client().dm_events()
    assert_clean(caplog.text)
    assert "Guten Tag" not in caplog.text


def test_a_session_speaks_to_its_own_origin_only():
    session = Session(API, access_token=TOKEN)
    for url in (
        "https://api.x.com.elsewhere.example/2/users/me",
        "http://api.x.com/2/users/me",
        "https://api.x.com:444/",
    ):
        with pytest.raises(ValueError, match="origin"):
            session.get(url)


def test_a_session_can_be_shared_by_clients_of_different_tokens():
    session = Session(API)
    with responses.RequestsMock() as x:
        x.add("GET", f"{API}/2/users/me", json=payload("me"))
        XClient("first", session=session).me()
        XClient("second", session=session).me()
        assert [call.request.headers["Authorization"] for call in x.calls] == ["Bearer first", "Bearer second"]
