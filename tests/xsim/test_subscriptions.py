"""Subscriptions: who may have them, how they are answered, listed, changed and ended."""

import pytest

from tests.xsim.conftest import ADA, BEN

PATH = "/2/activity/subscriptions"
DM_TYPES = ("dm.received", "dm.sent", "dm.read", "dm.indicate_typing", "chat.received")


@pytest.fixture
def app(x):
    return x.app_token()


def subscribe(x, token, user_id=ADA, event_type="dm.received", **members):
    return x.subscribe(token, user_id, event_type, **members)[0]


def listed(x, app, **params):
    return x.api(app, PATH, params=params).json().get("data", [])


def test_a_user_subscribes_the_app_to_what_is_said_to_him(x, ada, app):
    answer = subscribe(x, ada, tag="inbox")

    assert answer.status_code == 200
    made = answer.json()["data"]["subscription"]
    assert made == {
        "created_at": "2026-11-01T12:00:00.000Z",
        "event_type": "dm.received",
        "filter": {"user_id": ADA},
        "subscription_id": made["subscription_id"],
        "tag": "inbox",
        "updated_at": "2026-11-01T12:00:00.000Z",
    }
    assert listed(x, app) == [made]


@pytest.mark.parametrize(
    ("form", "where"),
    [
        ("nested", lambda answer: answer.json()["data"]["subscription"]),
        ("flat", lambda answer: answer.json()["data"]),
        ("list", lambda answer: answer.json()["data"][0]),
    ],
)
def test_an_answer_takes_each_form_that_was_seen(x, ada, app, form, where):
    x.post("settings", {"subscription_answer": form})

    assert where(subscribe(x, ada))["subscription_id"] == listed(x, app)[0]["subscription_id"]


def test_an_answer_may_be_empty(x, ada, app):
    x.post("settings", {"subscription_answer": "empty"})
    answer = subscribe(x, ada)

    assert (answer.status_code, answer.content) == (204, b"")
    assert len(listed(x, app)) == 1


def test_the_app_alone_may_not_have_private_events(x, ada, ben, app):
    for event_type in DM_TYPES:
        alone = subscribe(x, app, event_type=event_type)
        assert (alone.status_code, alone.json()["title"]) == (403, "Unsupported Authentication")
    assert subscribe(x, ben, ADA).status_code == 403
    assert subscribe(x, x.grant(ADA, ["users.read", "tweet.read"])["access_token"]).status_code == 403
    assert listed(x, app) == []


def test_a_revocation_is_subscribed_to_without_a_filter(x, app):
    (answer,) = x.subscribe(app, None, "oauth.revoke")

    assert answer.status_code == 200
    assert answer.json()["data"]["subscription"]["filter"] == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"event_type": "dm.received"}, "$.filter: is missing but it is required"),
        ({"filter": {"user_id": ADA}}, "$.event_type: is missing but it is required"),
        ({"event_type": "dm.liked", "filter": {"user_id": ADA}}, "$.event_type: does not have a value in the"),
        ({"event_type": "dm.received", "filter": {}}, "$.filter.user_id: does not match the regex pattern"),
        ({"event_type": "dm.received", "filter": {"user_id": "ada"}}, "$.filter.user_id: does not match"),
        ({"event_type": "dm.received", "filter": {"user": ADA}}, "$.filter.user: is not defined in the schema"),
        ({"event_type": "dm.received", "filter": {"user_id": ADA}, "x": 1}, "$.x: is not defined in the schema"),
        ({"event_type": "dm.received", "filter": {"user_id": ADA}, "tag": ""}, "$.tag: must be between 1 and 200"),
        ({"event_type": "dm.received", "filter": {"user_id": ADA}, "webhook_id": "1"}, "WebhookIdInvalid"),
    ],
)
def test_a_wrong_wish_is_refused_with_the_place(x, ada, body, words):
    answer = x.api(ada, PATH, "POST", json=body)

    assert answer.status_code == 400
    assert words in answer.json()["errors"][0]["message"]


def test_a_second_one_of_the_same_is_a_duplicate(x, ada, app):
    subscribe(x, ada)
    again = subscribe(x, ada, tag="another")

    assert again.status_code == 400
    assert "Duplicate" in again.json()["errors"][0]["message"]
    assert len(listed(x, app)) == 1


