"""Cleo is signed in and a member of no X account here: for her, none of it exists."""

from __future__ import annotations

import pytest

from accounts.models import Membership, Role
from conversations.models import ConversationLookup, HistoryRead, ReadMark, UnfinishedDay
from tests import factories

GETS = [
    "/c/{c}/",
    "/c/{c}/?show=messages",
    "/c/{c}/older/?before=9000000000000000000",
    "/c/{c}/newer/?after=1",
    "/c/{c}/e/{e}/",
    "/c/{c}/e/{e}/more/",
    "/c/{c}/e/{e}/raw/",
    "/c/{c}/media/",
    "/c/{c}/history/",
    "/c/{c}/activity/",
    "/c/{c}/people/",
    "/people/{p}/",
    "/open/{lookup}/",
    "/x-accounts/{x}/",
    "/x-accounts/{x}/start/",
    "/?account={x}",
]
POSTS = {
    "/c/{c}/read/": {"dm_event_id": "{e}"},
    "/c/{c}/unread/": {},
    "/c/{c}/history/": {"told": "9"},
    "/x-accounts/{x}/days/{day}/": {"told": "9"},
    "/x-accounts/{x}/start/": {"days": "7", "ceiling": "20"},
    "/x-accounts/{x}/resume/": {},
    "/x-accounts/{x}/cap/": {"cap": "5"},
}


@pytest.fixture
def ids(ada):
    x_account = factories.XAccountFactory()
    factories.MembershipFactory(user=ada, x_account=x_account, role=Role.ADMIN)
    conversation = factories.ConversationFactory(x_account=x_account)
    event = factories.DmEventFactory(conversation=conversation)
    factories.ParticipantFactory(conversation=conversation, x_user=conversation.peer)
    lookup = ConversationLookup.objects.create(x_account=x_account, kind="username", target="odd_ossian")
    return {
        "x": x_account.pk,
        "c": conversation.pk,
        "e": event.dm_event_id,
        "lookup": lookup.pk,
        "day": UnfinishedDay.objects.create(x_account=x_account, day="2026-11-20").pk,
        "p": conversation.peer_id,
    }


def nothing_was_written():
    wishes = HistoryRead.objects.exists() or UnfinishedDay.objects.exclude(state="noted").exists()
    return not (ReadMark.objects.exists() or wishes)


@pytest.fixture(params=["of nothing", "of another account"])
def as_cleo(client, cleo, request):
    if request.param == "of another account":
        Membership.objects.create(user=cleo, x_account=factories.XAccountFactory(), role=Role.ADMIN)
    client.force_login(cleo)
    return client


@pytest.mark.parametrize("address", GETS)
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_stranger_finds_no_page_and_no_part_of_one(as_cleo, ids, address, headers):
    answer = as_cleo.get(address.format(**ids), headers=headers)
    assert answer.status_code == 404 or (
        address.startswith("/?") and "data-conversation" not in answer.content.decode()
    )


@pytest.mark.parametrize("address", POSTS)
def test_a_stranger_changes_nothing(as_cleo, ids, address):
    sent = {name: value.format(**ids) for name, value in POSTS[address].items()}
    assert as_cleo.post(address.format(**ids), sent).status_code == 404
    assert nothing_was_written()


def test_a_stranger_cannot_ask_on_behalf_of_an_account(as_cleo, ids):
    answer = as_cleo.post("/open/", {"x_account": ids["x"], "target": "@odd_ossian"})
    assert answer.status_code == 422
    assert ConversationLookup.objects.count() == 1


@pytest.mark.parametrize("address", ["/", "/open/", *GETS])
def test_who_is_not_signed_in_is_asked_to_and_sees_nothing(client, ids, address):
    answer = client.get(address.format(**ids))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_membership_that_ended_ends_access_at_once(client, ada, ids):
    client.force_login(ada)
    assert client.get(f"/c/{ids['c']}/").status_code == 200
    Membership.objects.all().delete()
    assert client.get(f"/c/{ids['c']}/").status_code == 404


def test_writes_without_a_csrf_token_are_refused_with_a_page_that_says_why(ada, ids):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    answer = client.post(f"/c/{ids['c']}/read/", {"dm_event_id": ids["e"]})
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()
    assert nothing_was_written()


def test_pages_stay_out_of_caches_and_carry_a_policy_without_inline_code(client, ada, ids):
    client.force_login(ada)
    answer = client.get(f"/c/{ids['c']}/")
    assert answer["Cache-Control"] == "no-store"
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    html = answer.content.decode()
    assert " style=" not in html
    assert "<style" not in html
    assert "onclick" not in html
