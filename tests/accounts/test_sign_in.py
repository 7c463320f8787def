"""Signing in with e-mail and password, and what is not offered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from conversations import tasks
from tests import factories
from tests.accounts.conftest import PASSWORD, browser

LOGIN = "/accounts/login/"


@pytest.fixture
def ben_with_password(ben):
    ben.set_password(PASSWORD)
    ben.save()
    return ben


def sign_in(client, **form):
    return client.post(LOGIN, {"login": "Ben@Nordlicht.example", "password": PASSWORD, **form})


def test_the_page_offers_both_ways(anonymous):
    page = anonymous.get(LOGIN).content.decode()
    assert 'name="login"' in page
    assert "Sign in with X" in page
    assert "@odd_ossian" in page  # the demo names its personas
    assert "/accounts/signup" not in page
    assert "/accounts/password/reset" not in page


def test_real_use_names_no_personas(anonymous, settings):
    settings.IS_DEMO = False
    assert "@odd_ossian" not in anonymous.get(LOGIN).content.decode()


def test_email_and_password_sign_in(anonymous, ben_with_password):
    assert sign_in(anonymous).url == "/"
    assert anonymous.get("/profile/").status_code == 200


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"login": "nobody@nordlicht.example"}])
def test_a_wrong_password_and_an_unknown_address_look_alike(anonymous, ben_with_password, wrong):
    answer = sign_in(anonymous, **wrong)
    assert answer.status_code == 422
    assert "email address and/or password you specified are not correct" in answer.content.decode()


def test_guessing_is_slowed_down_for_one_address(ben_with_password):
    for _ in range(5):
        assert sign_in(browser(), password="wrong").status_code == 422
    answer = sign_in(browser())
    assert answer.status_code == 422
    assert "Too many failed login attempts" in answer.content.decode()


def is_held_up(number: int, forwarded_for: str) -> bool:
    """Whether somebody new hears, with a wrong password, that there were too many tries from that address."""
    form = {"login": f"p{number}@nordlicht.example", "password": "x"}
    answer = browser().post(LOGIN, form, headers={"x-forwarded-for": forwarded_for})
    return "Too many failed" in answer.content.decode()


def test_a_forged_forwarding_header_does_not_reset_the_count(ben_with_password):
    assert [is_held_up(number, f"10.0.0.{number}") for number in range(12)] == [False] * 10 + [True] * 2


def test_behind_one_proxy_each_client_has_a_count_of_its_own_and_cannot_reset_it(ben_with_password, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    held_up = [is_held_up(number, f"10.0.0.{number}, 192.0.2.1") for number in range(12)]
    assert held_up == [False] * 10 + [True] * 2
    assert not is_held_up(12, "192.0.2.2")


@pytest.mark.parametrize(
    ("wanted", "lands_at"),
    [
        ("/profile/", "/profile/"),
        ("/c/1/?x=1", "/c/1/?x=1"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("///evil.example", "/"),
        ("http:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http://127.0.0.1:9/", "/"),
        ("http://127.0.0.1:8000@evil.example/", "/"),
        ("/\t/evil.example/", "/"),
        (" /profile/", "/"),
        ("profile/", "/"),
    ],
)
def test_next_leads_nowhere_else(ben_with_password, wanted, lands_at):
    by_form = sign_in(browser(), next=wanted)
    assert by_form.url == lands_at
    signed_in = browser(ben_with_password).get(LOGIN, {"next": wanted})
    assert (signed_in.status_code, signed_in.url) == (302, lands_at)


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example/"])
def test_signing_out_leads_nowhere_else_either(ben, wanted):
    assert browser(ben).post("/accounts/logout/", {"next": wanted}).url == "/"


def test_signing_out_needs_a_post(ben):
    client = browser(ben)
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get("/profile/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/profile/").status_code == 302


def test_a_person_switched_off_cannot_sign_in_and_is_told(anonymous, ben_with_password):
    User.objects.update(is_active=False)
    answer = sign_in(anonymous)
    assert answer.url == "/accounts/inactive/"
    assert anonymous.get(answer.url).status_code == 403
    assert anonymous.get("/profile/").status_code == 302


def test_switching_a_person_off_ends_their_open_session(ben):
    client = browser(ben)
    assert client.get("/profile/").status_code == 200
    User.objects.update(is_active=False)
    assert client.get("/profile/").status_code == 302


def test_a_session_that_is_over_leaves_nothing(ben, cleo):
    browser(ben)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    client = browser(cleo)
    tasks.tidy()
    assert [row.session_key for row in Session.objects.all()] == [client.session.session_key]


@pytest.mark.parametrize("name", [
    "account_signup", "account_email", "account_reset_password", "account_reset_password_done",
    "account_email_verification_sent", "account_reauthenticate", "account_confirm_login_code",
    "socialaccount_signup", "socialaccount_connections", "socialaccount_login_error", "socialaccount_login_cancelled",
])  # fmt: skip
@pytest.mark.parametrize("method", ["get", "post"])
def test_pages_of_allauth_that_are_not_offered_do_not_exist(anonymous, ben, name, method):
    assert getattr(anonymous, method)(reverse(name)).status_code == 404
    assert getattr(browser(ben), method)(reverse(name)).status_code == 404


def test_the_bare_address_leads_to_the_profile(ben):
    assert browser(ben).get("/accounts/").url == "/profile/"
    assert browser().get("/accounts/").url.startswith("/accounts/login/")


def test_the_password_can_be_changed_and_other_sessions_end(ben_with_password):
    here, there = browser(ben_with_password), browser(ben_with_password)
    form = {"oldpassword": PASSWORD, "password1": "another fine lamp", "password2": "another fine lamp"}
    assert here.post("/accounts/password/change/", {**form, "oldpassword": "wrong"}).status_code == 422
    assert here.post("/accounts/password/change/", form).url == "/profile/"
    assert here.get("/profile/").status_code == 200
    assert there.get("/profile/").status_code == 302
    ben_with_password.refresh_from_db()
    assert ben_with_password.check_password("another fine lamp")


def test_a_person_without_a_password_can_set_one(ben):
    ben.set_unusable_password()
    ben.save()
    client = browser(ben)
    assert client.get("/accounts/password/change/").url == "/accounts/password/set/"
    form = {"password1": "short", "password2": "short"}
    assert client.post("/accounts/password/set/", form).status_code == 422
    form = {"password1": PASSWORD, "password2": PASSWORD}
    assert client.post("/accounts/password/set/", form).status_code == 302
    ben.refresh_from_db()
    assert ben.check_password(PASSWORD)


def test_two_people_with_addresses_that_differ_in_case_cannot_exist(anonymous, ben_with_password):
    assert factories.UserFactory._meta.model.objects.create_user("BEN2@Nordlicht.example").email.islower()
