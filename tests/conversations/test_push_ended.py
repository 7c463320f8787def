"""Push that is switched off, or comes another way, is ended at X: what X still pushes it bills."""

from __future__ import annotations

import pytest

from conversations import sync
from conversations.models import ActivitySubscription, Change, PushState, SyncState
from conversations.sync import subscriptions
from dminbox.xapi.app import XApp
from dminbox.xapi.errors import Unavailable
from tests.conversations.sync_support import OWN, begin, connect

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def x_account(xsim, settings, live_server):
    settings.PUBLIC_URL = live_server.url
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    settings.X_PUSH = "stream"
    x_account = connect(xsim)
    begin(x_account)
    return x_account


def look(xsim) -> list[str]:
    """What one look asked of X."""
    PushState.objects.update(subscriptions_checked_at=None)
    xsim.delete("requests")
    subscriptions.repair()
    return [f"{call['method']} {call['path']}" for call in xsim.get("requests")]


def subscribed(xsim) -> list[tuple[str, str]]:
    rows = xsim.api(xsim.app_token(), "/2/activity/subscriptions").json().get("data", [])
    return sorted((row["event_type"], row["tag"]) for row in rows)


def webhooks(xsim) -> list[str]:
    return [row["url"] for row in xsim.api(xsim.app_token(), "/2/webhooks").json().get("data", [])]


def detail(x_account) -> str:
    return sync.account_status(x_account).push.detail


@pytest.mark.parametrize("way", ["stream", "webhook"])
def test_switching_push_off_takes_back_all_of_ours_and_then_asks_x_no_more(x_account, xsim, settings, way):
    settings.X_PUSH = way
    look(xsim)
    foreign = {"event_type": "profile.update.bio", "filter": {"user_id": OWN}, "tag": "price-watch"}
    xsim.api(x_account.access_token, "/2/activity/subscriptions", "POST", json=foreign)
    assert len(webhooks(xsim)) == (way == "webhook")
    settings.X_PUSH = "off"
    assert "not been told yet" in detail(x_account)
    look(xsim)
    assert subscribed(xsim) == [("profile.update.bio", "price-watch")]
    assert webhooks(xsim) == []
    assert not ActivitySubscription.objects.exists()
    look(xsim)
    state = PushState.objects.get()
    assert (state.is_ended, state.webhook_id, state.state) == (True, "", PushState.State.OFF)
    assert detail(x_account) == ""
    SyncState.objects.update(state=SyncState.State.ACTIVE)
    assert not subscriptions.is_due()
    assert look(xsim) == []


def test_the_end_of_push_is_told_to_the_pages_of_the_x_account(x_account, xsim, settings):
    look(xsim)
    before = Change.objects.count()
    settings.X_PUSH = "off"
    look(xsim)
    look(xsim)
    assert [change.kind for change in Change.objects.order_by("pk")[before:]] == [Change.Kind.ACCOUNT]


def test_push_that_is_switched_on_again_is_subscribed_to_again(x_account, xsim, settings):
    look(xsim)
    before = subscribed(xsim)
    settings.X_PUSH = "off"
    look(xsim)
    look(xsim)
    settings.X_PUSH = "stream"
    assert subscriptions.is_due()
    look(xsim)
    assert subscribed(xsim) == before
    assert not PushState.objects.get().is_ended


@pytest.mark.parametrize("path", ["activity/subscriptions$", "activity/subscriptions/", "webhooks$", "webhooks/"])
def test_what_x_does_not_take_back_now_is_tried_until_it_does(x_account, xsim, settings, path):
    settings.X_PUSH = "webhook"
    look(xsim)
    settings.X_PUSH = "off"
    xsim.post("faults", {"kind": "503", "path": path, "times": -1})
    for _ in range(2):
        look(xsim)
        assert not PushState.objects.get().is_ended
        assert "not been told yet" in detail(x_account)
    xsim.delete("faults")
    look(xsim)
    look(xsim)
    assert PushState.objects.get().is_ended
    assert subscribed(xsim) == webhooks(xsim) == []


