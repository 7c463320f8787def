"""What of a page is the same for everybody who reads one language: made once for each, and not for each page."""

from __future__ import annotations

from functools import cache

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()


@register.simple_tag
def constant(name: str) -> SafeString:
    """Instead of an include, of a template that knows nothing but the language."""
    make = made.__wrapped__ if settings.DEBUG else made  # whoever edits templates sees them at once
    return make(name, get_language())


@cache
def made(name: str, language: str | None) -> SafeString:
    return render_to_string(name)
