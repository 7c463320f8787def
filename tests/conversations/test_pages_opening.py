"""Opening a conversation by handle, user ID or link."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Role, XAccount
from conversations.forms import parse_target
from conversations.models import ConversationLookup, SyncState
from tests import factories

OURS = 1_700_000_000_000_000_001
HX = {"HX-Request": "true"}


@pytest.fixture
def x_account(ada):
    x_account = factories.XAccountFactory(x_user_id=OURS, username="NordlichtHelp")
    factories.MembershipFactory(user=ada, x_account=x_account, role=Role.AGENT)
    factories.SyncStateFactory(x_account=x_account)
    return x_account


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("@odd_ossian", "username", "odd_ossian"),
        ("  Odd_Ossian ", "username", "Odd_Ossian"),
        ("@12345", "username", "12345"),
        ("12345", "user_id", "12345"),
        ("x.com/odd_ossian", "username", "odd_ossian"),
        ("https://twitter.com/odd_ossian/?s=20", "username", "odd_ossian"),
        ("https://mobile.twitter.com/@odd_ossian", "username", "odd_ossian"),
        ("https://x.com/i/user/900000005", "user_id", "900000005"),
        (f"https://x.com/messages/{OURS}-900000005", "user_id", "900000005"),
        (f"https://www.x.com/messages/900000005-{OURS}/", "user_id", "900000005"),
        (f"x.com/messages/900000005:{OURS}", "user_id", "900000005"),
        (f"{OURS}-{OURS}", "user_id", str(OURS)),
        ("https://x.com/messages/1578398451921985538", "conversation_id", "1578398451921985538"),
        ("https://twitter.com/messages/1578398451921985538/info", "conversation_id", "1578398451921985538"),
        ("https://x.com/messages/compose?recipient_id=900000005", "user_id", "900000005"),
        ("https://twitter.com/messages/compose?recipient_id=900000005&text=hi", "user_id", "900000005"),
    ],
)
def test_every_form_of_naming_a_conversation_is_understood(written, kind, value):
    target = parse_target(written, OURS)
    assert (target.kind, target.value) == (kind, value)


@pytest.mark.parametrize(
    "written",
    [
        "two words",
        "@a_handle_that_is_too_long",
        "https://evil.example/odd_ossian",
        "https://x.com.evil.example/odd_ossian",
        "javascript://x.com/odd_ossian",
        "https://x.com/home",
        "https://x.com/odd_ossian/status/1",
        "https://x.com/messages",
        "https://x.com/messages/compose",
        "https://x.com/messages/compose?recipient_id=ossian",
        "https://x.com/messages/12",
        "https://x.com/messages/1-2",
        "https://x.com/i/chat/1-2",
        "http://[x.com/odd",
        "9999999999999999999",
        "https://x.com/i/user/9999999999999999999",
        "https://x.com/messages/compose?recipient_id=9999999999999999999",
        f"https://x.com/messages/{OURS}-9999999999999999999",
    ],
)
def test_what_names_no_conversation_is_refused_in_words(written):
    with pytest.raises(ValidationError):
        parse_target(written, OURS)


def test_the_page_says_the_price_before_anything_is_asked(as_ada, x_account):
    html = " ".join(as_ada.get("/open/").content.decode().split())
    assert "$0.01 for each of up to 100 messages, so at most $1.00" in html
    assert "XChat" in html


def test_a_handle_to_choose_keeps_its_sign_in_front_where_text_runs_from_the_right(as_ada, x_account):
    html = as_ada.get("/open/", headers={"accept-language": "ar"}).content.decode()
    assert f"\u2066@{x_account.username}\u2069</option>" in html


def test_asking_makes_one_wish_and_leads_to_its_page(as_ada, ada, x_account):
    answer = as_ada.post("/open/", {"x_account": x_account.pk, "target": "@odd_ossian"})
    wish = ConversationLookup.objects.get()
    assert answer["Location"] == f"/open/{wish.pk}/"
    assert (wish.x_account, wish.asked_by, wish.kind, wish.target) == (x_account, ada, "username", "odd_ossian")


def test_a_form_that_cannot_be_understood_comes_back_with_422_and_costs_nothing(as_ada, x_account):
    answer = as_ada.post("/open/", {"x_account": x_account.pk, "target": "https://x.com/home"})
    assert answer.status_code == 422
    assert "neither a person nor a conversation" in answer.content.decode()
    assert not ConversationLookup.objects.exists()


@pytest.mark.parametrize("written", ["900000005", "@odd_ossian", f"x.com/messages/900000005-{OURS}"])
def test_a_conversation_that_is_here_already_is_opened_without_asking_x(as_ada, x_account, written):
    peer = factories.XUserFactory(id=900_000_005, username="Odd_Ossian")
    known = factories.ConversationFactory(x_account=x_account, peer=peer)
    known.last_event = factories.DmEventFactory(conversation=known)
    known.save()
    answer = as_ada.post("/open/", {"x_account": x_account.pk, "target": written})
    assert answer["Location"] == f"/c/{known.pk}/"
    assert not ConversationLookup.objects.exists()


def test_a_viewer_is_told_that_it_takes_a_larger_role(client, ben, x_account):
    factories.MembershipFactory(user=ben, x_account=x_account, role=Role.VIEWER)
    client.force_login(ben)
    html = client.get("/open/").content.decode()
    assert "Agent role" in html
    assert client.post("/open/", {"x_account": x_account.pk, "target": "@ada"}).status_code == 422
    assert not ConversationLookup.objects.exists()


def test_accounts_that_are_not_connected_cannot_ask(as_ada, x_account):
    XAccount.objects.update(state=XAccount.State.RECONNECT)
    assert as_ada.post("/open/", {"x_account": x_account.pk, "target": "@ada"}).status_code == 422


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("due", "Asking X for the conversation"),
        ("found", "X returned the conversation"),
        ("none", "X found no conversation"),
        ("failed", "X could not be asked: Not today."),
    ],
)
def test_the_page_of_a_wish_says_how_it_stands(as_ada, x_account, state, expected):
    conversation = factories.ConversationFactory(x_account=x_account) if state == "found" else None
    wish = ConversationLookup.objects.create(
        x_account=x_account,
        kind="username",
        target="odd_ossian",
        state=state,
        detail="Not today." if state == "failed" else "",
        conversation=conversation,
    )
    whole = as_ada.get(f"/open/{wish.pk}/").content.decode()
    part = as_ada.get(f"/open/{wish.pk}/", headers=HX).content.decode()
    assert expected in " ".join(whole.split())
    assert expected in " ".join(part.split())
    assert "<html" not in part
    assert ('hx-trigger="every 2s"' in part) == (state == "due")
    assert ('http-equiv="refresh"' in whole) == (state == "due")
    assert (f"/c/{conversation.pk}/" in part) if conversation else "Open the thread" not in part


def test_asking_what_could_cross_the_months_cap_is_refused_with_words(as_ada, x_account):
    SyncState.objects.update(monthly_cap_usd="0.50")
    answer = as_ada.post("/open/", {"x_account": x_account.pk, "target": "@odd_ossian"})
    assert answer.status_code == 422
    html = answer.content.decode().replace("&#x27;", "'")
    assert "Only $0.50 is left under this month's cap, and this could cost up to $1.00." in html
    assert not ConversationLookup.objects.exists()
