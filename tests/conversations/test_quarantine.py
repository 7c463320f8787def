"""What could not be read is kept raw, and read again by a version that can: once, whatever happens in between."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.db import DataError
from django.urls import reverse
from django.utils import timezone

from conversations import ledger
from conversations.models import (
    ActivityDelivery,
    ApiCall,
    Change,
    Conversation,
    DmEvent,
    Media,
    Participant,
    Post,
    QuarantinedEvent,
    SpendDay,
    SyncState,
    XUser,
)
from conversations.sync import push, rereading, store, store_page
from conversations.sync.quarantine import store_odd
from dminbox.xapi.schema import OddEvent, OddKind
from tests.conversations.push_support import FIRST as PUSHED_FIRST
from tests.conversations.push_support import activity, chat, received, said
from tests.conversations.sync_support import ANN, MORNING, OWN, answer_of, make_reading, message, one_to_one

pytestmark = [pytest.mark.services, pytest.mark.django_db]
PAIR = one_to_one(OWN, ANN)
GROUP = "1580000000000000000"
FIRST = 1_900_000_000_000_000_000
x_account = pytest.fixture(make_reading)


def body(*events: object, **includes: object) -> dict:
    return {"data": list(events), "includes": includes, "meta": {"result_count": len(events)}}


def user(pk: str) -> dict:
    return {"id": pk, "username": "ann_lamps", "name": "Ann"}


def read() -> tuple[int, int]:
    outcome = rereading.read_again(rereading.batches(QuarantinedEvent.objects.all()))
    return outcome.read, outcome.still


@pytest.fixture
def refused(monkeypatch):
    """The older version: no table takes these events."""
    inner = store._row

    def refusing(told, conversation, known):
        if told.event.text == "odd":
            raise DataError
        return inner(told, conversation, known)

    with monkeypatch.context() as patch:
        patch.setattr(store, "_row", refusing)
        yield patch


def test_what_a_later_version_can_read_is_stored_and_announced_once(x_account, refused):
    page = answer_of(body(message(FIRST + 2, ANN, PAIR), message(FIRST + 1, ANN, PAIR, "odd"), users=[user(ANN)]))
    store_page(x_account, page)
    assert (DmEvent.objects.count(), SyncState.objects.get().odd_events) == (1, 1)
    assert read() == (0, 1), "this version cannot, either"
    refused.undo()
    assert read() == (1, 0)
    assert read() == (0, 0)
    assert list(DmEvent.objects.order_by("pk").values_list("text", flat=True)) == ["Hello", "odd"]
    assert [row.event.dm_event_id - FIRST for row in Change.objects.order_by("number")] == [2, 1]
    assert (QuarantinedEvent.objects.count(), SyncState.objects.get().odd_events) == (0, 0)
    assert not ApiCall.objects.exists(), "X was not asked, and bills nothing"


def test_what_still_cannot_be_read_stays_as_it_was(x_account):
    nothing = answer_of(body("surprise"))
    for _ in range(3):
        store_page(x_account, nothing)
    before = QuarantinedEvent.objects.values().get()
    assert read() == (0, 1)
    assert QuarantinedEvent.objects.values().get() == before
    assert SyncState.objects.get().odd_events == 1


def test_an_event_of_a_history_comes_into_its_conversation_however_it_is_seen_again(x_account, refused):
    conversation = Conversation.objects.create(x_account=x_account, dm_conversation_id=GROUP, is_group=True)
    nameless = answer_of(body({"id": str(FIRST), "event_type": "MessageCreate", "text": "odd"}))
    store_page(x_account, nameless, conversation=conversation)
    store_page(x_account, nameless)
    refused.undo()
    assert read() == (1, 0)
    assert DmEvent.objects.get().conversation == conversation


def test_who_dies_amid_it_has_read_nothing_twice_and_lost_nothing(x_account, refused, monkeypatch):
    store_page(x_account, answer_of(body(*(message(FIRST + n, ANN, PAIR, "odd") for n in range(3)))))
    refused.undo()
    inner, calls = rereading._store, []

    def dies(*of: object) -> None:
        calls.append(of)
        if len(calls) == 2:
            inner(*of)
            raise KeyboardInterrupt
        inner(*of)

    with monkeypatch.context() as patch:
        patch.setattr(rereading, "AT_ONCE", 1)
        patch.setattr(rereading, "_store", dies)
        with pytest.raises(KeyboardInterrupt):
            read()
    assert (DmEvent.objects.count(), QuarantinedEvent.objects.count(), SyncState.objects.get().odd_events) == (1, 2, 2)
    assert read() == (2, 0)
    assert DmEvent.objects.count() == Change.objects.count() == 3


def test_one_that_nobody_foresaw_keeps_no_other_from_being_read(x_account, refused, monkeypatch):
    store_page(x_account, answer_of(body(*(message(FIRST + n, ANN, PAIR, "odd") for n in range(3)))))
    refused.undo()
    odd = QuarantinedEvent.objects.order_by("pk")[1]
    inner = rereading._store

    def fails(state, row):
        if row.raw == odd.raw:
            raise RecursionError
        inner(state, row)

    monkeypatch.setattr(rereading, "_store", fails)
    assert read() == (2, 1)
    assert QuarantinedEvent.objects.get() == odd


def kept(x_account, kind: OddKind, raw: object) -> None:
    store_odd(x_account, [OddEvent(raw, "an older version could not", kind)])


def test_each_kind_is_read_by_its_own_parser(x_account):
    kept(x_account, OddKind.USER, user(ANN))
    kept(x_account, OddKind.PUSHED_USER, {"id_str": "77", "screen_name": "ben", "name": "Ben"})
    kept(x_account, OddKind.MEDIA, {"media_key": "3_5", "type": "photo", "url": "https://pbs.twimg.com/a.jpg"})
    kept(x_account, OddKind.PUSHED_MEDIA, {"id_str": "6", "type": "photo"})
    kept(x_account, OddKind.POST, {"id": "90", "text": "A lamp"})
    kept(x_account, OddKind.PUSHED, said(1)["direct_message_events"][0])
    kept(x_account, OddKind.CHAT, {"id": "g1580000000000000000", "updated_at": "2026-11-20T09:00:00Z"})
    assert read() == (7, 0)
    assert set(XUser.objects.exclude(username="").values_list("username", flat=True)) >= {"ann_lamps", "ben"}
    assert set(Media.objects.values_list("media_key", flat=True)) == {"3_5", "push_6"}
    assert Post.objects.get().text == "A lamp"
    assert DmEvent.objects.get().dm_event_id == PUSHED_FIRST + 1
    assert Conversation.objects.exclude(encrypted_at=None).count() == 1


def test_what_nothing_reads_by_itself_stays(x_account):
    kept(x_account, OddKind.OTHER, "includes")
    QuarantinedEvent.objects.filter(raw="includes").update(kind="")
    assert read() == (0, 1)


def test_a_poll_alone_comes_to_the_posts_that_have_it(x_account):
    shared = [message(FIRST + n, ANN, PAIR, referenced_tweets=[{"id": str(90 + n)}]) for n in range(3)]
    polled = [{"id": str(90 + n), "text": "Which?", "attachments": {"poll_ids": [pk]}} for n, pk in enumerate("457")]
    store_page(x_account, answer_of(body(*shared, tweets=polled)))
    Post.objects.filter(pk=91).update(raw={"id": "91", "attachments": {"poll_ids": "surprise"}})
    told = Change.objects.count()
    poll = {"id": "4", "options": [{"position": 1, "label": "A lamp", "votes": 3}]}
    kept(x_account, OddKind.POLL, poll)
    kept(x_account, OddKind.POLL, {"id": "6"})
    assert read() == (1, 1), "no post has the other"
    assert {row.pk: row.poll for row in Post.objects.all()} == {90: poll, 91: None, 92: None}
    assert [row.event.dm_event_id for row in Change.objects.order_by("pk")[told:]] == [FIRST]
    assert (read(), SyncState.objects.get().odd_events) == ((0, 1), 1)


# --- What was pushed --------------------------------------------------------------------------------------------------


@pytest.fixture
def no_message(monkeypatch):
    """The older version: it understands no pushed message, receipt, or sign of an encrypted one."""

    def understands_nothing(*_: object) -> None:
        raise RecursionError

    with monkeypatch.context() as patch:
        for name in ("messages", "read_receipts", "encrypted_message", "typings", "revoked_user_id"):
            patch.setattr(push.xapi, name, understands_nothing)
        yield patch


def read_pushed() -> tuple[int, int]:
    outcome = rereading.read_deliveries_again(push.odd_ones())
    return outcome.read, outcome.still


@pytest.mark.parametrize("days", [0, 10])
def test_an_odd_push_is_read_again_and_never_billed_twice(x_account, no_message, days):
    push.take_in(received(1), "stream")
    push.take_in(chat(), "stream")
    assert read_pushed() == (0, 2), "this version cannot, either"
    billed = [*SpendDay.objects.values()], ApiCall.objects.count()
    no_message.undo()
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        ledger.forget_old()  # with which ids X has billed
        assert read_pushed() == (2, 0)
        assert read_pushed() == (0, 0)
    assert ([*SpendDay.objects.values()], ApiCall.objects.count()) == billed
    assert billed[1] == 2
    assert DmEvent.objects.get().dm_event_id == PUSHED_FIRST + 1
    assert Conversation.objects.exclude(encrypted_at=None).count() == 1


def test_what_happened_long_ago_does_not_happen_now(x_account, no_message):
    """X need not say when: then it was when it came."""
    with time_machine.travel(timezone.now() - timedelta(days=2)) as then:
        came_at = timezone.now()
        push.take_in(received(1), "stream")
        for number, kind in enumerate(("dm.read", "dm.indicate_typing")):
            payload = {"sender_id": ANN, "recipient_id": OWN}
            push.take_in(activity(kind, payload, uuid=f"{number}"), "stream")
        push.take_in(activity("oauth.revoke", {"user_id": OWN}, uuid="9"), "stream")
        then.shift(timedelta(minutes=1))
    type(x_account).objects.update(connected_at=timezone.now() - timedelta(days=1))
    no_message.undo()
    assert read_pushed() == (4, 0)
    ann = Participant.objects.get(x_user=int(ANN))
    assert abs(ann.seen_at - came_at) < timedelta(seconds=5)
    assert ann.typing_until is None
    x_account.refresh_from_db()
    assert x_account.state == "connected", "it was connected anew since"


def test_a_push_that_is_still_odd_stays_as_it_was(x_account, no_message):
    push.take_in(received(1), "stream")
    push.keep_odd("surprise", "no activity", "stream")
    before = [*ActivityDelivery.objects.order_by("pk").values()]
    assert read_pushed() == (0, 1)
    assert [*ActivityDelivery.objects.order_by("pk").values()] == before


def test_the_command_and_the_admin_read_pushes_again_too(client, ada, x_account, no_message):
    for number in range(2):
        push.take_in(received(number, uuid=f"{number}"), "stream")
    no_message.undo()
    chosen = ActivityDelivery.objects.first()
    client.force_login(ada)
    form = {"action": "read_again", "_selected_action": [chosen.pk]}
    address = reverse("admin:conversations_activitydelivery_changelist")
    assert "1 read and stored, 0 still unreadable." in client.post(address, form, follow=True).content.decode()
    said_so = StringIO()
    call_command("read_quarantine", stdout=said_so)
    assert said_so.getvalue() == "1 read and stored, 0 still unreadable\n"


def test_what_older_versions_kept_is_read_as_an_event(x_account):
    kept(x_account, OddKind.EVENT, message(FIRST, ANN, PAIR))
    kept(x_account, OddKind.USER, user(ANN))
    QuarantinedEvent.objects.update(kind="")
    assert read() == (1, 1)
    assert DmEvent.objects.count() == 1


def test_what_x_has_told_since_is_not_put_back(x_account):
    newer = {"media_key": "3_5", "type": "photo", "url": "https://pbs.twimg.com/b.jpg"}
    shared = message(FIRST, ANN, PAIR, attachments={"media_keys": ["3_5"]})
    store_page(x_account, answer_of(body(shared, media=[newer], tweets=[{"id": "90", "text": "B"}])))
    kept(x_account, OddKind.MEDIA, newer | {"url": "https://pbs.twimg.com/a.jpg"})
    kept(x_account, OddKind.POST, {"id": "90", "text": "A"})
    kept(x_account, OddKind.PUSHED, said(1, "A")["direct_message_events"][0])
    QuarantinedEvent.objects.update(last_seen_at=MORNING)
    store_page(x_account, answer_of(body(message(PUSHED_FIRST + 1, ANN, PAIR, "B"))))
    assert read() == (3, 0)
    assert Media.objects.get().raw["url"] == newer["url"]
    assert Post.objects.get().text == "B"
    assert DmEvent.objects.get(dm_event_id=PUSHED_FIRST + 1).text == "B"


def test_an_operator_reads_it_again_by_a_command(x_account):
    kept(x_account, OddKind.EVENT, message(FIRST, ANN, PAIR))
    kept(x_account, OddKind.EVENT, "surprise")
    said_so = StringIO()
    call_command("read_quarantine", stdout=said_so)
    assert said_so.getvalue() == "1 read and stored, 1 still unreadable\n"


def test_an_owner_reads_again_what_is_chosen_in_the_admin(client, ada, x_account):
    for number in range(2):
        kept(x_account, OddKind.EVENT, message(FIRST + number, ANN, PAIR))
    chosen = QuarantinedEvent.objects.first()
    address = reverse("admin:conversations_quarantinedevent_changelist")
    form = {"action": "read_again", "_selected_action": [chosen.pk]}
    client.force_login(ada)
    assert "1 read and stored, 0 still unreadable." in client.post(address, form, follow=True).content.decode()
    assert QuarantinedEvent.objects.get() != chosen


def test_nobody_else_does(client, ben, x_account):
    kept(x_account, OddKind.EVENT, message(FIRST, ANN, PAIR))
    client.force_login(ben)
    form = {"action": "read_again", "_selected_action": [QuarantinedEvent.objects.get().pk]}
    assert client.post(reverse("admin:conversations_quarantinedevent_changelist"), form).status_code == 404
    assert not DmEvent.objects.exists()
