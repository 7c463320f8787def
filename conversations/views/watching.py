"""Whether a request means that somebody looks at the page."""

from __future__ import annotations

from django.http import HttpRequest


def is_watched(request: HttpRequest) -> bool:
    """No look-ahead of a browser, and no HEAD of a machine."""
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    return request.method == "GET" and "prefetch" not in purpose.lower()
