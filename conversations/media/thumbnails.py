"""Small copies of pictures for pages: WebP, turned upright, without EXIF and anything else a camera writes.

They lie beside the file, named by their width. Made when a file is fetched; what was stored before is caught up with
by the sweep, a few at a time. A picture that cannot be made small is shown as it is.
"""

from __future__ import annotations

import base64
import io
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone
from PIL import Image, ImageFilter, ImageOps

from conversations.media.kinds import PICTURES
from conversations.models import MediaFile

log = structlog.get_logger("conversations.media")

WIDTHS = (360, 720)
"""The widest a picture stands in a thread, on screens of one and of two dots per pixel."""
TALLEST = 4
"""Times as high as wide; taller ones become narrower, so that a scroll of a screenshot stays small."""
SMALL_ENOUGH = 24 * 1024
"""Bytes of a file that is its own thumbnail, as most avatars are, unless it tells more than its picture."""
PLACEHOLDER = 16
LONGEST_PLACEHOLDER = 600
QUALITY = 80
ORIENTATION = 0x0112
WRITTEN_BESIDE = {"exif", "xmp", "XML:com.adobe.xmp", "photoshop", "comment", "Raw profile type exif"}
"""Of what Pillow knows of a file: what tells of a camera, a place or a person."""
LANCZOS = Image.Resampling.LANCZOS
LEASE = timedelta(minutes=10)
MOST_ATTEMPTS = 3
"""A picture whose unpacking ends the worker must not end it for ever."""
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, OverflowError, MemoryError)
"""What Pillow's readers meet spoiled bytes with."""


def thumbnails_waiting(limit: int) -> QuerySet[MediaFile, int]:
    return _due().order_by("thumbnails_due_at", "pk").values_list("pk", flat=True)[:limit]


def make_thumbnails(pk: int) -> None:
    """Makes those of one stored file, if they are due and nobody else is at it."""
    until = timezone.now() + LEASE
    if not _due().filter(pk=pk).update(thumbnails_due_at=until, thumbnail_attempts=F("thumbnail_attempts") + 1):
        return
    file = MediaFile.objects.get(pk=pk)
    made = thumbnails_of(file.path, file.content_type) if file.thumbnail_attempts <= MOST_ATTEMPTS else DONE
    MediaFile.objects.filter(pk=pk, thumbnails_due_at=until).update(**made)
    log.info("thumbnails_made", file_id=pk, widths=made.get("thumbnail_widths", []))


DONE: dict[str, Any] = {"thumbnails_due_at": None}


def thumbnails_of(path: str, content_type: str) -> dict[str, Any]:
    """Writes the small copies of a stored file; returns what its row says of them."""
    if not content_type.startswith("image/"):
        return DONE
    place = Path(settings.MEDIA_ROOT) / path
    try:
        formats = [PICTURES[content_type][0]]  # no other reader of Pillow meets bytes that strangers sent
        picture, (width, height) = _upright(place, formats)
        is_its_own = place.stat().st_size <= SMALL_ENOUGH and not _tells_more(place, formats)
        widths = [] if is_its_own else _write_all(picture, place)
        placeholder = _placeholder(picture)
    except UNREADABLE as error:
        log.info("no_thumbnails", error=type(error).__name__)
        return DONE
    return DONE | {"thumbnail_widths": widths, "placeholder": placeholder, "width": width, "height": height}


def thumbnail_path(path: str, width: int) -> str:
    return f"{path.rpartition('.')[0] or path}-{width}.webp"


def _due() -> QuerySet[MediaFile]:
    return MediaFile.objects.filter(state=MediaFile.State.STORED, thumbnails_due_at__lte=timezone.now())


def _upright(place: Path, formats: list[str]) -> tuple[Image.Image, tuple[int, int]]:
    """The picture as people see it, not much larger than needed, and the size it has in full."""
    with Image.open(place, formats=formats) as opened:
        size = opened.size
        opened.draft("RGB", (2 * WIDTHS[-1], 2 * WIDTHS[-1]))  # JPEG alone: unpacks no more than is asked for
        picture = ImageOps.exif_transpose(opened)
        is_turned = opened.getexif().get(ORIENTATION, 1) >= 5
        has_alpha = picture.has_transparency_data
    return picture.convert("RGBA" if has_alpha else "RGB"), size[::-1] if is_turned else size


def _tells_more(place: Path, formats: list[str]) -> bool:
    """Whether a camera or a program has written something beside the picture."""
    with Image.open(place, formats=formats) as opened:
        return bool(opened.getexif()) or not WRITTEN_BESIDE.isdisjoint(opened.info)


def _write_all(picture: Image.Image, place: Path) -> list[int]:
    """From the largest down, each from the one before: the widths that were made."""
    widest = min(picture.width, max(1, TALLEST * WIDTHS[-1] * picture.width // picture.height))
    widths = sorted({min(width, widest) for width in WIDTHS})
    for width in reversed(widths):
        picture = picture.resize((width, max(1, round(picture.height * width / picture.width))), LANCZOS)
        _write(picture, place.parent / Path(thumbnail_path(place.name, width)).name)
    return widths


def _write(picture: Image.Image, place: Path) -> None:
    """In one step, so that no browser is given half a picture."""
    part = place.with_name(f"{place.name}.{os.getpid()}-{time.time_ns():x}")
    try:
        picture.save(part, "WEBP", quality=QUALITY, method=4)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def _placeholder(picture: Image.Image) -> str:
    """A blurred picture of a few dots, as an address that holds it whole."""
    dots = picture.copy()
    dots.thumbnail((PLACEHOLDER, PLACEHOLDER))
    bytes_ = io.BytesIO()
    dots.filter(ImageFilter.GaussianBlur(1)).save(bytes_, "WEBP", quality=40)
    address = f"data:image/webp;base64,{base64.b64encode(bytes_.getvalue()).decode()}"
    return address if len(address) <= LONGEST_PLACEHOLDER else ""
