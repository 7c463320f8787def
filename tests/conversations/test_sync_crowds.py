"""One event may name a whole group: by what the local X charges, neither the cap of the month nor the ceiling of an
import is crossed by these people, nor by shared posts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest import mock

import pytest
from django.utils import timezone

from conversations import sync
from conversations.models import Post, SyncState, XUser
from conversations.sync import asking, caps, people, posts
from tests.conversations.sync_support import ANN, OWN, begin, connect, make_person, poll, say, stored_ids

pytestmark = [pytest.mark.services, pytest.mark.django_db]
State = SyncState.State
GROUP = "1580000000000000000"
CROWD = [str(2_100_000_000_000_000_000 + number) for number in range(60)]
LAMP = 1_600_000_000_000_000_000


@pytest.fixture
def x_account(xsim):
    """Sixty people have joined our group by one event, and what came before are messages, some with a post."""
    make_person(xsim, ANN)
    for number, pk in enumerate(CROWD):
        make_person(xsim, pk, username=f"guest{number}")
    x_account, now = connect(xsim), datetime.now(UTC)
    xsim.post("conversations", {"id": GROUP, "member_ids": [OWN, ANN, *CROWD], "is_group": True})
    posted = {"author_id": ANN, "text": "A lamp", "created_at": "2026-11-01T12:00:00Z"}
    xsim.post("posts", [posted | {"id": str(LAMP + number)} for number in range(20)])
    for number in range(40):
        moment = (now - timedelta(hours=2 + number)).isoformat()
        more = {"post_ids": [str(LAMP + number // 2)]} if number % 2 else {}
        say(xsim, ANN, f"Message {number}", created_at=moment, **more)
    joined = {"dm_conversation_id": GROUP, "event_type": "ParticipantsJoin", "sender_id": ANN}
    moment = (now - timedelta(hours=1)).isoformat()
    xsim.post("events", {**joined, "participant_ids": CROWD, "created_at": moment})
    return x_account


def read_on(x_account, xsim, limit: Decimal, turns: int = 12) -> SyncState:
    """Turn after turn, with whoever and whatever it names looked up in between; X never charges more than the limit."""
    for _ in range(turns):
        state = poll(x_account)
        for model, column in ((XUser, "lookup_due_at"), (Post, "details_due_at")):
            model.objects.exclude(**{column: None}).update(**{column: timezone.now()})
        people.look_up_due_people()
        posts.fetch_due_details()
        assert Decimal(str(xsim.get("meter")["today"]["usd"])) <= limit
    return state


@pytest.mark.parametrize("usd", ["0.05", "0.30", "0.90"])
def test_a_crowd_that_joins_never_takes_the_month_across_its_cap(x_account, xsim, usd):
    begin(x_account)
    caps.set_cap(x_account, Decimal(usd))
    assert read_on(x_account, xsim, Decimal(usd)).state == State.CAPPED
    assert stored_ids(x_account)


def test_nor_when_it_joins_after_the_import(x_account, xsim):
    begin(x_account, days=0)
    poll(x_account)
    caps.set_cap(x_account, Decimal("0.20"))
    joined = {"dm_conversation_id": GROUP, "event_type": "ParticipantsJoin", "sender_id": ANN}
    xsim.post("events", {**joined, "participant_ids": CROWD})
    read_on(x_account, xsim, Decimal("0.20"))
    assert stored_ids(x_account)


@pytest.mark.parametrize("usd", ["0.05", "0.30"])
def test_nor_an_import_across_its_ceiling(x_account, xsim, usd):
    sync.begin_import(x_account, days=30, ceiling_usd=Decimal(usd))
    state = read_on(x_account, xsim, Decimal(usd))
    assert state.state == State.PAUSED
    assert state.import_spent_usd == Decimal(str(xsim.get("meter")["today"]["usd"]))
    assert stored_ids(x_account)


def test_with_another_ceiling_everybody_is_looked_up_and_everything_is_read(x_account, xsim, settings):
    settings.IMPORT_CEILING_USD = Decimal(5)
    sync.begin_import(x_account, days=30, ceiling_usd=Decimal("0.30"))
    read_on(x_account, xsim, Decimal("0.30"), turns=3)
    sync.resume_import(x_account)
    state = read_on(x_account, xsim, Decimal("5.30"), turns=4)
    assert state.import_finished_at
    assert len(stored_ids(x_account)) == 41
    assert not XUser.objects.filter(pk__in=map(int, CROWD), profile_seen_at=None).exists()
    assert set(Post.objects.values_list("state", flat=True)) == {Post.State.COMPLETE}


def test_where_x_names_senders_no_other_way_what_it_gave_without_counts_towards_the_ceiling_too(x_account, xsim):
    begin(x_account)
    with mock.patch.object(asking, "_names_no_sender", side_effect=[True, False]):
        state = poll(x_account)
    assert state.needs_people
    assert state.import_spent_usd == Decimal(str(xsim.get("meter")["today"]["usd"]))


def test_far_from_its_ceiling_an_import_reserves_nothing(x_account):
    begin(x_account)
    with mock.patch.object(caps, "page", side_effect=AssertionError):
        assert poll(x_account).import_finished_at
