"""What a file is, by its own bytes; never by its name or by what the sender says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import puremagic
from PIL import Image, UnidentifiedImageError

from conversations.media.errors import Refused

HEAD = 4096
PICTURES = {"image/jpeg": ("JPEG", ".jpg"), "image/png": ("PNG", ".png"), "image/gif": ("GIF", ".gif")}
PICTURES["image/webp"] = ("WEBP", ".webp")
MP4_BRANDS = {b"avc1", b"dash", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"isom", b"mp41", b"mp42"}
MP4_BRANDS |= {b"M4V ", b"MSNV", b"f4v ", b"mmp4"}
"""Major brands of MP4 video; puremagic knows few of them. QuickTime ("qt  ") and pictures (heic, avif) are others."""
MOST_PIXELS = 89_478_485
"""Pillow's own bound for what may be a decompression bomb: a quarter of a gigabyte when unpacked by a browser."""


@dataclass(frozen=True, slots=True)
class Kind:
    content_type: str
    suffix: str
    width: int | None = None
    height: int | None = None


def kind_of(path: Path) -> Kind:
    """JPEG, PNG, GIF, WebP or MP4; Refused for everything else."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head[4:8] == b"ftyp" and head[8:12] in MP4_BRANDS:
        return Kind("video/mp4", ".mp4")
    content_type = _sniffed(head)
    if content_type not in PICTURES:
        raise Refused("The file is neither a picture nor a video.")
    return _picture(path, content_type)


def _sniffed(head: bytes) -> str:
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return ""
    return str(matches[0].mime_type) if matches else ""


def _picture(path: Path, content_type: str) -> Kind:
    format_name, suffix = PICTURES[content_type]
    try:
        with Image.open(path, formats=[format_name]) as picture:
            width, height = picture.size
            picture.verify()
    # Pillow's readers meet spoiled bytes with any of these.
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, OverflowError):
        raise Refused("The picture cannot be read.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("The picture is too large to be shown.") from None
    if width * height > MOST_PIXELS:
        raise Refused("The picture is too large to be shown.")
    return Kind(content_type, suffix, width, height)
