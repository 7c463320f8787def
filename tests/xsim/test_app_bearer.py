"""The app's own bearer: who gets it, and which endpoints take it."""

import pytest

from tests.xsim.conftest import ADA

KEY, SECRET = "dminbox-demo-key", "dminbox-demo-consumer-secret"
FORM = {"grant_type": "client_credentials"}


def ask(x, form=FORM, pair=(KEY, SECRET)):
    return x.api(None, "/oauth2/token", "POST", data=form, auth=pair)


def test_key_and_secret_give_the_same_bearer_each_time(x):
    first = ask(x)

    assert first.status_code == 200
    assert first.json().keys() == {"token_type", "access_token"}
    assert first.json()["token_type"] == "bearer"
    assert first.json()["access_token"].startswith("AAAAAAAAAAAAAAAAAAAAAA")
    assert ask(x).json() == first.json()


@pytest.mark.parametrize("pair", [(KEY, "wrong"), ("wrong", SECRET), ("dminbox-demo", "dminbox-demo-secret"), None])
def test_anything_else_is_refused_in_the_words_of_the_older_api(x, pair):
    answer = ask(x, pair=pair)

    assert answer.status_code == 403
    (error,) = answer.json()["errors"]
    assert error == {"code": 99, "message": "Unable to verify your credentials", "label": "authenticity_token_error"}


@pytest.mark.parametrize(("form", "code"), [({}, 170), ({"grant_type": "password"}, 171)])
def test_the_grant_type_must_be_named_and_right(x, form, code):
    answer = ask(x, form=form)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, code)


def test_a_header_that_is_no_basic_is_refused(x):
    for said in ("Basic ?", "Bearer x", f"Basic {KEY}"):
        assert x.api(None, "/oauth2/token", "POST", data=FORM, headers={"authorization": said}).status_code == 403


def test_the_app_lists_subscriptions_and_a_user_does_not(x, ada):
    assert x.api(x.app_token(), "/2/activity/subscriptions").status_code == 200
    refused = x.api(ada, "/2/activity/subscriptions")

    assert refused.status_code == 403
    assert refused.json()["title"] == "Unsupported Authentication"
    assert refused.json()["detail"].endswith("[OAuth 2.0 Application-Only].")


def test_no_dm_endpoint_takes_it(x):
    answer = x.api(x.app_token(), "/2/dm_events")

    assert answer.status_code == 403
    assert answer.json()["type"].endswith("/2/problems/unsupported-authentication")


def test_the_newer_token_endpoint_gives_a_token_that_nobody_takes(x):
    answer = x.api(None, "/2/oauth2/token", "POST", data=FORM, auth=("dminbox-demo", "dminbox-demo-secret"))

    assert answer.status_code == 200
    for path in ("/2/dm_events", "/2/activity/stream", "/2/activity/subscriptions", "/2/webhooks"):
        refused = x.api(answer.json()["access_token"], path)
        assert refused.status_code == 403
        assert refused.json()["title"] == "Unsupported Authentication"


def test_another_secret_ends_the_bearer_and_so_does_a_word(x):
    first = x.app_token()
    x.delete("app_bearer")
    assert x.api(first, "/2/webhooks").status_code == 401

    second = x.app_token()
    assert second != first
    x.post("settings", {"consumer_secret": "another"})
    assert x.api(second, "/2/webhooks").status_code == 401
    assert ask(x).status_code == 403
    assert ask(x, pair=(KEY, "another")).status_code == 200


def test_faults_reach_the_token_endpoint(x):
    x.post("faults", {"kind": "503", "path": "^/oauth2/token$"})

    assert ask(x).status_code == 503
    assert ask(x).status_code == 200


def test_requests_are_noted_without_a_user(x):
    token = x.app_token()
    x.delete("requests")
    x.api(token, "/2/activity/subscriptions")
    (noted,) = x.get("requests")

    assert (noted["path"], noted["user_id"], noted["status"]) == ("/2/activity/subscriptions", None, 200)
    assert x.get("grants") == []
    x.grant(ADA)
    assert x.api(token, "/2/webhooks").status_code == 200
