"""From what happens to what is pushed: who is told of a message, a read, somebody typing, a revocation."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from dminbox.xsim import ids
from dminbox.xsim.answers import Json
from dminbox.xsim.meter import Billed
from dminbox.xsim.push import delivery, payloads
from dminbox.xsim.push.feed import Push, Subscription
from dminbox.xsim.world import ChatConversation, Event

if TYPE_CHECKING:
    from dminbox.xsim.sim import Sim

NOTHING = Billed()


def message(sim: Sim, event: Event) -> None:
    """One that has just become visible. Groups are not told of, nor joins and leaves, nor what no answer shows."""
    members = ids.members_of_one_to_one(event.dm_conversation_id)
    if event.event_type != "MessageCreate" or event.is_hidden or not members or event.sender_id not in members:
        return
    recipient_id = next((one for one in members if one != event.sender_id), event.sender_id)
    payload_of = partial(payloads.message, sim.world, sim.origin, event, recipient_id)
    publish(sim, "dm.sent", event.sender_id, payload_of, event_id=event.id)
    if recipient_id != event.sender_id:
        publish(sim, "dm.received", recipient_id, payload_of, Billed(events=[event.id]), event.id)
        _plan_to_read(sim, event, recipient_id)


def typing(sim: Sim, sender_id: str, recipient_id: str) -> None:
    payload_of = partial(payloads.typing, sim.world, sim.origin, sender_id, recipient_id, sim.clock.now())
    publish(sim, "dm.indicate_typing", recipient_id, payload_of)


def read(sim: Sim, reader_id: str, other_id: str, event_id: str) -> None:
    """Tells the one whose messages were read; nobody is told of what he reads himself."""
    sim.feed.read_marks[reader_id, other_id] = event_id
    now = sim.clock.now()
    payload_of = partial(payloads.read, sim.world, sim.origin, reader_id, other_id, event_id, now)
    publish(sim, "dm.read", other_id, payload_of)


def read_newest(sim: Sim, reader_id: str, other_id: str) -> None:
    """What the other said last, unless it was read before or is not there to be seen."""
    now = sim.clock.now()
    for event in reversed(sim.index.timeline(reader_id, ids.one_to_one_id(reader_id, other_id)).events):
        if event.sender_id != other_id or event.is_hidden or sim.visible_from(event) > now:
            continue
        if sim.feed.read_marks.get((reader_id, other_id)) != event.id:
            read(sim, reader_id, other_id, event.id)
        return


def chat(sim: Sim, conversation: ChatConversation, sender_id: str) -> None:
    """An encrypted message: chat.sent to who wrote it, chat.received to each other member, one payload for all."""
    payload = payloads.chat(conversation.id, sender_id, sim.clock.now())
    for member_id in conversation.member_ids:
        kind = "chat.sent" if member_id == sender_id else "chat.received"
        billed = NOTHING if member_id == sender_id else Billed(chat_events=[payload["id"]])
        publish(sim, kind, member_id, lambda: payload, billed, payload["id"])


def revoked(sim: Sim, user_id: str) -> None:
    """The user took back what the app was allowed: its subscriptions for him end, and it is told."""
    payload_of = partial(payloads.revoke, user_id, sim.settings.app_id, sim.clock.now())
    sim.feed.drop_user(user_id)
    publish(sim, "oauth.revoke", user_id, payload_of)


def publish(
    sim: Sim,
    event_type: str,
    user_id: str | None,
    payload_of: Callable[[], Json],
    billed: Billed = NOTHING,
    event_id: str | None = None,
) -> None:
    """To each subscription for this user, now or after `push_delay`."""
    for subscription in sim.feed.subscribed(event_type, user_id):
        push = _push(sim, subscription, payload_of(), billed, event_id)
        sim.feed.pushed.append(push)
        if sim.settings.push_delay > 0:
            sim.plan(push.at + timedelta(seconds=sim.settings.push_delay), partial(delivery.deliver, sim, push))
        else:
            delivery.deliver(sim, push)


def _push(sim: Sim, subscription: Subscription, payload: Json, billed: Billed, event_id: str | None) -> Push:
    event_uuid = payloads.new_uuid()
    said = payloads.envelope(event_uuid, subscription.event_type, subscription.user_id, subscription.tag, payload)
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return Push(
        event_uuid,
        subscription.event_type,
        subscription.user_id,
        sim.clock.now(),
        body,
        billed,
        event_id,
        subscription.webhook_id,
    )


def _plan_to_read(sim: Sim, event: Event, reader_id: str) -> None:
    """People with that habit read what comes to them a little later."""
    person = sim.world.people.get(reader_id)
    if person and person.reads_after is not None and event.sender_id:
        moment = sim.clock.now() + timedelta(seconds=person.reads_after)
        sim.plan(moment, partial(read_newest, sim, reader_id, event.sender_id))
