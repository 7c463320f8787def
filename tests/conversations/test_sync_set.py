"""The set that is stored is the set that X holds: none lost, none twice, whatever happens while it is read.

Each drawn story has a seed, which is in the test's name and plays the same story again:
`pytest tests/conversations/test_sync_set.py -k "story and 7"`. More of them: SYNC_SEEDS=200.
"""

from __future__ import annotations

import os
import random
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import XAccount
from conversations import sync
from conversations.models import Conversation, DmEvent, HistoryRead, Participant, ReadInterval, SyncState
from conversations.sync import pace
from dminbox.xapi.client import XClient
from dminbox.xsim.demo import STUDIO_ID, SUPPORT_ID, demo_world
from tests.conversations import sync_workers as workers
from tests.conversations.sync_support import (
    OWN,
    begin,
    connect,
    held_by_x,
    settle,
    stored,
)
from tests.conversations.sync_worlds import DrawnWorld
from tests.halves import own_half

pytestmark = pytest.mark.services
SEEDS = range(int(os.environ.get("SYNC_SEEDS", "10")))


@pytest.fixture
def small_pages(monkeypatch):
    """Many pages of few events, and leases that have run out as soon as they are taken."""

    def choose(rng: random.Random, settings: Any) -> None:
        monkeypatch.setattr(pace, "PAGE", rng.choice([5, 9, 25]))
        monkeypatch.setattr(pace, "SLACK", rng.choice([1, 3, 5]))
        settings.SYNC_LEASE_SECONDS = 0

    return choose


