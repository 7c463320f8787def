"""A template loads the libraries whose tags or filters it uses, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines

TEMPLATES = Path(settings.BASE_DIR) / "templates"
LOADED = re.compile(r"{% load ([\w ]+?) %}")
TAG = re.compile(r"{%-? *(\w+)")
FILTER = re.compile(r"\| *(\w+)")


@pytest.mark.parametrize(
    "path", [path for path in sorted(TEMPLATES.rglob("*")) if path.suffix in (".html", ".txt")], ids=str
)
def test_what_is_loaded_is_used(path):
    text = path.read_text()
    tags, filters = set(TAG.findall(text)), set(FILTER.findall(text))
    known = engines["django"].engine.template_libraries
    loaded = [name for names in LOADED.findall(text) for name in names.split()]
    assert [name for name in loaded if not (tags & set(known[name].tags) or filters & set(known[name].filters))] == []
