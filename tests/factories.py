"""Rows for tests, in the words of the models."""

from __future__ import annotations

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from accounts.models import Membership, Role, User, XAccount, snowflake_floor
from conversations.models import Conversation, DmEvent, Participant, SyncState, XUser


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@nordlicht.example")
    name = factory.Sequence(lambda n: f"Person {n}")


class XAccountFactory(DjangoModelFactory):
    class Meta:
        model = XAccount

    x_user_id = factory.Sequence(lambda n: 1_500_000_000_000_500_000 + n)  # none that a test names itself
    username = factory.Sequence(lambda n: f"NordlichtHelp{n}")
    name = "Nordlicht Lamps Support"
    access_token = "access-token-of-a-test"
    refresh_token = "refresh-token-of-a-test"
    scopes = "dm.read dm.write tweet.read users.read offline.access media.write"
    token_expires_at = datetime(2036, 1, 1, tzinfo=UTC)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    x_account = factory.SubFactory(XAccountFactory)
    role = Role.AGENT


class SyncStateFactory(DjangoModelFactory):
    class Meta:
        model = SyncState

    x_account = factory.SubFactory(XAccountFactory)
    state = SyncState.State.ACTIVE


class XUserFactory(DjangoModelFactory):
    class Meta:
        model = XUser

    id = factory.Sequence(lambda n: 2_000_000 + n)
    username = factory.Sequence(lambda n: f"customer{n}")
    name = factory.Sequence(lambda n: f"Customer {n}")
    profile_seen_at = datetime(2026, 1, 1, tzinfo=UTC)


class ConversationFactory(DjangoModelFactory):
    """A one-to-one of an X account with a customer; `is_group=True, peer=None, dm_conversation_id=…` for groups."""

    class Meta:
        model = Conversation

    x_account = factory.SubFactory(XAccountFactory)
    peer = factory.SubFactory(XUserFactory)
    dm_conversation_id = factory.LazyAttribute(
        lambda row: "-".join(map(str, sorted([row.x_account.x_user_id, row.peer.pk])))
    )


class ParticipantFactory(DjangoModelFactory):
    class Meta:
        model = Participant

    conversation = factory.SubFactory(ConversationFactory)
    x_user = factory.SubFactory(XUserFactory)


class DmEventFactory(DjangoModelFactory):
    class Meta:
        model = DmEvent

    conversation = factory.SubFactory(ConversationFactory)
    created_at = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    dm_event_id = factory.Sequence(lambda n: snowflake_floor(datetime(2026, 11, 20, 9, 0, tzinfo=UTC)) + n)
    event_type = DmEvent.Type.MESSAGE_CREATE
    sender = factory.SelfAttribute("conversation.peer")
    text = "Is the lamp in stock?"
    raw = factory.LazyAttribute(lambda row: {"id": str(row.dm_event_id), "event_type": row.event_type})
