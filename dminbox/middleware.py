"""What every request passes: one address, one log line, pages packed, and no copy of private ones in any cache."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

GetResponse = Callable[[HttpRequest], HttpResponseBase]
Before = Callable[[HttpRequest], HttpResponseBase | None]
After = Callable[[HttpRequest, HttpResponseBase], None]

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
GZIP = GZipMiddleware(lambda request: HttpResponse())
log = structlog.get_logger("dminbox.request")


def around(get_response: GetResponse, before: Before, after: After) -> GetResponse:
    """A middleware; an answer of `before` ends the way in."""

    def call(request: HttpRequest) -> HttpResponseBase:
        response = before(request) or get_response(request)
        after(request, response)
        return response

    return call


def nothing(*_: Any) -> None:
    """For a middleware that acts on one way alone."""


def one_address(get_response: GetResponse) -> GetResponse:
    """Makes PUBLIC_URL the only address of the installation, whatever Host a client sends.

    Loopback names pass (health checks), and people who type localhost are sent to a PUBLIC_URL on loopback, where
    their cookies are. Any other foreign host is refused.
    """
    return around(get_response, set_address, nothing)


def set_address(request: HttpRequest) -> HttpResponse | None:
    public = urlsplit(settings.PUBLIC_URL)
    host = split_domain_port(request.META.get("HTTP_HOST", ""))[0]
    is_foreign = bool(host) and host != public.hostname
    if is_foreign and host not in LOOPBACK:
        return HttpResponseBadRequest(f"This inbox is at {settings.PUBLIC_URL}", content_type="text/plain")
    if is_foreign and public.hostname in LOOPBACK and request.method == "GET" and request.path != "/healthz":
        return HttpResponseRedirect(settings.PUBLIC_URL + request.get_full_path())
    request.META["HTTP_HOST"] = public.netloc
    request.META["dminbox.scheme"] = public.scheme
    return None


def request_log(get_response: GetResponse) -> GetResponse:
    """One line per request. Paths and queries can hold secrets, so the route stands for them."""
    return around(get_response, start_clock, write_line)


def start_clock(request: HttpRequest) -> None:
    request.META["dminbox.started"] = time.perf_counter()


def write_line(request: HttpRequest, response: HttpResponseBase) -> None:
    match = request.resolver_match
    route = match.view_name or match.route if match else "unknown"
    if route != "healthz":
        taken = time.perf_counter() - request.META["dminbox.started"]
        fields = {"route": route, "status": response.status_code, "ms": round(taken * 1000, 1)}
        log.info("request", method=request.method, user_id=signed_in_id(request), **fields)


def signed_in_id(request: HttpRequest) -> str | None:
    """The person's id from a session that was read anyway; never a query of its own."""
    session = getattr(request, "session", None)
    return session.get("_auth_user_id") if session is not None and session.accessed else None


def compress(get_response: GetResponse) -> GetResponse:
    """Packs pages, but only those that this installation's own pages or the person alone asked for.

    From lengths of packed pages that hold both what a stranger chose and what is private, the private can be guessed
    (BREACH). A stranger's page that leads a browser here gets no packed answer to measure; its browser says so. Who
    measures on the network, and writes messages that pages show, is left a random length that Django adds, and one
    guess a message; each CSRF token has a new mask.
    """
    return around(get_response, nothing, pack)


def pack(request: HttpRequest, response: HttpResponseBase) -> None:
    is_page = not response.streaming and response.headers.get("Content-Type", "").startswith("text/html")
    if is_page and request.headers.get("Sec-Fetch-Site") in ("same-origin", "none"):
        GZIP.process_response(request, cast(HttpResponse, response))


def no_store(get_response: GetResponse) -> GetResponse:
    """Pages with private messages stay out of every cache; views that mean otherwise set their own header."""
    return around(get_response, nothing, lambda _, response: set_no_store(response))


def set_no_store(response: HttpResponseBase) -> None:
    response.setdefault("Cache-Control", "no-store")
