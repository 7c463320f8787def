"""The inbox as a person sees it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import Membership, Role, XAccount
from conversations import actions
from conversations.models import Conversation, SavedView, SyncState
from conversations.querysets import ConversationQuerySet
from conversations.showing.bidi import apart
from tests import factories
from tests.conversations.page_support import NOW, inbox
from tests.e2e import rich

pytestmark = pytest.mark.usefixtures("noon")
ROW = re.compile(r'<span class="row-title" dir="auto">(.*?)</span>')


def titles(html):
    return ROW.findall(html)


def test_conversations_of_all_accounts_stand_newest_first(as_ada, filled):
    found = titles(inbox(as_ada))
    assert len(found) == 30
    assert found[:3] == ["Ben Østergård", "Customer 100", "Customer 1"]


def test_a_row_shows_whom_it_is_with_what_was_said_last_by_whom_and_when(as_ada, filled):
    html = inbox(as_ada)
    assert "Nordlicht Studio, Ada Lindqvist and 5 others" in html
    assert "You: Sorry to hear that." in html
    assert "Mira: I will be late" in html
    assert ">13:02</time>" in html  # Ben's, an hour ago in UTC, in Ada's zone
    assert "18 Nov" in html


@pytest.mark.parametrize(
    ("kind", "expected"), [("photo", "📷 Photo"), ("video", "🎬 Video"), ("animated_gif", "GIF"), ("audio", "📎 File")]
)
def test_a_last_message_of_media_alone_is_named_by_its_kind(as_ada, filled, kind, expected):
    message = rich.Teller(filled.long, NOW).say(filled.people[1], " https://t.co/alone00001")
    media = rich.Media.objects.create(media_key=f"9_{kind}", type=kind)
    rich.attach(message, media)
    rich.recount(filled.long)
    assert expected in inbox(as_ada)


def test_comings_and_kinds_nobody_knows_are_named_too(as_ada, filled):
    teller = rich.Teller(filled.long, NOW)
    teller.move("ParticipantsJoin", [filled.people[2]], by=filled.people[0])
    rich.recount(filled.long)
    assert f"Ada Lindqvist added {apart('مريم الزهراء')}" in inbox(as_ada)
    teller.move("ParticipantsLeave", [filled.people[2]])
    rich.recount(filled.long)
    assert f"{apart('مريم الزهراء')} left" in inbox(as_ada)
    teller.event(None, event_type="ConversationFrozen")
    rich.recount(filled.long)
    assert "ConversationFrozen" in inbox(as_ada)


def test_filters_combine_and_stand_in_the_address(as_ada, ada, filled):
    assert titles(inbox(as_ada, f"?account={filled.studio.pk}")) == ["Customer 100"]
    assert titles(inbox(as_ada, "?kind=group")) == ["Nordlicht Studio, Ada Lindqvist and 5 others"]
    assert "Nordlicht Studio, Ada Lindqvist and 5 others" not in titles(inbox(as_ada, "?kind=one"))
    html = inbox(as_ada, f"?kind=group&unread=1&account={filled.support.pk}")
    assert len(titles(html)) == 1
    assert f'href="/?account={filled.support.pk}&amp;unread=1"' in html
    actions.mark_read(ada, filled.group, filled.group.last_dm_event_id)
    html = inbox(as_ada, f"?kind=group&unread=1&account={filled.support.pk}")
    assert titles(html) == []
    assert "No matches for these filters." in html


def test_older_conversations_follow_by_a_link_until_each_was_shown_once(as_ada, filled):
    seen, address = [], "/"
    while address:
        html = inbox(as_ada, address.removeprefix("/"))
        seen += re.findall(r'data-conversation="(\d+)"', html)
        found = re.search(r'<a class="button quiet small"\s+href="(/\?[^"]*after=[^"]*)"', html)
        address = found[1].replace("&amp;", "&") if found else None
    assert len(seen) == len(set(seen)) == 73


def test_unread_rows_are_marked_and_counted_beside_their_account(as_ada, ada, filled):
    html = inbox(as_ada)
    assert re.search(r"@NordlichtStudio</span>\s*<span class=\"count\">1<", html)
    assert html.count('class="row unread"') == 30
    actions.mark_read(ada, filled.long, filled.long.last_dm_event_id)
    assert inbox(as_ada).count('class="row unread"') == 29


@pytest.mark.parametrize("size", [1, 40])
def test_the_number_of_queries_does_not_grow_with_the_inbox(as_ada, ada, filled, size, django_assert_max_num_queries):
    rich.small_talks(filled.support, dict.fromkeys(range(200, 200 + size), NOW))
    with django_assert_max_num_queries(9):
        inbox(as_ada)
    for name in ("New", "Also new"):
        SavedView.objects.create(user=ada, name=name, query="unread=1")  # all of them are counted together
    with django_assert_max_num_queries(10):
        inbox(as_ada)


def test_the_age_of_what_is_shown_is_said(as_ada, filled):
    SyncState.objects.filter(x_account=filled.studio).update(last_success_at=NOW - timedelta(minutes=40))
    assert re.search(r"as of <time[^>]*>13:22</time>", inbox(as_ada))


def test_where_one_x_account_is_shown_its_state_is_one_link_away(as_ada, filled):
    address = f'href="/x-accounts/{filled.studio.pk}/"'
    assert address not in inbox(as_ada)
    assert address in inbox(as_ada, f"?account={filled.studio.pk}")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("no_credit", "out of credit"),
        ("paused", "paused at its limit"),
        ("capped", "paused at the monthly cap"),
        ("unavailable", "has been unreachable"),
        ("refused", "has denied access"),
        ("waiting", "how far back"),
    ],
)
def test_an_account_that_needs_a_person_says_so_with_the_way_on(as_ada, filled, state, words):
    SyncState.objects.filter(x_account=filled.studio).update(state=state)
    html = inbox(as_ada)
    assert words in html
    target = "x_account_start" if state == "waiting" else "x_account"
    assert reverse(target, args=[filled.studio.pk]) in html


@pytest.mark.parametrize(
    ("state", "what", "next_step"),
    [
        ("capped", "since 12:40", "resumes on 1 Dec (UTC), or when the cap is raised"),
        ("paused", "since 12:40", "until an admin continues it"),
        ("no_credit", "since 12:40", "dminbox retries every hour"),
        ("unavailable", "since 12:40", "Next try at 14:09."),
        ("refused", "since 12:40", "Next try at 14:09."),
    ],
)
def test_what_stops_reading_is_told_with_since_when_what_comes_next_and_how_old_the_rest_is(
    as_ada, filled, state, what, next_step
):
    SyncState.objects.filter(x_account=filled.studio).update(
        state=state,
        state_since=NOW - timedelta(minutes=82),
        next_poll_at=NOW + timedelta(minutes=7),
        last_success_at=NOW - timedelta(minutes=90),
    )
    for address in ("", f"c/{filled.studio.conversations.get().pk}/"):
        html = inbox(as_ada, address)
        assert what in html
        assert next_step in html
        assert "Messages up to 12:32 are shown." in html
    assert "Messages up to <time" in inbox(as_ada, f"x-accounts/{filled.studio.pk}/")


def test_trouble_of_many_accounts_is_one_line_for_each_cause_and_hides_no_row(as_ada, ada, filled):
    others = [factories.MembershipFactory(user=ada).x_account for _ in range(8)]
    for x_account in others:
        factories.SyncStateFactory(x_account=x_account, state="no_credit")
    SyncState.objects.filter(x_account=filled.studio).update(state="capped")
    html = inbox(as_ada)
    assert re.findall(r'role="status">\s*<details>\s*<summary>(.*?)</summary>', html) == [
        "8 X accounts: no credit at X",
        "@NordlichtStudio: paused at the monthly cap",
    ]
    for x_account in others:
        assert f"(<bdi>@{x_account.username}</bdi>)</a>" in html


def test_trouble_of_an_account_that_is_not_shown_is_not_told(as_ada, filled):
    SyncState.objects.filter(x_account=filled.studio).update(state="capped")
    assert "paused at the monthly cap" not in inbox(as_ada, f"?account={filled.support.pk}")
    assert "paused at the monthly cap" in inbox(as_ada, f"?account={filled.studio.pk}")


def test_an_account_whose_grant_ended_says_so(as_ada, filled):
    XAccount.objects.filter(pk=filled.studio.pk).update(state=XAccount.State.RECONNECT)
    assert "X has rejected the connection of @NordlichtStudio since" in inbox(as_ada)


def test_an_empty_inbox_is_not_called_empty_but_says_what_x_gives(as_ada, ada):
    factories.MembershipFactory(user=ada, role=Role.VIEWER)
    html = inbox(as_ada)
    assert "No conversations from X yet." in html
    assert "XChat" in html


def test_an_owner_without_any_x_account_is_led_to_connect_one(as_ada):
    html = inbox(as_ada)
    assert "Connect an X account" in html
    assert reverse("connect_x_account") in html


def test_a_member_of_no_x_account_is_told_whom_to_ask(client, ben):
    client.force_login(ben)
    html = inbox(client)
    assert "Ask whoever invited you" in html
    assert reverse("connect_x_account") not in html


@pytest.mark.parametrize(
    "query", ["?account=x", "?account=0", "?kind=none", "?after=1", "?after=a-b", "?account=99999"]
)
def test_an_address_that_means_nothing_is_not_found(as_ada, filled, query):
    assert as_ada.get(f"/{query}").status_code == 404


def test_the_inbox_of_somebody_elses_account_does_not_exist(client, cleo, filled):
    Membership.objects.create(user=cleo, x_account=factories.XAccountFactory())
    client.force_login(cleo)
    assert client.get(f"/?account={filled.support.pk}").status_code == 404
    assert titles(inbox(client)) == []


def test_who_is_removed_while_a_page_is_made_sees_no_row_of_it(as_ada, ada, filled, monkeypatch):
    newest_of = ConversationQuerySet.newest_of

    def removed_after_it(self, *args):
        found = newest_of(self, *args)
        Membership.objects.filter(user=ada).delete()
        return found

    monkeypatch.setattr(ConversationQuerySet, "newest_of", removed_after_it)
    assert titles(inbox(as_ada)) == []


def test_a_list_says_when_its_day_is_over_where_the_reader_is(as_ada, filled):
    midnight_in_oslo = datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert f'data-over="{midnight_in_oslo.timestamp():.0f}"' in inbox(as_ada)


def test_the_number_of_unread_ones_in_all_accounts_stands_in_the_title(as_ada, ada, filled):
    html = inbox(as_ada, f"?account={filled.studio.pk}")
    assert "<title> (73) Inbox · dminbox</title>" in html
    assert 'data-unread="73"' in html
    for row in Conversation.objects.all():
        actions.mark_read(ada, row, row.last_dm_event_id)
    assert "<title> Inbox · dminbox</title>" in inbox(as_ada)
    assert 'data-unread="0"' in inbox(as_ada, "?only=")
