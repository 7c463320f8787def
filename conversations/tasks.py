"""Celery's ways in: find, call, nothing else. The tables say what is due; a task only says "look at row N"."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import QuerySet

from conversations import changes, ledger, media, sync
from conversations.models import ConversationLookup, HistoryRead, UnfinishedDay
from conversations.querysets import union_with_places
from conversations.search import index
from conversations.sync import chats, people, polling, posts, push, subscriptions, wishes

SECONDS_TO_START = 10
"""A task that no worker has taken up by then is forgotten: the sweep has said the same again meanwhile."""
FILES_AT_ONCE = 8
THUMBNAILS_AT_ONCE = 4
WISHES_AT_ONCE = 100
INDEXED_AT_ONCE = 100


@shared_task
def sweep() -> None:
    """Each second: says of every row that is due that it is. Whoever works on a row has claimed it first."""
    sync.make_missing_states()
    _queue(poll_account, polling.due())
    _queue(import_account, polling.imports_due())
    _queue(fetch_media_file, media.files_due(FILES_AT_ONCE))
    for task, pks in _waiting().items():
        _queue(task, pks)
    if subscriptions.is_due():
        repair_subscriptions.apply_async(expires=SECONDS_TO_START)
    index.make_missing_states()


def _waiting() -> dict[Task, list[int]]:  # type: ignore[type-arg]
    """The rows that each of these tasks is to look at, asked for in one query."""
    found: dict[Task, QuerySet[Any, int]] = {  # type: ignore[type-arg]
        take_up_activity: push.waiting(),
        check_chats: chats.waiting(),
        look_up_conversation: wishes.waiting(ConversationLookup)[:WISHES_AT_ONCE],
        read_history: wishes.waiting(HistoryRead)[:WISHES_AT_ONCE],
        read_day: wishes.waiting(UnfinishedDay)[:WISHES_AT_ONCE],
        make_thumbnails: media.thumbnails_waiting(THUMBNAILS_AT_ONCE),
        index_new_words: index.new_waiting()[:INDEXED_AT_ONCE],
        index_old_words: index.old_waiting()[:INDEXED_AT_ONCE],
        look_up_people: people.due().values_list("pk", flat=True)[:1],
        fetch_post_details: posts.due().values_list("pk", flat=True)[:1],
        announce_people: changes.untold().values_list("pk", flat=True)[:1],
    }
    pks: dict[Task, list[int]] = {task: [] for task in found}  # type: ignore[type-arg]
    for place, pk in union_with_places(list(found.values())):
        pks[list(found)[place]].append(pk)
    return pks


def _queue(task: Task, pks: list[int]) -> None:  # type: ignore[type-arg]
    for pk in pks:
        task.apply_async(() if task.name in FOR_ALL else (pk,), expires=SECONDS_TO_START)


@shared_task
def poll_account(x_account_pk: int) -> None:
    sync.poll(x_account_pk)


@shared_task
def import_account(x_account_pk: int) -> None:
    """The same on a queue of its own: what there was before never delays what comes now."""
    sync.poll(x_account_pk)


@shared_task
def take_up_activity(pk: int) -> None:
    push.take_up(pk)


@shared_task
def repair_subscriptions() -> None:
    subscriptions.repair()


@shared_task
def check_chats(x_account_pk: int) -> None:
    chats.check(x_account_pk)


@shared_task
def tidy() -> None:
    """Each hour: what only served to tell repeats and days apart goes when it is old, and sessions that are over."""
    changes.forget_old()
    ledger.forget_old()
    push.forget_old()
    SessionStore.clear_expired()


@shared_task
def read_history(pk: int) -> None:
    sync.read_history(pk)


@shared_task
def read_day(pk: int) -> None:
    sync.read_day(pk)


@shared_task
def look_up_conversation(pk: int) -> None:
    sync.look_up_conversation(pk)


@shared_task
def look_up_people() -> None:
    people.look_up_due_people()


@shared_task
def fetch_post_details() -> None:
    posts.fetch_due_details()


@shared_task
def announce_people() -> None:
    """Those whom a process left untold that died after its commit."""
    changes.announce_people()


@shared_task
def fetch_media_file(pk: int) -> None:
    media.fetch_file(pk)


@shared_task
def index_new_words(x_account_pk: int) -> None:
    index.index_new(x_account_pk)


@shared_task
def index_old_words(x_account_pk: int) -> None:
    index.index_old(x_account_pk)


@shared_task
def index_names() -> None:
    index.index_names()


@shared_task
def make_thumbnails(pk: int) -> None:
    """Of what was stored before thumbnails were made, or whose thumbnails a disk has lost."""
    media.make_thumbnails(pk)


FOR_ALL = {look_up_people.name, fetch_post_details.name, announce_people.name}
"""These take up whatever is due, and are told of no row."""
