"""Pages speak the person's language, and times are shown in their zone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation

from accounts import languages, zones
from accounts.models import User

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def PersonMiddleware(get_response: GetResponse) -> GetResponse:  # noqa: N802 (settings name it like a class)
    def call(request: HttpRequest) -> HttpResponseBase:
        with at_home(request, request.user):
            return in_language(get_response(request))

    return call


@contextmanager
def at_home(request: HttpRequest, user: User | AnonymousUser) -> Iterator[None]:
    request.LANGUAGE_CODE = languages.spoken_by(user)
    with translation.override(request.LANGUAGE_CODE), timezone.override(zones.zone(getattr(user, "time_zone", ""))):
        yield


def in_language(response: HttpResponseBase) -> HttpResponseBase:
    """Django's LocaleMiddleware, further out, would name the language of the browser."""
    response.headers.setdefault("Content-Language", translation.get_language() or "")
    return response
