"""What the command palette offers, and to whom."""

from __future__ import annotations

import re

import pytest

from accounts.models import Membership, Role
from conversations.models import SavedView
from conversations.search import index
from conversations.views import palette
from tests import factories

pytestmark = pytest.mark.services


@pytest.fixture
def x_account(ada):
    x_account = factories.XAccountFactory(username="NordlichtHelp")
    Membership.objects.create(user=ada, x_account=x_account, role=Role.VIEWER, read_before_id=1)
    return x_account


def talk(x_account, newest=1_000, **person):
    peer = factories.XUserFactory(**person)
    row = factories.ConversationFactory(x_account=x_account, peer=peer, last_dm_event_id=newest)
    factories.ParticipantFactory(conversation=row, x_user=peer)
    return row


def offered(client, query=""):
    answer = client.get("/palette/", {"q": query})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def threads(html):
    return [int(pk) for pk in re.findall(r'data-href="/c/(\d+)/"', html)]


def test_without_a_word_it_offers_places_filters_views_and_accounts(as_ada, ada, x_account):
    SavedView.objects.create(user=ada, name="Broken lamps", query="unread=1&media=1")
    html = offered(as_ada)
    for address in (
        "/?unread=1",
        "/?unanswered=1",
        "/?unread=1&amp;media=1",
        f"/?account={x_account.pk}",
        f"/x-accounts/{x_account.pk}/",
        "/profile/",
        "/search/",
    ):
        assert f'data-href="{address}"' in html
    assert 'data-deed="help"' in html
    assert 'data-deed="sign-out"' in html


def test_every_choice_is_an_option_with_an_id_of_its_own(as_ada, x_account):
    html = offered(as_ada)
    ids = re.findall(r'role="option" class="palette-choice" id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) == html.count('role="option"') > 8


def test_words_leave_what_has_them_all(as_ada, x_account):
    html = offered(as_ada, "nordlichthelp STATUS")
    assert html.count('role="option"') == 2
    assert "Search messages for" in html
    assert f'data-href="/x-accounts/{x_account.pk}/"' in html


@pytest.mark.parametrize("query", ["østerg", "ØSTERG", "reads ben", "@ben_re", "BEN_READS", "@ben_reads"])
def test_a_conversation_is_found_by_the_name_or_handle_of_somebody_in_it(as_ada, x_account, query):
    row = talk(x_account, name="Ben Østergård", username="ben_reads")
    talk(x_account, name="Mira", username="mira_nordlicht")
    assert threads(offered(as_ada, query)) == [row.pk]


def test_conversations_come_newest_first_and_no_more_than_fit(as_ada, x_account):
    rows = [talk(x_account, 1_000 + number, name=f"Ben {number}") for number in range(palette.SHOWN + 2)]
    assert threads(offered(as_ada, "ben")) == [row.pk for row in rows[:1:-1]]


def test_a_whole_handle_or_id_is_found_however_old_the_conversation_is(as_ada, x_account, monkeypatch):
    monkeypatch.setattr(palette, "LOOKED_AT", 1)
    old = talk(x_account, 1, username="ben_reads", name="Ben")
    talk(x_account, 2_000, username="mira", name="Mira")
    assert threads(offered(as_ada, "@Ben_Reads")) == [old.pk]
    assert threads(offered(as_ada, str(old.peer_id))) == [old.pk]
    assert threads(offered(as_ada, "ben")) == []


@pytest.mark.parametrize("looked_at", [palette.LOOKED_AT, 1])
def test_who_is_called_so_comes_before_whose_name_only_holds_it(as_ada, x_account, monkeypatch, looked_at):
    monkeypatch.setattr(palette, "LOOKED_AT", looked_at)
    called = [
        ("Ada", "adriatic"),
        ("Somebody", "ada"),
        ("Ada Lindqvist", "lindqvist"),
        ("Ben Ada", "ben"),
        ("Adalbert", "adal"),
        ("\u5c71\u7530", "yamada_taro"),
    ]
    rows = [
        talk(x_account, newest, name=name, username=username) for newest, (name, username) in enumerate(called, 1_000)
    ]
    index.index_names()
    html = offered(as_ada, "ada")
    newest_of_each = [rows[place] for place in (1, 0, 3, 2, 4, 5)]
    assert people(html) == [row.peer_id for row in newest_of_each]
    assert threads(html) == [row.pk for row in newest_of_each]


def test_a_nearer_name_is_found_behind_any_number_of_newer_ones(as_ada, x_account):
    old = talk(x_account, 1, name="Ada Lindqvist", username="lindqvist")
    for number in range(palette.SHOWN + 2):
        talk(x_account, 1_000 + number, name="\u5c71\u7530", username=f"yamada_{number}")
    index.index_names()
    html = offered(as_ada, "ada")
    assert people(html)[0] == old.peer_id
    assert threads(html)[0] == old.pk
    assert len(people(html)) == len(threads(html)) == palette.SHOWN


def people(html):
    return [int(pk) for pk in re.findall(r'data-href="/people/(\d+)/"', html)]


def test_a_part_of_a_name_is_found_however_old_the_conversation_is(as_ada, x_account, monkeypatch):
    monkeypatch.setattr(palette, "LOOKED_AT", 1)
    old = talk(x_account, 1, username="ben_reads", name="Ben Østergård")
    talk(x_account, 2_000, username="mira", name="Mira")
    index.index_names()
    for query in ("østerg", "ben_re", "Ben Øst"):
        html = offered(as_ada, query)
        assert threads(html) == [old.pk]
        assert people(html) == [old.peer_id]


def test_a_slip_in_a_name_is_helped(as_ada, x_account):
    row = talk(x_account, username="ben_reads", name="Ben Østergård")
    talk(x_account, username="mira", name="Mira")
    index.index_names()
    html = offered(as_ada, "Ostergard Bem")
    assert "Did you mean" in html
    assert people(html) == [row.peer_id]
    assert "Did you mean" not in offered(as_ada, "ben")


def test_people_and_accounts_of_others_are_not_told(client, cleo, x_account):
    talk(x_account, name="Ben Østergård", username="ben_reads")
    index.index_names()
    client.force_login(cleo)
    for query in ("", "ben", "bem", "@ben_reads", "nordlicht"):
        html = offered(client, query)
        assert threads(html) == []
        assert people(html) == []
        assert "NordlichtHelp" not in html


def test_names_are_shown_as_text(as_ada, x_account):
    talk(x_account, name="<b>Ben</b>")
    assert "&lt;b&gt;Ben&lt;/b&gt;" in offered(as_ada, "ben")


@pytest.mark.parametrize("query", ["\x00", "9" * 60, "%", "_", "'", "x" * 500])
def test_no_word_breaks_it(as_ada, x_account, query):
    talk(x_account)
    offered(as_ada, query)


@pytest.mark.parametrize("size", [1, 30])
def test_the_number_of_queries_does_not_grow(as_ada, x_account, size, django_assert_max_num_queries):
    for number in range(size):
        talk(x_account, 1_000 + number, name=f"Ben {number}")
    index.index_names()
    with django_assert_max_num_queries(14):
        offered(as_ada, "ben")


def test_who_is_not_signed_in_is_offered_nothing(client, db):
    assert client.get("/palette/").status_code == 302
