"""What the app asks X for by itself, and what it makes of every form of answer; subscriptions and X Chat of a user."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from dminbox.xapi import errors
from dminbox.xapi.app import XApp
from dminbox.xapi.schema import ReplayJob, Subscription, Webhook
from tests.xapi.support import ADA, API, CLEO, CONVERSATION, client, payload

KEY, SECRET = "nordlicht-key", "nordlicht-consumer-secret"
BEARER = payload("app-bearer")["access_token"]
BEARERS = f"{API}/oauth2/token"
SUBSCRIPTIONS = f"{API}/2/activity/subscriptions"
WEBHOOKS = f"{API}/2/webhooks"
SUBSCRIPTION = "2080000000000000401"
WEBHOOK = "2080000000000000301"


@pytest.fixture
def x():
    with responses.RequestsMock() as mock:
        mock.add("POST", BEARERS, json=payload("app-bearer"))
        yield mock


@pytest.fixture
def app():
    with XApp(KEY, SECRET) as made:
        yield made


def body_of(x, index=-1):
    return json.loads(x.calls[index].request.body)


def query_of(x, index=-1):
    return {name: value for name, (value,) in parse_qs(urlsplit(x.calls[index].request.url).query).items()}


def test_the_bearer_is_asked_for_once_with_key_and_secret(x, app):
    assert (app.bearer(), app.bearer()) == (BEARER, BEARER)
    (call,) = x.calls
    assert call.request.headers["Authorization"] == "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert call.request.body == "grant_type=client_credentials"


def test_calls_carry_the_bearer(x, app):
    x.add("GET", WEBHOOKS, json={"meta": {"result_count": 0}})
    app.webhooks()
    app.webhooks()
    assert [call.request.headers["Authorization"] for call in x.calls[1:]] == [f"Bearer {BEARER}"] * 2


def test_the_bearer_may_come_from_another_address():
    with responses.RequestsMock() as x, XApp(KEY, SECRET, token_url="https://api.twitter.com/oauth2/token") as app:
        x.add("POST", "https://api.twitter.com/oauth2/token", json=payload("app-bearer"))
        assert app.bearer() == BEARER


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 403, "json": payload("app-bearer-refused")}, errors.OperatorMustAct),
        ({"status": 401, "json": payload("error-401")}, errors.OperatorMustAct),
        ({"status": 429, "json": payload("error-429")}, errors.RateLimited),
        ({"status": 503, "body": "<html>"}, errors.Unavailable),
        ({"status": 200, "json": {"token_type": "bearer"}}, errors.UnexpectedAnswer),
        ({"status": 200, "json": {"access_token": "two words"}}, errors.UnexpectedAnswer),
        ({"status": 200, "body": "access_token=x"}, errors.UnexpectedAnswer),
    ],
)
def test_a_bearer_that_is_not_given_says_what_to_do(app, answer, error):
    with responses.RequestsMock() as x:
        x.add("POST", BEARERS, **answer)
        with pytest.raises(errors.XError) as caught:
            app.subscriptions()
    assert type(caught.value) is error
    if error is errors.OperatorMustAct:
        assert "X_CONSUMER_KEY" in caught.value.hint


def test_a_bearer_that_died_is_asked_for_once_more_and_the_call_repeated(x, app):
    app.bearer()
    x.add("GET", WEBHOOKS, status=401, json=payload("error-401"))
    x.add("POST", BEARERS, json={"token_type": "bearer", "access_token": "the-new-one"})
    x.add("GET", WEBHOOKS, json=payload("webhooks"))
    assert len(app.webhooks()) == 1
    assert x.calls[-1].request.headers["Authorization"] == "Bearer the-new-one"


def test_a_new_bearer_that_is_refused_too_is_the_operators_to_mend(x, app):
    x.add("GET", WEBHOOKS, status=401, json=payload("error-401"))
    with pytest.raises(errors.OperatorMustAct):
        app.webhooks()
    assert [call.request.method for call in x.calls] == ["POST", "GET", "POST", "GET"]


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", "")])
def test_without_key_and_secret_there_is_no_app(key, secret):
    with pytest.raises(ValueError):
        XApp(key, secret)


def test_http_is_taken_where_it_is_allowed_alone():
    with pytest.raises(ValueError, match="https"):
        XApp("k", "s", api_url="http://127.0.0.1:1")
    with pytest.raises(ValueError, match="https"):
        XApp("k", "s", token_url="http://127.0.0.1:1/oauth2/token").bearer()
    assert XApp("k", "s", api_url="http://127.0.0.1:1", allow_http=True)


def test_who_keeps_books_hears_of_every_call(x):
    heard = []
    x.add("GET", WEBHOOKS, body=requests.ConnectionError())
    x.add("GET", WEBHOOKS, json=payload("webhooks"), headers={"x-rate-limit-remaining": "7"})
    x.add("GET", SUBSCRIPTIONS, status=503)
    with XApp(KEY, SECRET, heard=heard.append) as app:
        with pytest.raises(errors.Unavailable):
            app.webhooks()
        app.webhooks()
        with pytest.raises(errors.Unavailable):
            app.subscriptions()
    assert [(call.endpoint, call.status) for call in heard] == [
        ("POST /oauth2/token", 200),
        ("GET /2/webhooks", None),
        ("GET /2/webhooks", 200),
        ("GET /2/activity/subscriptions", 503),
    ]
    assert heard[2].rate_limit.remaining == 7


OURS = Subscription(SUBSCRIPTION, "dm.received", ADA, "dminbox")


def same(made, expected=OURS):
    return (made.id, made.event_type, made.user_id, made.tag) == (
        expected.id,
        expected.event_type,
        expected.user_id,
        expected.tag,
    )


def subscribe_as_user(x):
    return client().create_subscription("dm.received", ADA, tag="dminbox").value


def subscribe_as_app(x):
    with XApp(KEY, SECRET) as app:
        return app.create_subscription("dm.received", ADA, tag="dminbox")


BOTH = pytest.mark.parametrize("subscribe", [subscribe_as_user, subscribe_as_app])


@pytest.fixture
def lenient_x():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add("POST", BEARERS, json=payload("app-bearer"))
        yield mock


@BOTH
@pytest.mark.parametrize("form", ["nested", "flat", "list"])
@pytest.mark.parametrize("status", [200, 201])
def test_a_new_subscription_is_read_in_every_form(lenient_x, subscribe, form, status):
    lenient_x.add("POST", SUBSCRIPTIONS, json=payload(f"subscription-{form}"), status=status)
    assert same(subscribe(lenient_x))
    assert body_of(lenient_x) == {"event_type": "dm.received", "filter": {"user_id": ADA}, "tag": "dminbox"}


@BOTH
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 204},
        {"status": 200, "body": b""},
        {"status": 200, "json": {}},
        {"status": 200, "json": {"data": {}}},
        {"status": 200, "json": {"data": [], "meta": {"total_subscriptions": 3}}},
        {"status": 400, "json": payload("subscription-duplicate")},
        {"status": 409, "json": {"detail": "DuplicateSubscription"}},
    ],
)
def test_an_answer_that_tells_nothing_and_a_duplicate_are_fine(lenient_x, subscribe, answer):
    lenient_x.add("POST", SUBSCRIPTIONS, **answer)
    assert subscribe(lenient_x) is None


@BOTH
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 200, "body": "<html>"}, errors.OutcomeUnknown),
        ({"status": 200, "json": {"data": {"subscription": {"subscription_id": 1.5}}}}, errors.OutcomeUnknown),
        ({"status": 200, "json": {"data": "yes"}}, errors.OutcomeUnknown),
        ({"status": 503, "json": payload("error-503")}, errors.OutcomeUnknown),
        ({"status": 400, "json": payload("error-400-invalid-request")}, errors.BadRequest),
        ({"status": 402, "json": payload("error-402-2026-07")}, errors.NoCredit),
        ({"status": 429, "json": payload("error-429")}, errors.RateLimited),
        ({"status": 403, "json": {"detail": "SubscriptionLimitExceeded", "status": 403}}, errors.SubscriptionCap),
        ({"status": 400, "json": {"errors": [{"message": "Too many subscriptions."}]}}, errors.SubscriptionCap),
        (
            {"status": 403, "json": {"type": "about:blank", "detail": "Maximum number of subscriptions reached."}},
            errors.SubscriptionCap,
        ),
    ],
)
def test_a_subscription_that_is_not_made_says_what_to_do(lenient_x, subscribe, answer, error):
    lenient_x.add("POST", SUBSCRIPTIONS, **answer)
    with pytest.raises(errors.XError) as caught:
        subscribe(lenient_x)
    assert type(caught.value) is error


def test_a_user_without_the_right_is_told_apart_from_an_app_without_it(lenient_x):
    lenient_x.add("POST", SUBSCRIPTIONS, status=403, json=payload("error-403"))
    with pytest.raises(errors.ScopesMissing):
        subscribe_as_user(lenient_x)
    with pytest.raises(errors.OperatorMustAct):
        subscribe_as_app(lenient_x)


def test_the_words_for_a_cap_mean_it_for_subscriptions_alone():
    url = f"{API}/2/dm_conversations/{CONVERSATION}/messages"
    with responses.RequestsMock() as x:
        x.add("POST", url, status=403, json={"detail": "Beyond the limit of your subscription."})
        with pytest.raises(errors.NotPermitted):
            client().send_to_conversation(CONVERSATION, "Hello")


def test_a_revocation_is_subscribed_to_without_a_user_and_to_a_webhook(x, app):
    x.add("POST", SUBSCRIPTIONS, json=payload("subscription-nested"))
    app.create_subscription("oauth.revoke", tag="dminbox", webhook_id=WEBHOOK)
    assert body_of(x) == {"event_type": "oauth.revoke", "filter": {}, "tag": "dminbox", "webhook_id": WEBHOOK}


@pytest.mark.parametrize("tag", ["", "x" * 201])
def test_a_tag_has_the_length_x_allows(tag):
    with pytest.raises(ValueError, match="tag"):
        client().create_subscription("dm.read", ADA, tag=tag)


def test_subscriptions_are_listed_to_the_end(x, app):
    first, second = payload("subscriptions"), payload("subscription-list")
    second["data"][0] = {**second["data"][0], "subscription_id": "3", "event_type": "dm.sent"}
    x.add("GET", SUBSCRIPTIONS, json={**first, "meta": {"next_token": "18LAA5G1V9DLILOG"}})
    x.add("GET", SUBSCRIPTIONS, json=second)
    listed = app.subscriptions()
    assert [(one.event_type, one.user_id) for one in listed] == [
        ("dm.received", ADA),
        ("oauth.revoke", None),
        ("dm.sent", ADA),
    ]
    assert (listed[1].webhook_id, listed[1].raw) == (WEBHOOK, first["data"][1])
    assert (query_of(x, -2), query_of(x)["pagination_token"]) == ({"max_results": "1000"}, "18LAA5G1V9DLILOG")


def test_a_token_that_repeats_ends_the_list(x, app):
    x.add("GET", SUBSCRIPTIONS, json={**payload("subscriptions"), "meta": {"next_token": "18LAA5G1V9DLILOG"}})
    assert len(app.subscriptions()) == 2
    assert len(x.calls) == 3


@pytest.mark.parametrize("body", [{}, {"meta": {"result_count": 0}}, {"data": []}, {"data": [5, {"tag": "x"}]}])
def test_no_subscriptions_are_no_error(x, app, body):
    x.add("GET", SUBSCRIPTIONS, json=body)
    assert app.subscriptions() == ()


@pytest.mark.parametrize("answer", [{"json": payload("subscription-deleted")}, {"status": 204}])
def test_a_subscription_is_ended_by_its_id(x, app, answer):
    x.add("DELETE", f"{SUBSCRIPTIONS}/{SUBSCRIPTION}", **answer)
    app.delete_subscription(SUBSCRIPTION)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 404, "json": payload("error-404")}, errors.NotThere),
        ({"status": 200, "json": {"data": {"deleted": False}}}, errors.OutcomeUnknown),
        ({"status": 502, "body": "<html>"}, errors.OutcomeUnknown),
    ],
)
def test_a_subscription_that_is_not_ended_says_so(x, app, answer, error):
    x.add("DELETE", f"{SUBSCRIPTIONS}/{SUBSCRIPTION}", **answer)
    with pytest.raises(error) as caught:
        app.delete_subscription(SUBSCRIPTION)
    assert caught.value.endpoint == "DELETE /2/activity/subscriptions/{subscription_id}"


@pytest.mark.parametrize("odd", ["", "../webhooks", "1?x=1", "a b"])
def test_no_id_climbs_out_of_its_path(app, odd):
    for call in (app.delete_subscription, app.delete_webhook, app.revalidate_webhook):
        with pytest.raises(ValueError):
            call(odd)


def test_webhooks_are_registered_and_listed(x, app):
    x.add("POST", WEBHOOKS, json=payload("webhook"))
    x.add("GET", WEBHOOKS, json=payload("webhooks"))
    address = "https://inbox.nordlicht.example/x/webhook/"
    at = datetime(2026, 7, 23, 21, 39, tzinfo=UTC)
    made = app.register_webhook(address)
    assert body_of(x, 1) == {"url": address}
    assert made == Webhook(WEBHOOK, address, is_valid=True, created_at=at, raw=payload("webhook")["data"])
    (listed,) = app.webhooks()
    assert (listed.id, listed.is_valid) == (WEBHOOK, False)
    assert address not in repr(made)


def test_a_webhook_is_checked_again_ended_and_made_up_for(x, app):
    x.add("PUT", f"{WEBHOOKS}/{WEBHOOK}", json={"data": {"valid": True}})
    x.add("DELETE", f"{WEBHOOKS}/{WEBHOOK}", json={"data": {"deleted": True}})
    x.add("POST", f"{WEBHOOKS}/replay", json=payload("webhook-replay-job"))
    assert app.revalidate_webhook(WEBHOOK) is True
    app.delete_webhook(WEBHOOK)
    start = datetime(2026, 7, 23, 23, 30, tzinfo=timezone(timedelta(hours=2)))
    job = app.replay_webhook(WEBHOOK, start, start + timedelta(minutes=20))
    assert body_of(x) == {"webhook_id": WEBHOOK, "from_date": "202607232130", "to_date": "202607232150"}
    assert job == ReplayJob("2080000000000000302", datetime(2026, 7, 23, 21, 50, tzinfo=UTC))


def test_the_older_answers_about_webhooks_are_read_too(x, app):
    x.add("POST", WEBHOOKS, json=payload("webhook")["data"])
    x.add("PUT", f"{WEBHOOKS}/{WEBHOOK}", json={"data": {"attempted": True}})
    x.add("POST", f"{WEBHOOKS}/replay", json=payload("webhook-replay-job")["data"])
    assert app.register_webhook("https://inbox.nordlicht.example/x/webhook/").id == WEBHOOK
    assert app.revalidate_webhook(WEBHOOK) is True
    assert app.replay_webhook(WEBHOOK, datetime.now(UTC), datetime.now(UTC)).id == "2080000000000000302"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("CrcValidationFailed", errors.OperatorMustAct),
        ("UrlValidationFailed", errors.OperatorMustAct),
        ("WebhookLimitExceeded", errors.OperatorMustAct),
        ("DuplicateUrlFailed", errors.BadRequest),
        ("WebhookIdInvalid", errors.NotThere),
    ],
)
def test_a_webhook_that_is_refused_says_what_to_do(x, app, name, error):
    body = json.loads(json.dumps(payload("webhook-crc-failed")).replace("CrcValidationFailed", name))
    x.add("POST", WEBHOOKS, status=400, json=body)
    with pytest.raises(error) as caught:
        app.register_webhook("https://inbox.nordlicht.example/x/webhook/")
    assert name in caught.value.detail
    if error is errors.OperatorMustAct:
        assert "webhook" in caught.value.hint


@pytest.mark.parametrize(
    ("call", "method", "path"),
    [
        (lambda app: app.register_webhook("https://a.example/"), "POST", ""),
        (lambda app: app.revalidate_webhook(WEBHOOK), "PUT", f"/{WEBHOOK}"),
        (lambda app: app.replay_webhook(WEBHOOK, datetime.now(UTC), datetime.now(UTC)), "POST", "/replay"),
    ],
)
def test_an_answer_that_says_nothing_leaves_the_outcome_unknown(x, app, call, method, path):
    x.add(method, WEBHOOKS + path, json={"data": {"odd": 1}})
    with pytest.raises(errors.OutcomeUnknown):
        call(app)


CHATS = f"{API}/2/chat/conversations"


def test_encrypted_conversations_are_listed_without_people_unless_they_are_wanted():
    with responses.RequestsMock() as x:
        x.add("GET", CHATS, json=payload("chat-conversations"))
        answer = client().chat_conversations(max_results=50, pagination_token="7140dibdnow9c7btw4")
        query = query_of(x)
        assert (query["max_results"], query["pagination_token"]) == ("50", "7140dibdnow9c7btw4")
        assert "expansions" not in query
        client().chat_conversations(expand_users=True)
        assert query_of(x)["expansions"] == "participant_ids,member_ids,admin_ids"
    one, group = answer.value.conversations
    assert (one.id, one.updated_at) == (CONVERSATION, datetime(2026, 7, 23, 21, 13, 3, tzinfo=UTC))
    assert (group.id, group.raw["group_name"]) == ("g2080000000000000555", "Lamp collectors")
    assert answer.value.next_token == "7140dibdnow9c7btw4"
    assert answer.billed.user_ids == (CLEO,)
    assert answer.billed.events == 0
    assert "Lamp collectors" not in repr(answer)


@pytest.mark.parametrize(
    ("body", "count", "odd"),
    [
        ({"meta": {"result_count": 0}}, 0, 0),
        ({"data": []}, 0, 0),
        ({"data": [{"id": "../x"}, {"id": "5"}, 7]}, 1, 2),
    ],
)
def test_odd_and_missing_encrypted_conversations_stop_nothing(body, count, odd):
    with responses.RequestsMock() as x:
        x.add("GET", CHATS, json=body)
        page = client().chat_conversations().value
    assert (len(page.conversations), len(page.odd)) == (count, odd)


def test_a_list_of_encrypted_conversations_that_is_none_is_unexpected():
    with responses.RequestsMock() as x:
        x.add("GET", CHATS, json={"something": "else"})
        with pytest.raises(errors.UnexpectedAnswer):
            client().chat_conversations()


def test_a_page_of_encrypted_conversations_has_a_size():
    with pytest.raises(ValueError, match="max_results"):
        client().chat_conversations(max_results=101)
