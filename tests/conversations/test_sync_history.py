"""Older history on demand, refills of some kinds, and conversations opened by handle, id or address."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
import time_machine
from django.utils import timezone

from accounts.models import XAccount, snowflake_floor
from conversations import actions, ledger, sync
from conversations.models import (
    BilledResource,
    Change,
    Conversation,
    ConversationLookup,
    DmEvent,
    HistoryRead,
    QuarantinedEvent,
    ReadInterval,
    SpendDay,
    SyncState,
    XUser,
)
from conversations.sync import estimates, history, opening, pace, people, push, trouble, wishes
from dminbox.xapi import query
from tests.conversations.sync_support import (
    ANN,
    OWN,
    begin,
    connect,
    held_by_x,
    make_person,
    message,
    one_to_one,
    poll,
    say,
    settle,
    stored,
    stored_ids,
)

pytestmark = [pytest.mark.services, pytest.mark.django_db]
BOB = "2000000000000000002"
GROUP = "1580000000000000000"
PAIR = one_to_one(OWN, ANN)
Read, Lookup = HistoryRead.State, ConversationLookup.State


@pytest.fixture
def x_account(xsim):
    xsim.post("settings", {"token_seconds": 10**8})
    make_person(xsim, ANN)
    make_person(xsim, BOB)
    return connect(xsim)


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(pace, "PAGE", 10)


def write(xsim, days, other: str = ANN) -> set[int]:
    now = datetime.fromisoformat(xsim.get("clock")["now"])
    times = [(now - timedelta(days=day)).isoformat() for day in days]
    return {int(say(xsim, other, f"It is {time}.", created_at=time)["id"]) for time in times}


def wish(x_account, pages: int = 1, **more) -> HistoryRead:
    conversation = Conversation.objects.get(x_account=x_account, dm_conversation_id=PAIR)
    row = HistoryRead.objects.create(conversation=conversation, pages_wanted=pages, **more)
    sync.read_history(row.pk)
    row.refresh_from_db()
    return row


def look_up(x_account, kind: str, target: str) -> ConversationLookup:
    row = ConversationLookup.objects.create(x_account=x_account, kind=kind, target=target)
    sync.look_up_conversation(row.pk)
    row.refresh_from_db()
    return row


def asked(xsim) -> list[dict]:
    calls = [call for call in xsim.get("requests") if "dm_conversations" in call["path"]]
    xsim.delete("requests")
    return calls


# --- History ----------------------------------------------------------------------------------------------------------


def test_history_goes_on_from_its_cursor_and_ends_at_the_beginning(x_account, xsim, small_pages):
    ids = write(xsim, range(1, 60))
    begin(x_account)
    settle(x_account)
    assert len(stored_ids(x_account)) < 40
    while not Conversation.objects.get().has_reached_beginning:
        assert wish(x_account, pages=2).state == Read.DONE
    assert stored_ids(x_account) == ids
    tokens = [parse_qs(call["query"]).get("pagination_token", [None])[0] for call in asked(xsim)]
    assert tokens.count(None) == 1, "the top is read once; from there each page goes on where the last one ended"
    assert len(tokens) == len(set(tokens))
    assert stored(x_account) == held_by_x(xsim, x_account.access_token, f"/2/dm_conversations/{PAIR}/dm_events")


def test_an_encrypted_group_is_not_asked_for_at_x(x_account, xsim):
    begin(x_account)
    settle(x_account)
    push.mark_encrypted(x_account, "g1800000000000000001", timezone.now())
    asked(xsim)
    row = HistoryRead.objects.create(conversation=Conversation.objects.get(), pages_wanted=1)
    sync.read_history(row.pk)
    row.refresh_from_db()
    assert (row.state, row.detail) == (Read.FAILED, history.ENCRYPTED)
    assert asked(xsim) == []


def test_a_page_that_costs_nothing_and_brings_nothing_is_no_page_of_the_wish(x_account, xsim, small_pages):
    write(xsim, range(1, 60))
    begin(x_account)
    settle(x_account)
    count = len(stored_ids(x_account))
    row = wish(x_account, pages=1)
    assert (row.state, row.pages_read) == (Read.DONE, 1)
    assert len(stored_ids(x_account)) > count, "what was read and billed today already is passed over"


def test_days_after_an_import_one_press_buys_older_messages_and_not_only_the_known_ones(
    x_account, xsim, small_pages, monkeypatch, ada
):
    """X bills them anew on each day, and its cursors only lead on from its newest page."""
    monkeypatch.setattr(estimates, "PAGE", 10)
    known, older = write(xsim, range(1, 28)), write(xsim, range(40, 60))
    begin(x_account)
    settle(x_account)
    assert stored_ids(x_account) == known
    conversation = Conversation.objects.get()
    assert history.billed_again(conversation) == 0
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        xsim.post("clock", {"advance": 2 * 24 * 3600})
        again = history.billed_again(conversation)
        assert again == len(known)
        pages = estimates.pages_past(again)
        row = actions.read_history(ada, conversation, pages=pages)
        spent = ledger.billed_today(x_account).dm_events
        sync.read_history(row.pk)
        row.refresh_from_db()
        assert (row.state, row.pages_read, row.events_read) == (Read.DONE, pages, pages * 10 - again)
        assert ledger.billed_today(x_account).dm_events - spent == pages * 10
        assert history.billed_again(conversation) == 0, "from there its own cursor leads on"
        row = actions.read_history(ada, conversation, pages=2)
        sync.read_history(row.pk)
    assert stored_ids(x_account) == known | older


def test_what_was_billed_today_is_passed_over_however_much_it_is(x_account, xsim, small_pages, settings):
    settings.X_WINDOW_SECONDS = 1
    xsim.post("settings", {"dm_get_limit": 300})
    write(xsim, [day / 8 for day in range(1, 145)])
    older = write(xsim, [40])
    begin(x_account)
    settle(x_account)
    row = wish(x_account)
    assert (row.state, row.pages_read, row.events_read) == (Read.DONE, 1, 1)
    assert older < stored_ids(x_account)


def test_a_wish_that_meets_the_limit_goes_on_by_itself_later(x_account, xsim, small_pages):
    ids = write(xsim, range(1, 60))
    begin(x_account)
    settle(x_account)
    xsim.post("settings", {"dm_get_limit": 4})
    row = wish(x_account, pages=50)
    assert row.state == Read.DUE
    assert row.due_at > timezone.now()
    assert "by itself" in row.detail
    assert row.lease_until is None
    with time_machine.travel(timezone.now()) as clock:
        for _ in range(3):
            xsim.post("clock", {"advance": 930})
            clock.shift(930)
            sync.read_history(row.pk)
    row.refresh_from_db()
    assert row.state == Read.DONE
    assert stored_ids(x_account) == ids


@pytest.mark.parametrize("kind", ["history", "lookup"])
def test_a_wish_that_x_fails_waits_longer_each_time_until_x_answers(x_account, xsim, kind, small_pages):
    write(xsim, range(1, 30))
    begin(x_account)
    settle(x_account)
    xsim.post("faults", {"kind": "503", "times": 5})
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        row = wish(x_account, pages=50) if kind == "history" else look_up(x_account, "user_id", ANN)
        for _ in range(5):
            assert row.state == "due"
            waits.append(row.due_at - timezone.now())
            clock.move_to(row.due_at)
            (sync.read_history if kind == "history" else sync.look_up_conversation)(row.pk)
            row.refresh_from_db()
    for number, wait in enumerate(waits):
        assert timedelta(seconds=7.5) * 2**number <= wait <= timedelta(seconds=15) * 2**number
    assert (row.state, row.failures) == (Read.DONE if kind == "history" else Lookup.FOUND, 0)


def test_a_dead_worker_s_wish_is_taken_up_again(x_account, xsim):
    write(xsim, [40, 1])
    begin(x_account)
    settle(x_account)
    row = HistoryRead.objects.create(conversation=Conversation.objects.get())
    assert wishes.claim(HistoryRead, row.pk)
    assert wishes.claim(HistoryRead, row.pk) is None
    assert list(wishes.waiting(HistoryRead)) == []
    HistoryRead.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert list(wishes.waiting(HistoryRead)) == [row.pk]
    sync.read_history(row.pk)
    row.refresh_from_db()
    assert (row.state, row.events_read) == (Read.DONE, 1)


def test_a_refill_of_some_kinds_fills_in_and_claims_nothing(x_account, xsim, small_pages):
    xsim.post("conversations", {"id": GROUP, "member_ids": [OWN, ANN, BOB], "is_group": True})
    now = datetime.fromisoformat(xsim.get("clock")["now"])

    def put(day: float, **event) -> int:
        event |= {"dm_conversation_id": GROUP, "created_at": (now - timedelta(days=day)).isoformat()}
        return int(xsim.post("events", event)[0]["id"])

    join = {"event_type": "ParticipantsJoin", "participant_ids": [BOB], "sender_id": ANN}
    joins = {put(day, **join) for day in range(40, 55)}
    talk = {put(day, sender_id=ANN, text="Hello") for day in range(1, 5)}
    begin(x_account)
    settle(x_account)
    conversation = Conversation.objects.get(dm_conversation_id=GROUP)
    row = HistoryRead.objects.create(
        conversation=conversation, pages_wanted=9, event_types=["ParticipantsJoin", "ParticipantsLeave"]
    )
    sync.read_history(row.pk)
    row.refresh_from_db()
    assert row.state == Read.DONE
    assert row.events_read == len(joins)
    assert stored_ids(x_account) == joins | talk
    assert not ReadInterval.objects.filter(conversation=conversation).exists()
    assert not Conversation.objects.get(pk=conversation.pk).has_reached_beginning


def test_each_press_for_some_kinds_reads_on_where_the_last_one_ended_and_bills_nothing_twice(
    x_account, xsim, small_pages, ada
):
    ids = write(xsim, [day / 100 for day in range(1, 26)])
    begin(x_account)
    settle(x_account)
    conversation = Conversation.objects.get()
    DmEvent.objects.all().delete()
    xsim.delete("requests")
    for _ in range(4):
        row = actions.read_history(ada, conversation, ["MessageCreate"])
        sync.read_history(row.pk)
    row.refresh_from_db()
    tokens = [parse_qs(request["query"]).get("pagination_token") for request in xsim.get("requests")]
    assert tokens[0] is None
    assert len(set(map(str, tokens))) == len(tokens), "no page is asked for twice"
    assert stored_ids(x_account) == ids
    assert row.state == Read.DONE


def test_presses_for_some_kinds_are_billed_page_by_page_down_to_an_end_that_is_said(x_account, xsim, small_pages, ada):
    old = write(xsim, range(40, 65))
    write(xsim, [1])
    begin(x_account)
    settle(x_account)
    conversation = Conversation.objects.get()
    read = []
    for _ in range(4):
        row = actions.read_history(ada, conversation, ["MessageCreate"])
        sync.read_history(row.pk)
        row.refresh_from_db()
        read.append(row.events_read)
        billed = BilledResource.objects.filter(kind=BilledResource.Kind.DM_EVENT)
        assert set(billed.values_list("resource_id", flat=True)) == stored_ids(x_account)
    assert read == [9, 10, 6, 0], "one was here already; and X's last cursor leads to an empty page"
    assert old < stored_ids(x_account)
    assert (row.state, row.next_token, row.detail) == (Read.DONE, "", history.NO_MORE_OF_THESE)
    DmEvent.objects.exclude(dm_event_id__in=old).delete()
    assert wish(x_account, pages=9, event_types=["MessageCreate"]).events_read == 1, "after an end: from the top again"


def test_a_press_after_a_failed_one_reads_on_from_where_that_had_come(x_account, xsim, small_pages, ada):
    write(xsim, [1, *range(40, 75)])
    begin(x_account)
    settle(x_account)
    first = wish(x_account, event_types=["MessageCreate"])
    xsim.post("faults", {"kind": "404"})
    row = actions.read_history(ada, Conversation.objects.get(), ["MessageCreate"])
    HistoryRead.objects.filter(pk=row.pk).update(next_token=f"{first.next_token} and a page further")
    sync.read_history(row.pk)
    row.refresh_from_db()
    assert row.state == Read.FAILED
    again = actions.read_history(ada, Conversation.objects.get(), ["MessageCreate"])
    assert again.next_token == row.next_token != first.next_token


def test_a_press_that_finds_nothing_new_says_so(x_account, xsim, small_pages, ada):
    write(xsim, [day / 100 for day in range(1, 26)])
    begin(x_account)
    settle(x_account)
    row = actions.read_history(ada, Conversation.objects.get(), ["MessageCreate"])
    sync.read_history(row.pk)
    row.refresh_from_db()
    assert (row.state, row.detail) == (Read.DONE, history.NOTHING_NEW)


def test_a_cursor_of_some_kinds_that_x_no_longer_takes_begins_anew(x_account, xsim, small_pages):
    ids = write(xsim, [1])
    begin(x_account)
    settle(x_account)
    row = HistoryRead.objects.create(
        conversation=Conversation.objects.get(), event_types=["MessageCreate"], next_token="not-a-token-of-x-any-more"
    )
    sync.read_history(row.pk)
    row.refresh_from_db()
    assert row.state == Read.DONE
    assert stored_ids(x_account) == ids


def test_who_lost_the_lease_of_a_wish_writes_nothing_over_the_next_worker(x_account, xsim):
    write(xsim, [1])
    begin(x_account)
    settle(x_account)
    pk = HistoryRead.objects.create(conversation=Conversation.objects.get()).pk
    slow = wishes.claim(HistoryRead, pk)
    HistoryRead.objects.filter(pk=pk).update(lease_until=timezone.now() + timedelta(minutes=3), pages_read=7)
    wishes.write(slow, pages_read=1)
    wishes.finish(slow, Read.FAILED, "too late")
    row = HistoryRead.objects.get(pk=pk)
    assert (row.state, row.pages_read, row.detail) == (Read.DUE, 7, "")
    assert row.lease_until is not None


def test_a_worker_that_comes_back_after_its_lease_leaves_the_wish_to_the_next(x_account, xsim, monkeypatch):
    write(xsim, [40, 1])
    begin(x_account)
    settle(x_account)
    pk = HistoryRead.objects.create(conversation=Conversation.objects.get(), pages_wanted=9).pk
    ask = ledger.call

    def ask_for_too_long(*args):
        answer = ask(*args)
        HistoryRead.objects.filter(pk=pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert wishes.claim(HistoryRead, pk), "the next worker's by now"
        HistoryRead.objects.filter(pk=pk).update(pages_read=7, detail="The next worker's words.")
        return answer

    monkeypatch.setattr(ledger, "call", ask_for_too_long)
    sync.read_history(pk)
    row = HistoryRead.objects.get(pk=pk)
    assert (row.state, row.pages_read, row.events_read, row.detail) == (Read.DUE, 7, 0, "The next worker's words.")
    assert row.lease_until is not None
    assert DmEvent.objects.count() == 2, "what X gave and billed is kept all the same"


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_an_outage_beyond_the_window_left_out_is_read_from_the_thread(x_account, xsim, small_pages, is_whole):
    write(xsim, [*range(1, 6), *range(32, 60)])
    begin(x_account)
    settle(x_account)
    conversation = Conversation.objects.get()
    wish(x_account, pages=9 if is_whole else 1)
    conversation.refresh_from_db()
    assert conversation.has_reached_beginning is is_whole
    xsim.post("clock", {"advance": 40 * 24 * 3600})
    write(xsim, [0.1, *range(31, 38)])
    settle(x_account)
    conversation.refresh_from_db()
    assert sync.account_status(x_account).lost
    assert not conversation.has_reached_beginning
    wish(x_account, pages=20)
    path = f"/2/dm_conversations/{PAIR}/dm_events"
    assert stored(x_account) == held_by_x(xsim, x_account.access_token, path)
    conversation.refresh_from_db()
    assert conversation.has_reached_beginning


@pytest.mark.parametrize("was_polled", [True, False])
def test_nor_does_opening_it_hide_what_was_left_out(x_account, xsim, small_pages, was_polled):
    """Opened between the outage and the next poll; or opened first, and polled for the first time long after."""
    write(xsim, range(1, 6))
    if was_polled:
        begin(x_account)
        settle(x_account)
    look_up(x_account, "user_id", ANN)
    wish(x_account, pages=9)
    conversation = Conversation.objects.get()
    assert conversation.has_reached_beginning
    xsim.post("clock", {"advance": 40 * 24 * 3600})
    write(xsim, [*(hour / 24 for hour in range(1, 30)), *range(31, 38)])
    if was_polled:
        look_up(x_account, "user_id", ANN)
    else:
        begin(x_account)
    settle(x_account)
    conversation.refresh_from_db()
    assert not conversation.has_reached_beginning
    wish(x_account, pages=20)
    path = f"/2/dm_conversations/{PAIR}/dm_events"
    assert stored(x_account) == held_by_x(xsim, x_account.access_token, path)
    settle(x_account)
    conversation.refresh_from_db()
    assert conversation.has_reached_beginning, "and it is not opened again by each poll"


def test_x_s_no_to_a_wish_is_said_with_its_words(x_account, xsim):
    write(xsim, [1])
    begin(x_account)
    settle(x_account)
    xsim.post("faults", {"kind": "404"})
    row = wish(x_account)
    assert row.state == Read.FAILED
    assert row.detail


def test_a_wish_for_which_the_connection_has_no_right_ends_and_says_so(x_account, xsim):
    write(xsim, [1])
    begin(x_account)
    settle(x_account)
    xsim.post("faults", {"kind": "403"})
    row = wish(x_account)
    assert (row.state, row.detail) == (Read.FAILED, trouble.SCOPES)


def test_no_credit_met_by_a_wish_stops_the_polling_too(x_account, xsim):
    write(xsim, [1])
    begin(x_account)
    settle(x_account)
    xsim.post("faults", {"kind": "402"})
    row = wish(x_account)
    assert row.state == Read.DUE
    assert row.due_at > timezone.now() + timedelta(minutes=59)
    assert SyncState.objects.get().state == SyncState.State.NO_CREDIT


def test_a_cursor_that_x_no_longer_takes_begins_the_history_anew(x_account, xsim, small_pages):
    ids = write(xsim, range(1, 60))
    begin(x_account)
    settle(x_account)
    wish(x_account)
    ReadInterval.objects.exclude(conversation=None).update(next_token="AAAAAAAAAAAAAAAAAAAAAAAA")
    row = wish(x_account, pages=50)
    assert row.state == Read.DONE
    assert stored_ids(x_account) == ids


# --- Opening ----------------------------------------------------------------------------------------------------------


def test_a_conversation_silent_for_months_is_opened_by_handle(x_account, xsim):
    ids = write(xsim, [50, 60, 70])
    begin(x_account)
    settle(x_account)
    assert stored_ids(x_account) == set()
    username = xsim.get("world")["people"][ANN]["username"]
    row = look_up(x_account, "username", username)
    assert row.state == Lookup.FOUND
    assert row.conversation.dm_conversation_id == PAIR
    assert row.conversation.peer.username == username
    assert stored_ids(x_account) == ids
    assert wish(x_account).state == Read.DONE, "and its history goes on from there"
    assert Conversation.objects.get().has_reached_beginning


@pytest.mark.parametrize(("kind", "target"), [("user_id", ANN), ("conversation_id", PAIR)])
def test_or_by_user_id_or_conversation_id(x_account, xsim, kind, target):
    ids = write(xsim, [50])
    row = look_up(x_account, kind, target)
    assert row.state == Lookup.FOUND
    assert stored_ids(x_account) == ids


@pytest.mark.parametrize("needs_people", [False, True])
def test_people_come_with_older_pages_only_where_x_names_senders_no_other_way(x_account, xsim, needs_people):
    write(xsim, [50])
    begin(x_account)
    settle(x_account)
    SyncState.objects.update(needs_people_until=timezone.now() + timedelta(hours=1) if needs_people else None)
    asked(xsim)
    assert look_up(x_account, "user_id", ANN).state == Lookup.FOUND
    wish(x_account)
    calls = with_people(asked(xsim))
    assert len(calls) > 1, "the lookup's page, and the history's"
    assert set(calls) == {needs_people}


@pytest.fixture
def senders_by_expansion(monkeypatch):
    """As if the field alone did not make X name a sender."""
    tweet = query.Vocabulary.TWEET
    fields = tuple(name for name in query.DM_EVENT_FIELDS[tweet] if name != "sender_id")
    monkeypatch.setitem(query.DM_EVENT_FIELDS, tweet, fields)


@pytest.mark.parametrize("event_types", [[], ["MessageCreate"]])
def test_older_pages_that_name_no_sender_are_asked_for_again_with_people(
    x_account, xsim, senders_by_expansion, event_types
):
    ids = write(xsim, [1, 50])
    begin(x_account, days=0)
    settle(x_account)
    look_up(x_account, "user_id", ANN)
    SyncState.objects.update(needs_people_until=None)
    DmEvent.objects.all().delete()
    ReadInterval.objects.exclude(conversation=None).delete()
    asked(xsim)
    wish(x_account, event_types=event_types)
    assert with_people(asked(xsim)) == [False, True]
    assert stored_ids(x_account) == ids
    assert {event.sender_id for event in DmEvent.objects.all()} == {int(ANN)}
    assert SyncState.objects.get().needs_people_until
    assert SpendDay.objects.get().usd == Decimal(str(xsim.get("meter")["today"]["usd"]))


@pytest.mark.parametrize("names_them_again", [True, False])
def test_people_are_asked_for_no_longer_than_x_names_senders_no_other_way(
    x_account, xsim, senders_by_expansion, monkeypatch, names_them_again
):
    write(xsim, [1])
    begin(x_account)
    settle(x_account)
    poll(x_account)
    assert set(with_people(polled(xsim))) == {False, True}
    poll(x_account)
    assert with_people(polled(xsim)) == [True]
    if names_them_again:
        monkeypatch.undo()
    xsim.post("clock", {"advance": 24 * 3600 + 60})
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        write(xsim, [0])
        poll(x_account)
        assert with_people(polled(xsim))[:2] == ([False] if names_them_again else [False, True])
        poll(x_account)
        assert set(with_people(polled(xsim))) == {not names_them_again}
    assert {event.sender_id for event in DmEvent.objects.all()} == {int(ANN)}


def test_what_an_opened_conversation_costs_without_senders_is_no_cost_of_an_import(
    x_account, xsim, senders_by_expansion
):
    write(xsim, [50])
    begin(x_account)
    look_up(x_account, "user_id", ANN)
    state = SyncState.objects.get()
    assert (bool(state.needs_people_until), state.import_spent_usd) == (True, 0)
    assert SpendDay.objects.get().usd == Decimal(str(xsim.get("meter")["today"]["usd"])) > 0


@pytest.mark.parametrize(("kind", "target"), [("user_id", ANN), ("conversation_id", PAIR)])
def test_so_is_an_opened_conversation(x_account, xsim, senders_by_expansion, kind, target):
    begin(x_account, days=0)
    settle(x_account)
    ids = write(xsim, [50])
    asked(xsim)
    assert look_up(x_account, kind, target).state == Lookup.FOUND
    assert with_people(asked(xsim)) == [False, True]
    assert stored_ids(x_account) == ids
    assert DmEvent.objects.get().sender_id == int(ANN)


def polled(xsim) -> list[dict]:
    calls = [call for call in xsim.get("requests") if call["path"] == "/2/dm_events"]
    xsim.delete("requests")
    return calls


def with_people(calls: list[dict]) -> list[bool]:
    """Of each page that was asked for."""
    pages = [call for call in calls if call["path"].endswith("/dm_events")]
    return ["sender_id" in parse_qs(call["query"])["expansions"][0] for call in pages]


def test_a_group_is_opened_by_its_id(x_account, xsim):
    xsim.post("conversations", {"id": GROUP, "member_ids": [OWN, ANN], "is_group": True})
    xsim.post("events", {"dm_conversation_id": GROUP, "sender_id": ANN, "text": "Hello all"})
    row = look_up(x_account, "conversation_id", GROUP)
    assert row.state == Lookup.FOUND
    assert row.conversation.is_group


@pytest.mark.parametrize(
    ("kind", "target", "words"),
    [
        ("username", "nobody_here", "@nobody_here"),
        ("user_id", BOB, "X returned no messages"),
        ("conversation_id", "1590000000000000000", "X returned no messages"),
    ],
)
def test_what_x_does_not_know_is_said(x_account, kind, target, words):
    row = look_up(x_account, kind, target)
    assert row.state == Lookup.NONE
    assert words in row.detail
    assert not Conversation.objects.exists()


@pytest.mark.parametrize(
    ("kind", "target"), [("username", "no handle"), ("user_id", "9999999999999999999"), ("conversation_id", "12")]
)
def test_what_cannot_be_an_id_fails_without_a_call(x_account, xsim, kind, target):
    assert look_up(x_account, kind, target).state == Lookup.FAILED
    assert asked(xsim) == []


def test_what_was_opened_is_read_on_by_polling_without_doubles(x_account, xsim):
    write(xsim, [1, 2, 50])
    look_up(x_account, "user_id", ANN)
    begin(x_account)
    settle(x_account)
    say(xsim, ANN, "And today?")
    poll(x_account)
    people.look_up_due_people()
    assert DmEvent.objects.count() == 4
    assert XUser.objects.get(pk=int(ANN)).username


def test_wishes_of_a_disconnected_account_wait(x_account, xsim):
    row = ConversationLookup.objects.create(x_account=x_account, kind="user_id", target=ANN)
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    assert list(wishes.waiting(ConversationLookup)) == []
    XAccount.objects.update(state=XAccount.State.CONNECTED)
    assert list(wishes.waiting(ConversationLookup)) == [row.pk]


def gives(xsim, *events: dict) -> None:
    """X's next answer to whom a conversation is with: these, and that there is nothing older."""
    body = {"data": list(events), "meta": {"result_count": len(events)}}
    xsim.post("faults", {"kind": "body", "path": "/2/dm_conversations/with", "body": body})


def test_a_conversation_that_x_gives_whole_is_known_to_be(x_account, xsim):
    gives(xsim, message(snowflake_floor(timezone.now() - timedelta(days=2)), ANN, PAIR))
    assert look_up(x_account, "user_id", ANN).state == Lookup.FOUND
    conversation = Conversation.objects.get(dm_conversation_id=PAIR)
    assert conversation.has_reached_beginning
    kinds = Change.objects.filter(conversation=conversation).order_by("number").values_list("kind", flat=True)
    assert list(kinds) == [Change.Kind.EVENT, Change.Kind.CONVERSATION]


def test_a_conversation_of_which_nothing_can_be_stored_says_where_it_is(x_account, xsim):
    gives(xsim, {"id": "no id", "event_type": "MessageCreate"})
    row = look_up(x_account, "user_id", ANN)
    assert (row.state, row.detail) == (Lookup.FAILED, opening.UNREADABLE)
    assert QuarantinedEvent.objects.get().x_account == x_account
