"""The pages of dminbox, and beside them the floor of all: a view that makes nothing."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from dminbox.urls import urlpatterns as pages_of_dminbox


@login_not_required
def bare(request: HttpRequest, size: int) -> HttpResponse:
    """The least a page of that many bytes takes: every middleware is passed, and nothing is asked or rendered."""
    return HttpResponse(b"." * size)


urlpatterns = [path("bare/<int:size>/", bare), *pages_of_dminbox]