@pytest.mark.parametrize("seed", own_half(SEEDS))
def test_a_story_of_crashes_and_late_events_ends_with_the_set_that_x_holds(
    seed, transactional_db, xsim, settings, small_pages
):
    rng = random.Random(seed)
    small_pages(rng, settings)
    drawn = DrawnWorld(rng, datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    xsim.post("clock", {"frozen": True, "set": drawn.now.isoformat()})
    xsim.post("world", drawn.world(events=rng.randint(0, 250), days=20))
    xsim.post("settings", {"token_seconds": 10**8, "dm_get_limit": rng.choice([3, 5, 15, 60])})
    xsim.post("settings", {"empty_pages": rng.choice([0, 0, 1, 3])})
    x_account = connect(xsim)
    begin(x_account, days=30)
    for _ in range(rng.randint(6, 12)):
        _pass_time(xsim, drawn, rng.choice([20, 75, 400, 1000, 6000]))
        _play_a_round(rng, x_account)
        _assert_claims_are_true(xsim, x_account)
    _pass_time(xsim, drawn, 3600)
    xsim.post("settings", {"dm_get_limit": 100_000})
    _pass_time(xsim, drawn, 3600, quiet=True)
    _make_everything_due()
    settle(x_account)
    _assert_claims_are_true(xsim, x_account)
    assert stored(x_account) == held_by_x(xsim, x_account.access_token)
    _assert_recomputed_columns(x_account)


def _pass_time(xsim, drawn: DrawnWorld, seconds: float, *, quiet: bool = False) -> None:
    if not quiet and (events := drawn.arrivals(seconds)):
        xsim.post("events", events)
    elif quiet:
        drawn.now += timedelta(seconds=seconds)
    xsim.post("clock", {"set": drawn.now.isoformat()})


def _play_a_round(rng: random.Random, x_account: XAccount) -> None:
    """One to three workers at once on the account, each of them perhaps heedless of leases, perhaps doomed."""
    _make_everything_due()
    conversation = Conversation.objects.filter(x_account=x_account).order_by("?").first()
    pids = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        work: Any = lambda: sync.poll(x_account.pk)  # noqa: E731
        if conversation and rng.random() < 0.25:
            wish = HistoryRead.objects.create(conversation=conversation, pages_wanted=rng.randint(1, 3))
            work = lambda pk=wish.pk: sync.read_history(pk)  # noqa: E731
        if rng.random() < 0.5:
            work = workers.doomed(work, rng.randint(1, 15))
        if rng.random() < 0.5:
            work = workers.heedless(work)
        pids.append(workers.start(work))
    workers.wait(*pids)


def _make_everything_due() -> None:
    """As time does: leases run out, rests end."""
    past = timezone.now() - timedelta(seconds=1)
    SyncState.objects.update(next_poll_at=past, lease_until=None)
    HistoryRead.objects.filter(state=HistoryRead.State.DUE).update(due_at=past, lease_until=None)
    ReadInterval.objects.update(due_at=None)


def _assert_claims_are_true(xsim, x_account: XAccount) -> None:
    """Every stretch that counts as read holds every event that X has there; and stretches never overlap."""
    held = xsim.get(f"visible?user_id={x_account.x_user_id}")
    kept = stored(x_account)
    rows = ReadInterval.objects.filter(x_account=x_account).select_related("conversation")
    for row in rows:
        name = row.conversation.dm_conversation_id if row.conversation else None
        for conversation, ids in held.items():
            if name in (None, conversation):
                missing = {pk for pk in ids if row.low_id <= int(pk) <= row.high_id} - kept.get(conversation, {}).keys()
                assert not missing, f"{row} of {name} claims {missing}"
    spans = sorted((row.conversation_id or 0, row.low_id, row.high_id) for row in rows)
    assert all(a[0] != b[0] or a[2] < b[1] for a, b in zip(spans, spans[1:], strict=False)), spans


def _assert_recomputed_columns(x_account: XAccount) -> None:
    for conversation in Conversation.objects.filter(x_account=x_account).select_related("last_event"):
        events = conversation.events.order_by("-dm_event_id")
        newest = events.first()
        messages = events.filter(event_type="MessageCreate")
        incoming = messages.exclude(sender_id=x_account.x_user_id).first()
        assert conversation.last_event == newest
        assert conversation.last_dm_event_id == newest.dm_event_id
        assert conversation.last_incoming_dm_event_id == (incoming.dm_event_id if incoming else 0)
        own = messages.filter(sender_id=x_account.x_user_id).first()
        assert conversation.last_own_dm_event_id == (own.dm_event_id if own else 0)
        assert conversation.has_media == events.filter(event_media__isnull=False).exists()
        assert conversation.has_post == events.filter(event_posts__isnull=False).exists()
        for participant in Participant.objects.filter(conversation=conversation):
            last = messages.filter(sender=participant.x_user_id).first()
            assert participant.last_message_at == (last.created_at if last else None)
            moves = events.filter(participants=participant.x_user_id)
            joined = moves.filter(event_type="ParticipantsJoin").first()
            left = moves.filter(event_type="ParticipantsLeave").first()
            assert participant.joined_at == (joined.created_at if joined else None)
            assert participant.left_at == (left.created_at if left else None)


def test_the_demo_world_is_read_whole_by_both_brand_accounts_at_once(transactional_db, xsim):
    xsim.post("world", demo_world(datetime.now(UTC)).to_json())
    xsim.post("settings", {"dm_get_limit": 1000})
    x_accounts = [connect(xsim, SUPPORT_ID), connect(xsim, STUDIO_ID)]
    for x_account in x_accounts:
        begin(x_account, days=30)
    pids = [workers.start(lambda row=row: settle_one(row)) for row in x_accounts]
    assert workers.wait(*pids) == [0, 0]
    for x_account in x_accounts:
        assert stored(x_account) == held_by_x(xsim, x_account.access_token)
        assert len(stored(x_account)) > 1
    shared = Conversation.objects.values_list("dm_conversation_id", flat=True)
    assert len(shared) > len(set(shared)), "both accounts are in one group, which is two conversations"


def settle_one(x_account: XAccount) -> None:
    for _ in range(5):
        SyncState.objects.filter(x_account=x_account).update(next_poll_at=timezone.now())
        sync.poll(x_account.pk)


def test_a_long_import_survives_a_kill_between_all_its_pages(transactional_db, xsim, settings, monkeypatch):
    """Every worker dies at a later point than the one before; each goes on where that one was."""
    monkeypatch.setattr(pace, "PAGE", 20)
    settings.SYNC_LEASE_SECONDS = 0
    rng = random.Random("kills")
    drawn = DrawnWorld(rng, datetime.now(UTC))
    xsim.post("world", drawn.world(events=300, days=20))
    xsim.post("settings", {"dm_get_limit": 10_000})
    x_account = connect(xsim)
    begin(x_account)
    deaths = 0
    for countdown in range(1, 60):
        _make_everything_due()
        pid = workers.start(workers.doomed(lambda: sync.poll(x_account.pk), countdown))
        deaths += workers.wait(pid) == [-signal.SIGKILL]
        _assert_claims_are_true(xsim, x_account)
        if SyncState.objects.get().import_finished_at:
            break
    assert deaths > 10
    settle(x_account)
    assert stored(x_account) == held_by_x(xsim, x_account.access_token)


@pytest.mark.parametrize("seed", range(3))
def test_pages_stored_in_any_order_and_more_than_once_give_the_same_set(seed, transactional_db, xsim, settings):
    rng = random.Random(seed)
    drawn = DrawnWorld(rng, datetime.now(UTC))
    xsim.post("world", drawn.world(events=200, days=20))
    xsim.post("settings", {"dm_get_limit": 10_000})
    x_account = connect(xsim)
    begin(x_account)
    with XClient(x_account.access_token, api_url=xsim.url, allow_http=True) as client:
        fetch = lambda token: client.dm_events(max_results=rng.choice([7, 30]), pagination_token=token)  # noqa: E731
        pages = list(client.pages(fetch))
        pages += rng.choices(pages, k=5)
    halves = rng.sample(pages, len(pages)), rng.sample(pages, len(pages))

    def store(answers) -> None:
        for answer in answers:
            sync.store_page(x_account, answer)

    assert workers.wait(*[workers.start(lambda half=half: store(half)) for half in halves]) == [0, 0]
    assert stored(x_account) == held_by_x(xsim, x_account.access_token)
    assert DmEvent.objects.count() == DmEvent.objects.values("conversation", "dm_event_id").distinct().count()
    _assert_recomputed_columns(x_account)
    assert OWN in {str(pk) for pk in Participant.objects.values_list("x_user", flat=True)}
