"""What a page asks each few seconds where no stream comes through: what may be seen, and how far it has come."""

from __future__ import annotations

import pytest

from accounts.models import Membership
from dminbox import static
from tests import factories
from tests.conversations.live_support import announce

pytestmark = [pytest.mark.services, pytest.mark.django_db]


@pytest.fixture
def x_accounts(ben):
    rows = [factories.SyncStateFactory().x_account for _ in range(2)]
    for row in rows:
        factories.MembershipFactory(user=ben, x_account=row)
    return rows


def now(client):
    answer = client.get("/live/now/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain")
    stand, version = answer.content.decode().split("\n")
    assert version == static.version()
    return stand


def test_it_moves_with_each_change_and_shrinks_with_the_permission(client, ben, x_accounts):
    client.force_login(ben)
    one, other = (row.pk for row in x_accounts)
    assert now(client) == f"{one}-0.{other}-0"
    announce(x_accounts[1])
    assert now(client) == f"{one}-0.{other}-1"
    Membership.objects.filter(x_account=one).delete()
    assert now(client) == f"{other}-1"


def test_a_stranger_is_told_of_nothing_and_who_is_not_signed_in_is_led_away(client, cleo, x_accounts):
    assert client.get("/live/now/").status_code == 302
    client.force_login(cleo)
    assert now(client) == ""


def test_it_says_the_version_so_that_a_page_without_a_stream_learns_of_an_update(client, ben, monkeypatch):
    client.force_login(ben)
    monkeypatch.setattr(static.staticfiles_storage, "manifest_hash", "a1b2", raising=False)
    assert client.get("/live/now/").content == b"\na1b2"


def test_it_takes_one_question_beside_who_asks(client, ben, x_accounts, django_assert_num_queries):
    client.force_login(ben)
    with django_assert_num_queries(3):
        now(client)
