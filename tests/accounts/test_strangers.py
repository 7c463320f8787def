"""Cleo is signed in and a stranger: for her, nothing here exists. Who is not signed in is asked to."""

from __future__ import annotations

import pytest

from accounts.models import XAccount
from tests import factories
from tests.accounts.conftest import browser


@pytest.fixture
def x_account(db):
    return factories.XAccountFactory()


def paths(x_account):
    return {
        "/x-accounts/connect/": "post",
        "/x-accounts/callback/?state=x&code=y": "get",
        f"/x-accounts/{x_account.pk}/disconnect/": "post",
        "/profile/x/1/unlink/": "post",
        "/admin/": "get",
        "/admin/accounts/user/": "get",
        "/admin/accounts/xaccount/": "get",
        f"/admin/accounts/xaccount/{x_account.pk}/change/": "get",
        "/admin/nothing/": "get",
        "/admin/login/": "get",
    }


def test_a_stranger_gets_404_everywhere(cleo, x_account):
    client = browser(cleo)
    found = {path: getattr(client, method)(path).status_code for path, method in paths(x_account).items()}
    assert found == dict.fromkeys(found, 404)
    x_account.refresh_from_db()
    assert x_account.state == XAccount.State.CONNECTED


def test_a_stranger_cannot_reconnect_by_naming_the_account(cleo, x_account):
    for pk in (str(x_account.pk), "0", "x", "-1", "9" * 30, "１"):
        assert browser(cleo).post("/x-accounts/connect/", {"x_account": pk}).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "agent", "lead"])
def test_members_below_admin_may_not_touch_the_connection(ben, x_account, role):
    factories.MembershipFactory(user=ben, x_account=x_account, role=role)
    client = browser(ben)
    assert client.post("/x-accounts/connect/", {"x_account": x_account.pk}).status_code == 404
    assert client.post(f"/x-accounts/{x_account.pk}/disconnect/").status_code == 404


def test_an_admin_of_one_account_may_touch_no_other(ben, x_account):
    factories.MembershipFactory(user=ben, role="admin")
    client = browser(ben)
    assert client.post("/x-accounts/connect/", {"x_account": x_account.pk}).status_code == 404
    assert client.post(f"/x-accounts/{x_account.pk}/disconnect/").status_code == 404
    assert client.post("/x-accounts/connect/").status_code == 404  # a new account is for owners


def test_who_is_not_signed_in_is_asked_to_sign_in(anonymous, x_account):
    for path, method in [*paths(x_account).items(), ("/profile/", "get"), ("/profile/zone/", "post")]:
        answer = getattr(anonymous, method)(path)
        assert answer.status_code == 302, path
        by_way_of = ("/admin/login/", "/accounts/login/") if path.startswith("/admin/") else "/accounts/login/"
        assert answer.url.startswith(by_way_of), path


def test_the_admin_has_no_sign_in_form_of_its_own(anonymous, ada):
    answer = anonymous.post("/admin/login/?next=/admin/accounts/user/", {"username": ada.email, "password": "x"})
    assert answer.url == "/accounts/login/?next=%2Fadmin%2Faccounts%2Fuser%2F"
    assert browser(ada).get("/admin/login/").url == "/admin/"


def test_the_code_of_a_callback_never_lands_in_the_sign_in_address(anonymous):
    assert "secret-code" not in anonymous.get("/x-accounts/callback/?state=x&code=secret-code").url


def test_writes_are_posts(ada, x_account):
    client = browser(ada)
    for path in (
        "/x-accounts/connect/",
        f"/x-accounts/{x_account.pk}/disconnect/",
        "/profile/zone/",
        "/profile/x/1/unlink/",
    ):
        assert client.get(path).status_code == 405
    assert client.post("/x-accounts/callback/").status_code == 405


def test_writes_need_their_csrf_token(ada, x_account):
    client = browser(ada)
    client.handler.enforce_csrf_checks = True
    for path in ("/x-accounts/connect/", f"/x-accounts/{x_account.pk}/disconnect/", "/profile/", "/profile/zone/"):
        assert client.post(path).status_code == 403


def test_cleos_profile_shows_no_account_of_others(cleo, x_account):
    page = browser(cleo).get("/profile/").content.decode()
    assert x_account.username not in page
    assert "Connect an X account" not in page


def test_a_missing_encryption_key_does_not_break_the_profile(ada, x_account, settings):
    settings.ENCRYPTION_KEYS = ["c29tZSBvdGhlciBrZXksIG5vdCB0aGUgcmlnaHQgMSE="]
    assert browser(ada).get("/profile/").status_code == 200
