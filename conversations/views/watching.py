"""Whether a request means that somebody looks at the page."""

from __future__ import annotations

from django.http import HttpRequest


def is_watched(request: HttpRequest) -> bool:
    """No look-ahead of a browser, no HEAD of a machine, and no page that says that nobody sees it."""
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    is_unseen = "prefetch" in purpose.lower() or "unseen" in request.GET
    return request.method == "GET" and not is_unseen
