"""The files of the demo are real ones, the same each time, and small."""

import io

import pytest
from PIL import Image

from dminbox.xsim import media, pictures


@pytest.mark.parametrize("scene", sorted(pictures.SCENES))
def test_every_scene_is_a_real_jpeg_of_the_asked_size_without_exif(scene):
    body = media.file_bytes(f"photo-{scene}-3-320x240.jpg")
    image = Image.open(io.BytesIO(body))
    image.load()
    assert (image.format, image.size) == ("JPEG", (320, 240))
    assert not image.getexif()
    assert len(image.getcolors(320 * 240) or []) > 50, "a picture, not a blank"


def test_the_same_name_gives_the_same_bytes_and_another_seed_another_picture():
    first = media.file_bytes("photo-lamp-1-320x240.jpg")
    media.file_bytes.cache_clear()
    assert media.file_bytes("photo-lamp-1-320x240.jpg") == first
    assert media.file_bytes("photo-lamp-2-320x240.jpg") != first


def test_a_png_name_gives_a_png():
    assert Image.open(io.BytesIO(media.file_bytes("photo-receipt-4-200x300.png"))).format == "PNG"
    assert media.file_type("photo-receipt-4-200x300.png") == "image/png"


@pytest.mark.parametrize(
    ("path", "side"),
    [
        ("/profile_images/1589472151165317121/AL-x9_Kq_normal.jpg", 48),
        ("/profile_images/1589472151165317121/AL-x9_Kq_bigger.jpg", 73),
        ("/profile_images/1589472151165317121/AL-x9_Kq_400x400.jpg", 400),
        ("/profile_images/1589472151165317121/AL-x9_Kq.jpg", 400),
        ("/profile_images/1589472151165317121/x9Kq_normal.png", 48),
        (media.DEFAULT_PROFILE_IMAGE, 48),
    ],
)
def test_every_size_of_an_avatar_has_a_picture(path, side):
    name = media.profile_image(path)
    assert Image.open(io.BytesIO(media.file_bytes(name))).size == (side, side)


def test_the_sizes_of_one_avatar_show_the_same_picture():
    small, large = (media.profile_image(f"/profile_images/15/AL-x9_{size}.jpg") for size in ("normal", "400x400"))
    assert small.replace("-48.", "-400.") == large


@pytest.mark.parametrize("path", ["/media/x.jpg", "/profile_images/../x_normal.jpg", "/profile_images/1/x_normal.svg"])
def test_other_paths_are_no_avatars(path):
    assert media.profile_image(path) is None


@pytest.mark.parametrize("name", ["photo-nobody-1-3x3.jpg", "../media.py", "missing.mp4", ""])
def test_a_name_that_stands_for_nothing_is_no_file(name):
    with pytest.raises(OSError):
        media.file_bytes(name)


def test_shipped_films_are_small_mp4_files():
    films = sorted(media.SHIPPED.glob("*.mp4"))
    assert len(films) >= 4
    for film in films:
        body = media.file_bytes(film.name)
        assert body[4:8] == b"ftyp"
        assert b"avc1" in body
        assert len(body) < 60_000
        assert media.file_type(film.name) == "video/mp4"


def test_every_shipped_poster_is_a_jpeg():
    for poster in media.SHIPPED.glob("*-poster.jpg"):
        assert Image.open(io.BytesIO(media.file_bytes(poster.name))).format == "JPEG"
