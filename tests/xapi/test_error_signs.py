"""Every sign of X becomes the error that says what to do next."""

import copy
import pickle
from datetime import UTC, datetime, timedelta

import pytest
import responses

from dminbox.xapi import errors
from dminbox.xapi.client import XClient
from tests.xapi.support import ADA, API, CLEO, CONVERSATION, EVENT, client, payload

READ_URL = f"{API}/2/dm_events"
SEND_URL = f"{API}/2/dm_conversations/{CONVERSATION}/messages"
HTML = "<!DOCTYPE html><html><title>502 Bad Gateway</title></html>"


def read() -> object:
    return client().dm_events()


def send() -> object:
    return client().send_to_conversation(CONVERSATION, "Hello")


def failure(call=read, **answer) -> errors.XError:
    with responses.RequestsMock() as x:
        x.add("GET" if call is read else "POST", READ_URL if call is read else SEND_URL, **answer)
        with pytest.raises(errors.XError) as caught:
            call()
    return caught.value


READS = [
    (400, "error-400-invalid-request", errors.BadRequest),
    (400, "error-400-unknown-parameter", errors.BadRequest),
    (400, "error-400-page-token", errors.BadPageToken),
    (401, "error-401", errors.TokenRefused),
    (402, "error-402-2026-02", errors.NoCredit),
    (402, "error-402-2026-07", errors.NoCredit),
    (403, "error-403", errors.ScopesMissing),
    (403, "error-403-client-not-enrolled", errors.OperatorMustAct),
    (403, "error-403-unsupported-authentication", errors.OperatorMustAct),
    (403, "error-403-oauth1-permissions", errors.OperatorMustAct),
    (404, "error-404", errors.NotThere),
    (429, "error-429", errors.RateLimited),
    (503, "error-503", errors.Unavailable),
    (200, "user-not-found", errors.NotThere),
]
SENDS = [
    (400, "error-400-invalid-request", errors.BadRequest),
    (401, "error-401", errors.TokenRefused),
    (402, "error-402-2026-07", errors.NoCredit),
    (403, "error-403", errors.ScopesMissing),
    (403, "error-403-recipient", errors.RecipientRefuses),
    (403, "error-403-not-permitted", errors.NotPermitted),
    (403, "error-403-oauth1-permissions", errors.OperatorMustAct),
    (404, "error-404", errors.NotThere),
    (429, "error-429", errors.RateLimited),
    (503, "error-503", errors.OutcomeUnknown),
]


@pytest.mark.parametrize(("status", "name", "error"), READS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_sign_on_a_read(status, name, error):
    assert type(failure(read, status=status, json=payload(name))) is error


@pytest.mark.parametrize(("status", "name", "error"), SENDS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_sign_on_a_send(status, name, error):
    assert type(failure(send, status=status, json=payload(name))) is error


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 529])
@pytest.mark.parametrize("body", [HTML, "", '{"title":"Internal'])
def test_x_in_trouble_is_unavailable_on_reads_and_unknown_on_sends(status, body):
    assert type(failure(read, status=status, body=body)) is errors.Unavailable
    assert type(failure(send, status=status, body=body)) is errors.OutcomeUnknown


def test_a_403_page_of_html_is_not_the_word_of_the_api():
    assert type(failure(status=403, body=HTML)) is errors.Unavailable


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, errors.TokenRefused),
        (402, errors.NoCredit),
        (404, errors.NotThere),
        (429, errors.RateLimited),
        (418, errors.BadRequest),
    ],
)
def test_without_a_body_the_status_decides(status, error):
    assert type(failure(status=status, body="")) is error


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304])
def test_a_redirect_is_an_unexpected_answer(status):
    assert type(failure(status=status, headers={"location": "https://elsewhere.example/"})) is errors.UnexpectedAnswer


@pytest.mark.parametrize("body", [HTML, "", "[]", "{}", '{"data": 5}'])
def test_a_200_that_is_no_page_is_unexpected(body):
    assert type(failure(status=200, body=body)) is errors.UnexpectedAnswer


