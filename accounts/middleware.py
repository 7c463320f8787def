"""Times are shown in the person's own zone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from accounts import zones

Answer = HttpResponseBase | Awaitable[HttpResponseBase]
GetResponse = Callable[[HttpRequest], Answer]


@sync_and_async_middleware
def PersonMiddleware(get_response: GetResponse) -> GetResponse:  # noqa: N802 (settings name it like a class)
    def call(request: HttpRequest) -> HttpResponseBase:
        with timezone.override(zones.zone(getattr(request.user, "time_zone", ""))):
            return cast(HttpResponseBase, get_response(request))

    async def acall(request: HttpRequest) -> HttpResponseBase:
        user = await request.auser()
        with timezone.override(zones.zone(getattr(user, "time_zone", ""))):
            return await cast(Awaitable[HttpResponseBase], get_response(request))

    return acall if iscoroutinefunction(get_response) else call
