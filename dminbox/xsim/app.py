"""The routes of the local X, and what every answer of it has in common."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dminbox.xsim import consent, dm, downloads, faults, lookups, oauth, sending
from dminbox.xsim.calls import Cut, Endpoint, served, to_response
from dminbox.xsim.control import Network, control
from dminbox.xsim.problems import RefusalError, not_found
from dminbox.xsim.settings import App
from dminbox.xsim.sim import Sim
from dminbox.xsim.state import StateFile
from dminbox.xsim.world import time_to_json

READ = frozenset({"dm.read", "tweet.read", "users.read"})
WRITE = frozenset({"dm.write", "tweet.read", "users.read"})
LOOK_UP = frozenset({"tweet.read", "users.read"})
PAGED = frozenset({"max_results", "pagination_token", "event_types"})
IDS = frozenset({"ids"})
CONVERSATIONS = "/2/dm_conversations"
ENDPOINTS = (
    Endpoint("dm_events", "GET", "/2/dm_events", READ, dm.dm_events, "dm", PAGED),
    Endpoint("dm_event", "GET", "/2/dm_events/{event_id}", READ, dm.dm_event, "dm"),
    Endpoint("dm_delete", "DELETE", "/2/dm_events/{event_id}", frozenset({"dm.read", "dm.write"}), sending.dm_delete),
    Endpoint(
        "dm_events_with",
        "GET",
        f"{CONVERSATIONS}/with/{{participant_id}}/dm_events",
        READ,
        dm.dm_events_with,
        "dm",
        PAGED,
    ),
    Endpoint(
        "dm_conversation_events",
        "GET",
        f"{CONVERSATIONS}/{{id}}/dm_events",
        READ,
        dm.dm_conversation_events,
        "dm",
        PAGED,
    ),
    Endpoint("dm_create", "POST", CONVERSATIONS, WRITE, sending.dm_create),
    Endpoint("dm_send_with", "POST", f"{CONVERSATIONS}/with/{{participant_id}}/messages", WRITE, sending.dm_send_with),
    Endpoint("dm_send", "POST", f"{CONVERSATIONS}/{{dm_conversation_id}}/messages", WRITE, sending.dm_send),
    Endpoint(
        "dm_media",
        "GET",
        f"{CONVERSATIONS}/media/{{dm_id}}/{{media_id}}/{{resource_id}}",
        frozenset({"dm.read"}),
        downloads.dm_media,
    ),
    Endpoint("users_me", "GET", "/2/users/me", LOOK_UP, lookups.users_me, "users"),
    Endpoint("users", "GET", "/2/users", LOOK_UP, lookups.users, "users", IDS),
    Endpoint("user_by_username", "GET", "/2/users/by/username/{username}", LOOK_UP, lookups.user_by_username, "users"),
    Endpoint("tweets", "GET", "/2/tweets", LOOK_UP, lookups.tweets, "posts", IDS),
)
TOKEN_PATHS = ("/2/oauth2/token", "/oauth2/token")
REVOKE_PATHS = ("/2/oauth2/revoke",)
AUTHORIZE_PATHS = ("/i/oauth2/authorize", "/2/oauth2/authorize")


def make_app(sim: Sim, networks: list[Network] | None = None, state: StateFile | None = None) -> ASGIApp:
    """`networks` may use the control API besides loopback; `state` keeps the world over restarts."""
    routes = [Route(one.path, served(sim, one), methods=[one.method]) for one in ENDPOINTS]
    routes += [Route(path, _token_call(sim, _token), methods=["POST"]) for path in TOKEN_PATHS]
    routes += [Route(path, _token_call(sim, _revoke), methods=["POST"]) for path in REVOKE_PATHS]
    routes += [Route(path, _consent(sim), methods=["GET", "POST"]) for path in AUTHORIZE_PATHS]
    routes.append(Route("/_sim/{name:path}", _control(sim, networks or []), methods=["GET", "POST", "DELETE"]))
    routes.append(Route("/2/{path:path}", _nothing, methods=["GET", "POST", "PUT", "DELETE"]))
    routes.append(Route("/{path:path}", _file(sim)))
    return Common(Starlette(routes=routes, lifespan=_lifespan(sim, state)), sim)


class Common:
    """Round every request: what is due happens before it, and it is noted after it, with X's common headers on it."""

    def __init__(self, app: ASGIApp, sim: Sim) -> None:
        self.app = app
        self.sim = sim

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        self.sim.tick()
        note = self._note(scope)

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                note["status"] = message["status"]
                note["user_id"] = scope.get("user_id")
                message["headers"] = [*message["headers"], *self._headers()]
            await send(message)

        await self.app(scope, receive, send_on)
        note["user_id"] = scope.get("user_id")
        return None

    def _note(self, scope: Scope) -> dict[str, Any]:
        """Status None: no answer (yet), or the connection was cut."""
        note = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "user_id": None,
            "status": None,
            "at": time_to_json(self.sim.clock.now()),
        }
        if not scope["path"].startswith("/_sim/"):
            self.sim.requests.append(note)
        return note

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"date", format_datetime(self.sim.clock.now(), usegmt=True).encode()),
            (b"x-transaction-id", secrets.token_hex(8).encode()),
            (b"server", b"local-x"),
        ]


def _lifespan(sim: Sim, state: StateFile | None) -> Callable[[Any], Any]:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        if state is None:
            yield
            return
        state.write(sim)
        keeping = asyncio.create_task(state.keep(sim))
        yield
        state.stopped.set()
        await keeping
        state.write(sim)

    return lifespan


def _token_call(
    sim: Sim, answer: Callable[[Sim, App, dict[str, str]], dict[str, Any]]
) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        request.scope["user_id"] = sim.grants.owner(form)
        fault = faults.take(sim.faults, request.method, request.url.path, request.scope["user_id"])
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "cut-before":
            return Cut()
        try:
            if fault and (injected := fault.refusal()):
                raise injected
            body = answer(sim, oauth.client_of(sim.settings, request.headers.get("authorization", ""), form), form)
        except RefusalError as refusal:
            sim.changed()
            return to_response(refusal.status, refusal.body, refusal.headers)
        sim.changed()
        return Cut() if fault and fault.kind == "cut-after" else to_response(200, body, {})

    return serve


def _token(sim: Sim, app: App, form: dict[str, str]) -> dict[str, Any]:
    return oauth.token_answer(sim.grants, app, form, sim.clock.now())


def _revoke(sim: Sim, app: App, form: dict[str, str]) -> dict[str, Any]:
    return oauth.revoke_answer(sim.grants, app, form)


def _consent(sim: Sim) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        if request.method != "POST":
            return consent.ask(sim, request)
        return consent.decide(sim, {name: str(value) for name, value in (await request.form()).items()})

    return serve


def _control(sim: Sim, networks: list[Network]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return await control(sim, request, networks)

    return serve


async def _nothing(request: Request) -> Response:
    return to_response(404, not_found().body, {})


def _file(sim: Sim) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        if request.url.path.startswith(downloads.TON):
            return downloads.ton_file(sim, request)
        return downloads.public_file(sim, request)

    return serve
