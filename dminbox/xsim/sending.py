"""Sending and deleting: one-to-one, into a conversation, a new group each time, and out of one's own view."""

from dataclasses import dataclass
from typing import Any

from dminbox.xsim import ids, problems
from dminbox.xsim.calls import Call, Reply
from dminbox.xsim.dm import digits, visible_event
from dminbox.xsim.meter import Billed
from dminbox.xsim.world import DmConversation, Event, MediaItem

MAX_TEXT = 10_000
MAX_TEXT_WITH_MEDIA = MAX_TEXT - 24
"""A space and a t.co stand behind a text with media."""
GROUP_SIZES = range(2, 50)
FIRST_MESSAGE = 4
"""So far above its group's id stands the first message; one above it the join, which no answer shows."""


@dataclass
class Message:
    text: str
    media: MediaItem | None


def dm_send_with(call: Call) -> Reply:
    participant_id = digits(call, "participant_id")
    message = _message(call, call.json())
    if participant_id not in call.sim.world.people:
        raise _no_such_participant(call, participant_id)
    conversation_id = ids.one_to_one_id(call.user_id, participant_id)
    return _send_one_to_one(call, conversation_id, message)


def dm_send(call: Call) -> Reply:
    conversation_id = call.path["dm_conversation_id"]
    message = _message(call, call.json())
    members = ids.members_of_one_to_one(conversation_id)
    if call.user_id in members and conversation_id == ids.one_to_one_id(members[0], members[-1]):
        return _send_one_to_one(call, conversation_id, message)
    conversation = call.sim.world.conversations.get(conversation_id)
    if conversation is None or not call.sim.index.is_member(call.user_id, conversation):
        raise problems.not_permitted()
    now = call.sim.clock.now()
    return _sent(call, _new_message(call, call.sim.new_id(now), conversation_id, message))


def dm_create(call: Call) -> Reply:
    body = call.json()
    _refuse_others(body, {"conversation_type", "participant_ids", "message"})
    if body.get("conversation_type") != "Group":
        raise problems.invalid_body("$.conversation_type: does not have a value in the enumeration [Group]")
    others = _participants(call, body.get("participant_ids"))
    if not isinstance(body.get("message"), dict):
        raise problems.invalid_body("$.message: is missing but it is required")
    message = _message(call, body["message"])
    _check_recipients(call, others)
    return _sent(call, _new_group(call, others, message))


def dm_delete(call: Call) -> Reply:
    event = visible_event(call, digits(call, "event_id"))
    if event.sender_id != call.user_id or event.event_type != "MessageCreate":
        raise problems.not_permitted()
    event.deleted_for.append(call.user_id)
    call.sim.index.version += 1
    return Reply({"data": {"deleted": True}}, Billed(deleted=[event.id]))


def _send_one_to_one(call: Call, conversation_id: str, message: Message) -> Reply:
    others = [one for one in ids.members_of_one_to_one(conversation_id) if one != call.user_id]
    _check_recipients(call, others)
    event_id = call.sim.new_id(call.sim.clock.now())
    return _sent(call, _new_message(call, event_id, conversation_id, message))


def _check_recipients(call: Call, user_ids: list[str]) -> None:
    for user_id in user_ids:
        person = call.sim.world.people.get(user_id)
        if person is None:
            raise _no_such_participant(call, user_id)
        if person.is_suspended or not person.accepts_messages:
            raise problems.no_permission_to_dm()


def _new_group(call: Call, others: list[str], message: Message) -> Event:
    """The people join just above the group's id, the first message comes after; both recorded so."""
    sim = call.sim
    now = sim.clock.now()
    group_id = sim.new_id(now, room=FIRST_MESSAGE + 1)
    sim.world.conversations[group_id] = DmConversation(group_id, [call.user_id, *others], is_group=True)
    join_id = str(int(group_id) + 1)
    join = Event(join_id, "ParticipantsJoin", group_id, now, call.user_id, participant_ids=others, is_hidden=True)
    join.lagged_reads = sim.settings.lag_calls
    sim.add(join)
    return _new_message(call, str(int(group_id) + FIRST_MESSAGE), group_id, message)


def _new_message(call: Call, event_id: str, conversation_id: str, message: Message) -> Event:
    sim = call.sim
    link = f"https://x.com/messages/media/{event_id}" if message.media else ""
    composed = sim.compose(message.text, link)
    event = Event(
        event_id,
        "MessageCreate",
        conversation_id,
        sim.clock.now(),
        sender_id=call.user_id,
        text=composed.text,
        media_keys=[message.media.media_key] if message.media else [],
        post_ids=composed.post_ids,
        entities=composed.entities,
        lagged_reads=sim.settings.lag_calls,
    )
    sim.add(event)
    return event


def _sent(call: Call, event: Event) -> Reply:
    body = {"data": {"dm_conversation_id": event.dm_conversation_id, "dm_event_id": event.id}}
    location = f'{call.sim.origin}/2/dm_events/"{event.id}"'
    return Reply(body, Billed(sent=[event.id]), 201, {"location": location})


def _message(call: Call, body: dict[str, Any]) -> Message:
    _refuse_others(body, {"text", "attachments"})
    media = _attachment(call, body.get("attachments"))
    text = body.get("text", "")
    if not isinstance(text, str) or not (text or media):
        raise problems.invalid_body("$.text: must be at least 1 characters long")
    longest = MAX_TEXT_WITH_MEDIA if media else MAX_TEXT
    if len(text) > longest:
        raise problems.invalid_body(f"$.text: may only be {longest} characters long")
    return Message(text, media)


def _attachment(call: Call, attachments: Any) -> MediaItem | None:
    """At most one, by the id of media that X has: here what any message or post of the world shows."""
    if attachments is None:
        return None
    if not isinstance(attachments, list) or len(attachments) != 1 or set(attachments[0]) != {"media_id"}:
        raise problems.invalid_body("$.attachments: must have exactly one object with a media_id")
    media_id = str(attachments[0]["media_id"])
    for item in call.sim.world.media.values():
        if item.media_key.partition("_")[2] == media_id:
            return item
    raise problems.invalid_body("Your media IDs are invalid.")


def _participants(call: Call, found: Any) -> list[str]:
    is_list = isinstance(found, list) and all(isinstance(one, str) and ids.USER.match(one) for one in found)
    if not is_list or len(found) not in GROUP_SIZES:
        raise problems.invalid_body("$.participant_ids: must have between 2 and 49 user ids")
    others = [one for one in dict.fromkeys(found) if one != call.user_id]
    for user_id in others:
        if user_id not in call.sim.world.people:
            raise _no_such_participant(call, user_id)
    return others


def _no_such_participant(call: Call, user_id: str) -> problems.RefusalError:
    message = f"The `participant_id` [{user_id}] is not a user that can receive messages"
    return problems.invalid("participant_id", user_id, message, call.ask.vocabulary)


def _refuse_others(body: dict[str, Any], known: set[str]) -> None:
    for name in body.keys() - known:
        raise problems.invalid_body(f"$.{name}: is not defined in the schema and the schema does not allow additional")
