"""What every template knows about the installation, and about the browser."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def installation(request: HttpRequest) -> dict[str, object]:
    return {
        "is_demo": settings.IS_DEMO,
        "public_url": settings.PUBLIC_URL,
        "keeps_inbox": settings.OFFLINE_INBOX,
        "saves_data": request.headers.get("Save-Data", "").lower() == "on",
    }
