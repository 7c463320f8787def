"""The first owner comes by a one-time link; afterwards the way is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command

from accounts import actions
from accounts.models import Invitation, User
from tests.accounts.conftest import PASSWORD, browser

FORM = {"name": "Ada", "email": "Ada@Nordlicht.example", "password": PASSWORD, "password_again": PASSWORD}


def path_of(link):
    return link.removeprefix("http://127.0.0.1:8000")


@pytest.fixture
def link(db):
    return actions.new_setup_link()


def test_the_link_stands_under_the_public_address_and_its_token_is_not_stored(link, settings):
    assert link.startswith(f"{settings.PUBLIC_URL}/setup/")
    token = link.rstrip("/").rsplit("/", 1)[1]
    assert token not in str(Invitation.objects.values_list().get())


def test_the_form_makes_the_first_owner_and_signs_them_in(anonymous, link):
    assert anonymous.get(path_of(link)).status_code == 200
    answer = anonymous.post(path_of(link), FORM)
    assert (answer.status_code, answer.url) == (302, "/profile/")
    ada = User.objects.get()
    assert (ada.email, ada.is_owner) == ("ada@nordlicht.example", True)
    assert ada.check_password(PASSWORD)
    assert "Connect an X account" in anonymous.get("/profile/").content.decode()


def test_after_the_first_owner_the_route_is_gone_for_every_link(anonymous, link):
    anonymous.post(path_of(link), FORM)
    other = browser()
    for path in (path_of(link), "/setup/x/", "/setup/%00/", "/setup/%20/"):
        assert other.get(path).status_code == 404
        assert other.post(path, FORM).status_code == 404
    assert User.objects.count() == 1
    assert actions.new_setup_link() is None


@pytest.mark.parametrize("token", ["x", "%20", "%00", "d41d8cd98f00b204e9800998ecf8427e", "0" * 2000])
def test_odd_tokens_never_match(anonymous, link, token):
    assert anonymous.post(f"/setup/{token}/", FORM).status_code == 404
    assert not User.objects.exists()


def test_the_hash_of_an_empty_token_matches_nothing(link):
    assert not actions.is_setup_open("")


def test_a_newer_link_ends_the_older_one(anonymous, link):
    newer = actions.new_setup_link()
    assert anonymous.post(path_of(link), FORM).status_code == 404
    assert anonymous.post(path_of(newer), FORM).status_code == 302


def test_a_link_expires(anonymous, link):
    with time_machine.travel(actions.timezone.now() + Invitation.LIFETIME + timedelta(seconds=1)):
        answer = anonymous.get(path_of(link))
    assert answer.status_code == 404
    assert "setup_link" in answer.content.decode()


def test_an_invitation_is_no_setup_link_nor_the_other_way_round(anonymous, link):
    invitation = path_of(actions.invite("ben@nordlicht.example"))
    assert anonymous.post(invitation.replace("invitations", "setup"), FORM).status_code == 404
    assert anonymous.post(path_of(link).replace("setup", "invitations"), FORM).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"password_again": "another thing"}, "password_again"),
        ({"password": "short", "password_again": "short"}, "password"),
        ({"password": "password12", "password_again": "password12"}, "password"),
        ({"password": "ada@nordlicht", "password_again": "ada@nordlicht"}, "password"),
        ({"email": "no address"}, "email"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_form_comes_back_with_422_and_makes_nobody(anonymous, link, wrong, field):
    answer = anonymous.post(path_of(link), {**FORM, **wrong})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not User.objects.exists()


def test_the_address_of_somebody_known_is_refused(anonymous, link, ben):
    answer = anonymous.post(path_of(link), {**FORM, "email": "BEN@nordlicht.example"})
    assert answer.status_code == 422


def test_a_link_used_twice_at_the_same_moment_makes_one_owner(link):
    token = link.rstrip("/").rsplit("/", 1)[1]
    actions.set_up(token, name="Ada", email="ada@nordlicht.example", password=PASSWORD)
    User.objects.update(is_owner=False)  # so that the claim alone decides
    with pytest.raises(actions.InvitationGoneError):
        actions.set_up(token, name="Eve", email="eve@nordlicht.example", password=PASSWORD)


def test_the_command_prints_the_link_alone(db, capsys):
    call_command("setup_link")
    printed = capsys.readouterr().out
    assert printed.startswith("http://127.0.0.1:8000/setup/")
    assert printed.count("\n") == 1


def test_the_command_says_so_when_there_is_an_owner(ada):
    with pytest.raises(CommandError, match="owner already") as caught:
        call_command("setup_link")
    assert caught.value.returncode == 1
