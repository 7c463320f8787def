"""Pages speak the person's language, and times are shown in their zone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.decorators import sync_and_async_middleware

from accounts import languages, zones
from accounts.models import User

Answer = HttpResponseBase | Awaitable[HttpResponseBase]
GetResponse = Callable[[HttpRequest], Answer]


@sync_and_async_middleware
def PersonMiddleware(get_response: GetResponse) -> GetResponse:  # noqa: N802 (settings name it like a class)
    def call(request: HttpRequest) -> HttpResponseBase:
        with at_home(request, request.user):
            return in_language(cast(HttpResponseBase, get_response(request)))

    async def acall(request: HttpRequest) -> HttpResponseBase:
        with at_home(request, await request.auser()):
            return in_language(await cast(Awaitable[HttpResponseBase], get_response(request)))

    return acall if iscoroutinefunction(get_response) else call


@contextmanager
def at_home(request: HttpRequest, user: User | AnonymousUser) -> Iterator[None]:
    request.LANGUAGE_CODE = languages.spoken_by(user)
    with translation.override(request.LANGUAGE_CODE), timezone.override(zones.zone(getattr(user, "time_zone", ""))):
        yield


def in_language(response: HttpResponseBase) -> HttpResponseBase:
    """Django's LocaleMiddleware, further out, would name the language of the browser."""
    response.headers.setdefault("Content-Language", translation.get_language() or "")
    return response
