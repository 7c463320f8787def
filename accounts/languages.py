"""The languages a person can choose."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.utils import translation

from accounts.models import User


def spoken_by(user: User | AnonymousUser) -> str:
    """Their own choice; without one, or when that language is gone, what the browser asks for."""
    chosen = getattr(user, "language", "")
    return chosen if chosen in dict(settings.LANGUAGES) else translation.get_language() or settings.LANGUAGE_CODE
