"""Refusals and partial errors are X's own bodies, key for key, as the payload folder has them."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.xsim.contract.worlds import ADA, BEN, GONE

pytestmark = pytest.mark.contract

APP = {"client_id": "dminbox-demo", "secret": "dminbox-demo-secret"}
CALLBACK = "http://127.0.0.1:8000/x-accounts/callback/"
VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
SCOPES = "tweet.read users.read dm.read dm.write offline.access"


@pytest.fixture
def ada(small_x):
    return small_x.grant(ADA)["access_token"]


@pytest.mark.parametrize(
    ("fault", "status", "name"),
    [
        ("401", 401, "error-401-about-blank"),
        ("402", 402, "error-402-credits-depleted-2026-07"),
        ("403", 403, "error-403-about-blank"),
        ("403-client-not-enrolled", 403, "error-403-client-not-enrolled"),
        ("403-oauth1", 403, "error-403-oauth1-permissions"),
        ("403-unsupported-auth", 403, "error-403-unsupported-authentication"),
        ("403-dm", 403, "error-403-dm-no-permission"),
        ("403-not-permitted", 403, "error-403-not-permitted"),
        ("429", 429, "error-429-about-blank"),
        ("429-no-reset", 429, "error-429-about-blank"),
    ],
)
def test_a_fault_on_demand_has_the_body_of_the_payload(small_x, ada, payload, fault, status, name):
    small_x.post("faults", {"kind": fault})
    answer = small_x.api(ada, "/2/dm_events")
    assert (answer.status_code, answer.json()) == (status, payload(name))
    assert small_x.api(ada, "/2/dm_events").status_code == 200, "once"


def test_the_older_body_of_an_empty_balance_is_as_reported(small_x, ada):
    """No payload file has it; facts on 402 quote it."""
    small_x.post("faults", {"kind": "402-2026-02"})
    body = small_x.api(ada, "/2/dm_events").json()
    assert body.keys() == {"title", "detail", "type"}
    assert body["title"] == "CreditsDepleted"
    assert body["type"].endswith("/2/problems/credits")
    assert body["detail"].endswith("does not have any credits to fulfill this request.")


def test_a_bearer_nobody_gave_is_unauthorized(small_x, payload):
    for token in (None, "nobody-gave-this"):
        answer = small_x.api(token, "/2/dm_events")
        assert (answer.status_code, answer.json()) == (401, payload("error-401-about-blank"))


def test_a_token_without_the_dm_scopes_is_forbidden(small_x, payload):
    token = small_x.grant(ADA, ["tweet.read", "users.read"])["access_token"]
    answer = small_x.api(token, "/2/dm_events")
    assert (answer.status_code, answer.json()) == (403, payload("error-403-about-blank"))


def test_a_window_that_is_used_up(small_x, ada, payload):
    small_x.post("settings", {"dm_get_limit": 1})
    assert small_x.api(ada, "/2/dm_events").status_code == 200
    answer = small_x.api(ada, "/2/dm_events")
    assert (answer.status_code, answer.json()) == (429, payload("error-429-about-blank"))
    assert answer.headers["x-rate-limit-remaining"] == "0"


def test_a_balance_that_is_used_up(small_x, ada, payload):
    small_x.post("settings", {"credit_usd": 0.0})
    answer = small_x.api(ada, "/2/dm_events")
    assert (answer.status_code, answer.json()) == (402, payload("error-402-credits-depleted-2026-07"))


def test_a_recipient_who_takes_no_messages(small_x, ada, payload):
    small_x.post("people", [{"id": "55", "username": "hush", "name": "Hush", "accepts_messages": False}])
    answer = small_x.api(ada, "/2/dm_conversations/with/55/messages", "POST", json={"text": "Hello"})
    assert (answer.status_code, answer.json()) == (403, payload("error-403-dm-no-permission"))


def test_a_conversation_one_is_not_in(small_x, payload):
    group = next(one["id"] for one in small_x.world["conversations"] if one.get("is_group"))
    small_x.post("people", [{"id": "56", "username": "stranger", "name": "Stranger"}])
    stranger = small_x.grant("56")["access_token"]
    answer = small_x.api(stranger, f"/2/dm_conversations/{group}/messages", "POST", json={"text": "Hello"})
    assert (answer.status_code, answer.json()) == (403, payload("error-403-not-permitted"))


def test_a_page_token_that_is_none(small_x, ada, payload):
    answer = small_x.api(ada, "/2/dm_events", params={"pagination_token": "meta.next_token"})
    assert (answer.status_code, answer.json()) == (400, payload("error-400-pagination-token"))


def test_a_parameter_nobody_knows_when_unknown_ones_are_refused(small_x, ada, payload):
    """Recorded at another endpoint, which takes other parameters: the list at the end of the message is our own."""
    recorded = payload("error-400-unknown-query-parameter-2025-08")
    value = recorded["errors"][0]["parameters"]["previous_token"][0]
    small_x.post("settings", {"lenient": False})
    answer = small_x.api(ada, "/2/dm_events", params={"previous_token": value})
    assert answer.status_code == 400
    body = answer.json()
    said, recorded_said = body["errors"][0].pop("message"), recorded["errors"][0].pop("message")
    assert body == recorded
    assert said.partition(" is not one of [")[0] == recorded_said.partition(" is not one of [")[0]
    assert "pagination_token" in said


def test_the_bare_form_of_400_belongs_to_another_endpoint(small_x, ada, payload):
    """The sample of the docs is of the search, without the `errors` that the wire has around it: its keys remain."""
    sample = payload("error-400-invalid-request-docs")
    body = small_x.api(ada, "/2/dm_events", params={"max_results": "0"}).json()
    assert body.keys() - {"errors"} == sample.keys()
    assert body["title"] == sample["title"]
    assert body["type"].rpartition("/")[2] == sample["type"].rpartition("/")[2]


def test_a_suspended_user_is_a_partial_error(small_x, ada, payload):
    recorded = payload("error-partial-user-suspended")
    user_id = recorded["errors"][0]["resource_id"]
    small_x.post("people", [{"id": user_id, "username": "gone_too", "name": "Gone", "is_suspended": True}])
    answer = small_x.api(ada, "/2/users", params={"ids": user_id})
    assert (answer.status_code, answer.json()) == (200, recorded)
    assert small_x.api(ada, "/2/users", params={"ids": f"{ADA},{GONE}"}).json().keys() == {"data", "errors"}


def test_a_username_nobody_has(small_x, ada, payload):
    answer = small_x.api(ada, "/2/users/by/username/adfldfddddd")
    assert (answer.status_code, answer.json()) == (200, payload("error-user-not-found"))


def test_a_post_that_is_missing_beside_one_that_is_there(small_x, ada, payload):
    """The sample of the docs, in the words of the newer contract (its host is api.x.com)."""
    sample = payload("error-partial-tweet-not-found-200")
    post = {"id": "123", "author_id": BEN, "text": "Hello", "created_at": "2026-08-01T00:00:00Z"}
    small_x.post("posts", [post])
    answer = small_x.api(ada, "/2/tweets", params={"ids": "123,456", "post.fields": "id,text"})
    assert (answer.status_code, answer.json()) == (200, sample)


@pytest.fixture
def oauth(small_x):
    """The token endpoint: form in, answer out; Basic unless told otherwise."""

    def call(basic=(APP["client_id"], APP["secret"]), **form):
        return small_x.api(None, "/2/oauth2/token", "POST", data=form, auth=basic)

    return call


@pytest.fixture
def code(small_x):
    """A fresh authorization code of Ada's."""
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    params = {
        "response_type": "code", "client_id": APP["client_id"], "redirect_uri": CALLBACK, "scope": SCOPES,
        "state": "s", "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    answer = small_x.api(
        None, "/i/oauth2/authorize", "POST", data={**params, "user_id": ADA, "decision": "allow"}, params=params
    )
    assert answer.status_code in (302, 303), answer.text
    return answer.headers["location"].partition("code=")[2].partition("&")[0]


