"""The control API under /_sim/: load a world, set the clock, add events, inject faults, read the meter."""

import ipaddress
import json
import socket
from collections.abc import Callable, Collection
from dataclasses import asdict
from inspect import isawaitable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dminbox.xsim import ids
from dminbox.xsim.faults import Fault
from dminbox.xsim.push import control as push_control
from dminbox.xsim.settings import SCOPES
from dminbox.xsim.sim import Sim
from dminbox.xsim.world import (
    ChatConversation,
    DmConversation,
    Event,
    MediaItem,
    Person,
    Post,
    World,
    from_json,
    many_from_json,
    time_from_json,
    time_to_json,
    to_json,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: list[Network] = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
T = TypeVar("T")


def is_let_in(request: Request, networks: list[Network], names: Collection[str] = ()) -> bool:
    """From loopback or a given network, and not from a web page: those send an Origin with whatever they write.

    A page whose name was made to lead here sends none when it reads; but it sends that name as the Host.
    """
    if request.client is None or "origin" in request.headers:
        return False
    host = _host(request)
    is_called_so = host in {"localhost", *names} or _is_in(host, networks)
    return bool(host) and is_called_so and _is_in(request.client.host, networks)


def _host(request: Request) -> str:
    """Lower case and without the port; empty when there is none that can be read."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_in(host: str, networks: list[Network]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in [*LOOPBACK, *networks])


async def control(sim: Sim, request: Request, networks: list[Network]) -> Response:
    """400 with a sentence for what cannot be read."""
    deed = DEEDS.get((request.method, request.path_params["name"]))
    names = (urlsplit(sim.origin).hostname or "", socket.gethostname().lower())
    if deed is None or not is_let_in(request, networks, names):
        return Response("", 404)
    raw = await request.body()
    try:
        answer = deed(sim, json.loads(raw) if raw else {}, dict(request.query_params))
        answer = await answer if isawaitable(answer) else answer
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
    return JSONResponse(answer)


def get_world(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    return sim.world.to_json()


def set_world(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    world = World.from_json(body)
    sim.replace_world(world)
    return {"people": len(world.people), "conversations": len(world.conversations), "events": len(world.events)}


def get_clock(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    return {
        "now": time_to_json(sim.clock.now()),
        "offset_seconds": sim.clock.offset.total_seconds(),
        "frozen": sim.clock.frozen_at is not None,
    }


def set_clock(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    if unknown := body.keys() - {"set", "advance", "frozen"}:
        raise ValueError(f"the clock takes set, advance and frozen, not {sorted(unknown)}")
    if "frozen" in body:
        sim.clock.freeze() if body["frozen"] else sim.clock.thaw()
    if "set" in body:
        sim.clock.set(time_from_json(body["set"]))
    if "advance" in body:
        sim.clock.advance(float(body["advance"]))
    sim.changed()
    sim.tick()
    return get_clock(sim, body, query)


def add_events(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    """One event or a list. Without id or created_at each follows from the other, without both from the clock."""
    events = [_event(sim, data) for data in (body if isinstance(body, list) else [body])]
    return [to_json(event) for event in events]


def _event(sim: Sim, data: dict[str, Any]) -> Event:
    data = {"event_type": "MessageCreate", **data}
    if "created_at" not in data:
        is_snowflake = "id" in data and int(data["id"]) >> 22 > 0
        moment = ids.moment_of(data["id"]) if is_snowflake else sim.clock.now()
        data["created_at"] = time_to_json(moment)
    if "id" not in data:
        data["id"] = sim.new_id(time_from_json(data["created_at"]))
    event = from_json(Event, data)
    sim.add(event)
    return event


def set_next_ids(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    """The ids of the next new events: so that a recorded exchange can be told again."""
    sim.next_ids = [str(int(one)) for one in body]
    return sim.next_ids


def upsert(cls: type[T], of: Callable[[World], dict[str, T]], key: str) -> Callable[[Sim, Any, dict[str, str]], Any]:
    """Puts in one or many of a kind of thing; what has the same id is replaced."""

    def put(sim: Sim, body: Any, query: dict[str, str]) -> Any:
        things = many_from_json(cls, body if isinstance(body, list) else [body])
        of(sim.world).update({getattr(thing, key): thing for thing in things})
        sim.index.refresh()
        sim.changed()
        return [to_json(thing) for thing in things]

    return put


def get_faults(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    return [asdict(fault) for fault in sim.faults]


def add_faults(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    sim.faults += many_from_json(Fault, body if isinstance(body, list) else [body])
    return get_faults(sim, body, query)


def clear_faults(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    sim.faults.clear()
    return []


def get_meter(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    return sim.meter.to_json(sim.clock.now())


def reset_meter(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    sim.meter = type(sim.meter)()
    sim.changed()
    return get_meter(sim, body, query)


def get_requests(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    return list(sim.requests)


def clear_requests(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    sim.requests.clear()
    return []


def get_unknown(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    return list(sim.unknown)


def clear_unknown(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    sim.unknown.clear()
    return []


def get_settings(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    return sim.settings.to_json()


def set_settings(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    sim.settings.update(body)
    if "credit_usd" in body:
        sim.meter.credit_from = sim.meter.spent()
    sim.changed()
    return sim.settings.to_json()


def add_grant(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    """A pair of tokens without the consent page, for the first registered app unless `client_id` says another."""
    if body["user_id"] not in sim.world.people:
        raise ValueError(f"there is no user {body['user_id']}")
    client_id = body.get("client_id") or sim.settings.apps[0].client_id
    sim.changed()
    return sim.grants.grant(client_id, body["user_id"], body.get("scopes") or list(SCOPES), sim.clock.now())


def get_grants(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    return [{"user_id": one.user_id, "client_id": one.client_id, "scopes": one.scopes} for one in sim.grants.grants]


def end_grants(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    """As when a person revokes the app in the settings of X: all grants, or those of `?user_id=`."""
    sim.end_grants([one for one in sim.grants.grants if query.get("user_id") in (None, one.user_id)])
    return get_grants(sim, body, query)


def get_visible(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    """What `?user_id=` could read over all time: conversation -> event ids, oldest first."""
    found: dict[str, list[str]] = {}
    for event in sim.index.timeline(query["user_id"]).events:
        if not event.is_hidden and query["user_id"] not in event.deleted_for:
            found.setdefault(event.dm_conversation_id, []).append(event.id)
    return found


def reset(sim: Sim, body: Any, query: dict[str, str]) -> Any:
    """As freshly started, with an empty world and the real time."""
    sim.reset()
    return {}


DEEDS: dict[tuple[str, str], Callable[[Sim, Any, dict[str, str]], Any]] = {
    ("GET", "world"): get_world,
    ("POST", "world"): set_world,
    ("GET", "clock"): get_clock,
    ("POST", "clock"): set_clock,
    ("POST", "events"): add_events,
    ("POST", "next_ids"): set_next_ids,
    ("POST", "people"): upsert(Person, lambda world: world.people, "id"),
    ("POST", "posts"): upsert(Post, lambda world: world.posts, "id"),
    ("POST", "media"): upsert(MediaItem, lambda world: world.media, "media_key"),
    ("POST", "conversations"): upsert(DmConversation, lambda world: world.conversations, "id"),
    ("POST", "chats"): upsert(ChatConversation, lambda world: world.chats, "id"),
    ("GET", "faults"): get_faults,
    ("POST", "faults"): add_faults,
    ("DELETE", "faults"): clear_faults,
    ("GET", "meter"): get_meter,
    ("POST", "meter/reset"): reset_meter,
    ("GET", "requests"): get_requests,
    ("DELETE", "requests"): clear_requests,
    ("GET", "unknown"): get_unknown,
    ("DELETE", "unknown"): clear_unknown,
    ("GET", "settings"): get_settings,
    ("POST", "settings"): set_settings,
    ("GET", "grants"): get_grants,
    ("POST", "grants"): add_grant,
    ("DELETE", "grants"): end_grants,
    ("GET", "visible"): get_visible,
    ("POST", "reset"): reset,
    **push_control.DEEDS,
}
