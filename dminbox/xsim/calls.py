"""One call of the API, from bearer to answer: faults, windows, scopes, credit, the words asked for, the meter."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dminbox.xsim import faults, limits, problems, vocabulary
from dminbox.xsim.limits import Window
from dminbox.xsim.meter import Billed
from dminbox.xsim.oauth import Access
from dminbox.xsim.paging import Cursor, read_token
from dminbox.xsim.problems import RefusalError
from dminbox.xsim.sim import Sim
from dminbox.xsim.vocabulary import Ask

CUT = "xsim.cut"
"""Name under which the server puts a function into the scope that cuts the connection."""


USERS, APP, EITHER = frozenset({"user"}), frozenset({"app"}), frozenset({"user", "app"})


@dataclass(frozen=True)
class Endpoint:
    name: str
    method: str
    path: str
    scopes: frozenset[str]
    handler: "Callable[[Call], Reply | Awaitable[Reply]]"
    kind: str = ""
    """Which family of fields it takes: dm, users, posts, or none."""
    parameters: frozenset[str] = frozenset()
    """Query parameters beside the fields and expansions."""
    takes: frozenset[str] = USERS
    """Whose bearer: a user's, the app's, or either."""
    is_free: bool = False
    """True: nothing is charged, and so it answers without credit, too."""


@dataclass
class Call:
    sim: Sim
    endpoint: Endpoint
    ask: Ask
    user_id: str
    """Empty when the app calls by itself."""
    client_id: str
    scopes: frozenset[str]
    path: dict[str, str]
    query: dict[str, str]
    raw_body: bytes = b""

    def json(self) -> dict[str, Any]:
        try:
            body = json.loads(self.raw_body)
        except ValueError as error:
            raise problems.invalid_body("Request body is not valid JSON.") from error
        if not isinstance(body, dict):
            raise problems.invalid_body("$: object expected.")
        return body

    def number(self, name: str, preset: int, least: int, most: int) -> int:
        """A query parameter between these two."""
        text = self.query.get(name, str(preset))
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            message = f"The `{name}` query parameter value [{text}] is not between {least} and {most}"
            raise problems.invalid(name, text, message, self.ask.vocabulary)
        return int(text)

    def cursor(self) -> Cursor | None:
        token = self.query.get("pagination_token")
        if token is None:
            return None
        cursor = read_token(token)
        if cursor is None:
            raise problems.bad_page_token(token, self.ask.vocabulary)
        return cursor


@dataclass
class Reply:
    body: Any
    """An object, bytes as they are, or a whole response that only lacks the headers."""
    billed: Billed = field(default_factory=Billed)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Cut(Response):
    """No answer: the TCP connection ends."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope[CUT]()
        while (await receive())["type"] != "http.disconnect":
            pass


