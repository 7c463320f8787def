"""OAuth 2.0 with PKCE as X does it, from the consent page to the revoked grant."""

import base64
import hashlib
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.xsim.conftest import ADA, BEN

CALLBACK = "http://127.0.0.1:8000/callback?from=x"
VERIFIER = "v" * 43
CLIENT = ("dminbox-demo", "dminbox-demo-secret")
SCOPES = "dm.read tweet.read users.read offline.access"
CODE_INVALID = {
    "error": "invalid_request",
    "error_description": "Value passed for the authorization code was invalid.",
}
TOKEN_INVALID = {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}
UNAUTHORIZED_CLIENT = {"error": "unauthorized_client", "error_description": "Missing valid authorization header"}


def challenge(verifier=VERIFIER):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def asked(**changes):
    params = {
        "response_type": "code",
        "client_id": CLIENT[0],
        "redirect_uri": CALLBACK,
        "scope": SCOPES,
        "state": "s&1",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**params, **changes}.items() if value is not None}


def decide(x, decision="allow", user_id=ADA, **changes):
    form = {**asked(**changes), "decision": decision, "user_id": user_id}
    return x.api(None, "/i/oauth2/authorize", "POST", data=form)


def came_back_with(answer):
    assert answer.status_code == 302
    location = urlsplit(answer.headers["location"])
    assert location.netloc == "127.0.0.1:8000"
    return {name: values[0] for name, values in parse_qs(location.query).items()}


def new_code(x, **changes):
    return came_back_with(decide(x, **changes))["code"]


def token_call(x, client=CLIENT, **form):
    return x.api(None, "/2/oauth2/token", "POST", data=form, auth=client)


def exchange(x, code, client=CLIENT, **changes):
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, "code": code}
    form = {name: value for name, value in {**form, **changes}.items() if value is not None}
    return token_call(x, client, **form)


def refresh(x, refresh_token):
    return token_call(x, grant_type="refresh_token", refresh_token=refresh_token)


def test_the_consent_page_shows_app_personas_scopes_and_both_ways_on(x):
    page = x.api(None, "/i/oauth2/authorize", params=asked())

    assert page.status_code == 200
    text = unescape(page.text)
    for said in ("dminbox demo", "@ada_lamps", "@ben", "dm.read", "offline.access", "127.0.0.1:8000"):
        assert said in text
    assert 'value="allow"' in text
    assert 'value="deny"' in text
    assert "@cleo" not in text


def test_what_a_client_sends_is_escaped_on_the_page(x):
    page = x.api(None, "/i/oauth2/authorize", params=asked(state='"><script>alert(1)</script>'))

    assert page.status_code == 200
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"client_id": "somebody"}, "client_id"),
        ({"redirect_uri": "https://evil.example/callback"}, "redirect_uri"),
        ({"response_type": "token"}, "response_type"),
        ({"scope": "dm.read dm.everything"}, "dm.everything"),
        ({"scope": None}, "scope"),
        ({"state": None}, "state"),
        ({"state": "s" * 501}, "state"),
        ({"code_challenge": None}, "code_challenge"),
        ({"code_challenge_method": "S512"}, "code_challenge_method"),
    ],
)
def test_a_wrong_request_stays_on_a_page_of_x(x, changes, named):
    for answer in (x.api(None, "/i/oauth2/authorize", params=asked(**changes)), decide(x, **changes)):
        assert answer.status_code == 400
        assert named in answer.text


def test_saying_no_goes_back_with_access_denied(x):
    assert came_back_with(decide(x, "deny")) == {"from": "x", "state": "s&1", "error": "access_denied"}


def test_a_code_becomes_a_pair_that_works_for_the_chosen_person(x):
    answer = exchange(x, new_code(x, user_id=BEN))

    assert answer.status_code == 200
    pair = answer.json()
    assert pair.keys() == {"token_type", "expires_in", "access_token", "scope", "refresh_token"}
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 7200)
    assert set(pair["scope"].split()) == set(SCOPES.split())
    assert pair["scope"] != SCOPES
    assert x.api(pair["access_token"], "/2/users/me").json()["data"]["id"] == BEN


def test_a_code_works_once(x):
    code = new_code(x)

    assert exchange(x, code).status_code == 200
    again = exchange(x, code)
    assert (again.status_code, again.json()) == (400, CODE_INVALID)


@pytest.mark.parametrize(("seconds", "status"), [(29, 200), (30, 400)])
def test_a_code_lives_30_seconds(x, seconds, status):
    code = new_code(x)
    x.post("clock", {"advance": seconds})

    assert exchange(x, code).status_code == status


def test_the_lives_of_codes_and_tokens_can_be_set(x):
    x.post("settings", {"code_seconds": 300, "token_seconds": 60})
    code = new_code(x)
    x.post("clock", {"advance": 299})
    pair = exchange(x, code).json()

    assert pair["expires_in"] == 60
    x.post("clock", {"advance": 60})
    assert x.api(pair["access_token"], "/2/users/me").status_code == 401


@pytest.mark.parametrize("changes", [{"code_verifier": "w" * 43}, {"redirect_uri": "http://127.0.0.1:8000/other"}])
def test_a_wrong_verifier_or_address_spoils_the_code(x, changes):
    code = new_code(x)

    wrong = exchange(x, code, **changes)
    assert (wrong.status_code, wrong.json()) == (400, CODE_INVALID)
    assert exchange(x, code).status_code == 400
    assert exchange(x, "guessed").json() == CODE_INVALID