def test_the_cap_of_the_app_is_kept(x, ada, app):
    x.post("settings", {"subscription_cap": 2})
    statuses = [answer.status_code for answer in x.subscribe(ada, ADA, "dm.received", "dm.sent", "dm.read")]

    assert statuses == [200, 200, 403]
    assert "limit" in subscribe(x, ada, event_type="dm.read").json()["detail"]
    assert len(listed(x, app)) == 2


def test_they_are_listed_page_by_page_and_none_is_left_out(x, ada, app):
    x.subscribe(ada, ADA, *DM_TYPES)
    found, token = [], {}
    while True:
        answer = x.api(app, PATH, params={"max_results": 2, **token}).json()
        found += [one["event_type"] for one in answer["data"]]
        if "next_token" not in answer["meta"]:
            break
        token = {"pagination_token": answer["meta"]["next_token"]}

    assert found == list(DM_TYPES)
    assert answer["meta"]["result_count"] == 1
    assert x.api(app, PATH, params={"pagination_token": "x" * 20}).status_code == 400
    assert x.api(app, PATH, params={"max_results": 1001}).status_code == 400


def test_none_at_all_is_said_without_data(x, app):
    assert x.api(app, PATH).json() == {"meta": {"result_count": 0}}


def test_one_is_ended_by_its_id_and_many_by_theirs(x, ada, app):
    x.subscribe(ada, ADA, *DM_TYPES)
    first, second, third, *_ = [one["subscription_id"] for one in listed(x, app)]
    one = x.api(app, f"{PATH}/{first}", "DELETE")
    assert one.json() == {"data": {"deleted": True}, "meta": {"total_subscriptions": 4}}
    assert x.api(app, f"{PATH}/{first}", "DELETE").status_code == 404
    many = x.api(app, PATH, "DELETE", params={"ids": f"{second},{third}"})

    assert many.json() == {"data": {"deleted": True}, "meta": {"total_subscriptions": 2}}
    assert len(listed(x, app)) == 2
    assert x.api(app, PATH, "DELETE").status_code == 400


def test_the_newer_server_has_a_word_for_each_of_many(x, ada, app):
    x.post("settings", {"default_vocabulary": "post"})
    x.subscribe(ada, ADA, "dm.received")
    (one,) = listed(x, app)
    answer = x.api(app, PATH, "DELETE", params={"ids": f"{one['subscription_id']},7"}).json()

    assert answer["data"] == [{"subscription_id": one["subscription_id"], "deleted": True}]
    assert answer["errors"][0]["subscription_id"] == "7"


def test_a_tag_is_changed_and_nothing_else_is(x, ada, app):
    subscribe(x, ada, tag="old")
    (one,) = listed(x, app)
    x.post("clock", {"advance": 60})
    path = f"{PATH}/{one['subscription_id']}"
    changed = x.api(app, path, "PUT", json={"tag": "new"}).json()["data"]

    assert changed["subscription"] == {**one, "tag": "new", "updated_at": "2026-11-01T12:01:00.000Z"}
    assert changed["total_subscriptions"] == 1
    assert x.api(app, path, "PUT", json={"event_type": "dm.sent"}).status_code == 400
    assert x.api(app, f"{PATH}/7", "PUT", json={"tag": "new"}).status_code == 404


def test_they_have_a_window_for_the_app_whoever_calls(x, ada, ben):
    first = subscribe(x, ada)
    second = subscribe(x, ben, BEN)

    assert [int(answer.headers["x-rate-limit-remaining"]) for answer in (first, second)] == [499, 498]
    assert first.headers["x-rate-limit-limit"] == "500"


def test_they_cost_nothing_and_are_answered_without_credit(x, ada, app):
    x.post("settings", {"credit_usd": 0.0})

    assert subscribe(x, ada).status_code == 200
    assert len(listed(x, app)) == 1
    assert x.get("meter")["spent_usd"] == 0


def test_who_takes_back_all_that_was_allowed_is_subscribed_no_more(x, ada, ben, app):
    subscribe(x, ada)
    subscribe(x, ben, BEN)
    x.delete(f"grants?user_id={ADA}")

    assert [one["filter"]["user_id"] for one in listed(x, app)] == [BEN]


def test_an_app_that_gives_back_its_token_is_subscribed_no_more_and_not_told(x, ada, app):
    subscribe(x, ada)
    x.subscribe(app, None, "oauth.revoke")
    form = {"token": ada}
    assert x.api(None, "/2/oauth2/revoke", "POST", data=form, auth=("dminbox-demo", "dminbox-demo-secret")).ok

    assert [one["event_type"] for one in listed(x, app)] == ["oauth.revoke"]
    assert x.get("activity") == []
