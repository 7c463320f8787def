"""What a browser loads with an empty cache: how much of it, and in how many requests."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from tests.e2e import rich

pytestmark = pytest.mark.django_db
MOST_BYTES = 100_000
MOST_FILES = 16
OURS = {"accept-encoding": "gzip", "sec-fetch-site": "none"}
FILE = re.compile(r'<(?:link|script)[^>]+(?:href|src)="/static/([^"]+)"')
WORKERS = ["js/live-worker.js", "js/service-worker.js"]


@pytest.fixture
def filled(ada):
    return rich.fill(ada, datetime.now(UTC))


@pytest.fixture(params=["/", "/c/{}/"])
def page(request, as_ada, filled):
    return as_ada.get(request.param.format(filled.long.pk), headers=OURS).content


def files_of(page: bytes) -> list[str]:
    named = FILE.findall(gzip.decompress(page).decode())
    return [path for path in dict.fromkeys(named) if not path.startswith("img/icon-")]  # those are for installing


def weight_of(path: str) -> int:
    content = Path(finders.find(path)).read_bytes()
    return len(gzip.compress(content))


def test_without_its_pictures_it_is_a_hundred_kilobytes_at_most(page):
    assert len(page) + sum(map(weight_of, files_of(page) + WORKERS)) <= MOST_BYTES


def test_it_asks_for_few_files_and_none_of_them_holds_up_what_is_read(page):
    assert len(files_of(page)) <= MOST_FILES
    scripts = re.findall(r"<script[^>]*>", gzip.decompress(page).decode())
    assert scripts
    assert all(" defer" in script for script in scripts)
