"""One listener holds the stream, takes over from a dead one, comes back after whatever ends it, and says how it is."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone

from conversations import ledger
from conversations.models import ActivityDelivery, ApiCall, Conversation, DmEvent, PushState, SyncState
from conversations.sync import listening, pace, push, subscriptions, trouble
from conversations.sync.listening import Listener, Stopped
from dminbox.xapi.activity import parse_activity
from dminbox.xapi.errors import StreamEnded, Unavailable
from tests.conversations.sync_support import ANN, OWN, begin, connect, make_person, say, stored_ids

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
State = PushState.State
STUDIO = "1500000000000000300"


@pytest.fixture(autouse=True)
def _quick(settings, xsim, monkeypatch):
    settings.PUSH_LEASE_SECONDS = 1
    settings.PUSH_SILENCE_SECONDS = 3
    monkeypatch.setattr(listening, "LOOK_AGAIN", timedelta(milliseconds=20))
    monkeypatch.setattr(listening, "NOTE_EVERY", timedelta(0))
    monkeypatch.setattr(listening, "FIRST_WAIT", timedelta(milliseconds=50))
    xsim.post("settings", {"keep_alive_seconds": 0.2})


@pytest.fixture
def x_account(xsim):
    make_person(xsim, ANN)
    x_account = connect(xsim)
    begin(x_account)
    SyncState.objects.update(import_finished_at=timezone.now())
    subscriptions.repair()
    return x_account


@pytest.fixture
def listen() -> Iterator[Callable[[], Listener]]:
    """Starts a listener in a thread; all of them are stopped in the end."""
    running: list[tuple[Listener, threading.Thread]] = []

    def start() -> Listener:
        listener = Listener()

        def run() -> None:
            try:
                listener.run()
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        running.append((listener, thread))
        return listener

    yield start
    for listener, _ in running:
        listener.stop()
    for _, thread in running:
        thread.join(20)
        assert not thread.is_alive()


def wait_until(is_so: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_connected() -> bool:
    return PushState.objects.filter(pk=1, state=State.CONNECTED).exists()


def test_a_message_is_here_as_soon_as_x_pushes_it(x_account, xsim, listen):
    listen()
    wait_until(is_connected)
    said = say(xsim, ANN, "Is anybody there?")
    wait_until(lambda: int(said["id"]) in stored_ids(x_account))
    assert pace.is_pushed(x_account)
    wait_until(lambda: PushState.objects.get().activities == 1)


def test_what_x_writes_twice_and_in_any_order_is_here_once(x_account, xsim, listen):
    xsim.post("settings", {"push_duplicates": 1.0, "push_shuffle": 3})
    listen()
    wait_until(is_connected)
    ids = {int(say(xsim, ANN, f"Hello {number}")["id"]) for number in range(8)}
    wait_until(lambda: stored_ids(x_account) == ids)
    wait_until(lambda: PushState.objects.get().duplicates >= 1)
    assert DmEvent.objects.count() == 8


def test_an_encrypted_message_to_two_of_our_accounts_is_billed_once_as_x_bills_it(x_account, xsim, listen):
    studio = connect(xsim, STUDIO)
    begin(studio)
    subscriptions.repair()
    group = {"id": "g1800000000000000001", "member_ids": [OWN, STUDIO, ANN]}
    xsim.post("chats", group | dict.fromkeys(("created_at", "updated_at"), "2026-10-01T00:00:00Z"))
    listen()
    wait_until(is_connected)
    xsim.post("chat", {"conversation_id": group["id"], "sender_id": ANN})
    wait_until(lambda: Conversation.objects.filter(encrypted_at__isnull=False).count() == 2)
    wait_until(lambda: ApiCall.objects.filter(endpoint="push chat.received").count() == 2)
    bill = [ledger.billed_today(one) for one in (x_account, studio)]
    assert sorted(each.chat_events for each in bill) == [0, 1]
    meter = xsim.get("meter")["today"]
    assert (meter["chat_events"], Decimal(str(meter["usd"]))) == (1, sum(each.usd for each in bill))


def test_a_cut_stream_is_opened_again_and_what_was_missed_is_asked_for(x_account, xsim, listen):
    listen()
    wait_until(is_connected)
    first = say(xsim, ANN, "before")
    wait_until(lambda: int(first["id"]) in stored_ids(x_account))
    xsim.post("faults", {"kind": "503", "path": "activity/stream", "times": 2})
    xsim.post("stream", {"cut": 1})
    missed = say(xsim, ANN, "while nobody listened")
    wait_until(lambda: int(missed["id"]) in stored_ids(x_account))
    assert PushState.objects.get().state == State.CONNECTED


def test_odd_lines_are_counted_and_the_connection_is_kept(x_account, xsim, listen):
    listen()
    wait_until(is_connected)
    began = PushState.objects.get().connected_at
    xsim.post("stream", {"garbage": "{no json"})
    xsim.post("stream", {"huge_line_bytes": 10 * 1024 * 1024})
    xsim.post("stream", {"garbage": '{"data": {"event_type": "dm.received"}}'})
    said = say(xsim, ANN, "after all that")
    wait_until(lambda: int(said["id"]) in stored_ids(x_account))
    state = PushState.objects.get()
    assert (state.odd_lines, state.connected_at) == (3, began)
    assert ActivityDelivery.objects.get(state=ActivityDelivery.State.ODD).raw == {"data": {"event_type": "dm.received"}}


def test_no_single_line_ends_the_listener(x_account, xsim, listen, monkeypatch):
    listen()
    wait_until(is_connected)
    began = PushState.objects.get().connected_at
    notice = {"id": "1", "conversation_id": f"{OWN}:{ANN}", "sender_id": ANN, "created_at_msec": "99999999999999"}
    data = {"event_uuid": "-5", "filter": {"user_id": OWN}, "event_type": "chat.received", "payload": notice}
    xsim.post("stream", {"garbage": json.dumps({"data": data})})
    for depth in (90, 400, 940, 990):
        deep = '{"a":' * depth + "1" + "}" * depth
        xsim.post(
            "stream", {"garbage": f'{{"data": {{"event_uuid": "{depth}", "event_type": "dm.x", "payload": {deep}}}}}'}
        )
    said = say(xsim, ANN, "after all that")
    wait_until(lambda: int(said["id"]) in stored_ids(x_account))
    state = PushState.objects.get()
    assert (state.odd_lines, state.connected_at) == (3, began)
    assert ActivityDelivery.objects.filter(state=ActivityDelivery.State.ODD).count() == 2


def test_what_fails_with_a_line_is_told_by_its_type_and_ends_nothing(x_account, xsim, listen, monkeypatch):
    taken = push.take_in

    def take_in(activity, source):
        if activity.event_type == "dm.indicate_typing":
            raise RuntimeError("what a person wrote")
        return taken(activity, source)

    monkeypatch.setattr(push, "take_in", take_in)
    listen()
    wait_until(is_connected)
    data = {"event_uuid": "-6", "filter": {"user_id": OWN}, "event_type": "dm.indicate_typing", "payload": {}}
    xsim.post("stream", {"garbage": json.dumps({"data": data})})
    wait_until(lambda: PushState.objects.get().odd_lines == 1)
    said = say(xsim, ANN, "after that")
    wait_until(lambda: int(said["id"]) in stored_ids(x_account))


def test_a_stream_that_has_fallen_silent_is_given_up(x_account, xsim, listen, settings):
    settings.PUSH_SILENCE_SECONDS = 1
    listen()
    wait_until(is_connected)
    began = PushState.objects.get().connected_at
    xsim.post("stream", {"pause_keep_alives": True})
    wait_until(lambda: PushState.objects.get().failures >= 1 or PushState.objects.get().connected_at != began)


def test_one_of_two_holds_the_stream_and_the_other_takes_over(x_account, xsim, listen):
    first = listen()
    wait_until(is_connected)
    second = listen()
    time.sleep(0.3)  # the time in which the second would have made its mistake
    assert PushState.objects.get().holder == first.holder
    # The first dies: it renews nothing any more.
    PushState.objects.update(lease_until=timezone.now() - timedelta(seconds=1), holder="dead")
    wait_until(lambda: PushState.objects.get().holder in (first.holder, second.holder) and is_connected())
    said = say(xsim, ANN, "still here?")
    wait_until(lambda: int(said["id"]) in stored_ids(x_account))


def test_no_credit_says_so_and_waits(x_account, xsim, listen):
    xsim.post("faults", {"kind": "402", "path": "activity/stream", "times": -1})
    listen()
    wait_until(lambda: PushState.objects.get().state == State.NO_CREDIT)
    push = PushState.objects.get()
    assert push.next_try_at > timezone.now() + timedelta(minutes=50)
    assert SyncState.objects.get().state == SyncState.State.NO_CREDIT, "one app, one purse"


def asked_minutes(xsim) -> list[str]:
    calls = [call for call in xsim.get("requests") if call["path"].endswith("activity/stream")]
    return [call["query"] for call in calls]


def test_who_dies_before_the_missed_minutes_are_read_leaves_them_to_the_next(x_account, xsim):
    four = timezone.now() - timedelta(minutes=3, seconds=30)
    PushState.objects.update_or_create(pk=1, defaults={"last_line_at": four})
    missed = say(xsim, ANN, "missed", created_at=(timezone.now() - timedelta(minutes=3)).isoformat())
    dying, living = Listener(), Listener()

    def dies(line):
        raise OperationalError("the database is away")

    dying._take = dies
    dying._try_to_listen()
    PushState.objects.update(lease_until=None, holder="")

    def take(line):
        Listener._take(living, line)
        if int(missed["id"]) in stored_ids(x_account) or line is None:
            living.stopping.set()

    living._take = take
    with pytest.raises(Stopped):
        living._try_to_listen()
    assert len(set(asked_minutes(xsim))) == 1, "both asked for the same minutes"
    assert len(asked_minutes(xsim)) == 2


@pytest.mark.parametrize(
    ("seconds_ago", "minutes"), [(None, 0), (-50, 1), (0, 1), (30, 1), (90, 2), (-3600, 6)], ids=str
)
def test_the_minutes_to_be_repeated_are_at_least_one_whatever_the_clocks_say(seconds_ago, minutes):
    with time_machine.travel(timezone.now(), tick=False):
        moment = None if seconds_ago is None else timezone.now() - timedelta(seconds=seconds_ago)
        assert listening._minutes_since(moment) == minutes


def test_what_lies_beyond_xs_minutes_is_left_to_reading(x_account, xsim, listen):
    now = timezone.now()
    PushState.objects.update(last_line_at=now - timedelta(minutes=20))
    SyncState.objects.update(next_poll_at=now + timedelta(minutes=4))
    listen()
    wait_until(is_connected)
    wait_until(lambda: SyncState.objects.get().next_poll_at <= timezone.now())


def test_while_push_is_away_for_longer_reading_does_not_keep_to_its_slower_pace(x_account, xsim, listen):
    SyncState.objects.update(next_poll_at=timezone.now() + timedelta(minutes=4), rate_remaining=9)
    xsim.post("faults", {"kind": "429", "path": "activity/stream", "times": -1})
    listen()
    wait_until(lambda: PushState.objects.get().failures == 1)
    wait_until(lambda: SyncState.objects.get().next_poll_at <= timezone.now())


def test_a_window_that_is_used_up_is_left_alone_when_push_is_away(x_account):
    resets = timezone.now() + timedelta(minutes=4)
    SyncState.objects.update(next_poll_at=resets, rate_remaining=pace.KEPT, rate_reset_at=resets)
    listening._poll_soon()
    assert SyncState.objects.get().next_poll_at == resets


def test_the_stream_is_tried_again_as_soon_as_a_read_was_paid_for(x_account):
    PushState.objects.update(state=State.NO_CREDIT, next_try_at=timezone.now() + timedelta(hours=1))
    trouble.start_all_with_credit()
    assert PushState.objects.get().next_try_at <= timezone.now()


def test_without_the_apps_keys_nobody_listens(x_account, listen, settings):
    settings.X_CONSUMER_KEY = settings.X_CONSUMER_SECRET = ""
    PushState.objects.update(state=State.OFF)
    listener = listen()
    time.sleep(0.2)  # the time in which it would have connected
    assert PushState.objects.get().holder != listener.holder


def test_who_ends_gives_the_stream_back_at_once(x_account, listen):
    listener = listen()
    wait_until(is_connected)
    listener.stop()
    wait_until(lambda: PushState.objects.get().holder == "")


def is_away(*_):
    raise OperationalError("the database is away")


@pytest.mark.parametrize("failure", [StreamEnded("the stream ended"), Unavailable("503")])
def test_a_database_that_goes_away_together_with_the_stream_does_not_end_the_listener(x_account, failure):
    listener = Listener()

    def fails():
        raise failure

    listener._may_try, listener._listen = (lambda: True), fails
    with connection.execute_wrapper(is_away):
        listener._try_to_listen()
    del listener._may_try, listener._listen
    assert listener._may_try(), "it tries again"


def test_who_is_stopped_while_the_database_is_away_ends_quietly(x_account):
    listener = Listener()
    listener.stop()
    with connection.execute_wrapper(is_away):
        listener.run()


def test_a_signal_amid_a_line_leaves_it_to_the_next_listener(x_account, monkeypatch):
    """X repeats its last minute to whoever connects next; a line that had been kept as odd would be passed over."""
    data = {"event_uuid": "-7", "filter": {"user_id": OWN}, "event_type": "dm.indicate_typing", "payload": {}}
    one = parse_activity({"data": data})

    def is_interrupted(activity, received_at):
        raise Stopped

    monkeypatch.setitem(push.DEEDS, "dm.indicate_typing", is_interrupted)
    with pytest.raises(Stopped):
        Listener()._take(one)
    assert not ActivityDelivery.objects.exists()
    assert PushState.objects.get().odd_lines == 0


def test_who_waits_for_the_stream_keeps_no_lease_and_leaves_none(x_account):
    """The thread that renews it runs beside the one that claims it."""
    listener = Listener()
    PushState.objects.update(holder="another", lease_until=timezone.now() + timedelta(seconds=1))
    listener._renew()
    PushState.objects.update(lease_until=None)
    assert listener._may_try()
    assert listener.holds.is_set()
    listener._renew()
    assert listener.holds.is_set()
    PushState.objects.update(holder="another", lease_until=timezone.now() + timedelta(seconds=1))
    listener._renew()
    assert not listener.holds.is_set(), "it was taken over"
