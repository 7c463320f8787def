"""The four DM lookups: one page of a user's events, in all conversations or in one, and a single event."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

from dminbox.xsim import ids, problems
from dminbox.xsim.answers import Includes, Json, event_json
from dminbox.xsim.calls import Call, Reply
from dminbox.xsim.index import Timeline
from dminbox.xsim.meter import Billed
from dminbox.xsim.paging import Cursor, next_token, previous_token
from dminbox.xsim.world import Event

EVENT_TYPES = ("MessageCreate", "ParticipantsJoin", "ParticipantsLeave")
MAX_RESULTS = 100


def dm_events(call: Call) -> Reply:
    settings = call.sim.settings
    _count_lagged_read(call)
    since = call.sim.clock.now() - timedelta(days=settings.history_days)
    return _page(call, call.sim.index.timeline(call.user_id), since, is_lagging=lambda event: _is_lagging(call, event))


def dm_events_with(call: Call) -> Reply:
    participant_id = digits(call, "participant_id")
    return _conversation_page(call, ids.one_to_one_id(call.user_id, participant_id))


def dm_conversation_events(call: Call) -> Reply:
    conversation_id = call.path["id"]
    if not ids.ONE_TO_ONE.match(conversation_id) and not ids.GROUP.match(conversation_id):
        message = f"The `id` path parameter value [{conversation_id}] is not a valid conversation id."
        raise problems.invalid("id", conversation_id, message, call.ask.vocabulary)
    known = call.sim.world.conversations.get(conversation_id)
    members = known.member_ids if known else ids.members_of_one_to_one(conversation_id)
    if call.user_id not in members:
        raise problems.not_found()
    return _conversation_page(call, conversation_id)


def dm_event(call: Call) -> Reply:
    event = visible_event(call, digits(call, "event_id"))
    includes = _includes(call, [event])
    body = includes.around(event_json(event, call.ask))
    return Reply(body, _billed([event], includes))


def visible_event(call: Call, event_id: str) -> Event:
    """404 for an event that is not there, not there yet, or not for this user."""
    event = call.sim.index.events.get(event_id)
    if event is None or not _exists(event, call.sim.clock.now(), None) or not _is_shown(call, event, EVENT_TYPES):
        raise problems.not_found()
    if not call.sim.index.may_see(call.user_id, event):
        raise problems.not_found()
    return event


def digits(call: Call, name: str) -> str:
    value = call.path[name]
    if not ids.USER.match(value):
        message = f"The `{name}` path parameter value [{value}] does not match ^[0-9]{{1,19}}$"
        raise problems.invalid(name, value, message, call.ask.vocabulary)
    return value


def _conversation_page(call: Call, conversation_id: str) -> Reply:
    days = call.sim.settings.conversation_history_days
    since = None if days is None else call.sim.clock.now() - timedelta(days=days)
    return _page(call, call.sim.index.timeline(call.user_id, conversation_id), since)


def _page(
    call: Call, timeline: Timeline, since: datetime | None, is_lagging: Callable[[Event], bool] = lambda event: False
) -> Reply:
    """Hidden and filtered events take up room on a page without being shown: that is why pages can be short."""
    types, size, cursor = _event_types(call), call.number("max_results", MAX_RESULTS, 1, MAX_RESULTS), call.cursor()
    if cursor and (empty := _empty_page(call, timeline, cursor)):
        return Reply({"meta": {"result_count": 0, **empty}})
    now = call.sim.clock.now()
    there = (event for event in timeline.walk(cursor) if _exists(event, now, since) and not is_lagging(event))
    positions = list(islice(there, size))
    if cursor and not cursor.is_next:
        positions.reverse()
    shown = [event for event in positions if _is_shown(call, event, types)]
    includes = _includes(call, shown)
    body = includes.around([event_json(event, call.ask) for event in shown])
    return Reply({**body, "meta": {"result_count": len(shown), **_tokens(positions)}}, _billed(shown, includes))


def _tokens(positions: list[Event]) -> Json:
    if not positions:
        return {}
    return {"next_token": next_token(positions[-1].id), "previous_token": previous_token(positions[0].id)}


def _empty_page(call: Call, timeline: Timeline, cursor: Cursor) -> Json | None:
    """The tokens of a page with nothing on it, while the cursor is less than `empty_pages` below an event."""
    distance = timeline.distance_above(cursor.event_id) if cursor.is_next else None
    if distance is None or distance >= call.sim.settings.empty_pages or cursor.event_id == 0:
        return None
    return {
        "next_token": next_token(str(cursor.event_id - 1)),
        "previous_token": previous_token(str(cursor.event_id)),
    }


def _exists(event: Event, now: datetime, since: datetime | None) -> bool:
    is_there = event.created_at <= now and (event.visible_at is None or event.visible_at <= now)
    return is_there and (since is None or event.created_at >= since)


def _is_shown(call: Call, event: Event, types: tuple[str, ...]) -> bool:
    return event.event_type in types and not event.is_hidden and call.user_id not in event.deleted_for


def _count_lagged_read(call: Call) -> None:
    now = call.sim.clock.now()
    for event in call.sim.index.lagged.values():
        if event.created_at <= now:
            key = (event.id, call.user_id)
            call.sim.lag[key] = call.sim.lag.get(key, 0) + 1


def _is_lagging(call: Call, event: Event) -> bool:
    return event.lagged_reads > 0 and call.sim.lag.get((event.id, call.user_id), 0) <= event.lagged_reads


def _includes(call: Call, events: list[Event]) -> Includes:
    sim, wanted = call.sim, call.ask.expansions
    includes = Includes(sim.world, call.ask, sim.origin, resolves_all=sim.settings.include_unresolved)
    for event in events:
        if "sender_id" in wanted:
            includes.add_user(event.sender_id)
        if "participant_ids" in wanted:
            for user_id in event.participant_ids:
                includes.add_user(user_id)
        if "attachments.media_keys" in wanted:
            includes.add_media(event.media_keys)
        if "referenced_tweets.id" in wanted:
            for post_id in event.post_ids:
                includes.add_post(post_id, "referenced_tweets.id")
    return includes


def _billed(events: list[Event], includes: Includes) -> Billed:
    return Billed([event.id for event in events], list(includes.users), list(includes.posts))


def _event_types(call: Call) -> tuple[str, ...]:
    asked = [value for value in call.query.get("event_types", "").split(",") if value]
    for value in asked:
        if value not in EVENT_TYPES:
            raise problems.unknown_value("event_types", value, frozenset(EVENT_TYPES), call.ask.vocabulary)
    return tuple(asked) or EVENT_TYPES
