"""Pages that belong to no app: health, what makes the inbox installable, and the words for what went wrong."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

ICONS = {"img/icon-192.png": ("192x192", "any"), "img/icon-512.png": ("512x512", "any")} | {
    "img/icon-maskable.png": ("512x512", "maskable")
}
# Both stand in static/css/tokens.css too: --accent and --ground.
COLOUR = "#1b5e78"
GROUND = "#eef1f3"


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process reaches its database; the exception of a lost one becomes a 500."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@login_not_required
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone or a desktop needs to install the inbox as an app."""
    told = {
        "id": "/",
        "name": "dminbox",
        "short_name": "dminbox",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": COLOUR,
        "icons": [
            {"src": static(path), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for path, (sizes, purpose) in ICONS.items()
        ],
    }
    return JsonResponse(told, content_type="application/manifest+json")


@require_safe
@login_not_required
def service_worker(request: HttpRequest) -> HttpResponse:
    """Stands at the root, since a worker rules only what lies below its own address."""
    path = finders.find("js/service-worker.js")
    if not settings.OFFLINE_INBOX or not path:
        raise Http404
    return HttpResponse(Path(path).read_bytes(), content_type="text/javascript")


@require_safe
@login_not_required
def offline_empty(request: HttpRequest) -> HttpResponse:
    """What an installed inbox says without a network when no list is kept. Tells nothing of anybody."""
    return render(request, "offline/empty.html")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)
