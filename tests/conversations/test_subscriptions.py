"""What X shall push is made on connect, repaired when X lost it, removed on disconnect and at the month's cap."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from accounts import tokens
from accounts.models import XAccount
from conversations.models import ActivitySubscription, ApiCall, PushState, SyncState
from conversations.sync import caps, pace, push, subscription_rows, subscriptions, trouble
from dminbox.xapi.activity import Subscription
from dminbox.xapi.app import XApp
from dminbox.xapi.errors import BadRequest, NoCredit, NotPermitted, OperatorMustAct, Unavailable
from tests.conversations.sync_support import OWN, begin, connect, poll

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = ActivitySubscription.State
OTHER = "1500000000000000200"


@pytest.fixture
def x_account(xsim):
    x_account = connect(xsim)
    begin(x_account)
    return x_account


def repair() -> None:
    PushState.objects.update(subscriptions_checked_at=None)
    subscriptions.repair()


def at_x(xsim) -> list[tuple[str, str | None]]:
    answer = xsim.api(xsim.app_token(), "/2/activity/subscriptions").json()
    rows = answer.get("data", [])
    return sorted((row["event_type"], row.get("filter", {}).get("user_id")) for row in rows)


ALL = sorted([(kind, OWN) for kind in subscription_rows.KINDS] + [("oauth.revoke", None)])


@pytest.mark.parametrize("form", ["nested", "flat", "list", "empty"])
def test_every_kind_is_subscribed_in_whatever_form_x_answers(x_account, xsim, form):
    xsim.post("settings", {"subscription_answer": form})
    repair()
    assert at_x(xsim) == ALL
    assert set(ActivitySubscription.objects.values_list("state", flat=True)) == {State.ACTIVE}
    repair()
    assert at_x(xsim) == ALL
    assert not ActivitySubscription.objects.filter(subscription_id="").exists(), (
        "the list tells what the answer did not"
    )


def test_what_x_has_lost_is_made_again(x_account, xsim):
    repair()
    row = ActivitySubscription.objects.get(event_type="dm.read")
    xsim.api(xsim.app_token(), f"/2/activity/subscriptions/{row.subscription_id}", "DELETE")
    assert at_x(xsim) != ALL
    repair()
    assert at_x(xsim) == ALL


def test_disconnecting_removes_them_and_leaves_what_others_made(x_account, xsim):
    repair()
    foreign = {"event_type": "profile.update.bio", "filter": {"user_id": OWN}, "tag": "somebody else's"}
    xsim.api(x_account.access_token, "/2/activity/subscriptions", "POST", json=foreign)
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    repair()
    assert ("dm.received", OWN) not in at_x(xsim)
    assert ("oauth.revoke", None) in at_x(xsim)
    assert ActivitySubscription.objects.count() == 1


def test_one_that_is_to_be_connected_again_is_pushed_to_as_before_and_nothing_is_made_for_it(x_account, xsim):
    repair()
    tokens.mark_reconnect(x_account, trouble.RECONNECT)
    repair()
    assert at_x(xsim) == ALL
    forget_all_at_x(xsim)
    xsim.delete("requests")
    repair()
    assert at_x(xsim) == [("oauth.revoke", None)]
    made = [call for call in xsim.get("requests") if call["method"] == "POST" and "subscriptions" in call["path"]]
    assert len(made) == 1, "the app's own"


def test_where_the_connection_was_ended_at_x_nothing_is_wanted_of_it(x_account, xsim):
    repair()
    tokens.mark_reconnect(x_account, push.REVOKED)
    repair()
    assert at_x(xsim) == [("oauth.revoke", None)]


def test_disconnecting_removes_them_while_another_x_account_has_no_credit(x_account, xsim):
    begin(connect(xsim, OTHER))
    repair()
    trouble.stop_all_for_credit()
    XAccount.objects.filter(pk=x_account.pk).update(state=XAccount.State.DISCONNECTED)
    repair()
    assert {user for _, user in at_x(xsim)} == {OTHER, None}
    assert not ActivitySubscription.objects.filter(x_account=x_account).exists()


def test_without_credit_looking_does_not_put_off_the_read_that_finds_out(x_account, xsim):
    trouble.stop_all_for_credit()
    due_at = SyncState.objects.get().next_poll_at
    xsim.post("faults", {"kind": "402", "path": "subscriptions", "times": -1})
    repair()
    assert SyncState.objects.get().next_poll_at == due_at


def test_disconnecting_removes_them_though_the_webhook_cannot_be_registered(x_account, xsim, settings):
    repair()
    settings.X_PUSH = "webhook"
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    xsim.post("faults", {"kind": "503", "path": "webhooks", "times": -1})
    repair()
    assert ("dm.received", OWN) not in at_x(xsim)


@pytest.mark.parametrize("has_credit", [True, False])
def test_what_x_would_push_to_an_address_we_had_before_is_removed(x_account, monkeypatch, has_credit, xsim):
    repair()
    listed = XApp.subscriptions

    def to_an_old_address(app):
        return [replace(one, webhook_id="1") for one in listed(app)]

    monkeypatch.setattr(XApp, "subscriptions", to_an_old_address)
    before = set(ActivitySubscription.objects.values_list("subscription_id", flat=True))
    if not has_credit:
        trouble.stop_all_for_credit()
    repair()
    assert at_x(xsim) == (ALL if has_credit else [])
    now = ActivitySubscription.objects.filter(state=State.ACTIVE)
    assert not before & set(now.values_list("subscription_id", flat=True))


def test_of_two_for_the_same_the_one_that_goes_astray_is_removed(x_account, monkeypatch, xsim):
    """Where its end was answered by nobody, X may have made the right one beside it."""
    repair()
    listed = XApp.subscriptions
    astray = Subscription("99", "dm.received", user_id=OWN, tag="dminbox", webhook_id="1")
    monkeypatch.setattr(XApp, "subscriptions", lambda app: (*listed(app), astray))
    xsim.delete("requests")
    repair()
    calls = [(call["method"], call["path"]) for call in xsim.get("requests") if call["method"] != "GET"]
    assert [call for call in calls if "subscriptions" in call[1]] == [("DELETE", "/2/activity/subscriptions/99")]
    assert at_x(xsim) == ALL


@pytest.mark.parametrize("error", [NotPermitted(status=403), BadRequest(status=400), OperatorMustAct(status=403)])
def test_one_that_x_refuses_to_remove_holds_up_nothing_else(x_account, xsim, monkeypatch, error):
    other = connect(xsim, OTHER)
    begin(other)
    repair()
    refused = ActivitySubscription.objects.get(x_account=other, event_type="dm.sent").subscription_id
    XAccount.objects.filter(pk=other.pk).update(state=XAccount.State.DISCONNECTED)
    lost = ActivitySubscription.objects.get(x_account=x_account, event_type="dm.read")
    xsim.api(xsim.app_token(), f"/2/activity/subscriptions/{lost.subscription_id}", "DELETE")
    refuse_to_remove(monkeypatch, {refused: error})
    repair()
    assert [row for row in at_x(xsim) if row[1] == OTHER] == [("dm.sent", OTHER)]
    assert [row for row in at_x(xsim) if row[1] != OTHER] == ALL
    assert not ActivitySubscription.objects.filter(x_account=other).exists()


@pytest.mark.parametrize("error", [NoCredit(status=402), OperatorMustAct(status=401)])
def test_what_concerns_the_whole_app_ends_the_look(x_account, xsim, monkeypatch, error):
    repair()
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    tried = refuse_to_remove(monkeypatch, dict.fromkeys(subscription_ids(), error))
    repair()
    assert len(tried) == 1


def subscription_ids() -> list[str]:
    return list(ActivitySubscription.objects.values_list("subscription_id", flat=True))


def refuse_to_remove(monkeypatch, errors) -> list[str]:
    """What is asked to be removed."""
    delete, tried = XApp.delete_subscription, []

    def refusing(app, pk):
        tried.append(pk)
        if pk in errors:
            raise errors[pk]
        delete(app, pk)

    monkeypatch.setattr(XApp, "delete_subscription", refusing)
    return tried


def forget_all_at_x(xsim) -> None:
    for pk in subscription_ids():
        xsim.api(xsim.app_token(), f"/2/activity/subscriptions/{pk}", "DELETE")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_window_that_is_used_up_is_waited_for_without_a_call(x_account, xsim, method):
    repair()
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    xsim.post("faults", {"kind": "429", "path": "subscriptions", "method": method, "times": -1})
    repair()
    calls = len(xsim.get("requests"))
    repair()
    assert len(xsim.get("requests")) == calls
    xsim.delete("faults")
    with time_machine.travel(timezone.now() + pace.window() + timedelta(seconds=2)):
        repair()
    assert at_x(xsim) == [("oauth.revoke", None)]


@pytest.mark.parametrize("why", ["failing", "limited", "no time", "no credit", "credit ends"])
def test_what_x_lists_no_more_is_polled_until_it_is_made_again(xsim, monkeypatch, why):
    accounts = [connect(xsim, f"15000000000000002{number:02}") for number in range(5)]
    for x_account in accounts:
        begin(x_account)
    repair()
    PushState.objects.update(state=PushState.State.CONNECTED, last_line_at=timezone.now())
    assert all(map(pace.is_pushed, accounts))
    forget_all_at_x(xsim)
    if why == "no credit":
        trouble.stop_all_for_credit()
    if why == "no time":
        monkeypatch.setattr(subscriptions, "TURN", timedelta(0))
    kind = {"failing": "503", "limited": "429", "credit ends": "402"}.get(why)
    if kind:
        xsim.post("faults", {"kind": kind, "path": "subscriptions", "method": "POST", "times": -1})
    repair()
    assert not any(map(pace.is_pushed, accounts))
    if why in {"no time", "no credit"}:
        assert all(map(subscription_rows.is_due, ActivitySubscription.objects.all())), "made as soon as it can be"


def test_before_the_choice_of_how_far_back_nothing_is_pushed(xsim):
    SyncState.objects.create(x_account=connect(xsim))
    repair()
    assert at_x(xsim) == [("oauth.revoke", None)]


def test_reaching_the_months_cap_ends_them(x_account, xsim):
    repair()
    caps.set_cap(x_account, Decimal("0.00"))
    repair()
    assert at_x(xsim) == [("oauth.revoke", None)]


def test_beyond_xs_number_everybodys_messages_come_before_anybodys_typing(x_account, xsim):
    begin(connect(xsim, OTHER))
    xsim.post("settings", {"subscription_cap": 4})
    repair()
    repair()
    assert at_x(xsim) == sorted(
        [("oauth.revoke", None), ("dm.received", OWN), ("dm.received", OTHER), ("dm.sent", OWN)],
        key=lambda row: (row[0], row[1] or ""),
    )
    assert ActivitySubscription.objects.filter(state=State.OVER_CAP).count() == 7


def test_a_refusal_is_kept_with_xs_words_and_tried_seldom(x_account, xsim):
    xsim.post("faults", {"kind": "403-client-not-enrolled", "path": "subscriptions", "method": "POST", "times": -1})
    repair()
    refused = ActivitySubscription.objects.filter(state=State.REFUSED)
    assert refused.count() == 6
    assert all(row.detail and row.due_at > timezone.now() for row in refused)
    xsim.delete("requests")
    repair()
    assert [call["method"] for call in xsim.get("requests") if "subscriptions" in call["path"]] == ["GET"]


def posts(xsim) -> list[dict]:
    return [call for call in xsim.get("requests") if call["method"] == "POST" and "subscriptions" in call["path"]]


def time_passes() -> None:
    ActivitySubscription.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_without_credit_x_is_asked_once_and_again_as_soon_as_a_read_was_paid_for(x_account, xsim):
    begin(connect(xsim, OTHER))
    xsim.post("faults", {"kind": "402", "path": "subscriptions", "method": "POST", "times": -1})
    repair()
    repair()
    assert len(posts(xsim)) == 1
    assert set(SyncState.objects.values_list("state", flat=True)) == {SyncState.State.NO_CREDIT}
    xsim.delete("faults")
    assert poll(x_account).state == SyncState.State.ACTIVE
    repair()
    assert len(at_x(xsim)) == 11


@pytest.mark.parametrize("kind", ["503", "cut-before"])
def test_what_x_did_not_answer_is_tried_again_before_long(x_account, xsim, kind):
    xsim.post("faults", {"kind": kind, "path": "subscriptions", "method": "POST", "times": 1})
    repair()
    put_off = ActivitySubscription.objects.get(state=State.WANTED)
    assert put_off.due_at < timezone.now() + timedelta(minutes=3)
    time_passes()
    repair()
    assert at_x(xsim) == ALL


def test_x_accounts_that_always_fail_hold_up_nobody_after_them(x_account, xsim, monkeypatch):
    begin(connect(xsim, OTHER))
    ask = subscriptions._ask

    def fails_for_the_first(app, one, webhook_id):
        if one.x_account == x_account:
            raise Unavailable("503")
        return ask(app, one, webhook_id)

    monkeypatch.setattr(subscriptions, "_ask", fails_for_the_first)
    repair()
    assert len(at_x(xsim)) == 6
    assert {user for _, user in at_x(xsim)} == {OTHER, None}


def test_a_learnt_number_is_not_asked_past_and_rises_again(x_account, xsim):
    xsim.post("settings", {"subscription_cap": 2})
    repair()
    assert len(posts(xsim)) == 3
    repair()
    assert (len(posts(xsim)), PushState.objects.get().subscription_cap) == (3, 2)
    time_passes()
    repair()
    assert (len(posts(xsim)), PushState.objects.get().subscription_cap) == (4, 2)
    xsim.post("settings", {"subscription_cap": 1500})
    time_passes()
    repair()
    repair()
    assert at_x(xsim) == ALL


def test_one_process_a_minute_looks(x_account, xsim):
    subscriptions.repair()
    xsim.delete("requests")
    subscriptions.repair()
    assert not [call for call in xsim.get("requests") if "subscriptions" in call["path"]]
    PushState.objects.update(subscriptions_checked_at=timezone.now() - timedelta(seconds=61))
    assert subscriptions.is_due()


def test_who_is_connected_or_disconnected_need_not_wait_for_the_minute(x_account, xsim):
    subscriptions.repair()
    assert not subscriptions.is_due()
    XAccount.objects.update(state=XAccount.State.DISCONNECTED, state_since=timezone.now())
    subscriptions.repair()
    assert at_x(xsim) == [("oauth.revoke", None)]
    assert not subscriptions.is_due()
    XAccount.objects.update(state=XAccount.State.CONNECTED, connected_at=timezone.now())
    subscriptions.repair()
    assert at_x(xsim) == ALL


def test_without_the_apps_keys_x_is_not_asked(x_account, xsim, settings):
    settings.X_CONSUMER_KEY = settings.X_CONSUMER_SECRET = ""
    subscriptions.repair()
    assert not subscriptions.is_due()
    assert not xsim.get("requests")


def test_the_calls_of_the_app_stand_in_the_ledger(x_account, xsim):
    repair()
    endpoints = set(ApiCall.objects.filter(x_account=None).values_list("endpoint", flat=True))
    assert "GET /2/activity/subscriptions" in endpoints
