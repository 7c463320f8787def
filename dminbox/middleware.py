"""What every request passes: one address, one log line, and no copy of private pages in any cache."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase

from dminbox import environment as env

GetResponse = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger("dminbox.request")


class OneAddressMiddleware:
    """Makes PUBLIC_URL the only address of the installation, whatever Host a client sends.

    Loopback names are taken too (health checks; people who type localhost are sent to PUBLIC_URL when it is on
    loopback itself); any other host is refused.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        public = urlsplit(settings.PUBLIC_URL)
        sent = request.META.get("HTTP_HOST", "")
        host = split_domain_port(sent)[0]
        if host != public.hostname:
            if not (host and env.is_near(host.strip("[]"))):
                return HttpResponseBadRequest(f"This inbox is at {settings.PUBLIC_URL}", content_type="text/plain")
            if env.is_near(public.hostname or "") and request.method == "GET" and request.path != "/healthz":
                return HttpResponseRedirect(settings.PUBLIC_URL + request.get_full_path())
        request.META["HTTP_HOST"] = public.netloc
        request.META["dminbox.scheme"] = public.scheme
        return self.get_response(request)


class RequestLogMiddleware:
    """One line per request. Paths and queries can hold secrets, so the route stands for them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = match.view_name or match.route if match else "unknown"
        if route != "healthz":
            user = getattr(request, "user", None)
            log.info(
                "request",
                method=request.method,
                route=route,
                status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000, 1),
                user_id=getattr(user, "pk", None),
            )
        return response


class NoStoreMiddleware:
    """Pages with private messages stay out of every cache; views that mean otherwise set their own header."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.setdefault("Cache-Control", "no-store")
        return response
