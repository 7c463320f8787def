"""Films: which copy a browser takes, and that it can start amid one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conversations.models import Media
from tests.e2e import rich
from tests.e2e.conftest import PHONE

pytestmark = pytest.mark.browser
PLAYED = """async () => {
    const video = document.querySelector('video:not([data-loop])');
    video.muted = true;
    await video.play();
    return video.currentSrc;
}"""


@pytest.fixture
def film(server, ada):
    filled = rich.fill(ada, datetime.now(UTC))
    media = Media.objects.get(media_key="13_1")
    media.light = rich.file("light", rich.FILES / "clip-dimming-320x180.mp4", content_type="video/mp4")
    media.save()
    return filled.everything, media


@pytest.mark.parametrize(
    ("options", "name"),
    [({}, "file"), (PHONE, "light"), ({"extra_http_headers": {"Save-Data": "on"}}, "light")],
    ids=["desk", "phone", "saving"],
)
def test_the_screen_and_the_purse_choose(visit, ada, film, options, name):
    conversation, media = film
    page = visit(ada, **options).open(f"/c/{conversation.pk}/")
    assert page.evaluate(PLAYED).endswith(f"/files/{getattr(media, f'{name}_id')}/")


def test_a_film_starts_where_one_likes(visit, ada, film):
    page = visit(ada).open(f"/c/{film[0].pk}/")
    page.evaluate(PLAYED)
    page.evaluate("() => { document.querySelector('video:not([data-loop])').currentTime = 2; }")
    page.wait_for_function("() => document.querySelector('video:not([data-loop])').currentTime >= 2")
    assert page.evaluate("() => document.querySelector('video:not([data-loop])').seekable.end(0)") > 3
