"""Webhooks: registration, challenges by the clock, signed deliveries, what goes wrong on purpose, and replays."""

import base64
import time

import pytest

from tests.xsim.conftest import ADA, BEN, say
from tests.xsim.listening import listening
from tests.xsim.receiving import receiving, signature

PATH = "/2/webhooks"
HOUR = 3600


@pytest.fixture
def app(x):
    return x.app_token()


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


def register(x, app, url):
    return x.api(app, PATH, "POST", json={"url": url})


@pytest.fixture
def webhook(x, app, receiver):
    """Registered, with Ada's received messages going to it; its id."""
    webhook_id = register(x, app, receiver.url).json()["data"]["id"]
    x.subscribe(x.grant(ADA)["access_token"], ADA, "dm.received", webhook_id=webhook_id)
    x.post("settings", {"webhook_retry_seconds": 0.01})
    return webhook_id


def wait_for(what):
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_valid(x, app):
    (one,) = x.api(app, PATH).json()["data"]
    return one["valid"]


def reason(answer):
    assert answer.status_code == 400, answer.text
    return answer.json()["errors"][0]["message"].partition(":")[0]


def test_one_is_registered_when_it_answers_the_challenge(x, app, receiver):
    answer = register(x, app, receiver.url)

    assert answer.status_code == 200
    made = answer.json()["data"]
    assert made == {"id": made["id"], "url": receiver.url, "valid": True, "created_at": "2026-11-01T12:00:00.000Z"}
    assert x.api(app, PATH).json() == {"data": [made], "meta": {"result_count": 1}}
    assert len(receiver.challenges) == 1


def test_none_at_all_is_said_without_data(x, app):
    assert x.api(app, PATH).json() == {"meta": {"result_count": 0}}


def test_a_wrong_answer_to_the_challenge_is_refused(x, app, receiver):
    receiver.secret = "dminbox-demo-secret"
    assert reason(register(x, app, receiver.url)) == "CrcValidationFailed"
    receiver.secret, receiver.challenge_status = "dminbox-demo-consumer-secret", 302
    assert reason(register(x, app, receiver.url)) == "CrcValidationFailed"
    assert reason(register(x, app, "http://127.0.0.1:9/")) == "CrcValidationFailed"
    assert x.api(app, PATH).json() == {"meta": {"result_count": 0}}


def test_the_same_address_again_and_one_too_many_are_refused(x, app, receiver):
    register(x, app, receiver.url)
    assert reason(register(x, app, receiver.url)) == "DuplicateUrlFailed"
    x.post("settings", {"webhook_cap": 1})
    assert reason(register(x, app, receiver.url + "&n=2")) == "WebhookLimitExceeded"


@pytest.mark.parametrize("url", ["https://x.example:5000/hook", "http://x.example/hook", "ftp://x.example/", "hook"])
def test_with_the_rules_of_x_only_https_without_a_port_will_do(x, app, url):
    x.post("settings", {"webhook_urls_checked": True})

    assert reason(register(x, app, url)) == "UrlValidationFailed"


def test_only_the_app_manages_webhooks(x, ada):
    assert x.api(ada, PATH).status_code == 403
    assert register(x, ada, "https://x.example/").status_code == 403


def test_an_event_is_posted_with_its_signature_and_is_on_the_stream_as_well(x, receiver, webhook):
    with listening(x) as ear:
        say(x, BEN, "grüße 👋")
        line = ear.line()[0]
    headers, raw = receiver.post()

    assert raw == line
    assert headers["x-twitter-webhooks-signature"] == signature(raw)
    assert headers["content-type"] == "application/json"
    wait_for(lambda: x.get("activity")[0]["answers"] == [200])


def test_a_delivery_that_fails_is_tried_again_so_often_and_no_more(x, receiver, webhook):
    receiver.statuses = [503, 500]
    say(x, BEN, "at last")
    bodies = {receiver.post()[1] for _ in range(3)}

    assert len(bodies) == 1
    wait_for(lambda: x.get("activity")[0]["answers"] == [503, 500, 200])
    receiver.statuses = [500] * 9
    x.post("settings", {"webhook_retries": 1})
    say(x, BEN, "never")
    wait_for(lambda: x.get("activity")[1]["answers"] == [500, 500])


def test_what_a_webhook_gets_is_charged_once(x, receiver, webhook):
    receiver.statuses = [500]
    say(x, BEN, "hi")
    receiver.post()
    receiver.post()

    charged = {kind: count for kind, count in x.get("meter")["today"].items() if count}
    assert charged == {"events": 1, "usd": 0.01}
    assert x.get("meter")["calls"][-1]["endpoint"] == "webhook"


@pytest.mark.parametrize(
    ("disturbance", "is_signed"),
    [
        ({"badly_signed": True}, False),
        ({"unsigned": True}, False),
        ({"altered": True}, False),
        ({"oversized": 2_000_000}, True),
    ],
)
def test_what_should_be_refused_is_posted_on_command(x, receiver, webhook, disturbance, is_signed):
    say(x, BEN, "hi")
    body = receiver.post()[1]
    receiver.statuses = [401]
    assert x.post("webhook", disturbance) == [{"webhook_id": webhook, "status": 401}]
    headers, raw = receiver.post()

    assert (headers.get("x-twitter-webhooks-signature") == signature(raw)) == is_signed
    assert ("x-twitter-webhooks-signature" in headers) == ("unsigned" not in disturbance)
    assert len(raw) == disturbance.get("oversized", len(body))


