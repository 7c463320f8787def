"""Many X accounts that are due at the same moment do not stay together, and none comes later than its wait for it."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from conversations import tasks
from conversations.models import SyncState
from conversations.sync import pace, polling
from dminbox.xapi.schema import RateLimit
from tests.conversations.sync_support import begin, connect_with_ann, poll, settle
from tests.factories import SyncStateFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WAIT = timedelta(seconds=75)
x_account = pytest.fixture(connect_with_ann)


def polls_in_the_busiest_second(lateness: list[timedelta | None]) -> int:
    """An hour after all of them were polled at one moment."""
    random.seed("a restart")
    seconds: Counter[int] = Counter()
    for late in lateness:
        moment = pace.spread(WAIT, late)
        while moment < timedelta(hours=1):
            moment += pace.spread(WAIT)
        seconds[int(moment.total_seconds())] += 1
    return max(seconds.values())


def test_a_thousand_that_were_late_together_are_apart_at_once():
    evenly = 1000 / WAIT.total_seconds()
    assert polls_in_the_busiest_second([timedelta(0)] * 1000) > 6 * evenly, "by drifting alone"
    for lateness in ([timedelta(minutes=20)] * 1000, [None] * 1000):
        assert polls_in_the_busiest_second(lateness) < 2.5 * evenly
    places = [number * WAIT / 1000 for number in range(1000)]
    assert polls_in_the_busiest_second(places) < 2.5 * evenly, "who was a little late returns to its place"


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=30), WAIT, timedelta(days=1), None])
def test_nobody_waits_longer_for_it(late):
    assert max(pace.spread(WAIT, late) for _ in range(500)) <= WAIT * 1.02


def test_coming_early_takes_no_request_from_the_polls_of_the_window():
    def fits(left: int, minutes: float, requests: int = 1) -> bool:
        return pace.has_one_more(RateLimit(15, left, NOW + timedelta(minutes=minutes)), NOW, WAIT, requests)

    assert fits(14, 15)
    assert not fits(13, 15)
    assert fits(3, 1.5)
    assert not fits(2, 1.5)
    assert not fits(14, 15, requests=2)
    assert not pace.has_one_more(RateLimit(), NOW, WAIT, 1)


def test_after_an_outage_those_that_waited_longest_are_queued_first(x_account, monkeypatch):
    monkeypatch.setattr(polling, "POLLS_AT_ONCE", 2)
    now = timezone.now()
    states = [
        SyncStateFactory(next_poll_at=now - timedelta(seconds=seconds), import_finished_at=now) for seconds in (1, 3, 2)
    ]
    assert polling.due() == [states[1].x_account_id, states[2].x_account_id]


def test_what_is_pushed_and_the_sweep_wait_in_no_queue_behind_polls(settings):
    routes = settings.CELERY_TASK_ROUTES
    assert routes[tasks.poll_account.name] == {"queue": "polls"}
    assert not {tasks.sweep.name, tasks.take_up_activity.name} & set(routes)


def waited(x_account, late: timedelta, **fields) -> timedelta:
    SyncState.objects.update(next_poll_at=timezone.now() - late, **fields)
    polling.poll(x_account.pk)
    return SyncState.objects.get().next_poll_at - timezone.now()


def test_a_poll_that_comes_long_after_its_time_is_followed_by_one_at_any_moment_of_its_wait(
    x_account, xsim, monkeypatch
):
    begin(x_account)
    settle(x_account)
    monkeypatch.setattr(pace.random, "random", lambda: 0.2)
    monkeypatch.setattr(pace.random, "uniform", lambda low, _: low)
    SyncState.objects.update(last_news_at=timezone.now())
    usual = waited(x_account, timedelta(0))
    assert usual > WAIT * 0.95
    second = timedelta(seconds=1)
    xsim.post("clock", {"advance": 900})
    assert waited(x_account, timedelta(minutes=50)) == pytest.approx(usual * 0.2, abs=second)
    xsim.post("clock", {"advance": 900})
    assert waited(x_account, timedelta(seconds=20)) == pytest.approx(
        usual - timedelta(seconds=20), abs=timedelta(seconds=1)
    )


def test_in_a_window_that_is_nearly_used_up_nobody_comes_early(x_account, xsim, monkeypatch):
    begin(x_account)
    settle(x_account)
    monkeypatch.setattr(pace.random, "random", lambda: 0.0)
    for _ in range(3):
        poll(x_account)
    assert waited(x_account, timedelta(minutes=50)) > WAIT * 0.9
