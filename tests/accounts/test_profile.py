"""One's own name, time zone and X accounts."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.http import HttpResponse
from django.template import Context, Template
from django.test import RequestFactory

from accounts import zones
from accounts.middleware import PersonMiddleware
from accounts.models import User, XAccount
from tests import factories
from tests.accounts.conftest import browser


def test_name_and_time_zone_can_be_changed(ben):
    answer = browser(ben).post("/profile/", {"name": "Benedikt", "time_zone": "Europe/Berlin"})
    assert answer.url == "/profile/"
    ben.refresh_from_db()
    assert (ben.name, ben.time_zone) == ("Benedikt", "Europe/Berlin")


def test_labels_stand_without_a_colon_as_on_all_pages(ben):
    labels = re.findall(r"<label[^>]*>([^<]+)</label>", browser(ben).get("/profile/").content.decode())
    assert labels == ["Your name", "Language", "Time zone", "Single-key shortcuts"]


@pytest.mark.parametrize("wrong", [{"name": ""}, {"time_zone": "Mars/Olympus"}, {"name": "x" * 81}])
def test_a_wrong_form_comes_back_with_422(ben, wrong):
    answer = browser(ben).post("/profile/", {"name": "Ben", "time_zone": "", **wrong})
    assert answer.status_code == 422
    ben.refresh_from_db()
    assert (ben.name, ben.time_zone) == ("Ben", "")


def test_nobody_makes_themselves_an_owner(ben):
    browser(ben).post("/profile/", {"name": "Ben", "time_zone": "", "is_owner": "on", "email": "eve@nordlicht.example"})
    ben.refresh_from_db()
    assert (ben.is_owner, ben.email) == (False, "ben@nordlicht.example")


def test_the_browsers_zone_is_taken_once(ben):
    client = browser(ben)
    assert "data-zone" in Template('{% include "accounts/_zone.html" %}').render(Context({"user": ben}))
    assert client.post("/profile/zone/", {"time_zone": "Europe/Berlin"}).status_code == 204
    assert client.post("/profile/zone/", {"time_zone": "Asia/Tokyo"}).status_code == 204
    ben.refresh_from_db()
    assert ben.time_zone == "Europe/Berlin"
    assert "data-zone" not in Template('{% include "accounts/_zone.html" %}').render(Context({"user": ben}))


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "x" * 70])
def test_a_zone_nobody_knows_is_not_taken(ben, name):
    assert browser(ben).post("/profile/zone/", {"time_zone": name}).status_code == 422
    assert User.objects.get(pk=ben.pk).time_zone == ""


def shown_time(user):
    def view(request):
        moment = Context({"moment": datetime(2026, 7, 1, 12, 0, tzinfo=UTC)})
        return HttpResponse(Template('{{ moment|date:"H:i" }}').render(moment))

    request = RequestFactory().get("/")
    request.user = user
    return PersonMiddleware(view)(request).content.decode()


@pytest.mark.parametrize(
    ("zone", "time"),
    [("Europe/Berlin", "14:00"), ("Asia/Kolkata", "17:30"), ("", "12:00"), ("Gone/Away", "12:00"), ("/etc", "12:00")],
)
def test_times_are_shown_in_the_persons_zone(zone, time):
    assert shown_time(User(time_zone=zone)) == time


def test_no_folder_or_file_of_the_machine_is_a_zone():
    for name in ("Europe", "/etc/passwd", "..", "../zoneinfo/UTC", "\0"):
        assert zones.zone(name).key == "UTC"


def test_members_see_their_accounts_and_roles_alone(ben):
    mine = factories.MembershipFactory(user=ben, role="lead").x_account
    other = factories.XAccountFactory(username="Elsewhere")
    page = browser(ben).get("/profile/").content.decode()
    assert mine.username in page
    assert "Lead" in page
    assert other.username not in page
    assert "Connect again" not in page
    assert "Disconnect" not in page


def test_an_admin_may_connect_again_and_disconnect(ben):
    x_account = factories.MembershipFactory(user=ben, role="admin").x_account
    page = browser(ben).get("/profile/").content.decode()
    assert f"/x-accounts/{x_account.pk}/disconnect/" in page
    assert "Connect an X account" not in page


def test_owners_see_every_account_to_run_it_and_open_only_those_they_are_members_of(ada):
    mine = factories.MembershipFactory(user=ada, role="viewer").x_account
    other = factories.XAccountFactory(username="Elsewhere")
    page = browser(ada).get("/profile/").content.decode()
    assert f'href="/x-accounts/{mine.pk}/"' in page
    assert f'href="/x-accounts/{other.pk}/"' not in page
    assert f"/x-accounts/{other.pk}/disconnect/" in page


def test_what_is_wrong_with_an_account_is_said_in_words(ada):
    factories.MembershipFactory(
        user=ada, x_account__state=XAccount.State.RECONNECT, x_account__state_detail="X no longer accepts it."
    )
    page = browser(ada).get("/profile/").content.decode()
    assert "Needs to be connected again" in page
    assert "X no longer accepts it." in page


def test_the_number_of_queries_does_not_grow_with_the_accounts(ben, django_assert_max_num_queries):
    for _ in range(8):
        factories.MembershipFactory(user=ben, role="admin")
    client = browser(ben)
    with django_assert_max_num_queries(6):
        client.get("/profile/")


def test_single_key_shortcuts_can_be_switched_off_and_on(client, ada):
    client.force_login(ada)
    for sent, is_on in (({}, False), ({"uses_key_shortcuts": "on"}, True)):
        assert client.post("/profile/", {"name": "Ada", "time_zone": "", **sent}).status_code == 302
        ada.refresh_from_db()
        assert ada.uses_key_shortcuts is is_on
        assert f'data-is-single="{"yes" if is_on else "no"}"' in client.get("/profile/").content.decode()
