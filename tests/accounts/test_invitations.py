"""People join by one-time links that were made for their address."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from unittest import mock

import pytest
import time_machine
from django.core.management import CommandError, call_command

from accounts import actions
from accounts.models import Invitation, Membership, Role, User
from tests import factories
from tests.accounts.conftest import PASSWORD, browser

FORM = {"name": "Ben", "password": PASSWORD, "password_again": PASSWORD}


@pytest.fixture
def help_desk(db):
    return factories.XAccountFactory(username="NordlichtHelp", x_user_id=1500000000000000101)


def invited(email="ben@nordlicht.example", **gives):
    return actions.invite(email, **gives).removeprefix("http://127.0.0.1:8000")


def run_invite(*args, **options):
    out = StringIO()
    call_command("invite", *args, stdout=out, **options)
    return out.getvalue().strip()


def test_a_new_person_sets_name_and_password_and_is_signed_in(anonymous, help_desk):
    path = invited("Ben@Nordlicht.example", x_account=help_desk, role=Role.LEAD)
    page = anonymous.get(path).content.decode()
    assert "ben@nordlicht.example" in page
    assert "@NordlichtHelp" in page
    assert anonymous.post(path, FORM).url == "/"
    ben = User.objects.get()
    assert (ben.email, ben.is_owner) == ("ben@nordlicht.example", False)
    assert Membership.objects.get(user=ben).role == Role.LEAD
    assert anonymous.get("/profile/").status_code == 200


def test_what_was_there_before_a_person_joined_counts_as_read(anonymous, help_desk):
    anonymous.post(invited(x_account=help_desk), FORM)
    assert Membership.objects.get().read_before_id > 0


def test_an_invitation_works_once(anonymous, help_desk):
    path = invited(x_account=help_desk)
    anonymous.post(path, FORM)
    again = browser()
    assert again.get(path).status_code == 404
    assert again.post(path, FORM).status_code == 404
    assert Invitation.objects.get().used_by.email == "ben@nordlicht.example"


def test_an_invitation_expires(anonymous, help_desk):
    path = invited(x_account=help_desk)
    with time_machine.travel(actions.timezone.now() + Invitation.LIFETIME + timedelta(seconds=1)):
        assert anonymous.post(path, FORM).status_code == 404
    assert not User.objects.exists()


@pytest.mark.parametrize("token", ["%20", "%00", "x", "../../admin", "0" * 3000])
def test_odd_tokens_never_match(anonymous, help_desk, token):
    invited(x_account=help_desk)
    assert anonymous.get(f"/invitations/{token}/").status_code == 404


def test_a_wrong_form_comes_back_with_422(anonymous, help_desk):
    path = invited(x_account=help_desk)
    for wrong in ({"password": "ben@nordlicht", "password_again": "ben@nordlicht"}, {"name": ""}):
        assert anonymous.post(path, {**FORM, **wrong}).status_code == 422
    assert not User.objects.exists()


def test_a_known_person_signs_in_first_and_then_joins(help_desk, ben):
    path = invited("BEN@nordlicht.example", x_account=help_desk, role=Role.VIEWER)
    answer = browser().post(path, FORM)
    assert answer.url == f"/accounts/login/?next={path.replace('/', '%2F')}"
    signed_in = browser(ben)
    assert signed_in.get(path).status_code == 200
    assert signed_in.post(path).url == "/"
    assert Membership.objects.get(user=ben).role == Role.VIEWER


def test_getting_the_page_joins_nobody(help_desk, ben):
    browser(ben).get(invited(x_account=help_desk))
    assert not Membership.objects.exists()


def test_somebody_else_cannot_take_the_invitation(help_desk, ben, cleo):
    path = invited(x_account=help_desk)
    for method in ("get", "post"):
        answer = getattr(browser(cleo), method)(path)
        assert answer.status_code == 403
        assert "ben@nordlicht.example" not in answer.content.decode()
    with pytest.raises(actions.InvitationGoneError):
        actions.join_as(path.rstrip("/").rsplit("/", 1)[1], cleo)
    assert not Membership.objects.exists()
    assert Invitation.objects.get().used_at is None


def test_a_signed_in_person_cannot_take_a_new_persons_invitation(help_desk, cleo):
    assert browser(cleo).post(invited(x_account=help_desk), FORM).status_code == 403
    assert User.objects.count() == 1


def test_a_person_whose_access_is_off_gets_nothing_by_an_invitation(help_desk, ben):
    User.objects.update(is_active=False)
    assert browser().post(invited(x_account=help_desk), FORM).status_code == 302
    assert not Membership.objects.exists()


def test_of_two_who_join_by_one_link_at_once_the_second_is_told_that_it_is_used(anonymous, ben, help_desk, monkeypatch):
    new, known = invited("cleo@elsewhere.example", x_account=help_desk), invited(x_account=help_desk)
    monkeypatch.setattr(actions, "_claim", mock.Mock(side_effect=actions.InvitationGoneError))
    assert anonymous.post(new, FORM).status_code == 404
    assert browser(ben).post(known).status_code == 404
    assert not Membership.objects.exists()


def test_who_came_by_another_way_meanwhile_is_not_made_twice_and_keeps_the_invitation(help_desk, ben):
    path = invited(x_account=help_desk)
    with pytest.raises(actions.InvitationGoneError):
        actions.join_as_new(path.rstrip("/").rsplit("/", 1)[1], name="Ben", password=PASSWORD)
    assert Invitation.objects.get().used_at is None


@pytest.mark.parametrize(("before", "invited_as", "after"), [("viewer", "lead", "lead"), ("admin", "viewer", "admin")])
def test_an_invitation_never_takes_a_role_away(help_desk, ben, before, invited_as, after):
    factories.MembershipFactory(user=ben, x_account=help_desk, role=before)
    browser(ben).post(invited(x_account=help_desk, role=invited_as))
    assert Membership.objects.get().role == after


def test_an_invitation_can_make_an_owner(anonymous):
    anonymous.post(invited(makes_owner=True), FORM)
    assert User.objects.get().is_owner


def test_the_command_prints_a_link_for_the_account_named_by_handle_or_id(help_desk):
    for name in ("@nordlichthelp", "NordlichtHelp", "1500000000000000101"):
        link = run_invite("ben@nordlicht.example", account=name, role="lead")
        assert link.startswith("http://127.0.0.1:8000/invitations/")
    rows = Invitation.objects.all()
    assert {(row.x_account, row.role, row.makes_owner) for row in rows} == {(help_desk, "lead", False)}


def test_the_role_is_agent_when_none_is_named(help_desk):
    run_invite("ben@nordlicht.example", account="@NordlichtHelp")
    assert Invitation.objects.get().role == Role.AGENT


def test_the_command_can_invite_an_owner_without_any_account(db):
    run_invite("ben@nordlicht.example", owner=True)
    row = Invitation.objects.get()
    assert (row.makes_owner, row.x_account, row.role) == (True, None, "")


@pytest.mark.parametrize(
    ("email", "options", "words"),
    [
        ("no address", {}, "no e-mail address"),
        ("ben@nordlicht.example", {"account": "@nobody"}, "Known: @NordlichtHelp"),
        ("ben@nordlicht.example", {"account": "99999999999999999999999"}, "is connected here"),
        ("ben@nordlicht.example", {"role": "lead"}, "--role needs --account"),
    ],
)
def test_the_command_says_what_is_wrong(help_desk, email, options, words):
    with pytest.raises(CommandError, match=words):
        run_invite(email, **options)
    assert not Invitation.objects.exists()
