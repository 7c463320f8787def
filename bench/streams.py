"""What the lane of the streams row does: people with sessions, and messages whose commit is timed."""

from __future__ import annotations

import time

from django.db import transaction
from django.utils import timezone

from accounts.models import Membership, Role, User, XAccount, snowflake_floor
from bench.people import signed_in
from conversations import changes
from conversations.changes import NewChange
from conversations.models import Change, Conversation, DmEvent, SyncState, XUser


def prepare(people: int) -> list[str]:
    """People who all see one X account with one conversation; gives their session keys."""
    x_account = XAccount.objects.create(x_user_id=1_500_000_000_000_000_001, username="NordlichtHelp")
    SyncState.objects.create(x_account=x_account, state=SyncState.State.ACTIVE)
    peer = XUser.objects.create(id=2_000_001, username="customer", name="Customer")
    Conversation.objects.create(x_account=x_account, peer=peer, dm_conversation_id=f"{peer.pk}-{x_account.x_user_id}")
    users = [User.objects.create(email=f"person{n}@nordlicht.example", name=f"Person {n}") for n in range(people)]
    Membership.objects.bulk_create([Membership(user=user, x_account=x_account, role=Role.AGENT) for user in users])
    return [signed_in(user) for user in users]


def store() -> tuple[str, float]:
    """A message, stored and announced; its id and the moment of its commit."""
    conversation = Conversation.objects.select_related("x_account", "peer").get()
    number = max(conversation.last_dm_event_id + 1, snowflake_floor(timezone.now()))
    with transaction.atomic():
        event = DmEvent.objects.create(
            conversation=conversation, dm_event_id=number, event_type=DmEvent.Type.MESSAGE_CREATE,
            created_at=timezone.now(), sender=conversation.peer, text="Is it on its way?", raw={"id": str(number)},
        )  # fmt: skip
        Conversation.objects.update(last_dm_event_id=number, last_incoming_dm_event_id=number, last_event=event)
        changes.announce(conversation.x_account, [NewChange(Change.Kind.EVENT, conversation.pk, event.pk)])
    return str(number), time.time()