@pytest.mark.parametrize("body", [HTML, "", "{}", '{"data": {}}', '{"data": {"dm_event_id": "x"}}'])
def test_a_201_that_does_not_say_what_was_sent_leaves_the_outcome_unknown(body):
    assert type(failure(send, status=201, body=body)) is errors.OutcomeUnknown


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"parameters": {"pagination_token": ["x"]}, "message": "too old"}], "title": "Invalid Request"},
        {
            "title": "Invalid Request",
            "detail": "The `pagination_token` query parameter value [x] is not a valid token.",
        },
    ],
)
def test_a_bad_page_token_is_known_by_its_parameter_or_by_the_words(body):
    assert type(failure(status=400, json=body)) is errors.BadPageToken


def only(*types: str) -> dict[str, object]:
    return {"errors": [{"type": f"https://api.x.com/2/problems/{name}", "title": "t", "detail": "d"} for name in types]}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (only("resource-not-found", "resource-not-found"), errors.NotThere),
        (only("resource-unavailable"), errors.NotThere),
        (only("not-authorized-for-resource"), errors.NotPermitted),
        (only("resource-not-found", "internal-error"), errors.Unavailable),
        (only("resource-not-found", "not-authorized-for-resource"), errors.NotPermitted),
        (only("invalid-request"), errors.BadRequest),
        (only("credits-depleted"), errors.NoCredit),
        (only("client-forbidden"), errors.OperatorMustAct),
        (only("usage-capped"), errors.RateLimited),
        (only("never-heard-of"), errors.UnexpectedAnswer),
        (
            {"errors": [{"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}]},
            errors.TokenRefused,
        ),
        ({"errors": ["words"]}, errors.UnexpectedAnswer),
        ({**only("resource-not-found"), "meta": {"result_count": 0}}, errors.NotThere),
    ],
)
def test_a_200_with_nothing_but_errors_fails_by_its_type(body, error):
    assert type(failure(status=200, json=body)) is error


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (
            {"errors": [{"code": 349, "message": "You cannot send messages to this user."}]},
            403,
            errors.RecipientRefuses,
        ),
        (
            {"errors": [{"code": 93, "message": "This application is not allowed to access"}]},
            403,
            errors.OperatorMustAct,
        ),
        ({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, 429, errors.RateLimited),
        ({"errors": [{"code": 226, "message": "This request looks automated"}]}, 403, errors.NotPermitted),
        ({"code": 500, "message": "Internal error"}, 500, errors.OutcomeUnknown),
    ],
)
def test_the_old_numbered_form_is_understood_too(body, status, error):
    assert type(failure(send, status=status, json=body)) is error


@pytest.mark.parametrize("host", ["api.twitter.com", "api.x.com"])
def test_the_host_of_a_problem_type_does_not_matter(host):
    body = {"title": "x", "type": f"https://{host}/2/problems/client-forbidden"}
    assert type(failure(status=403, json=body)) is errors.OperatorMustAct


def test_the_operator_is_told_what_to_change():
    hints = {
        name: failure(status=403, json=payload(name)).hint
        for name in (
            "error-403-client-not-enrolled",
            "error-403-unsupported-authentication",
            "error-403-oauth1-permissions",
        )
    }
    assert "pay-per-use package" in hints["error-403-client-not-enrolled"]
    assert "OAuth 2.0" in hints["error-403-unsupported-authentication"]
    assert "permission" in hints["error-403-oauth1-permissions"]


def test_errors_beside_data_are_no_failure():
    with responses.RequestsMock() as x:
        x.add("GET", READ_URL, json=payload("page-with-problems"))
        answer = client().dm_events()
    assert len(answer.value.events) == 1
    assert [problem.type for problem in answer.problems] == ["not-authorized-for-resource"]


