"""While a long history is read, news are looked for at a steady pace; a short one is read as fast as X allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import snowflake_floor
from conversations import sync
from conversations.ids import time_in
from conversations.models import DmEvent, SyncState
from conversations.sync import pace
from dminbox.xapi.schema import RateLimit
from tests.conversations.sync_support import ANN, OWN, begin, connect, make_person, one_to_one, say

pytestmark = [pytest.mark.services, pytest.mark.django_db]
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PAGE, LIMIT, WINDOW = 10, 15, timedelta(minutes=15)
BETWEEN_NEWS = timedelta(minutes=4)


@pytest.fixture
def x_account(xsim, monkeypatch):
    monkeypatch.setattr(pace, "PAGE", PAGE)
    xsim.post("settings", {"dm_get_limit": LIMIT, "token_seconds": 10**8})
    xsim.post("clock", {"frozen": True, "set": NOW.isoformat()})
    with time_machine.travel(NOW, tick=False):
        make_person(xsim, ANN)
        yield connect(xsim)


def write(xsim, pages: int, days: int = 29, since: timedelta = timedelta(minutes=30)) -> None:
    """So many full pages, evenly spread from `since` ago back to so many days ago."""
    said = {"dm_conversation_id": one_to_one(OWN, ANN), "sender_id": ANN, "text": "Long ago"}
    apart = (timedelta(days=days) - since) / (pages * PAGE)
    moments = [NOW - since - number * apart for number in range(pages * PAGE)]
    xsim.post("events", [{**said, "created_at": moment.isoformat()} for moment in moments])


def read_all(xsim, x_account, *, says_something: bool = False) -> int:
    """Each turn when it is due, until everything is imported; gives the number of requests."""
    begin(x_account)
    xsim.delete("requests")
    news_at = NOW + BETWEEN_NEWS
    with time_machine.travel(NOW, tick=False) as ours:
        while (state := SyncState.objects.get()).import_finished_at is None:
            assert timezone.now() < NOW + timedelta(hours=6), "it never ends"
            ours.move_to(max(min(state.next_poll_at, news_at), timezone.now()))
            xsim.post("clock", {"set": timezone.now().isoformat()})
            if timezone.now() >= news_at:
                say(xsim, ANN, "News")
                news_at += BETWEEN_NEWS if says_something else timedelta(days=1)
            sync.poll(x_account.pk)
    found = [call["status"] for call in xsim.get("requests") if call["path"] == "/2/dm_events"]
    assert set(found) == {200}, "no refusal"
    return len(found)


def test_news_wait_for_a_long_import_no_longer_than_for_two_polls_from_its_beginning_on(x_account, xsim):
    write(xsim, pages=40)
    read_all(xsim, x_account, says_something=True)

    events = DmEvent.objects.filter(dm_event_id__gte=snowflake_floor(NOW))
    delays = [at - time_in(pk) for pk, at in events.values_list("dm_event_id", "stored_at")]
    assert len(delays) > 5
    assert max(delays) <= 2 * pace.steady(LIMIT) * 1.02 + timedelta(seconds=1)


def test_a_short_import_takes_one_request_more_than_it_has_pages(x_account, xsim):
    write(xsim, pages=15)
    assert read_all(xsim, x_account) <= 16
    assert DmEvent.objects.filter(dm_event_id__lt=snowflake_floor(NOW)).count() == 15 * PAGE
    assert SyncState.objects.get().import_finished_at < NOW + 2 * WINDOW


def test_an_import_that_only_its_newest_days_make_look_long_is_soon_read_as_fast_as_x_allows(x_account, xsim):
    write(xsim, pages=4, days=2)
    write(xsim, pages=8, since=timedelta(days=2))
    assert read_all(xsim, x_account) <= 13 + 5, "some looks for news, while it looked long"
    assert SyncState.objects.get().import_finished_at < NOW + 2 * WINDOW


def test_requests_that_come_together_are_so_much_further_apart():
    def wait(remaining: int, left: int, usual: int = 60) -> float:
        rate = RateLimit(limit=LIMIT, remaining=remaining, reset_at=NOW + timedelta(seconds=left))
        return pace.wait_after(rate, NOW, timedelta(seconds=usual), requests=2).total_seconds()

    assert wait(13, 900) == 150
    assert wait(13, 900, usual=300) == 300
    assert wait(5, 900) == 300, "what is left is spread"
    assert wait(2, 600) == 601, "one alone is not enough"
