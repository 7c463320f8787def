"""Of a film the best copy is kept and a light one; the screen and the purse choose."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps

from conversations.changes import events_showing
from conversations.models import DmEvent, Media, MediaFile
from conversations.sync.includes import light_variant, store_media
from dminbox.xapi import schema
from dminbox.xapi.parsing import parse_includes
from tests.e2e import rich

PLACE = "https://video.twimg.com/dm_video/1/vid"


def variants(*rates):
    playlist = {"url": "https://video.twimg.com/dm_video/1/pl/a.m3u8", "content_type": "application/x-mpegURL"}
    films = [{"url": f"{PLACE}/{rate}.mp4", "content_type": "video/mp4", "bit_rate": rate} for rate in rates]
    return [playlist, *films]


def film(*rates):
    return {"media_key": "13_12", "type": "video", "variants": variants(*rates)}


@pytest.mark.parametrize(
    ("rates", "light"),
    [
        ((2_176_000, 256_000, 832_000), 832_000),
        ((832_000, 256_000), None),
        ((2_176_000,), None),
        ((256_000,), None),
        ((), None),
    ],
)
def test_the_light_one_is_the_best_of_a_low_rate_unless_that_is_the_best_of_all(rates, light):
    [media] = parse_includes({"media": [film(*rates)]}).media
    found = light_variant(media.variants)
    assert (found and found.bit_rate) == light


def test_a_variant_without_a_rate_is_light_where_the_best_has_one():
    bare = schema.Variant(url="a", content_type="video/mp4", bit_rate=None)
    best = schema.Variant(url="b", content_type="video/mp4", bit_rate=2_000_000)
    assert light_variant([best, bare]) == bare


def test_both_are_wanted(db):
    store_media(parse_includes({"media": [film(2_176_000, 832_000)]}).media)
    row = Media.objects.get()
    assert (row.file.source_url, row.light.source_url) == (f"{PLACE}/2176000.mp4", f"{PLACE}/832000.mp4")
    assert row.light.x_account is None


def test_films_from_before_get_theirs(db):
    for number, rates in enumerate([(2_176_000, 832_000), (832_000,), ()]):
        Media.objects.create(media_key=f"13_{number}", type="video", raw=film(*rates))
    Media.objects.create(media_key="13_9", type="video", raw={"variants": "odd"})
    migration = import_module("conversations.migrations.0031_fetch_light_films")
    for _ in range(2):
        migration.want_light(apps, None)
    assert list(Media.objects.exclude(light=None).values_list("media_key", flat=True)) == ["13_0"]
    assert MediaFile.objects.get().source_url == f"{PLACE}/832000.mp4"
    store_media(parse_includes({"media": [film(2_176_000, 832_000) | {"media_key": "13_0"}]}).media)
    assert MediaFile.objects.filter(source_url=f"{PLACE}/832000.mp4").count() == 1, "the same row as sync makes"


@pytest.fixture
def filled(client, ada):
    client.force_login(ada)
    return rich.fill(ada, datetime.now(UTC))


def with_light(filled, **fields):
    media = Media.objects.get(media_key="13_1")
    media.light = rich.file("light", rich.FILES / "clip-dimming-320x180.mp4", content_type="video/mp4")
    for name, value in fields.items():
        setattr(media, name, value)
    media.save()
    return media


def sources(client, filled, **headers):
    html = client.get(f"/c/{filled.everything.pk}/", headers=headers).content.decode()
    video = re.search(r"<video(?![^>]*data-loop).*?</video>", html, re.S)[0]
    return re.findall(r'<source src="/c/\d+/files/(\d+)/"\s+type="video/mp4"\s*(?:media="([^"]*)")?', video)


def test_a_small_screen_takes_the_light_one(client, filled):
    media = with_light(filled)
    assert sources(client, filled) == [(str(media.light_id), "(max-width: 47.99rem)"), (str(media.file_id), "")]


def test_who_saves_data_takes_it_on_any_screen(client, filled):
    media = with_light(filled)
    assert sources(client, filled, save_data="on") == [(str(media.light_id), ""), (str(media.file_id), "")]


def test_where_the_best_is_too_large_the_light_one_is_shown(client, filled):
    media = with_light(filled, file=rich.file("large", state="too_large"))
    assert sources(client, filled) == [(str(media.light_id), "")]


def test_its_arrival_is_told_to_open_pages(filled):
    media = with_light(filled)
    assert list(events_showing(files=[media.light_id])) == list(DmEvent.objects.filter(media=media))


def test_films_of_a_page_cost_no_query_of_their_own(client, filled, django_assert_max_num_queries):
    with_light(filled)
    address = f"/c/{filled.everything.pk}/"
    client.get(address)  # the first look is noted
    with django_assert_max_num_queries(10):
        client.get(address)