def test_a_webhook_whose_registration_was_answered_by_nobody_is_found_by_its_address(x_account, xsim, settings):
    settings.X_PUSH = "webhook"
    look(xsim)
    PushState.objects.update(webhook_id="")
    settings.X_PUSH = "off"
    look(xsim)
    assert webhooks(xsim) == []


def test_an_installation_that_never_pushed_asks_once(x_account, xsim, settings):
    settings.X_PUSH = "off"
    asked = look(xsim)
    assert [call for call in asked if not call.endswith("token")] == [
        "GET /2/activity/subscriptions",
        "GET /2/webhooks",
    ]
    assert look(xsim) == []


@pytest.mark.parametrize(("kind", "is_over"), [("403-client-not-enrolled", True), ("404", True), ("503", False)])
def test_x_that_refuses_to_list_webhooks_to_who_never_had_one_ends_the_stream_all_the_same(
    x_account, xsim, settings, kind, is_over
):
    look(xsim)
    settings.X_PUSH = "off"
    xsim.post("faults", {"kind": kind, "path": "webhooks$", "times": -1})
    look(xsim)
    look(xsim)
    assert subscribed(xsim) == []
    assert PushState.objects.get().is_ended is is_over
    assert (detail(x_account) == "") is is_over


def test_the_webhook_is_deleted_once_the_stream_is_the_way(x_account, xsim, settings):
    settings.X_PUSH = "webhook"
    look(xsim)
    kept = subscribed(xsim)
    settings.X_PUSH = "stream"
    look(xsim)
    assert webhooks(xsim) == []
    assert PushState.objects.get().webhook_id == ""
    assert subscribed(xsim) == kept
    listed = xsim.api(xsim.app_token(), "/2/activity/subscriptions").json()["data"]
    assert not [row for row in listed if row.get("webhook_id")]
    assert not [call for call in look(xsim) if "webhooks" in call]


def test_a_webhook_that_x_does_not_delete_holds_up_no_subscription(x_account, xsim, settings, monkeypatch):
    settings.X_PUSH = "webhook"
    look(xsim)

    def fails(app, webhook_id):
        raise Unavailable("503")

    settings.X_PUSH = "stream"
    monkeypatch.setattr(XApp, "delete_webhook", fails)
    look(xsim)
    assert ("dm.received", "dminbox") in subscribed(xsim)
    assert PushState.objects.get().webhook_id


def test_a_webhook_at_an_address_we_had_before_makes_room_for_the_new_one(x_account, xsim, settings):
    settings.X_PUSH = "webhook"
    xsim.post("settings", {"webhook_cap": 1})
    look(xsim)
    settings.PUBLIC_URL = settings.PUBLIC_URL.replace("localhost", "127.0.0.1")
    look(xsim)
    assert webhooks(xsim) == [f"{settings.PUBLIC_URL}/x-webhook/"]
    listed = xsim.api(xsim.app_token(), "/2/activity/subscriptions").json()["data"]
    assert {row["webhook_id"] for row in listed} == {PushState.objects.get().webhook_id}


def test_what_an_operator_has_to_change_about_the_webhook_is_told(x_account, xsim, settings):
    settings.X_PUSH = "webhook"
    settings.X_CONSUMER_SECRET, right = "the secret of something else", settings.X_CONSUMER_SECRET
    look(xsim)
    assert detail(x_account), "X does not know this app by that secret"
    settings.X_CONSUMER_SECRET = right
    xsim.post("settings", {"webhook_cap": 0})
    look(xsim)
    assert "X allows this app no further webhook" in detail(x_account)
    xsim.post("settings", {"webhook_cap": 5})
    look(xsim)
    assert detail(x_account) == ""


def test_without_the_keys_the_page_says_that_x_may_go_on_pushing(x_account, xsim, settings):
    look(xsim)
    settings.X_CONSUMER_KEY = settings.X_CONSUMER_SECRET = ""
    assert not subscriptions.is_due()
    assert "X_PUSH=off" in detail(x_account)
    ActivitySubscription.objects.all().delete()
    assert detail(x_account) == "", "nothing was asked for"
