"""The month's cap stops what people wish for before a call, and lets it go on when it is raised or the month ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from conversations import actions, ledger, sync
from conversations.models import BilledResource, ConversationLookup, HistoryRead, Post, SpendDay, SyncState, XUser
from conversations.sync import caps, people, posts
from conversations.sync.caps import CapReached
from tests.conversations.sync_support import OWN, connect, make_person, one_to_one, say
from tests.conversations.x_world import named
from tests.factories import ConversationFactory, ParticipantFactory, SyncStateFactory, XUserFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
PEER = "2000000000000000007"


@pytest.fixture
def x_account(xsim):
    make_person(xsim, PEER)
    for number in range(3):
        say(xsim, PEER, f"Message {number}")
    x_account = connect(xsim)
    SyncStateFactory(x_account=x_account)
    return x_account


@pytest.fixture
def conversation(x_account):
    peer = XUserFactory(id=int(PEER))
    return ConversationFactory(x_account=x_account, peer=peer, dm_conversation_id=one_to_one(OWN, PEER))


def leave(x_account, usd: str) -> None:
    """A cap of which so much is left."""
    SpendDay.objects.create(x_account=x_account, day=timezone.now().astimezone(UTC).date(), usd=Decimal(10))
    SyncState.objects.filter(x_account=x_account).update(monthly_cap_usd=Decimal(10) + Decimal(usd))


def calls(xsim):
    return [request["path"] for request in xsim.get("requests") if request["path"].startswith("/2/")]


def next_month() -> datetime:
    return (timezone.now().astimezone(UTC).replace(day=1) + timedelta(days=32)).replace(day=1).date()


def test_a_wish_for_older_history_waits_for_the_new_month_without_a_call(xsim, x_account, conversation, ada):
    wish = actions.read_history(ada, conversation)
    leave(x_account, "0.00")
    before = len(calls(xsim))
    sync.read_history(wish.pk)
    wish.refresh_from_db()
    assert (wish.state, wish.detail, wish.lease_until) == (HistoryRead.State.DUE, caps.WISH, None)
    assert wish.waits_for_month
    assert wish.due_at.astimezone(UTC).date() == next_month()
    assert len(calls(xsim)) == before


def test_a_page_of_history_asks_for_no_more_than_the_cap_pays_for(xsim, x_account, conversation, ada):
    SyncState.objects.update(needs_people=True)
    wish = actions.read_history(ada, conversation)
    leave(x_account, "0.08")
    sync.read_history(wish.pk)
    asked = [request["query"] for request in xsim.get("requests") if request["path"].endswith("/dm_events")]
    assert [query for query in asked if "max_results=2" in query] == asked[:1]


def test_raising_the_cap_wakes_what_waits_for_it(x_account, conversation, ada):
    waits = HistoryRead.objects.create(
        conversation=conversation,
        detail=caps.WISH,
        waits_for_month=True,
        due_at=timezone.now() + timedelta(days=9),
    )
    other = HistoryRead.objects.create(
        conversation=conversation, detail=caps.WISH, due_at=timezone.now() + timedelta(days=9)
    )
    lookup = ConversationLookup.objects.create(
        x_account=x_account,
        kind="user_id",
        target="1",
        detail=caps.WISH,
        waits_for_month=True,
        due_at=timezone.now() + timedelta(days=9),
    )
    actions.set_cap(x_account, Decimal(50))
    assert SyncState.objects.get(x_account=x_account).monthly_cap_usd == Decimal(50)
    for row in (waits, lookup):
        row.refresh_from_db()
        assert row.due_at <= timezone.now()
        assert (row.detail, row.waits_for_month) == ("", False)
    other.refresh_from_db()
    assert other.due_at > timezone.now()


@pytest.mark.parametrize(("kind", "target"), [("user_id", PEER), ("username", "customer000007")])
def test_opening_a_conversation_waits_for_the_new_month_without_a_call(xsim, x_account, kind, target):
    leave(x_account, "0.00")
    lookup = ConversationLookup.objects.create(x_account=x_account, kind=kind, target=target)
    before = len(calls(xsim))
    sync.look_up_conversation(lookup.pk)
    lookup.refresh_from_db()
    assert (lookup.state, lookup.detail) == (ConversationLookup.State.DUE, caps.WISH)
    assert lookup.due_at.astimezone(UTC).date() == next_month()
    assert len(calls(xsim)) == before


def test_profiles_are_asked_for_through_an_account_whose_cap_still_pays(xsim, x_account):
    rich = connect(xsim, "1500000000000000200")
    SyncStateFactory(x_account=rich)
    named(PEER, x_account, rich)
    leave(x_account, "0.00")
    people.look_up_due_people()
    assert XUser.objects.get(pk=int(PEER)).profile_seen_at is not None
    assert rich.api_calls.filter(endpoint="GET /2/users").exists()
    assert not x_account.api_calls.exists()


def test_profiles_wait_an_hour_when_no_cap_pays_for_them(xsim, x_account):
    named(PEER, x_account)
    leave(x_account, "0.00")
    people.look_up_due_people()
    person = XUser.objects.get(pk=int(PEER))
    assert timedelta(minutes=59) < person.lookup_due_at - timezone.now() <= timedelta(hours=1)
    assert not x_account.api_calls.exists()


def test_as_many_posts_are_asked_for_as_the_cap_pays_for_and_the_others_wait(xsim, x_account):
    made = [{"id": str(n), "author_id": PEER, "text": "A lamp", "created_at": "2026-11-01T12:00:00Z"} for n in (11, 12)]
    xsim.post("posts", made)
    for post in made:
        Post.objects.create(pk=int(post["id"]), x_account=x_account)
    leave(x_account, "0.05")
    posts.fetch_due_details()
    assert x_account.api_calls.count() == 1
    assert sorted(Post.objects.values_list("state", flat=True)) == ["complete", "due"]
    waits = Post.objects.get(state="due")
    assert waits.details_due_at - timezone.now() <= caps.BACK_WITHIN, "the first may have cost less than it could"
    Post.objects.update(details_due_at=timezone.now())
    posts.fetch_due_details()
    assert x_account.api_calls.count() == 1
    waits.refresh_from_db()
    assert timedelta(minutes=59) < waits.details_due_at - timezone.now() <= timedelta(hours=1)


def test_a_post_that_answers_one_and_quotes_another_never_crosses_the_cap(xsim, x_account):
    references = [{"type": "replied_to", "id": "21"}, {"type": "quoted", "id": "22"}]
    for pk, referenced in (("20", references), ("21", []), ("22", [])):
        make_person(xsim, f"30{pk}")
        made = {"id": pk, "author_id": f"30{pk}", "text": "A lamp", "created_at": "2026-11-01T12:00:00Z"}
        xsim.post("posts", [made | {"referenced": referenced}])
    Post.objects.create(pk=20, x_account=x_account)
    leave(x_account, "0.03")
    posts.fetch_due_details()
    assert not x_account.api_calls.exists()
    SyncState.objects.update(monthly_cap_usd=Decimal("10.05"))
    Post.objects.update(details_due_at=timezone.now())
    posts.fetch_due_details()
    assert ledger.billed_today(x_account).usd == Decimal("0.045")


def test_in_the_post_vocabulary_people_come_with_every_page_and_are_reckoned_with(
    xsim, x_account, conversation, ada, settings
):
    settings.X_VOCABULARY = "post"
    SyncState.objects.update(import_finished_at=timezone.now())
    wish = actions.read_history(ada, conversation)
    leave(x_account, "0.04")
    sync.read_history(wish.pk)
    asked = [request["query"] for request in xsim.get("requests") if request["path"].endswith("/dm_events")]
    assert "max_results=1&" in asked[0]
    assert ledger.spent_this_month(x_account) <= SyncState.objects.get(x_account=x_account).monthly_cap_usd


# --- At the form ------------------------------------------------------------------------------------------------------


def test_a_wish_that_could_cross_the_cap_is_refused(x_account, conversation, ada):
    leave(x_account, "0.99")
    with pytest.raises(CapReached):
        actions.read_history(ada, conversation)
    with pytest.raises(CapReached):
        actions.look_up_conversation(ada, x_account, "user_id", PEER)
    with pytest.raises(CapReached):
        actions.begin_import(x_account, 30, Decimal(20))
    assert not HistoryRead.objects.exists()
    assert not ConversationLookup.objects.exists()
    actions.begin_import(x_account, 0, Decimal(20))


def test_a_wish_that_fits_exactly_is_taken(x_account, conversation, ada):
    leave(x_account, "1.00")
    assert actions.read_history(ada, conversation).pages_wanted == 1
    with pytest.raises(CapReached):
        actions.read_history(ada, conversation, ["ParticipantsJoin"], pages=2)


def test_a_wish_reckons_with_the_people_who_come_with_it_and_were_not_billed_today(x_account, conversation, ada):
    SyncState.objects.update(needs_people=True)
    us = XUserFactory(id=x_account.x_user_id)
    for person in (conversation.peer, us):
        ParticipantFactory(conversation=conversation, x_user=person)
    leave(x_account, "1.01")
    with pytest.raises(CapReached):
        actions.read_history(ada, conversation)
    today = timezone.now().astimezone(UTC).date()
    BilledResource.objects.create(day=today, kind="user", resource_id=us.pk, x_account=x_account)
    assert actions.read_history(ada, conversation)


def test_where_pages_show_no_people_none_are_reckoned_with(x_account, conversation, ada):
    ParticipantFactory(conversation=conversation, x_user=conversation.peer)
    leave(x_account, "1.00")
    assert actions.read_history(ada, conversation)


@time_machine.travel(datetime(2026, 11, 30, 23, 59, tzinfo=UTC), tick=False)
def test_with_the_new_month_the_whole_cap_is_there_again(x_account, conversation, ada):
    leave(x_account, "0.00")
    with time_machine.travel(datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC), tick=False):
        assert actions.read_history(ada, conversation)