def test_an_event_is_replayed_on_command_just_as_it_was(x, receiver, webhook):
    say(x, BEN, "hi")
    first = receiver.post()
    x.post("webhook", {"replay": x.get("activity")[0]["event_uuid"]})
    again = receiver.post()

    assert again[1] == first[1]
    assert again[0]["x-twitter-webhooks-signature"] == first[0]["x-twitter-webhooks-signature"]


def test_commands_that_make_no_sense_are_refused(x, receiver, webhook):
    for body in ({"replay": "7"}, {"badly_signed": True}, {"explode": 1}):
        assert x.api(None, "/_sim/webhook", "POST", json=body).status_code == 400


def test_a_challenge_comes_every_hour_and_a_wrong_answer_stops_deliveries(x, app, receiver, webhook):
    x.post("clock", {"advance": HOUR})
    wait_for(lambda: len(receiver.challenges) == 2)
    receiver.secret = "another"
    x.post("clock", {"advance": HOUR})
    wait_for(lambda: not is_valid(x, app))
    say(x, BEN, "into the void")
    assert x.get("activity")[0]["answers"] == []

    receiver.secret = "dminbox-demo-consumer-secret"
    assert x.api(app, f"{PATH}/{webhook}", "PUT").json() == {"data": {"valid": True}}
    say(x, BEN, "back again")
    assert receiver.event()["event_type"] == "dm.received"


def test_trouble_is_forgiven_for_a_day_and_four_hours(x, app, receiver, webhook):
    receiver.challenge_status = 503
    seen = len(receiver.challenges)
    for hours in range(1, 30):
        x.post("clock", {"advance": HOUR})
        wait_for(lambda hours=hours: len(receiver.challenges) == seen + hours)
        if hours == 27:
            assert is_valid(x, app)
    wait_for(lambda: not is_valid(x, app))
    assert reason(x.api(app, f"{PATH}/{webhook}", "PUT")) == "CrcValidationFailed"


def test_an_ended_webhook_gets_nothing_and_the_stream_goes_on(x, app, receiver, webhook):
    assert x.api(app, f"{PATH}/{webhook}", "DELETE").json() == {"data": {"deleted": True}}
    with listening(x) as ear:
        say(x, BEN, "hi")
        assert ear.event()["event_type"] == "dm.received"

    assert receiver.posts.empty()
    assert reason(x.api(app, f"{PATH}/{webhook}", "DELETE")) == "WebhookIdInvalid"
    (one,) = x.api(app, "/2/activity/subscriptions").json()["data"]
    assert "webhook_id" not in one


def test_the_minutes_asked_for_are_posted_once_more(x, app, receiver, webhook):
    for text in ("12:00", "12:01", "12:02"):
        say(x, BEN, text)
        receiver.post()
        x.post("clock", {"advance": 60})
    body = {"webhook_id": webhook, "from_date": "202611011201", "to_date": "202611011201"}
    answer = x.api(app, f"{PATH}/replay", "POST", json=body)
    (said,) = receiver.event()["payload"]["direct_message_events"]

    assert answer.json()["data"].keys() == {"job_id", "created_at"}
    assert said["message_create"]["message_data"]["text"] == "12:01"
    wait_for(lambda: [len(push["answers"]) for push in x.get("activity")] == [1, 2, 1])


@pytest.mark.parametrize("change", [{"webhook_id": "7"}, {"from_date": "yesterday"}, {"to_date": "202613990000"}])
def test_a_replay_that_cannot_be_is_refused(x, app, receiver, webhook, change):
    body = {"webhook_id": webhook, "from_date": "202611011201", "to_date": "202611011201", **change}

    assert x.api(app, f"{PATH}/replay", "POST", json=body).status_code == 400


def test_replays_have_a_window_of_their_own(x, app, receiver, webhook):
    body = {"webhook_id": webhook, "from_date": "202611011201", "to_date": "202611011201"}
    replay = x.api(app, f"{PATH}/replay", "POST", json=body)

    assert (replay.headers["x-rate-limit-limit"], replay.headers["x-rate-limit-remaining"]) == ("100", "99")
    assert x.api(app, PATH).headers["x-rate-limit-limit"] == "450"


def test_the_older_answers_have_no_data_around_a_webhook(x, app, receiver):
    x.post("settings", {"webhook_answer": "older"})
    made = register(x, app, receiver.url).json()

    assert made.keys() == {"id", "url", "valid", "created_at"}
    assert x.api(app, f"{PATH}/{made['id']}", "PUT").json() == {"data": {"attempted": True}}


def test_a_challenge_is_made_of_letters_and_digits_that_any_product_should_take(x, app, receiver):
    register(x, app, receiver.url)
    (token,) = receiver.challenges

    assert len(base64.urlsafe_b64decode(token)) == 24
