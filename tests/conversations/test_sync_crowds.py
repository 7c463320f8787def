"""One event may name a whole group: by what the local X charges, the cap of the month is crossed neither by these
people nor by shared posts. At its ceiling an import stops; whom and what its pages have named comes on top, once each.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest import mock

import pytest
from django.db.models import Sum
from django.utils import timezone

from conversations import sync
from conversations.models import ApiCall, ConversationLookup, Post, SyncState, XUser
from conversations.sync import caps, event_pages, people, posts
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


def charged(xsim) -> Decimal:
    return Decimal(str(xsim.get("meter")["today"]["usd"]))


def read_on(x_account, xsim, limit: Decimal) -> SyncState:
    """Turn after turn, with whoever and whatever it names looked up in between; X never charges more than the limit."""
    for _ in range(12):
        state = poll(x_account)
        for model, column in ((XUser, "lookup_due_at"), (Post, "details_due_at")):
            model.objects.exclude(**{column: None}).update(**{column: timezone.now()})
        people.look_up_due_people()
        posts.fetch_due_details()
        assert charged(xsim) <= limit
    return state


def import_all(x_account) -> SyncState:
    """The same, each at its own time."""
    for _ in range(3):
        state = poll(x_account)
        people.look_up_due_people()
        posts.fetch_due_details()
    return state


def are_all_shown() -> bool:
    are_known = not XUser.objects.filter(profile_seen_at=None).exists()
    return are_known and set(Post.objects.values_list("state", flat=True)) <= {Post.State.COMPLETE}


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
def test_the_pages_of_an_import_never_cross_its_ceiling_and_whom_they_have_named_is_shown(x_account, xsim, usd):
    sync.begin_import(x_account, days=30, ceiling_usd=Decimal(usd))
    poll(x_account)
    assert charged(xsim) <= Decimal(usd)
    state = import_all(x_account)
    assert state.state == State.PAUSED
    assert ApiCall.objects.filter(endpoint="GET /2/dm_events").aggregate(Sum("usd"))["usd__sum"] <= Decimal(usd)
    assert 0 < len(stored_ids(x_account)) < 41
    assert are_all_shown()
    assert SyncState.objects.get().import_spent_usd == charged(xsim)


def test_whom_a_page_names_that_somebody_has_asked_for_is_shown_while_the_import_is_paused(x_account, xsim):
    sync.begin_import(x_account, days=30, ceiling_usd=Decimal("0.05"))
    assert import_all(x_account).state == State.PAUSED
    guest = str(int(CROWD[-1]) + 1)
    make_person(xsim, guest)
    say(xsim, guest, "Hello")
    wish = ConversationLookup.objects.create(x_account=x_account, kind="user_id", target=guest)
    sync.look_up_conversation(wish.pk)
    people.look_up_due_people()
    assert XUser.objects.get(pk=int(guest)).username


def test_with_another_ceiling_everything_is_read(x_account, settings):
    settings.IMPORT_CEILING_USD = Decimal(5)
    sync.begin_import(x_account, days=30, ceiling_usd=Decimal("0.30"))
    import_all(x_account)
    sync.resume_import(x_account)
    assert import_all(x_account).import_finished_at
    assert len(stored_ids(x_account)) == 41
    assert are_all_shown()


@pytest.mark.parametrize("left", ["0.010", "0.014"])
def test_what_pays_for_no_message_with_a_post_pauses_an_import(x_account, xsim, left):
    begin(x_account)
    SyncState.objects.update(import_spent_usd=1000 - Decimal(left))
    assert poll(x_account).state == State.PAUSED
    assert not charged(xsim)


def test_where_x_names_senders_no_other_way_what_it_gave_without_counts_towards_the_ceiling_too(x_account, xsim):
    begin(x_account)
    with mock.patch.object(event_pages, "_names_no_sender", side_effect=[True, False]):
        state = poll(x_account)
    assert state.needs_people_until
    assert state.import_spent_usd == charged(xsim)


def test_far_from_its_ceiling_an_import_reserves_nothing(x_account):
    begin(x_account)
    with mock.patch.object(caps, "page", side_effect=AssertionError):
        assert poll(x_account).import_finished_at
