"""Who is typing, what was seen, what goes on encrypted, and that somebody is looking."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine

from accounts.models import Role, snowflake_floor
from conversations.models import Conversation, Participant, SyncState
from tests import factories
from tests.conversations.page_support import NOW, page
from tests.e2e.rich import Teller, recount

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def x_account(ada):
    state = factories.SyncStateFactory(last_success_at=NOW)
    factories.MembershipFactory(user=ada, x_account=state.x_account, role=Role.ADMIN)
    return state.x_account


@pytest.fixture
def us(x_account):
    return factories.XUserFactory(id=x_account.x_user_id, name="Nordlicht Lamps Support")


def talk(x_account, us, lines=3, begin=NOW - timedelta(hours=5)):
    """Ours and theirs in turn, an hour apart; ours are 1, 3, 5 …"""
    conversation = factories.ConversationFactory(x_account=x_account)
    for person in (conversation.peer, us):
        factories.ParticipantFactory(conversation=conversation, x_user=person)
    teller = Teller(conversation, begin)
    events = [teller.wait(hours=1).event(us if n % 2 else conversation.peer, f"Line {n}") for n in range(lines)]
    recount(conversation)
    return conversation, events


def thread(client, conversation, query=""):
    return page(client, f"/c/{conversation.pk}/{query}")


def peer_of(conversation):
    return Participant.objects.filter(conversation=conversation, x_user=conversation.peer)


# --- Typing -----------------------------------------------------------------------------------------------------------


def test_who_is_typing_is_said_in_thread_and_inbox_until_that_time_is_over(as_ada, x_account, us):
    conversation, _ = talk(x_account, us)
    peer_of(conversation).update(typing_until=NOW + timedelta(seconds=1))
    assert '<p class="typing" id="typing" role="status">typing…</p>' in thread(as_ada, conversation)
    assert '<span class="row-preview typing" dir="auto">typing…</span>' in page(as_ada, "/")
    peer_of(conversation).update(typing_until=NOW)
    assert "typing…" not in thread(as_ada, conversation)
    assert "Line 2" in page(as_ada, "/")
    assert "typing…" not in page(as_ada, "/")


def test_in_a_group_they_are_named_and_we_are_not(as_ada, x_account, us):
    group = factories.ConversationFactory(x_account=x_account, is_group=True, peer=None, dm_conversation_id="1" * 19)
    Teller(group, NOW - timedelta(hours=1)).event(us, "Hello")
    recount(group)
    for name in ("Mira", "Ben"):
        person = factories.XUserFactory(name=name)
        factories.ParticipantFactory(conversation=group, x_user=person, typing_until=NOW + timedelta(seconds=5))
    factories.ParticipantFactory(conversation=group, x_user=us, typing_until=NOW + timedelta(seconds=5))
    assert "Mira and Ben are typing…" in thread(as_ada, group)


def test_an_older_page_tells_of_no_typing(as_ada, x_account, us):
    conversation, events = talk(x_account, us)
    peer_of(conversation).update(typing_until=NOW + timedelta(seconds=5))
    assert "typing…" not in thread(as_ada, conversation, f"?before={events[-1].dm_event_id}").split("<aside")[0]


# --- Seen -------------------------------------------------------------------------------------------------------------


def seen(conversation, event, at=NOW - timedelta(hours=1)):
    peer_of(conversation).update(seen_dm_event_id=event.dm_event_id, seen_at=at)


def marked(html):
    """The id of the event above the mark."""
    found = re.search(r'.*id="e(\d+)".*?class="seen"', html)
    return int(found[1]) if found else None


def test_seen_stands_under_our_newest_message_that_they_have_read(as_ada, x_account, us):
    conversation, events = talk(x_account, us, lines=6)
    seen(conversation, events[4])
    html = thread(as_ada, conversation)
    assert html.count('class="seen"') == 1
    assert marked(html) == events[3].dm_event_id
    assert re.search(r"Seen <time[^>]*>12:02</time>", html)
    seen(conversation, events[5], at=NOW - timedelta(days=2))
    html = thread(as_ada, conversation)
    assert marked(html) == events[5].dm_event_id
    assert re.search(r"Seen <time[^>]*>19 Nov</time>", html)


def test_nothing_of_ours_that_was_read_has_no_mark(as_ada, x_account, us):
    conversation, events = talk(x_account, us)
    assert 'class="seen"' not in thread(as_ada, conversation)
    seen(conversation, events[0])
    assert 'class="seen"' not in thread(as_ada, conversation)


def test_the_mark_stands_on_one_page_alone_also_when_that_is_an_older_one(as_ada, x_account, us):
    conversation, events = talk(x_account, us, lines=2)
    teller = Teller(conversation, NOW - timedelta(hours=2))
    for number in range(60):
        last = teller.wait(minutes=1).event(conversation.peer, f"And {number}")
    recount(conversation)
    seen(conversation, last)
    html = thread(as_ada, conversation)
    assert 'class="seen"' not in html
    older = page(as_ada, re.search(r'hx-get="(/c/\d+/older/[^"]*)"', html)[1].replace("&amp;", "&"))
    assert marked(older) == events[1].dm_event_id


# --- Encrypted --------------------------------------------------------------------------------------------------------


def lock(conversation, at, last=None):
    Conversation.objects.filter(pk=conversation.pk).update(encrypted_at=at, last_encrypted_at=last or at)


def order(html):
    return re.findall(r'id="(e\d+|locked)"', html)


def test_where_it_went_on_encrypted_a_marker_stands_at_that_time_and_links_to_x(as_ada, x_account, us):
    conversation, events = talk(x_account, us, lines=4)
    lock(conversation, events[1].created_at + timedelta(minutes=1), NOW)
    html = thread(as_ada, conversation)
    ids = [f"e{event.dm_event_id}" for event in events]
    assert order(html) == [*ids[:2], "locked", *ids[2:]]
    marker = html.split('id="locked"')[1].split("</p>")[0]
    assert "In encrypted XChat since <time" in marker
    assert "Only X's own apps show these messages." in marker
    assert f'href="https://x.com/messages/{conversation.dm_conversation_id}"' in marker


def test_it_stands_below_all_events_when_nothing_came_after(as_ada, x_account, us):
    conversation, events = talk(x_account, us)
    lock(conversation, NOW)
    assert order(thread(as_ada, conversation))[-1] == "locked"
    assert "locked" not in order(thread(as_ada, conversation, "?show=people"))
    assert order(thread(as_ada, conversation, "?show=messages"))[-1] == "locked"


@pytest.mark.parametrize("minutes", [-1, 5.5, 11.5, 12, 59, 70])
def test_in_a_long_thread_the_marker_stands_on_exactly_one_page(as_ada, x_account, us, minutes):
    conversation = factories.ConversationFactory(x_account=x_account)
    begin = NOW - timedelta(hours=2)
    teller = Teller(conversation, begin - timedelta(minutes=1))
    events = [teller.wait(minutes=1).event(us, f"Line {number}") for number in range(62)]
    recount(conversation)
    lock(conversation, begin + timedelta(minutes=minutes))
    html = thread(as_ada, conversation)
    older = page(as_ada, re.search(r'hx-get="(/c/\d+/older/[^"]*)"', html)[1].replace("&amp;", "&"))
    found = order(older) + order(html)
    assert found.count("locked") == 1
    above = found[: found.index("locked")]
    assert len(above) == sum(snowflake_floor(begin + timedelta(minutes=minutes)) >= e.dm_event_id for e in events)
    around = thread(as_ada, conversation, f"?at={events[10].dm_event_id}")
    newer = re.search(r'href="\?after=(\d+)', around)[1]
    assert (order(around) + order(thread(as_ada, conversation, f"?after={newer}"))).count("locked") == 1


@pytest.fixture
def chat(x_account):
    """Known by X Chat alone."""
    peer = factories.XUserFactory(name="Signe", username="signe")
    return factories.ConversationFactory(
        x_account=x_account,
        peer=peer,
        encrypted_at=NOW - timedelta(days=3),
        last_encrypted_at=NOW - timedelta(minutes=5),
        last_dm_event_id=snowflake_floor(NOW - timedelta(minutes=5)),
    )


def test_a_conversation_known_by_x_chat_alone_shows_that_and_asks_for_no_money(as_ada, chat):
    html = thread(as_ada, chat)
    assert order(html) == ["locked"]
    assert "no messages" not in html.lower()
    assert "No older messages" not in html
    assert "from X: at most" not in html


def test_it_stands_in_the_inbox_at_its_time_with_a_lock(as_ada, chat, x_account, us):
    conversation, _ = talk(x_account, us)
    html = page(as_ada, "/")
    rows = re.findall(r'data-conversation="(\d+)"', html)
    assert rows == [str(chat.pk), str(conversation.pk)]
    row = html.split(f'data-conversation="{chat.pk}"')[1].split("</a>")[0]
    assert "🔒" in row
    assert "Now in encrypted XChat" in row
    assert ">12:57</time>" in row


def test_a_conversation_with_newer_regular_messages_keeps_its_preview_and_has_the_lock(as_ada, x_account, us):
    conversation, _ = talk(x_account, us)
    lock(conversation, NOW - timedelta(days=1))
    html = page(as_ada, "/")
    assert "Line 2" in html
    assert "🔒" in html
    lock(conversation, NOW)
    assert "Line 2" not in page(as_ada, "/")


# --- Somebody is looking ----------------------------------------------------------------------------------------------


def watched():
    return SyncState.objects.get().watched_until


@pytest.mark.parametrize("path", ["/", "/c/{pk}/"])
def test_looking_is_written_down_for_two_minutes_and_at_most_each_half_minute(as_ada, x_account, us, path):
    conversation, _ = talk(x_account, us)
    address = path.format(pk=conversation.pk)
    with time_machine.travel(NOW, tick=False) as clock:
        page(as_ada, address)
        assert watched() == NOW + timedelta(minutes=2)
        clock.move_to(NOW + timedelta(seconds=29))
        page(as_ada, address)
        assert watched() == NOW + timedelta(minutes=2)
        clock.move_to(NOW + timedelta(seconds=31))
        page(as_ada, address)
        assert watched() == NOW + timedelta(seconds=151)


@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
def test_a_look_ahead_of_a_browser_and_a_page_out_of_sight_are_nobody_looking(as_ada, x_account, us, headers):
    conversation, _ = talk(x_account, us)
    for address in ("/", f"/c/{conversation.pk}/"):
        as_ada.get(address, headers=headers)
        as_ada.head(address)
    as_ada.get("/?only=&unseen=1")
    assert watched() is None


def test_only_the_accounts_that_are_shown_are_watched(as_ada, ada, x_account):
    other = factories.SyncStateFactory()
    factories.MembershipFactory(user=ada, x_account=other.x_account)
    stranger = factories.SyncStateFactory()
    page(as_ada, f"/?account={x_account.pk}")
    rows = dict(SyncState.objects.values_list("x_account", "watched_until"))
    assert rows[x_account.pk] is not None
    assert rows[other.x_account_id] is None
    page(as_ada, "/")
    other.refresh_from_db()
    stranger.refresh_from_db()
    assert other.watched_until is not None
    assert stranger.watched_until is None
