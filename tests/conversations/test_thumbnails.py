"""Small copies of pictures: made with the file or after it, upright, without what a camera writes, by permission."""

from __future__ import annotations

import base64
import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts.models import Role
from conversations import tasks
from conversations.media import make_thumbnails, thumbnail_path, thumbnails, thumbnails_waiting, wanted_file
from conversations.models import EventMedia, Media, MediaFile
from tests.async_client import AsyncClient
from tests.factories import ConversationFactory, DmEventFactory, MembershipFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_place(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.PUBLIC_URL = "http://testserver"


def noise(width, height):
    """A picture that no format makes small."""
    return Image.frombytes("RGB", (width, height), os.urandom(3 * width * height))


def stored(settings, picture, name="a.jpg", content_type="image/jpeg", **options):
    place = Path(settings.MEDIA_ROOT) / name
    picture.save(place, **options)
    file = wanted_file(f"https://pbs.twimg.com/{name}", None)
    file.state, file.path, file.size = MediaFile.State.STORED, name, place.stat().st_size
    file.content_type, file.stored_at = content_type, timezone.now()
    file.save()
    return file


def made(file):
    make_thumbnails(file.pk)
    file.refresh_from_db()
    return file


def opened(settings, file, width):
    with Image.open(Path(settings.MEDIA_ROOT) / thumbnail_path(file.path, width)) as picture:
        picture.load()
        return picture


def test_a_photo_gets_a_copy_for_each_kind_of_screen_and_a_placeholder(settings):
    file = made(stored(settings, noise(900, 600)))
    assert file.thumbnail_widths == [360, 720]
    assert [opened(settings, file, width).size for width in (360, 720)] == [(360, 240), (720, 480)]
    assert (file.width, file.height, file.thumbnails_due_at) == (900, 600, None)
    scheme, content = file.placeholder.split(",")
    assert scheme == "data:image/webp;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (16, 11)


def test_copies_stand_upright_and_hold_nothing_of_the_camera(settings):
    exif = Image.Exif()
    exif[0x0112] = 6  # held on its side
    exif[0x010F] = "Nordlicht Camera"
    file = made(stored(settings, noise(900, 600), exif=exif))
    assert (file.width, file.height) == (600, 900)
    copy = opened(settings, file, 360)
    assert copy.size == (360, 540)
    assert not copy.getexif()
    assert "exif" not in copy.info


def test_a_small_file_is_its_own_thumbnail(settings):
    file = made(stored(settings, Image.new("RGB", (400, 400), "#20303a"), "b.png", "image/png"))
    assert (file.thumbnail_widths, file.thumbnails_due_at) == ([], None)
    assert file.placeholder


def test_a_small_file_that_tells_of_its_camera_gets_copies_that_do_not(settings):
    exif = Image.Exif()
    exif[0x010F] = "Nordlicht Camera"
    file = made(stored(settings, Image.new("RGB", (200, 200), "#20303a"), exif=exif))
    assert file.size <= thumbnails.SMALL_ENOUGH
    assert file.thumbnail_widths == [200]
    assert not opened(settings, file, 200).getexif()


def test_what_is_see_through_stays_so(settings):
    picture = noise(800, 800)
    picture.putalpha(Image.linear_gradient("L").resize((800, 800)))
    file = made(stored(settings, picture, "c.png", "image/png"))
    assert opened(settings, file, 360).mode == "RGBA"


def test_a_very_tall_picture_becomes_narrower_instead_of_heavy(settings):
    file = made(stored(settings, noise(300, 6000)))
    assert [opened(settings, file, width).height <= 4 * 720 + 20 for width in file.thumbnail_widths] == [True]


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 and then nothing", b"RIFF____WEBPVP8 "])
def test_what_cannot_be_read_is_shown_as_it_is_and_not_tried_again(settings, content):
    file = stored(settings, noise(400, 400))
    (Path(settings.MEDIA_ROOT) / file.path).write_bytes(content)
    assert made(file).thumbnail_widths == []
    assert list(thumbnails_waiting(9)) == []


def test_bytes_are_read_as_what_they_were_found_to_be_and_as_nothing_else(settings):
    file = stored(settings, noise(900, 600), format="TIFF")
    assert made(file).thumbnail_widths == []
    assert file.thumbnails_due_at is None


def test_a_video_has_none(settings):
    file = stored(settings, noise(400, 400), content_type="video/mp4")
    assert (made(file).thumbnail_widths, list(thumbnails_waiting(9))) == ([], [])


def test_only_what_is_stored_is_due_the_longest_waiting_first(settings):
    wanted_file("https://pbs.twimg.com/not-yet.jpg", None)
    young, old = stored(settings, noise(30, 30), "y.jpg"), stored(settings, noise(30, 30), "o.jpg")
    MediaFile.objects.filter(pk=old.pk).update(thumbnails_due_at=timezone.now() - timedelta(days=1))
    assert list(thumbnails_waiting(9)) == [old.pk, young.pk]
    assert list(thumbnails_waiting(1)) == [old.pk]


def test_two_workers_do_not_make_the_same(settings, monkeypatch):
    file, calls = stored(settings, noise(400, 400)), []

    def another_comes(path, content_type):
        calls.append(path)
        make_thumbnails(file.pk)
        return thumbnails.DONE

    monkeypatch.setattr(thumbnails, "thumbnails_of", another_comes)
    make_thumbnails(file.pk)
    assert len(calls) == 1


def test_a_picture_that_ends_the_worker_is_given_up(settings, monkeypatch):
    file = stored(settings, noise(400, 400))

    def killed(path, content_type):
        raise KeyboardInterrupt

    monkeypatch.setattr(thumbnails, "thumbnails_of", killed)
    for n in range(thumbnails.MOST_ATTEMPTS):
        with time_machine.travel(timezone.now() + n * 2 * thumbnails.LEASE), pytest.raises(KeyboardInterrupt):
            make_thumbnails(file.pk)
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        make_thumbnails(file.pk)
        assert list(thumbnails_waiting(9)) == []


def test_the_sweep_asks_for_a_few_at_a_time(settings, monkeypatch):
    for n in range(tasks.THUMBNAILS_AT_ONCE + 3):
        stored(settings, noise(30, 30), f"{n}.jpg")
    asked = []
    monkeypatch.setattr(tasks, "_queue", lambda task, pks: asked.extend(pks) if task is tasks.make_thumbnails else None)
    monkeypatch.setattr(tasks.subscriptions, "is_due", lambda: False)
    tasks.sweep()
    assert len(asked) == tasks.THUMBNAILS_AT_ONCE


# --- Served -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def conversation(ben):
    return ConversationFactory(x_account=MembershipFactory(user=ben, role=Role.VIEWER).x_account)


@pytest.fixture
def photo(settings, conversation):
    file = made(stored(settings, noise(900, 600)))
    media = Media.objects.create(media_key="5_1", type="photo", file=file)
    EventMedia.objects.create(event=DmEventFactory(conversation=conversation), media=media)
    return file


def ask(user, conversation, file, width, **headers):
    client = AsyncClient()
    client.force_login(user)
    return async_to_sync(client.get)(reverse("thumbnail", args=[conversation.pk, file.pk, width]), headers=headers)


def test_a_member_gets_the_copy_with_headers_that_keep_it_harmless(settings, ben, conversation, photo):
    answer = ask(ben, conversation, photo, 360)
    assert answer.status_code == 200
    assert answer.content == (Path(settings.MEDIA_ROOT) / thumbnail_path(photo.path, 360)).read_bytes()
    assert answer["Content-Type"] == "image/webp"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-cache"
    assert ask(ben, conversation, photo, 360, if_none_match=answer["ETag"]).status_code == 304
    assert ask(ben, conversation, photo, 720, if_none_match=answer["ETag"]).status_code == 200


def test_strangers_and_other_widths_get_404(ben, cleo, conversation, photo):
    assert ask(cleo, conversation, photo, 360).status_code == 404
    assert ask(ben, conversation, photo, 361).status_code == 404
    assert ask(ben, ConversationFactory(x_account=conversation.x_account), photo, 360).status_code == 404


def test_a_copy_that_the_disk_has_lost_is_made_again(settings, ben, conversation, photo):
    (Path(settings.MEDIA_ROOT) / thumbnail_path(photo.path, 360)).unlink()
    assert ask(ben, conversation, photo, 360).status_code == 404
    assert list(thumbnails_waiting(9)) == [photo.pk]
    assert made(photo).thumbnail_widths == [360, 720]
    assert ask(ben, conversation, photo, 360).status_code == 200