def test_a_plain_challenge_is_compared_as_it_is(x):
    code = new_code(x, code_challenge=VERIFIER, code_challenge_method="plain")

    assert exchange(x, code).status_code == 200


def test_a_missing_parameter_is_named(x):
    answer = exchange(x, new_code(x), code_verifier=None)

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": "Missing required parameter [code_verifier].",
    }


@pytest.mark.parametrize("client", [None, (CLIENT[0], "wrong"), (CLIENT[0], CLIENT[1] + "\n")])
def test_without_the_right_secret_the_client_is_not_authorized(x, client):
    answer = token_call(x, client, grant_type="refresh_token", refresh_token="r", client_id=CLIENT[0])

    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED_CLIENT)


def test_an_unknown_client_is_invalid(x):
    answer = token_call(x, ("nobody", "secret"), grant_type="refresh_token", refresh_token="r")

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_public_client_names_itself_and_a_confidential_one_has_exact_addresses(x):
    apps = [
        {"client_id": "native", "secret": "", "name": "Native", "is_public": True},
        {"client_id": "web", "secret": "s", "name": "Web", "redirect_uris": ["https://inbox.example/callback"]},
    ]
    x.post("settings", {"apps": apps})
    code = new_code(x, client_id="native")

    assert exchange(x, code, client=None, client_id="native").status_code == 200
    assert decide(x, client_id="web", redirect_uri="https://inbox.example/callback").status_code == 302
    assert decide(x, client_id="web", redirect_uri="https://inbox.example/callback/").status_code == 400


def test_without_offline_access_there_is_no_refresh_token(x):
    pair = exchange(x, new_code(x, scope="users.read tweet.read")).json()

    assert "refresh_token" not in pair


def test_an_access_token_ends_after_two_hours_and_a_refresh_brings_a_new_pair(x):
    pair = exchange(x, new_code(x)).json()
    x.post("clock", {"advance": 7200})
    ended = x.api(pair["access_token"], "/2/users/me")
    assert ended.json() == {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}

    fresh = refresh(x, pair["refresh_token"]).json()
    assert fresh["refresh_token"] != pair["refresh_token"]
    assert x.api(fresh["access_token"], "/2/users/me").status_code == 200


def test_a_refresh_token_works_once(x):
    pair = exchange(x, new_code(x)).json()
    fresh = refresh(x, pair["refresh_token"]).json()

    spent = refresh(x, pair["refresh_token"])
    assert (spent.status_code, spent.json()) == (400, TOKEN_INVALID)
    assert refresh(x, fresh["refresh_token"]).status_code == 200


@pytest.mark.parametrize(("ends", "status"), [(False, 200), (True, 401)])
def test_a_refresh_may_end_the_access_token_before(x, ends, status):
    x.post("settings", {"refresh_ends_access": ends})
    pair = exchange(x, new_code(x)).json()
    refresh(x, pair["refresh_token"])

    assert x.api(pair["access_token"], "/2/users/me").status_code == status


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_the_grant(x, kind):
    pair = exchange(x, new_code(x)).json()

    answer = x.api(None, "/2/oauth2/revoke", "POST", data={"token": pair[kind]}, auth=CLIENT)
    assert (answer.status_code, answer.json()) == (200, {"revoked": True})
    assert x.api(pair["access_token"], "/2/users/me").status_code == 401
    assert refresh(x, pair["refresh_token"]).json() == TOKEN_INVALID


def test_a_person_can_revoke_the_app_at_x(x):
    mine, other = x.grant(ADA)["access_token"], x.grant(BEN)["access_token"]
    x.delete(f"grants?user_id={ADA}")

    assert x.api(mine, "/2/users/me").status_code == 401
    assert x.api(other, "/2/users/me").status_code == 200


def test_an_app_only_token_is_given_and_refused_everywhere(x):
    bearer = token_call(x, grant_type="client_credentials").json()["access_token"]
    answer = x.api(bearer, "/2/dm_events")

    assert answer.status_code == 403
    assert answer.json()["title"] == "Unsupported Authentication"
    assert answer.json()["type"].endswith("/unsupported-authentication")


def test_a_grant_without_the_scopes_of_an_endpoint_is_forbidden(x):
    bearer = x.grant(ADA, ["users.read", "tweet.read"])["access_token"]

    refused = x.api(bearer, "/2/dm_events")
    assert refused.status_code == 403
    assert refused.json() == {"title": "Forbidden", "type": "about:blank", "status": 403, "detail": "Forbidden"}
    assert x.api(bearer, "/2/users/me").status_code == 200


@pytest.mark.parametrize(("kind", "is_spent"), [("cut-before", False), ("cut-after", True), ("503", False)])
def test_a_fault_at_the_token_endpoint_comes_before_or_after_its_effect(x, kind, is_spent):
    pair = x.grant(ADA)
    x.post("faults", {"kind": kind, "path": "oauth2/token", "user_id": ADA})
    try:
        lost = refresh(x, pair["refresh_token"])
        assert lost.status_code == 503
    except OSError:
        assert kind.startswith("cut")

    assert (refresh(x, pair["refresh_token"]).status_code == 400) == is_spent
