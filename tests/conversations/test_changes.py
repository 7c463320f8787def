"""The change log: each change once, numbered in the order of the commits, in the transaction of what it tells."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from conversations import changes, tasks
from conversations.changes import NewChange
from conversations.models import Change, DmEvent, EventMedia, Media, MediaFile, SyncState, UntoldLook
from conversations.sync import store_page
from tests.conversations.sync_support import ANN, OWN, answer_of, message, one_to_one
from tests.factories import XAccountFactory

pytestmark = pytest.mark.services
Kind = Change.Kind
FIRST = 1_900_000_000_000_000_000


def page(*numbers: int, **more):
    events = [message(FIRST + number, ANN, one_to_one(OWN, ANN), f"Hello {number}", **more) for number in numbers]
    return answer_of({"data": events, "meta": {"result_count": len(events)}})


@pytest.fixture
def x_account(db):
    return XAccountFactory(x_user_id=int(OWN))


def told(x_account) -> list[tuple[int, str, int | None]]:
    rows = Change.objects.filter(x_account=x_account).order_by("number")
    return [(row.number, row.kind, row.event and row.event.dm_event_id - FIRST) for row in rows]


def test_each_stored_event_is_announced_once_oldest_first(x_account):
    store_page(x_account, page(3, 1))
    store_page(x_account, page(3, 2, 1))
    store_page(x_account, page(3, 2, 1))
    assert told(x_account) == [(1, Kind.EVENT, 1), (2, Kind.EVENT, 3), (3, Kind.EVENT, 2)]


def test_an_event_that_shows_otherwise_is_announced_as_changed(x_account):
    store_page(x_account, page(1))
    store_page(x_account, page(1, attachments={"media_keys": ["5_77"]}))
    assert told(x_account) == [(1, Kind.EVENT, 1), (2, Kind.EVENT_UPDATED, 1)]


def test_what_nobody_sees_announces_nothing(x_account):
    store_page(x_account, page(1))
    store_page(x_account, page(1, card_uri="card://1"))
    assert told(x_account) == [(1, Kind.EVENT, 1)]
    assert DmEvent.objects.get().raw["card_uri"] == "card://1"


def test_no_change_is_announced_of_a_page_that_was_not_committed(x_account):
    with transaction.atomic():
        store_page(x_account, page(1))
        transaction.set_rollback(True)
    assert told(x_account) == []
    store_page(x_account, page(2))
    assert told(x_account) == [(1, Kind.EVENT, 2)]


def test_a_file_that_has_come_is_announced_for_each_event_that_shows_it(x_account):
    store_page(x_account, page(1, 2))
    file = MediaFile.objects.create(source_url="https://pbs.twimg.com/1.jpg", source_hash="1")
    media = Media.objects.create(media_key="3_1", type="photo", file=file)
    for event in DmEvent.objects.all():
        EventMedia.objects.create(event=event, media=media)
    with changes.updating(files=[file.pk]):
        pass
    assert told(x_account)[2:] == [(3, Kind.EVENT_UPDATED, 1), (4, Kind.EVENT_UPDATED, 2)]


def test_an_event_that_was_stored_while_its_file_came_is_told_of_too(x_account):
    file = MediaFile.objects.create(source_url="https://pbs.twimg.com/1.jpg", source_hash="1")
    Media.objects.create(media_key="3_1", type="photo", file=file)
    shared = {"attachments": {"media_keys": ["3_1"]}}
    store_page(x_account, page(1, **shared))
    with changes.updating(files=[file.pk]):
        store_page(x_account, page(2, **shared))
    assert told(x_account)[2:] == [(3, Kind.EVENT_UPDATED, 1), (4, Kind.EVENT_UPDATED, 2)]


def test_who_dies_before_all_is_told_leaves_it_to_the_sweep_which_tells_it_once(x_account, monkeypatch):
    file = MediaFile.objects.create(source_url="https://pbs.twimg.com/1.jpg", source_hash="1")
    Media.objects.create(media_key="3_1", type="photo", file=file)
    monkeypatch.setattr(tasks.subscriptions, "is_due", lambda: False)
    monkeypatch.setattr(tasks, "_queue", lambda task, pks: [task(pk) for pk in pks if task == tasks.announce_look])
    with monkeypatch.context() as patch:
        patch.setattr(changes, "_announce_rest", lambda *_: None)
        with changes.updating(files=[file.pk]):
            store_page(x_account, page(1, attachments={"media_keys": ["3_1"]}))
    tasks.sweep()
    assert told(x_account) == [(1, Kind.EVENT, 1)], "it may still be at it"
    with time_machine.travel(timezone.now() + changes.TOLD_WITHIN, tick=False):
        tasks.sweep()
        tasks.sweep()
    assert told(x_account) == [(1, Kind.EVENT, 1), (2, Kind.EVENT_UPDATED, 1)]
    assert not UntoldLook.objects.exists()


def test_a_look_that_did_not_change_leaves_nothing_to_tell(x_account):
    with pytest.raises(KeyError), changes.updating(files=[1]):
        raise KeyError
    assert not UntoldLook.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_number_is_visible_only_when_every_smaller_one_is():
    x_account = XAccountFactory()
    seen: list[list[int]] = []
    stop = threading.Event()

    def write(kind: Kind) -> None:
        for _ in range(15):
            with transaction.atomic():
                changes.announce(x_account, [NewChange(kind), NewChange(kind)])
        connection.close()

    def read() -> None:
        while not stop.is_set():
            seen.append(list(Change.objects.order_by("number").values_list("number", flat=True)))
        connection.close()

    writers = [threading.Thread(target=write, args=(kind,)) for kind in (Kind.TYPING, Kind.ACCOUNT, Kind.RECEIPT)]
    reader = threading.Thread(target=read)
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)
    assert Change.objects.count() == SyncState.objects.get().last_change == 90


def test_what_is_older_than_anybody_reads_is_forgotten(x_account):
    store_page(x_account, page(1, 2))
    Change.objects.filter(number=1).update(created_at=timezone.now() - timedelta(days=31))
    changes.forget_old()
    store_page(x_account, page(3))
    assert [number for number, *_ in told(x_account)] == [2, 3]


def test_news_that_cannot_be_told_after_the_commit_fail_nobody(transactional_db, monkeypatch, caplog):
    def tell(*_):
        raise RuntimeError

    monkeypatch.setattr(changes.waking, "tell", tell)
    x_account = XAccountFactory(x_user_id=int(OWN))
    store_page(x_account, page(1))
    assert told(x_account) == [(1, Kind.EVENT, 1)]
    assert "Error calling" in caplog.text
