"""The files behind the URLs a local X gives: drawn from their name, or shipped in `files/`.

A name says what its file shows:
    photo-<scene>-<seed>-<width>x<height>.jpg|png    a drawn photo, scenes as in pictures.SCENES
    avatar-<initials or empty>-<hue>-<side>.jpg|png   a drawn avatar
    default-avatar-<side>.png                         the picture of an account that has none
    anything else                                     a file of `files/` (mp4, m3u8)
"""

from __future__ import annotations

import io
import re
import zlib
from functools import lru_cache
from pathlib import Path

from PIL import Image

from dminbox.xsim import pictures

SHIPPED = Path(__file__).parent / "files"
TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "mp4": "video/mp4",
    "m3u8": "application/x-mpegURL",
}
DEFAULT_PROFILE_IMAGE = "/sticky/default_profile_images/default_profile_normal.png"
SIDES = {"_mini": 24, "_normal": 48, "_bigger": 73, "_200x200": 200, "_400x400": 400, "": 400}

PHOTO = re.compile(r"photo-([a-z]+)-(\d+)-(\d+)x(\d+)\.(jpg|png)")
AVATAR = re.compile(r"avatar-([A-Z]{0,2})-(\d+)-(\d+)\.(jpg|png)")
DEFAULT_AVATAR = re.compile(r"default-avatar-(\d+)\.(png)")
PROFILE_PATH = re.compile(
    r"/profile_images/\d+/(?:([A-Z]{1,2})-)?([\w-]+?)(_mini|_normal|_bigger|_200x200|_400x400|)\.(jpg|png)"
)
DEFAULT_PATH = re.compile(
    r"/sticky/default_profile_images/default_profile(_mini|_normal|_bigger|_200x200|_400x400|)\.png"
)


@lru_cache(maxsize=256)
def file_bytes(name: str) -> bytes:
    """FileNotFoundError for a name that is neither drawn nor shipped."""
    picture = _drawn(name)
    if picture is not None:
        return _encoded(picture, name)
    if Path(name).name != name:
        raise FileNotFoundError(name)
    return (SHIPPED / name).read_bytes()


def file_type(name: str) -> str:
    """The content type the name stands for."""
    return TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def profile_image(path: str) -> str | None:
    """The file behind the URL path of an avatar in any of X's sizes, None for other paths."""
    if match := DEFAULT_PATH.fullmatch(path):
        return f"default-avatar-{SIDES[match[1]]}.png"
    if match := PROFILE_PATH.fullmatch(path):
        initials, stem, size, suffix = match.groups(default="")
        hue = zlib.crc32(f"{initials}{stem}".encode()) % 360
        return f"avatar-{initials}-{hue}-{SIDES[size]}.{suffix}"
    return None


def _drawn(name: str) -> Image.Image | None:
    if match := PHOTO.fullmatch(name):
        if match[1] not in pictures.SCENES:
            raise FileNotFoundError(name)
        return pictures.photo(match[1], int(match[2]), int(match[3]), int(match[4]))
    if match := AVATAR.fullmatch(name):
        return pictures.avatar(match[1], int(match[2]), int(match[3]))
    if match := DEFAULT_AVATAR.fullmatch(name):
        return pictures.default_avatar(int(match[1]))
    return None


def _encoded(picture: Image.Image, name: str) -> bytes:
    target = io.BytesIO()
    if name.endswith(".png"):
        picture.save(target, "PNG")
    else:
        picture.save(target, "JPEG", quality=86)
    return target.getvalue()
