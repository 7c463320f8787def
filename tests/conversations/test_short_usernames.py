"""The names of X accounts where a row has little room."""

from __future__ import annotations

import pytest

from conversations.showing.names import short_usernames
from tests.conversations.page_support import inbox

pytestmark = pytest.mark.usefixtures("noon")


@pytest.mark.parametrize(
    ("usernames", "expected"),
    [
        (["NordlichtHelp", "NordlichtStudio", "mira_nordlicht"], ["…Help", "…Studio", ""]),
        (["NordlichtStudio", "NordlichtStore"], ["…Studio", "…Store"]),
        (["nordlicht_help_de", "nordlicht_help_fr", "nordlicht_shop"], ["…de", "…fr", "…shop"]),
        (["nordlichthelp", "NordlichtShop"], ["…hthelp", "…Shop"]),
        (["Nordlicht", "NordlichtHelp"], ["", "…Help"]),
        (["NordlichtHelp", "NordlichtHelpDE", "NordlichtShop"], ["…Help", "…DE", "…Shop"]),
        (["NordlichtHelp", "NordlichtShop", "SommerHelp", "SommerShop"], ["No…Help", "No…Shop", "So…Help", "So…Shop"]),
        (["MyLampstoreBerlinOst", "MyLampstoreBerlinWest"], ["…Ost", "…West"]),
        (["MyLampstoreberlin", "MyLampstorebergen"], ["…erlin", "…ergen"]),
        (["ada", "adam"], ["", ""]),
        (["alone_here"], [""]),
    ],
)
def test_usernames_that_begin_alike_are_told_apart_by_their_ends(usernames, expected):
    found = short_usernames(usernames)
    assert [found[each] for each in usernames] == expected


def test_a_row_names_its_account_by_what_others_do_not_have_and_says_it_whole(as_ada, filled):
    html = inbox(as_ada)
    whole = '<span class="hidden-text">@NordlichtStudio</span>'
    assert f'title="@NordlichtStudio"><span aria-hidden="true">…Studio</span>{whole}</bdi>' in html
    assert "row-to" not in inbox(as_ada, f"?account={filled.studio.pk}")


def test_a_row_names_an_account_whole_that_begins_like_no_other(as_ada, filled):
    filled.studio.username = "odd_lamps"
    filled.studio.save()
    assert 'title="@odd_lamps">@odd_lamps</bdi>' in inbox(as_ada)
