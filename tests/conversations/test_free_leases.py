"""At the start of a group that is alone with its database, nothing waits for leases of processes that were killed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import XAccount
from conversations import media
from conversations.models import (
    ActivityDelivery,
    ConversationLookup,
    HistoryRead,
    MediaFile,
    PushState,
    SyncState,
    UnfinishedDay,
)
from conversations.sync import polling, push, wishes
from tests.factories import ConversationFactory, SyncStateFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _embedded(settings):
    settings.IS_EMBEDDED = True


@pytest.fixture
def leased():
    """One row of each kind, as a killed worker and a killed listener leave them."""
    now = timezone.now()
    later = now + timedelta(minutes=2)
    state = SyncStateFactory(next_poll_at=now, import_finished_at=now, lease_until=later, lease_holder="dead")
    conversation = ConversationFactory(x_account=state.x_account)
    XAccount.objects.update(refresh_lease_until=later, refresh_lease_holder="dead")
    HistoryRead.objects.create(conversation=conversation, lease_until=later)
    ConversationLookup.objects.create(x_account=state.x_account, lease_until=later)
    UnfinishedDay.objects.create(x_account=state.x_account, day=now.date(), state="due", lease_until=later)
    ActivityDelivery.objects.create(
        event_uuid="1", event_type="dm.received", source="stream", raw={}, lease_until=now + push.LEASE
    )
    MediaFile.objects.create(
        source_url="https://pbs.twimg.com/media/lamp.jpg",
        source_hash="a",
        state=MediaFile.State.FETCHING,
        due_at=later,
        lease_until=later,
    )
    PushState.objects.create(pk=1, holder="dead", lease_until=later, subscriptions_lease_until=later)
    return state.x_account


def due() -> dict[str, int]:
    return {
        "polls": len(polling.due()),
        "history": len(wishes.waiting(HistoryRead)),
        "lookups": len(wishes.waiting(ConversationLookup)),
        "days": len(wishes.waiting(UnfinishedDay)),
        "deliveries": len(push.waiting()),
        "files": len(media.files_due(8)),
    }


def test_everything_is_due_at_once_that_a_dead_process_held(leased):
    assert not any(due().values())
    call_command("free_leases")
    assert due() == {"polls": 1, "history": 1, "lookups": 1, "days": 1, "deliveries": 1, "files": 1}
    state = PushState.objects.get()
    assert (state.holder, state.lease_until, state.subscriptions_lease_until) == ("", None, None)


def test_a_refresh_that_was_cut_off_stays_in_doubt(leased):
    """The next one to renew the token learns from the holder's name that X may have seen the refresh token."""
    call_command("free_leases")
    leased.refresh_from_db()
    assert (leased.refresh_lease_until, leased.refresh_lease_holder) == (None, "dead")


def test_what_is_not_leased_stays_as_it_is():
    later = timezone.now() + timedelta(hours=1)
    state = SyncStateFactory(next_poll_at=later)
    put_off = MediaFile.objects.create(source_url="https://pbs.twimg.com/media/late.jpg", source_hash="b", due_at=later)
    call_command("free_leases")
    state.refresh_from_db()
    put_off.refresh_from_db()
    assert (state.next_poll_at, put_off.due_at, put_off.state) == (later, later, MediaFile.State.DUE)


def test_leases_of_other_machines_are_never_freed(leased, settings):
    settings.IS_EMBEDDED = False
    with pytest.raises(CommandError, match="other machines"):
        call_command("free_leases")
    assert not any(due().values())
    assert SyncState.objects.get().lease_holder == "dead"
