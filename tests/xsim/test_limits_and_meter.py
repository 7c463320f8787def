"""Rate-limit windows, prices and credit."""

import pytest

from tests.xsim.conftest import ADA, BEN, CLEO, say

NOON = 1793534400
DEPLETED = {
    "detail": "credits depleted",
    "status": 402,
    "title": "Payment Required",
    "type": "https://api.x.com/2/problems/credits-depleted",
}


def window(answer, prefix="x-rate-limit"):
    return tuple(int(answer.headers[f"{prefix}-{part}"]) for part in ("limit", "remaining", "reset"))


def test_each_dm_get_has_a_window_of_15_per_user(x, ada, ben):
    x.post("settings", {"dm_get_limit": 15})
    answers = [x.api(ada, "/2/dm_events") for _ in range(16)]

    assert [answer.status_code for answer in answers] == [200] * 15 + [429]
    assert window(answers[0]) == (15, 14, NOON + 900)
    assert window(answers[-1]) == (15, 0, NOON + 900)
    assert answers[-1].json() == {
        "title": "Too Many Requests",
        "detail": "Too Many Requests",
        "type": "about:blank",
        "status": 429,
    }
    assert x.api(ada, f"/2/dm_conversations/with/{BEN}/dm_events").status_code == 200
    assert x.api(ben, "/2/dm_events").status_code == 200


def test_the_window_opens_again_when_its_time_is_over(x, ada):
    x.post("settings", {"dm_get_limit": 1, "window_seconds": 60})
    x.api(ada, "/2/dm_events")
    x.post("clock", {"advance": 59})
    assert x.api(ada, "/2/dm_events").status_code == 429
    x.post("clock", {"advance": 1})
    again = x.api(ada, "/2/dm_events")

    assert again.status_code == 200
    assert window(again) == (1, 0, NOON + 120)


def test_the_dm_gets_may_share_one_window(x, ada):
    x.post("settings", {"dm_get_limit": 300, "dm_get_shared": True})
    x.api(ada, "/2/dm_events")

    assert window(x.api(ada, f"/2/dm_conversations/with/{BEN}/dm_events"))[:2] == (300, 298)
    assert window(x.api(ada, "/2/users/me"))[:2] == (75, 74)


def test_writes_have_limits_of_a_day_for_user_and_app(x, ada, ben):
    x.post("settings", {"limits": {"dm_send_with": 99}, "day_limits": {"dm_send_with": [2, 3]}})
    path = f"/2/dm_conversations/with/{CLEO}/messages"
    first, _, third = (x.api(ada, path, "POST", json={"text": "hi"}) for _ in range(3))

    assert window(first)[:2] == (99, 98)
    assert window(first, "x-user-limit-24hour") == (2, 1, NOON + 86_400)
    assert window(first, "x-app-limit-24hour") == (3, 2, NOON + 86_400)
    assert third.status_code == 429
    assert x.api(ben, path, "POST", json={"text": "hi"}).status_code == 201
    assert x.api(ben, path, "POST", json={"text": "hi"}).status_code == 429


def test_a_refused_call_counts_too_and_an_unknown_bearer_has_a_full_window(x, ada):
    x.api(ada, "/2/dm_events?max_results=0")

    assert window(x.api(ada, "/2/dm_events"))[1] == 998
    assert window(x.api("nobody", "/2/dm_events"))[:2] == (1000, 1000)


def test_events_users_and_posts_are_charged_once_in_a_day(x, ada):
    x.post("posts", {"id": "7", "author_id": CLEO, "text": "s", "created_at": "2026-10-01T00:00:00Z"})
    say(x, BEN, "one", post_ids=["7"])
    say(x, BEN, "two")
    path = "/2/dm_events?expansions=sender_id,referenced_tweets.id"
    x.api(ada, path)
    charged = {kind: count for kind, count in x.get("meter")["today"].items() if count}
    assert charged == {"events": 2, "users": 1, "posts": 1, "usd": 0.035}
    x.api(ada, path)
    assert x.get("meter")["today"]["usd"] == 0.035

    x.post("clock", {"advance": 12 * 3600})
    x.api(x.grant(ADA)["access_token"], path)
    meter = x.get("meter")
    assert meter["spent_usd"] == 0.07
    assert {day: counts["usd"] for day, counts in meter["days"].items()} == {"2026-11-01": 0.035, "2026-11-02": 0.035}


def test_the_meter_names_what_each_call_returned(x, ada):
    say(x, BEN, "one")
    x.api(ada, "/2/dm_events")
    x.api(ada, "/2/dm_events")
    x.api(ada, "/2/users/me")
    first, second, third = x.get("meter")["calls"]

    assert (first["endpoint"], first["events"], first["usd"]) == ("dm_events", 1, 0.01)
    assert (second["events"], second["usd"]) == (1, 0.0)
    assert (third["endpoint"], third["users"], third["user_id"]) == ("users_me", 1, ADA)


def test_sending_and_deleting_cost_as_well(x, ada):
    sent = x.api(ada, f"/2/dm_conversations/with/{BEN}/messages", "POST", json={"text": "hi"}).json()
    x.api(ada, f"/2/dm_events/{sent['data']['dm_event_id']}", "DELETE")

    assert x.get("meter")["today"]["usd"] == 0.025
    assert x.post("meter/reset")["spent_usd"] == 0


@pytest.mark.parametrize("path", ["/2/dm_events", "/2/users/me"])
def test_without_credit_everything_billed_is_402_with_a_full_window(x, ada, path):
    for _ in range(3):
        say(x, BEN, "hi")
    x.post("settings", {"credit_usd": 0.03})
    assert x.api(ada, "/2/dm_events").status_code == 200

    refused = x.api(ada, path)
    assert (refused.status_code, refused.json()) == (402, DEPLETED)
    before = window(refused)[1]
    assert window(x.api(ada, path))[1] == before
    x.post("settings", {"credit_usd": 5})
    assert x.api(ada, path).status_code == 200