def exchange(oauth, code, **more):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return oauth(**{name: value for name, value in (form | more).items() if value is not None})


def test_a_code_is_exchanged_once(oauth, code, payload):
    answer = exchange(oauth, code)
    recorded = payload("oauth-token-200")
    body = answer.json()
    assert (answer.status_code, body.keys()) == (200, recorded.keys())
    assert (body["token_type"], body["expires_in"]) == (recorded["token_type"], recorded["expires_in"])
    assert set(body["scope"].split()) == set(SCOPES.split()) == set(recorded["scope"].split())
    again = exchange(oauth, code)
    assert (again.status_code, again.json()) == (400, payload("oauth-error-400-code-invalid"))


def test_a_code_that_came_too_late_or_with_another_verifier(small_x, oauth, code, payload):
    wrong = exchange(oauth, code, code_verifier="x" * 50)
    assert (wrong.status_code, wrong.json()) == (400, payload("oauth-error-400-code-invalid"))
    small_x.post("clock", {"advance": 31})
    late = exchange(oauth, code)
    assert (late.status_code, late.json()) == (400, payload("oauth-error-400-code-invalid"))


def test_a_code_without_its_verifier(oauth, code, payload):
    answer = exchange(oauth, code, code_verifier=None)
    assert (answer.status_code, answer.json()) == (400, payload("oauth-error-400-missing-verifier"))


def test_a_spent_refresh_token(small_x, oauth, payload):
    spent = small_x.grant(ADA)["refresh_token"]
    assert oauth(grant_type="refresh_token", refresh_token=spent).json().keys() == payload("oauth-token-200").keys()
    answer = oauth(grant_type="refresh_token", refresh_token=spent)
    assert (answer.status_code, answer.json()) == (400, payload("oauth-error-400-token-invalid"))


@pytest.mark.parametrize("basic", [None, (APP["client_id"], "wrong")], ids=["no Basic", "a wrong secret"])
def test_a_client_that_does_not_prove_itself(small_x, oauth, payload, basic):
    refresh_token = small_x.grant(ADA)["refresh_token"]
    answer = oauth(basic=basic, grant_type="refresh_token", refresh_token=refresh_token)
    assert (answer.status_code, answer.json()) == (401, payload("oauth-error-401-unauthorized-client"))