def test_an_error_keeps_status_body_headers_and_transaction():
    body = payload("error-402-2026-07")
    headers = {"x-transaction-id": "6f38f4836665784c", "x-rate-limit-remaining": "15", "set-cookie": "guest_id=1"}
    error = failure(status=402, json=body, headers=headers)
    assert (error.status, error.body, error.transaction_id) == (402, body, "6f38f4836665784c")
    assert error.endpoint == "GET /2/dm_events"
    assert error.rate_limit.remaining == 15
    assert error.headers["x-rate-limit-remaining"] == "15"
    assert "set-cookie" not in error.headers
    assert error.detail == "credits depleted"


def test_the_particular_words_come_before_the_general_ones():
    assert failure(status=400, json=payload("error-400-page-token")).detail.startswith("The `pagination_token`")


def test_an_error_in_a_log_repeats_none_of_the_words_of_x():
    error = failure(send, status=403, json=payload("error-403-recipient"), headers={"x-transaction-id": "abc"})
    assert str(error) == ("POST /2/dm_conversations/{dm_conversation_id}/messages: 403 Forbidden, x-transaction-id abc")
    assert ADA not in str(error)
    assert CLEO not in str(error)


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_copying_and_pickling(again):
    error = again(failure(status=429, json=payload("error-429"), headers={"x-rate-limit-reset": "1790000000"}))
    assert (type(error), error.status) == (errors.RateLimited, 429)
    assert error.reset_at == datetime.fromtimestamp(1790000000, UTC)


SOON, TOMORROW = "1790000000", "1790080000"


@pytest.mark.parametrize(
    ("headers", "opens"),
    [
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": SOON}, SOON),
        ({"x-rate-limit-reset": SOON}, SOON),
        (
            {
                "x-rate-limit-remaining": "3",
                "x-rate-limit-reset": SOON,
                "x-user-limit-24hour-remaining": "0",
                "x-user-limit-24hour-reset": TOMORROW,
            },
            TOMORROW,
        ),
        (
            {
                "x-rate-limit-remaining": "0",
                "x-rate-limit-reset": SOON,
                "x-app-limit-24hour-remaining": "0",
                "x-app-limit-24hour-reset": TOMORROW,
            },
            TOMORROW,
        ),
    ],
)
def test_a_used_up_window_opens_again_when_the_headers_say(headers, opens):
    error = failure(status=429, json=payload("error-429"), headers=headers)
    assert error.reset_at == datetime.fromtimestamp(int(opens), UTC)


def test_without_a_reset_there_is_none():
    assert failure(status=429, json=payload("error-429")).reset_at is None


def test_retry_after_helps_where_x_gives_nothing_better(time_machine):
    now = datetime(2026, 10, 2, tzinfo=UTC)
    time_machine.move_to(now, tick=False)
    assert failure(status=429, body=HTML, headers={"retry-after": "30"}).reset_at == now + timedelta(seconds=30)


def test_a_delete_of_what_is_gone_is_not_there():
    with responses.RequestsMock() as x:
        x.add("DELETE", f"{API}/2/dm_events/{EVENT}", status=404, json=payload("error-404"))
        with pytest.raises(errors.NotThere):
            client().delete_dm_event(EVENT)


def test_a_lookup_whose_posts_are_all_gone_says_which():
    with responses.RequestsMock() as x:
        body = {"errors": payload("posts-tweet-vocabulary")["errors"]}
        x.add("GET", f"{API}/2/tweets", json=body)
        with pytest.raises(errors.NotThere) as caught:
            client().tweets(["1915000000000000009"])
    assert [problem.resource_id for problem in caught.value.problems] == ["1915000000000000009"]


def test_nothing_is_tried_twice():
    with responses.RequestsMock() as x:
        x.add("GET", READ_URL, status=503)
        x.add("GET", READ_URL, json=payload("page-empty"))
        x.assert_all_requests_are_fired = False
        with pytest.raises(errors.Unavailable):
            XClient("token").dm_events()
        assert len(x.calls) == 1
