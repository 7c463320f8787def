"""The routes of the local X, and what every answer of it has in common."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from email.utils import format_datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dminbox.xsim import chat, consent, dm, downloads, faults, lookups, oauth, sending
from dminbox.xsim.calls import APP, EITHER, Cut, Endpoint, served, to_response
from dminbox.xsim.control import Network, control
from dminbox.xsim.problems import RefusalError, not_found
from dminbox.xsim.push import stream, subscriptions, webhooks
from dminbox.xsim.sim import Sim
from dminbox.xsim.state import StateFile
from dminbox.xsim.world import time_to_json

READ = frozenset({"dm.read", "tweet.read", "users.read"})
WRITE = frozenset({"dm.write", "tweet.read", "users.read"})
LOOK_UP = frozenset({"tweet.read", "users.read"})
PAGED = frozenset({"max_results", "pagination_token", "event_types"})
IDS = frozenset({"ids"})
CONVERSATIONS = "/2/dm_conversations"
NONE: frozenset[str] = frozenset()
SUBSCRIPTIONS = "/2/activity/subscriptions"
WEBHOOKS = "/2/webhooks"
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
    Endpoint(
        "activity_stream",
        "GET",
        "/2/activity/stream",
        NONE,
        stream.activity_stream,
        "",
        frozenset({"backfill_minutes"}),
        APP,
    ),
    Endpoint("activity_subscribe", "POST", SUBSCRIPTIONS, NONE, subscriptions.subscribe, takes=EITHER, is_free=True),
    Endpoint(
        "activity_subscriptions",
        "GET",
        SUBSCRIPTIONS,
        NONE,
        subscriptions.subscriptions,
        "",
        frozenset({"max_results", "pagination_token"}),
        APP,
        is_free=True,
    ),
    Endpoint(
        "activity_delete_many",
        "DELETE",
        SUBSCRIPTIONS,
        NONE,
        subscriptions.delete_many,
        "",
        IDS,
        APP,
        is_free=True,
    ),
    Endpoint(
        "activity_update",
        "PUT",
        f"{SUBSCRIPTIONS}/{{subscription_id}}",
        NONE,
        subscriptions.update,
        takes=APP,
        is_free=True,
    ),
    Endpoint(
        "activity_delete",
        "DELETE",
        f"{SUBSCRIPTIONS}/{{subscription_id}}",
        NONE,
        subscriptions.delete,
        takes=APP,
        is_free=True,
    ),
    Endpoint("webhooks", "GET", WEBHOOKS, NONE, webhooks.webhooks, "webhooks", NONE, APP, is_free=True),
    Endpoint("webhook_create", "POST", WEBHOOKS, NONE, webhooks.create, takes=APP, is_free=True),
    Endpoint("webhook_replay", "POST", f"{WEBHOOKS}/replay", NONE, webhooks.replay, takes=APP, is_free=True),
    Endpoint("webhook_check", "PUT", f"{WEBHOOKS}/{{webhook_id}}", NONE, webhooks.check, takes=APP, is_free=True),
    Endpoint("webhook_delete", "DELETE", f"{WEBHOOKS}/{{webhook_id}}", NONE, webhooks.delete, takes=APP, is_free=True),
    Endpoint(
        "chat_conversations",
        "GET",
        "/2/chat/conversations",
        frozenset({"dm.read", "users.read"}),
        chat.chat_conversations,
        "chat",
        frozenset({"max_results", "pagination_token"}),
    ),
)
TOKEN_PATHS = ("/2/oauth2/token",)
APP_TOKEN_PATHS = ("/oauth2/token",)
REVOKE_PATHS = ("/2/oauth2/revoke",)
AUTHORIZE_PATHS = ("/i/oauth2/authorize", "/2/oauth2/authorize")


def make_app(sim: Sim, networks: list[Network] | None = None, state: StateFile | None = None) -> ASGIApp:
    """`networks` may use the control API besides loopback; `state` keeps the world over restarts."""
    routes = [Route(one.path, served(sim, one), methods=[one.method]) for one in ENDPOINTS]
    routes += [Route(path, _token_call(sim, _token), methods=["POST"]) for path in TOKEN_PATHS]
    routes += [Route(path, _token_call(sim, _app_token), methods=["POST"]) for path in APP_TOKEN_PATHS]
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
        ticking = asyncio.create_task(_tick(sim))
        if state is None:
            yield
            ticking.cancel()
            return
        state.write(sim)
        keeping = asyncio.create_task(state.keep(sim))
        yield
        ticking.cancel()
        state.stopped.set()
        await keeping
        state.write(sim)

    return lifespan


async def _tick(sim: Sim) -> None:
    """Brings what is due while nobody asks: only as long as somebody would notice."""
    while True:
        sim.woken.clear()
        if sim.feed.is_heard:
            sim.tick()
        with suppress(TimeoutError):
            await asyncio.wait_for(sim.woken.wait(), sim.seconds_to_next() if sim.feed.is_heard else None)


def _token_call(
    sim: Sim, answer: Callable[[Sim, str, dict[str, str]], dict[str, Any]]
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
            body = answer(sim, request.headers.get("authorization", ""), form)
        except RefusalError as refusal:
            sim.changed()
            return to_response(refusal.status, refusal.body, refusal.headers)
        sim.changed()
        return Cut() if fault and fault.kind == "cut-after" else to_response(200, body, {})

    return serve


def _token(sim: Sim, authorization: str, form: dict[str, str]) -> dict[str, Any]:
    app = oauth.client_of(sim.settings, authorization, form)
    return oauth.token_answer(sim.grants, app, form, sim.clock.now())


def _app_token(sim: Sim, authorization: str, form: dict[str, str]) -> dict[str, Any]:
    return sim.app_bearer.answer(sim.settings, authorization, form)


def _revoke(sim: Sim, authorization: str, form: dict[str, str]) -> dict[str, Any]:
    """The app gives back what it was allowed: nobody has to be told, and nothing more is pushed."""
    token = form.get("token", "")
    grant = sim.grants.by_access.get(token) or sim.grants.by_refresh.get(token)
    said = oauth.revoke_answer(sim.grants, oauth.client_of(sim.settings, authorization, form), form)
    if grant and grant.user_id and not any(one.user_id == grant.user_id for one in sim.grants.grants):
        sim.feed.drop_user(grant.user_id)
    return said


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
