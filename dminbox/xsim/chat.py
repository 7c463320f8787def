"""GET /2/chat/conversations: the encrypted conversations of a user, newest first, without a word of what they hold."""

from dminbox.xsim import ids
from dminbox.xsim.answers import Includes, Json, absolute, renamed, without_empty, x_time
from dminbox.xsim.calls import Call, Reply
from dminbox.xsim.meter import Billed
from dminbox.xsim.paging import next_token
from dminbox.xsim.vocabulary import TWEET
from dminbox.xsim.world import ChatConversation

MAX_RESULTS, PRESET_RESULTS = 100, 10
PEOPLE = ("admin_ids", "member_ids", "participant_ids")


def chat_conversations(call: Call) -> Reply:
    size, cursor = call.number("max_results", PRESET_RESULTS, 1, MAX_RESULTS), call.cursor()
    mine = [one for one in call.sim.world.chats.values() if call.user_id in one.member_ids]
    listed = sorted((_position(one), one.id) for one in mine if not one.is_request)
    following = [one for one in reversed(listed) if cursor is None or one[0] < cursor.event_id]
    page = [call.sim.world.chats[chat_id] for _, chat_id in following[:size]]
    includes = _includes(call, page)
    body = includes.around([chat_json(one, call) for one in page])
    meta: Json = {
        "result_count": len(page),
        "has_more": len(following) > size,
        "has_message_requests": any(one.is_request for one in mine),
    }
    if len(following) > size:
        meta["next_token"] = next_token(str(following[size - 1][0]))
    return Reply({**body, "meta": meta}, Billed(users=list(includes.users)))


def chat_json(one: ChatConversation, call: Call) -> Json:
    """Of two people much is left out that a group has."""
    wanted = call.ask.fields["chat_conversation.fields"] | call.ask.expansions
    members = {
        "id": one.id.replace(":", "-"),
        "type": "group" if _is_group(one) else "direct",
        "is_muted": one.is_muted,
        "message_ttl_msec": _lifetime(one, call),
        "participant_ids": one.member_ids,
        "screen_capture_blocking_enabled": False,
        "screen_capture_detection_enabled": False,
        **(_group_members(one, call.sim.origin) if _is_group(one) else {}),
    }
    said = without_empty({name: value for name, value in members.items() if name in wanted})
    return renamed(said, call.ask.vocabulary)


def _lifetime(one: ChatConversation, call: Call) -> str | int | None:
    """The older words have it as text."""
    as_text = call.ask.vocabulary is TWEET and one.message_ttl_ms is not None
    return str(one.message_ttl_ms) if as_text else one.message_ttl_ms


def _group_members(one: ChatConversation, origin: str) -> Json:
    return {
        "group_name": one.name,
        "group_avatar_url": absolute(one.avatar_path, origin),
        "admin_ids": one.admin_ids,
        "member_ids": one.member_ids,
        "created_at": x_time(one.created_at),
        "updated_at": x_time(one.updated_at),
    }


def _is_group(one: ChatConversation) -> bool:
    return one.id.startswith("g")


def _position(one: ChatConversation) -> int:
    """The time of the last message, with room to tell those of one millisecond apart."""
    return ids.snowflake(one.updated_at) + int(one.id.strip("g").partition(":")[0]) % (1 << 22)


def _includes(call: Call, page: list[ChatConversation]) -> Includes:
    includes = Includes(call.sim.world, call.ask, call.sim.origin, resolves_all=call.sim.settings.include_unresolved)
    for one in page:
        named = {"admin_ids": one.admin_ids, "member_ids": one.member_ids, "participant_ids": one.member_ids}
        for name in call.ask.expansions & ({*PEOPLE} if _is_group(one) else {"participant_ids"}):
            for user_id in named[name]:
                includes.add_user(user_id)
    return includes
