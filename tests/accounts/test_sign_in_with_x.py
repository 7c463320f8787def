"""Signing in with X: by the immutable id, only where it was linked on one's own profile page."""

from __future__ import annotations

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.utils import timezone

from accounts.models import User, XAccount
from tests import factories
from tests.accounts.conftest import BRAND, MIRA, browser, calls, consent, failure

START = "/accounts/twitter_oauth2/login/"
pytestmark = pytest.mark.usefixtures("brand")


def begin(client, **form):
    return client.post(START, form).url


def sign_in(client, xsim, user_id=MIRA, *, form=None, **options):
    return client.get(consent(xsim, begin(client, **(form or {})), user_id, **options))


def link(client, xsim, user_id=MIRA):
    return sign_in(client, xsim, user_id, form={"process": "connect"})


@pytest.fixture
def linked(ben, xsim):
    link(browser(ben), xsim)
    return ben


def test_x_is_asked_for_no_more_than_who_it_is(anonymous, settings):
    address = anonymous.post(f"{START}?scope=dm.write&auth_params=x%3Dy&process=redirect").url
    assert address.startswith(f"{settings.X_AUTHORIZE_URL}?")
    scope = address.partition("scope=")[2].partition("&")[0]
    assert set(scope.split("+")) == {"users.read", "tweet.read"}
    assert "x=y" not in address
    assert "code_challenge_method=S256" in address
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A8000%2Faccounts%2Ftwitter_oauth2%2Flogin%2Fcallback%2F" in address


def test_a_linked_identity_signs_in(linked, xsim):
    client = browser()
    assert sign_in(client, xsim).url == "/"
    assert client.get("/profile/").context["user"] == linked


def test_no_token_is_kept(linked, xsim):
    sign_in(browser(), xsim)
    assert not SocialToken.objects.exists()
    assert not XAccount.objects.exists()
    assert set(SocialAccount.objects.get().extra_data) == {"id", "username", "name"}


def test_an_unknown_identity_gets_a_page_and_nobody_is_made(anonymous, xsim, ben):
    answer = sign_in(anonymous, xsim)
    assert (answer.status_code, failure(answer)) == (403, "unknown_identity")
    assert User.objects.count() == 1
    assert not SocialAccount.objects.exists()
    assert anonymous.get("/profile/").status_code == 302
    assert anonymous.get("/accounts/3rdparty/signup/").status_code == 404


def test_neither_handle_nor_address_opens_the_door(anonymous, xsim):
    factories.UserFactory(name="mira_nordlicht", email="mira_nordlicht@nordlicht.example")
    xsim.post("people", {"id": MIRA, "username": "mira_nordlicht", "name": "Mira",
                         "fields": {"confirmed_email": "mira_nordlicht@nordlicht.example"}})  # fmt: skip
    assert failure(sign_in(anonymous, xsim)) == "unknown_identity"


def test_a_renamed_person_stays_the_same_and_a_taken_handle_is_somebody_else(linked, xsim):
    xsim.post("people", [
        {"id": MIRA, "username": "mira_elsewhere", "name": "Mira"},
        {"id": "1500000000000000999", "username": "mira_nordlicht", "name": "Not Mira"},
    ])  # fmt: skip
    assert sign_in(browser(), xsim).url == "/"
    assert failure(sign_in(browser(), xsim, "1500000000000000999")) == "unknown_identity"


def test_a_connected_brand_account_is_no_way_in(anonymous, xsim, connected):
    assert failure(sign_in(anonymous, xsim, BRAND)) == "unknown_identity"


def test_the_sign_in_leads_on_to_where_the_person_wanted(linked, xsim):
    assert sign_in(browser(), xsim, form={"next": "/profile/"}).url == "/profile/"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "http://127.0.0.1:9/"]
)
def test_the_sign_in_leads_nowhere_else(linked, xsim, wanted):
    assert sign_in(browser(), xsim, form={"next": wanted}).url == "/"


def test_a_person_switched_off_is_told_and_not_signed_in(linked, xsim):
    User.objects.update(is_active=False)
    client = browser()
    assert sign_in(client, xsim).url == "/accounts/inactive/"
    assert client.get("/profile/").status_code == 302


def test_linking_is_for_people_who_are_signed_in(anonymous, ben, xsim):
    assert anonymous.post(START, {"process": "connect"}).url == "/accounts/login/"
    client = browser(ben)
    back = consent(xsim, begin(client, process="connect"), MIRA)
    client.post("/accounts/logout/")
    client.get(back)
    assert not SocialAccount.objects.exists()


def test_a_person_switched_off_on_the_way_links_nothing(ben, xsim):
    client = browser(ben)
    back = consent(xsim, begin(client, process="connect"), MIRA)
    User.objects.update(is_active=False)
    assert failure(client.get(back)) == "signed_out"
    assert not SocialAccount.objects.exists()


def test_who_is_signed_in_is_not_signed_in_as_somebody_else(ben, xsim):
    assert browser(ben).post(START).url == "/profile/"


def test_a_link_belongs_to_the_session_that_began_it(ben, cleo, xsim):
    back = consent(xsim, begin(browser(ben), process="connect"), MIRA)
    assert failure(browser(cleo).get(back)) == "state"
    assert not SocialAccount.objects.exists()


