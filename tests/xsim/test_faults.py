"""Faults on demand, before and after the effect of a call."""

import time

import pytest
import requests

from tests.xsim.conftest import ADA, BEN, say, texts

SEND = f"/2/dm_conversations/with/{BEN}/messages"
ABOUT_BLANK = {"title", "detail", "type", "status"}


@pytest.mark.parametrize(
    ("kind", "status", "keys", "words"),
    [
        ("401", 401, ABOUT_BLANK, "Unauthorized"),
        ("402", 402, ABOUT_BLANK, "credits depleted"),
        ("402-2026-02", 402, {"title", "detail", "type"}, "does not have any credits to fulfill this request."),
        ("403", 403, ABOUT_BLANK, "Forbidden"),
        (
            "403-client-not-enrolled",
            403,
            {"client_id", "detail", "registration_url", "title", "required_enrollment", "reason", "type"},
            "attached to a Project",
        ),
        ("403-oauth1", 403, ABOUT_BLANK, "oauth1 app permissions"),
        ("403-unsupported-auth", 403, ABOUT_BLANK, "Application-Only is forbidden"),
        ("403-dm", 403, ABOUT_BLANK, "do not have permission to DM"),
        ("403-not-permitted", 403, ABOUT_BLANK, "This operation is not permitted."),
        ("404", 404, ABOUT_BLANK, "Not Found"),
        ("429", 429, ABOUT_BLANK, "Too Many Requests"),
        ("429-no-reset", 429, ABOUT_BLANK, "Too Many Requests"),
        ("503", 503, ABOUT_BLANK, "Service Unavailable"),
    ],
)
def test_a_fault_answers_once_in_the_words_of_x_and_leaves_no_effect(x, ada, kind, status, keys, words):
    x.post("faults", {"kind": kind})
    answer = x.api(ada, SEND, "POST", json={"text": "hi"})

    assert answer.status_code == status
    assert answer.json().keys() == keys
    assert words in answer.json()["detail"]
    assert texts(x.api(ada, "/2/dm_events")) == []


def test_a_429_says_when_to_come_back_or_does_not(x, ada):
    x.post("faults", [{"kind": "429"}, {"kind": "429-no-reset"}])
    with_reset, without = x.api(ada, "/2/dm_events"), x.api(ada, "/2/dm_events")

    assert with_reset.headers["x-rate-limit-remaining"] == "0"
    assert with_reset.headers["x-rate-limit-reset"] == "1793535300"
    assert not [name for name in without.headers if name.startswith("x-rate-limit")]


def test_an_error_of_a_server_may_be_html_or_nothing(x, ada):
    x.post("faults", [{"kind": "500-html"}, {"kind": "503-empty"}])
    html, empty = x.api(ada, "/2/dm_events"), x.api(ada, "/2/dm_events")

    assert html.status_code == 500
    assert html.headers["content-type"].startswith("text/html")
    assert html.text.startswith("<html>")
    assert (empty.status_code, empty.content) == (503, b"")


@pytest.mark.parametrize(("kind", "effect"), [("cut-before", []), ("cut-after", ["hi"])])
def test_a_cut_connection_comes_before_or_after_the_effect(x, ada, kind, effect):
    x.post("faults", {"kind": kind})
    with pytest.raises(requests.ConnectionError):
        x.api(ada, SEND, "POST", json={"text": "hi"})

    assert texts(x.api(ada, "/2/dm_events")) == effect
    sent = x.get("requests")[0]
    assert (sent["method"], sent["path"], sent["user_id"], sent["status"]) == ("POST", SEND, ADA, None)


def test_a_slow_answer_is_an_answer(x, ada):
    x.post("faults", {"kind": "slow", "seconds": 0.3})
    started = time.monotonic()

    assert x.api(ada, "/2/dm_events").status_code == 200
    assert time.monotonic() - started >= 0.3


def test_partial_errors_stand_beside_the_data(x, ada):
    say(x, BEN, "hi")
    error = {"title": "Not Found Error", "type": "https://api.twitter.com/2/problems/resource-not-found"}
    x.post("faults", {"kind": "partial-errors", "errors": [error]})
    answer = x.api(ada, "/2/dm_events")

    assert texts(answer) == ["hi"]
    assert answer.json()["errors"] == [error]


def test_any_body_can_be_put_in_place_of_an_answer(x, ada):
    x.post("faults", {"kind": "body", "status": 200, "body": {"data": "odd"}, "headers": {"x-odd": "1"}})
    x.post("faults", {"kind": "body", "status": 200, "body": '{"data": ['})
    odd, broken = x.api(ada, "/2/dm_events"), x.api(ada, "/2/dm_events")

    assert (odd.json(), odd.headers["x-odd"]) == ({"data": "odd"}, "1")
    assert broken.text == '{"data": ['


def test_a_fault_waits_for_the_calls_it_fits(x, ada, ben):
    x.post("faults", {"kind": "503", "method": "GET", "path": "/dm_events$", "user_id": ADA, "skip": 1, "times": 2})

    assert x.api(ben, "/2/dm_events").status_code == 200
    assert x.api(ada, "/2/users/me").status_code == 200
    assert [x.api(ada, "/2/dm_events").status_code for _ in range(4)] == [200, 503, 503, 200]
    assert x.get("faults") == []


def test_faults_can_stay_and_be_taken_away(x, ada):
    x.post("faults", {"kind": "503", "times": -1})
    assert [x.api(ada, "/2/users/me").status_code for _ in range(3)] == [503] * 3
    x.delete("faults")

    assert x.api(ada, "/2/users/me").status_code == 200


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("times", "2", "a whole number other than 0"),
        ("times", 0, "a whole number other than 0"),
        ("times", 1.5, "a whole number other than 0"),
        ("times", True, "a whole number other than 0"),
        ("times", None, "a whole number other than 0"),
        ("skip", -1, "a whole number from 0 on"),
        ("seconds", "1", "a number from 0 on"),
        ("seconds", -1, "a number from 0 on"),
        ("status", 99, "a status from 200 to 599"),
        ("status", "200", "a status from 200 to 599"),
        ("errors", {}, "a list of objects"),
        ("errors", ["x"], "a list of objects"),
        ("headers", {"x": 1}, "an object of texts"),
        ("headers", [], "an object of texts"),
        ("method", 1, "a text"),
        ("path", ["/2"], "a text"),
        ("user_id", 44, "a text"),
    ],
)
def test_a_fault_of_a_wrong_shape_is_refused_with_a_sentence(x, member, value, words):
    answer = x.api(None, "/_sim/faults", "POST", json={"kind": "503", member: value})

    assert answer.status_code == 400
    assert f"{member} of a fault is {words}, not" in answer.json()["error"]
    assert x.get("faults") == []


@pytest.mark.parametrize("fault", [{"kind": "418"}, {"kind": "503", "path": "("}, {"kind": "503", "colour": "red"}, {}])
def test_a_fault_that_is_none_is_refused(x, fault):
    assert x.api(None, "/_sim/faults", "POST", json=fault).status_code == 400
