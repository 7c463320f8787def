"""What a walk may claim, and what becomes of claims that meet: the rules by themselves, without a database."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import snowflake_floor
from conversations.models import ReadInterval
from conversations.sync import intervals
from conversations.sync.intervals import MOST_STALLS, Reach, advance, merge, touches
from dminbox.xapi.schema import DmEvent, Page
from tests.factories import ConversationFactory, SyncStateFactory


def page(*ids: int, token: str | None = None) -> Page:
    return Page(events=tuple(DmEvent(id=str(pk)) for pk in ids), next_token=token)


TOP = Reach(low=101, high=100)


def test_only_what_is_old_enough_counts_as_read():
    answered_at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    begun = intervals.top(answered_at)
    assert begun.high == snowflake_floor(answered_at - timedelta(minutes=15))
    assert begun.low > begun.high, "nothing is claimed before a page is read"
    young = begun.high + 500
    assert advance(begun, page(young, token="t"), end_id=0).low == begun.low


def test_a_page_claims_down_to_its_oldest_event_and_keeps_the_cursor():
    reached = advance(TOP, page(120, 90, 80, token="t"), end_id=0)
    assert (reached.low, reached.high, reached.token) == (80, 100, "t")


def test_the_last_page_claims_as_far_as_x_goes():
    reached = advance(TOP, page(90, 80), end_id=7)
    assert (reached.low, reached.token) == (7, "")


def test_an_empty_answer_is_no_proof_of_an_empty_inbox():
    reached = advance(TOP, page(), end_id=7)
    assert reached.low > reached.high
    assert reached.token == ""


def test_beyond_the_horizon_nothing_more_is_wanted():
    assert advance(TOP, page(90, 40, token="t"), end_id=0, floor_id=50).token == ""


def test_five_pages_that_bring_nothing_older_are_followed_and_then_the_gap_rests():
    reach = advance(TOP, page(90, token="t0"), end_id=0)
    for number in range(MOST_STALLS):
        reach = advance(reach, page(token=f"t{number + 1}"), end_id=0)
        assert not reach.is_resting
    reach = advance(reach, page(token="t6"), end_id=0)
    assert reach.is_resting
    assert (reach.low, reach.token) == (90, "t6"), "the gap stays open with its cursor"
    assert not advance(reach, page(60, token="t7"), end_id=0).is_resting


def test_a_token_that_leads_to_itself_is_not_followed():
    reach = advance(TOP, page(90, token="same"), end_id=0)
    assert advance(reach, page(90, token="same"), end_id=0).is_resting


def test_stretches_that_meet_become_one_with_the_cursor_of_the_lower_one():
    upper, lower = Reach(50, 100, "upper"), Reach(10, 60, "lower")
    assert merge([lower], upper) == replace(lower, high=100)
    assert touches(Reach(10, 49), upper)
    assert not touches(Reach(10, 48), upper)
    assert merge([Reach(10, 30, "far")], upper) == upper


def test_at_the_same_depth_an_end_and_then_the_longer_rest_win():
    assert merge([Reach(10, 60, "")], Reach(10, 100, "t")).token == ""
    assert merge([Reach(10, 60, "t", stalls=7)], Reach(10, 100, "t")).stalls == 7


# --- Two walkers over a small X, in any order -------------------------------------------------------------------------

ids = st.integers(min_value=1, max_value=200)


class SmallX:
    """Events by id, which is also their time; each is visible `late` after that. A token is the id it stops at."""

    SETTLING = 20

    def __init__(self, events: dict[int, int]) -> None:
        self.events = events

    def page(self, now: int, token: str, size: int) -> Page:
        below = int(token) if token else now + 1
        seen = [pk for pk, late in self.events.items() if pk + late <= now and pk < below]
        chosen = sorted(seen, reverse=True)[:size]
        return page(*chosen, token=str(chosen[-1]) if chosen else None)


@settings(max_examples=300, deadline=None)
@given(events=st.dictionaries(ids, st.integers(0, SmallX.SETTLING - 1), max_size=60), seed=st.integers(0, 10**6))
def test_no_claim_is_ever_false_whatever_two_walkers_do(events: dict[int, int], seed: int):
    """A walk may stop anywhere, begin at the top or at any cursor, and commit its page long after reading it.

    One thing it may not: read on before the page it stands on is committed.
    """
    rng, x = random.Random(seed), SmallX(events)
    rows: list[Reach] = []
    stored: set[int] = set()
    uncommitted: list[tuple[Page, Reach]] = []
    walking: list[Reach] = []
    now = 0
    while now < 260 or uncommitted:
        now += rng.choice([0, 1, 7, 40])
        gaps = [row for row in rows if row.token]
        start = rng.choice([None, *gaps, *walking])
        reach = Reach(now - SmallX.SETTLING + 1, now - SmallX.SETTLING) if start is None else start
        answer = x.page(now, reach.token, rng.choice([1, 3, 10]))
        if now < 260:
            uncommitted.append((answer, advance(reach, answer, end_id=0)))
        while uncommitted and rng.random() < 0.6:
            committed, claim = uncommitted.pop(rng.randrange(len(uncommitted)))
            stored |= {int(event.id) for event in committed.events}
            walking += [claim] if claim.token else []
            rows = [*(row for row in rows if not touches(row, claim)), merge(rows, claim)]
            for row in rows:
                missing = {pk for pk in events if row.low <= pk <= row.high} - stored
                assert not missing, (row, missing)


# --- In the tables ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_clock_that_ran_ahead_is_cut_back_so_that_nothing_is_skipped():
    x_account = SyncStateFactory().x_account
    intervals.record(x_account, None, Reach(10, 900, ""), is_top=True)
    intervals.record(x_account, None, Reach(501, 500, "t"), is_top=True)
    row = ReadInterval.objects.get()
    assert (row.low_id, row.high_id) == (10, 500)


@pytest.mark.django_db
def test_a_gap_below_a_joined_stretch_is_the_next_to_be_read():
    x_account = SyncStateFactory().x_account
    intervals.record(x_account, None, Reach(300, 400, "old"), is_top=True)
    intervals.record(x_account, None, Reach(500, 600, "new"), is_top=True)
    assert [row.next_token for row in intervals.gaps(x_account, None).order_by("-high_id")] == ["new", "old"]
    gap = intervals.next_gap(x_account)
    intervals.record(x_account, None, advance(intervals.resume(gap), page(390, token="x"), end_id=0), is_top=False)
    row = ReadInterval.objects.get()
    assert (row.low_id, row.high_id, row.next_token) == (300, 600, "old")


@pytest.mark.django_db
@pytest.mark.parametrize("low", [81, 40], ids=["claims nothing so far", "claims something"])
def test_with_a_cursor_that_x_refuses_goes_all_that_hangs_on_it(low):
    x_account = SyncStateFactory().x_account
    intervals.record(x_account, None, Reach(10, 20, ""), is_top=True)
    intervals.record(x_account, None, Reach(low, 80, "refused"), is_top=True)
    assert intervals.drop(intervals.next_gap(x_account)), "it led to what was never read"
    row = ReadInterval.objects.get()
    assert (row.low_id, row.high_id) == (10, 20)


@pytest.mark.django_db
@pytest.mark.parametrize("is_known", [True, False])
def test_with_a_refused_cursor_goes_a_gap_above_that_rests_and_is_told_of(is_known):
    x_account = SyncStateFactory().x_account
    intervals.record(x_account, None, Reach(30, 40, "refused", is_known=True), is_top=False)
    later = timezone.now() + timedelta(hours=1)
    intervals.record(x_account, None, Reach(60, 80, "rests", due_at=later, is_known=is_known), is_top=False)
    assert intervals.drop(ReadInterval.objects.get(next_token="refused")) is not is_known
    assert not ReadInterval.objects.exists()


def test_only_what_leads_into_a_gap_that_was_read_before_is_known():
    known, unread = Reach(30, 60, "known", is_known=True), Reach(50, 55, "unread")
    assert not merge([unread], known).is_known, "its page went down amid what was never read"
    assert merge([known], unread).is_known, "it came down to what was read before"
    assert not merge([replace(unread, low=20)], known).is_known
    assert merge([replace(known, low=40)], known).is_known


@pytest.mark.django_db
def test_a_resting_gap_is_left_alone_until_it_is_due_and_rests_longer_each_time():
    x_account = SyncStateFactory().x_account
    rests = []
    for stalls in (6, 7, 8):
        intervals.record(x_account, None, Reach(10, 60, "t", stalls=stalls), is_top=False)
        row = ReadInterval.objects.get()
        rests.append(row.due_at - row.updated_at)
        assert intervals.next_gap(x_account) is None
        assert intervals.gaps(x_account, None).count() == 1
    assert rests[0] < rests[1] < rests[2]


@pytest.mark.django_db
def test_an_outage_longer_than_x_remembers_is_named():
    x_account = SyncStateFactory().x_account
    intervals.record(x_account, None, Reach(10, 60, ""), is_top=True)
    intervals.record(x_account, None, Reach(80, 120, ""), is_top=True)
    assert intervals.holes(x_account) == [(61, 79)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("own", "is_whole"),
    [
        ([Reach(0, 120)], True),
        ([Reach(0, 79)], True),
        ([Reach(0, 78)], False),
        ([Reach(0, 60), Reach(90, 120, "t")], False),
    ],
)
def test_a_conversation_stays_whole_if_its_own_history_reaches_the_seam(own, is_whole):
    state = SyncStateFactory()
    x_account = state.x_account
    conversation = ConversationFactory(x_account=x_account, has_reached_beginning=True)
    for reach in own:
        intervals.record(x_account, conversation, reach, is_top=False)
    intervals.record(x_account, None, Reach(10, 60, ""), is_top=True)
    intervals.record(x_account, None, Reach(90, 120, "t"), is_top=True)
    intervals.reopen_conversations(state)
    conversation.refresh_from_db()
    assert conversation.has_reached_beginning, "the gap is still being read: no hole as yet"
    intervals.record(x_account, None, Reach(80, 120), is_top=False)
    intervals.reopen_conversations(state)
    conversation.refresh_from_db()
    assert conversation.has_reached_beginning is is_whole


@pytest.mark.django_db
@pytest.mark.parametrize(("high", "is_whole"), [(79, True), (78, False)])
def test_nor_does_one_become_whole_that_does_not_reach_it(high, is_whole):
    conversation = ConversationFactory(x_account=SyncStateFactory().x_account)
    intervals.record(conversation.x_account, None, Reach(80, 120), is_top=True)
    with transaction.atomic():
        intervals.close_conversation(conversation, Reach(0, high))
    conversation.refresh_from_db()
    assert conversation.has_reached_beginning is is_whole


@pytest.mark.django_db
def test_whole_conversations_are_gone_through_only_when_the_seam_has_risen(django_assert_num_queries):
    state = SyncStateFactory()
    intervals.record(state.x_account, None, Reach(80, 120), is_top=True)
    with django_assert_num_queries(2):  # where the seam is, and which conversations do not lead up to it
        intervals.reopen_conversations(state)
    intervals.record(state.x_account, None, Reach(80, 160), is_top=True)
    with django_assert_num_queries(1):
        intervals.reopen_conversations(state)