def test_linking_shows_on_the_profile(linked):
    page = browser(linked).get("/profile/").content.decode()
    assert "@mira_nordlicht" in page
    assert MIRA in page


def test_an_identity_of_one_person_cannot_be_linked_by_another(linked, cleo, xsim):
    client = browser(cleo)
    assert link(client, xsim).url == "/profile/"
    assert "linked to another person" in client.get("/profile/").content.decode()
    assert SocialAccount.objects.get().user == linked


def test_a_person_may_link_several_identities(linked, xsim):
    link(browser(linked), xsim, BRAND)
    assert SocialAccount.objects.filter(user=linked).count() == 2


def test_unlinking_ends_that_way_in(linked, xsim):
    linked.set_password("x")
    linked.save()
    pk = SocialAccount.objects.get().pk
    assert browser(linked).post(f"/profile/x/{pk}/unlink/").status_code == 302
    assert failure(sign_in(browser(), xsim)) == "unknown_identity"


def test_the_only_way_in_cannot_be_unlinked(linked):
    linked.set_unusable_password()
    linked.save()
    pk = SocialAccount.objects.get().pk
    answer = browser(linked).post(f"/profile/x/{pk}/unlink/")
    assert answer.status_code == 422
    assert "Set a password" in answer.content.decode()
    assert SocialAccount.objects.exists()


def test_nobody_unlinks_the_identity_of_another(linked, cleo, ada):
    pk = SocialAccount.objects.get().pk
    for person in (cleo, ada):
        assert browser(person).post(f"/profile/x/{pk}/unlink/").status_code == 404
    assert SocialAccount.objects.exists()


def test_denied(anonymous, xsim):
    answer = sign_in(anonymous, xsim, decision="deny")
    assert (answer.status_code, failure(answer)) == (403, "denied")


@pytest.mark.parametrize("query", ["", "?state=forged&code=x", "?code=x"])
def test_bad_state(anonymous, xsim, query):
    begin(anonymous)
    answer = anonymous.get(f"{START}callback/{query}")
    assert (answer.status_code, failure(answer)) == (400, "state")
    assert calls(xsim, "/2/oauth2/token") == []


def test_a_state_is_good_for_one_use_and_ten_minutes(linked, xsim):
    client = browser()
    back = consent(xsim, begin(client), MIRA)
    client.get(back)
    assert failure(client.get(back)) == "state"
    late = browser()
    back = consent(xsim, begin(late), MIRA)
    with time_machine.travel(timezone.now() + timezone.timedelta(seconds=601)):
        assert failure(late.get(back)) == "state"


def test_a_code_that_comes_too_late(anonymous, xsim):
    back = consent(xsim, begin(anonymous), MIRA)
    xsim.post("clock", {"advance": 31})
    assert failure(anonymous.get(back)) == "code"


def test_an_answer_without_a_code(anonymous, xsim):
    state = consent(xsim, begin(anonymous), MIRA).partition("state=")[2].partition("&")[0]
    assert failure(anonymous.get(f"{START}callback/?state={state}&error=server_error")) == "no_code"


@pytest.mark.parametrize(
    ("kind", "path", "key"),
    [
        ("503", "/2/oauth2/token", "unreachable_token"),
        ("500-html", "/2/oauth2/token", "unreachable_token"),
        ("cut-after", "/2/oauth2/token", "unreachable_token"),
        ("402", "/2/users/me", "no_credit"),
        ("402-2026-02", "/2/users/me", "no_credit"),
        ("403-client-not-enrolled", "/2/users/me", "app"),
        ("429", "/2/users/me", "rate_limited"),
        ("503", "/2/users/me", "unreachable_profile"),
        ("500-html", "/2/users/me", "unreachable_profile"),
        ("cut-before", "/2/users/me", "unreachable_profile"),
    ],
)
def test_what_goes_wrong_at_x_is_named(linked, xsim, kind, path, key):
    xsim.post("faults", {"kind": kind, "path": path})
    client = browser()
    assert failure(sign_in(client, xsim)) == key
    assert client.get("/profile/").status_code == 302


def test_a_wrong_client_secret_names_the_settings(anonymous, xsim, settings):
    settings.X_CLIENT_SECRET = "not the one"
    assert failure(sign_in(anonymous, xsim)) == "client"


def test_the_secret_is_never_sent_over_http_beyond_this_machine(anonymous, xsim, settings):
    back = consent(xsim, begin(anonymous), MIRA)
    settings.X_TOKEN_URL = "http://api.x.example/2/oauth2/token"
    with pytest.raises(ValueError, match="https"):
        anonymous.get(back)


def test_beginning_needs_a_post(anonymous, ben):
    assert anonymous.get(START).url == "/accounts/login/"
    assert browser(ben).get(START).status_code == 302


def test_no_code_state_or_name_appears_in_the_logs(linked, xsim, caplog):
    client = browser()
    back = consent(xsim, begin(client), MIRA)
    client.get(back)
    assert caplog.records
    for secret in [part.partition("=")[2] for part in back.partition("?")[2].split("&")]:
        assert secret not in caplog.text
    assert "mira" not in caplog.text