def served(sim: Sim, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        started = time.perf_counter()
        access = bearer(sim, request)
        request.scope["user_id"] = access.user_id if access else None
        raw_body = await request.body()
        fault = faults.take(sim.faults, request.method, request.url.path, request.scope["user_id"])
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        response = await _answer(sim, endpoint, request, access, raw_body, fault)
        response.headers["x-response-time"] = str(int((time.perf_counter() - started) * 1000))
        return response

    return serve


def bearer(sim: Sim, request: Request) -> Access | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    if sim.app_bearer.is_good(sim.settings, token):
        return Access(sim.settings.consumer_key, None, frozenset(), is_app=True)
    return sim.grants.access(token, sim.clock.now())


async def _answer(
    sim: Sim, endpoint: Endpoint, request: Request, access: Access | None, raw_body: bytes, fault: faults.Fault | None
) -> Response:
    if fault and fault.kind == "cut-before":
        return Cut()
    user_id, client_id = (access.user_id or "", access.client_id) if access else ("", "")
    windows = sim.limits.of(endpoint.name, user_id, client_id, sim.clock.now())
    try:
        if fault and (refusal := fault.refusal()):
            return _injected(fault, refusal, windows)
        reply = await _reply(sim, endpoint, request, access, raw_body, windows)
    except RefusalError as refusal:
        return _refused(refusal, windows)
    if fault and fault.kind == "cut-after":
        return Cut()
    if fault and fault.kind == "partial-errors" and isinstance(reply.body, dict):
        reply.body["errors"] = [*reply.body.get("errors", []), *fault.errors]
    return to_response(reply.status, reply.body, limits.headers(windows) | reply.headers)


async def _reply(
    sim: Sim,
    endpoint: Endpoint,
    request: Request,
    access: Access | None,
    raw_body: bytes,
    windows: dict[str, Window],
) -> Reply:
    if access is None:
        raise problems.unauthorized()
    _check_bearer(endpoint, access)
    if any(not window.remaining for window in windows.values()):
        raise problems.too_many_requests()
    call = _call(sim, endpoint, request, access, raw_body)
    if not endpoint.scopes <= access.scopes:
        raise _counted(problems.forbidden(), windows)
    if not endpoint.is_free and not sim.has_credit():
        raise problems.credits_depleted()
    try:
        _check_words(call)
        found = endpoint.handler(call)
        reply = found if isinstance(found, Reply) else await found
    except RefusalError as refusal:
        raise _counted(refusal, windows) from None
    _count(windows)
    sim.meter.charge(reply.billed, sim.clock.now(), _named(call, request))
    sim.changed()
    reply.headers.setdefault("api-version", call.ask.vocabulary.api_version)
    return reply


def _call(sim: Sim, endpoint: Endpoint, request: Request, access: Access, raw_body: bytes) -> Call:
    query = dict(request.query_params)
    ask = vocabulary.parse(
        query,
        endpoint.kind,
        endpoint.parameters,
        sim.settings.default_vocabulary,
        lends=not sim.settings.people_by_expansion_only,
    )
    path = {name: str(value) for name, value in request.path_params.items()}
    return Call(sim, endpoint, ask, access.user_id or "", access.client_id, access.scopes, path, query, raw_body)


def _check_bearer(endpoint: Endpoint, access: Access) -> None:
    """A token of `client_credentials` at the newer endpoint is neither a user's nor the app's."""
    kind = "app" if access.is_app else "user" if access.user_id else ""
    if kind == "user" and kind not in endpoint.takes:
        raise problems.unsupported_authentication("User Context", "OAuth 2.0 Application-Only")
    if kind not in endpoint.takes:
        raise problems.unsupported_authentication()


def _check_words(call: Call) -> None:
    """Unknown words are dropped and noted; the strict server of before refuses the first of them."""
    for name, value, known in call.ask.unknown:
        noted = {"parameter": name, "value": value or call.query[name], "is_parameter": not value}
        call.sim.unknown.append({**noted, "endpoint": call.endpoint.name, "user_id": call.user_id})
        if call.sim.settings.lenient:
            continue
        if value:
            raise problems.unknown_value(name, value, known, call.ask.vocabulary)
        raise problems.unknown_parameter(name, call.query[name], known, call.ask.vocabulary)


def _count(windows: dict[str, Window]) -> None:
    for window in windows.values():
        window.used += 1


def _counted(refusal: RefusalError, windows: dict[str, Window]) -> RefusalError:
    if refusal.counts:
        _count(windows)
    return refusal


def _named(call: Call, request: Request) -> dict[str, Any]:
    return {
        "endpoint": call.endpoint.name,
        "method": request.method,
        "path": request.url.path,
        "user_id": call.user_id,
    }


def _injected(fault: faults.Fault, refusal: RefusalError, windows: dict[str, Window]) -> Response:
    if fault.kind == "429-no-reset":
        return to_response(refusal.status, refusal.body, refusal.headers)
    headers = limits.headers(windows)
    if fault.kind == "429":
        headers["x-rate-limit-remaining"] = "0"
    return to_response(refusal.status, refusal.body, headers | refusal.headers)


def _refused(refusal: RefusalError, windows: dict[str, Window]) -> Response:
    return to_response(refusal.status, refusal.body, limits.headers(windows) | refusal.headers)


def to_response(status: int, body: Any, headers: dict[str, str]) -> Response:
    """An object goes out as JSON with the headers X sets on every answer, bytes, texts and responses as they are."""
    if isinstance(body, Response):
        body.headers.update({"api-version": vocabulary.TWEET.api_version} | headers)
        return body
    if isinstance(body, bytes | str):
        return Response(body, status, {"content-type": "text/plain; charset=utf-8"} | headers)
    always = {
        "content-type": "application/json; charset=utf-8",
        "content-disposition": "attachment; filename=json.json",
        "cache-control": "no-cache, no-store, max-age=0",
        "api-version": vocabulary.TWEET.api_version,
    }
    return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), status, always | headers)
