"""Why a photo, video, GIF or file is not shown: one sentence for each, since languages bend words by what they name."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from conversations.models import MediaFile

State = MediaFile.State

PHOTO = {
    "": _("X gave no address for this photo."),
    State.GONE: _("X no longer has this photo."),
    State.TOO_LARGE: _("This photo is larger than this installation stores."),
    State.REFUSED: _("This photo was refused: it is no picture or video, or not where X keeps them."),
    State.DUE: _("This photo is still being fetched from X."),
}
VIDEO = {
    "": _("X gave no address for this video."),
    State.GONE: _("X no longer has this video."),
    State.TOO_LARGE: _("This video is larger than this installation stores."),
    State.REFUSED: _("This video was refused: it is no picture or video, or not where X keeps them."),
    State.DUE: _("This video is still being fetched from X."),
}
GIF = {
    "": _("X gave no address for this GIF."),
    State.GONE: _("X no longer has this GIF."),
    State.TOO_LARGE: _("This GIF is larger than this installation stores."),
    State.REFUSED: _("This GIF was refused: it is no picture or video, or not where X keeps them."),
    State.DUE: _("This GIF is still being fetched from X."),
}
FILE = {
    "": _("X gave no address for this file."),
    State.GONE: _("X no longer has this file."),
    State.TOO_LARGE: _("This file is larger than this installation stores."),
    State.REFUSED: _("This file was refused: it is no picture or video, or not where X keeps them."),
    State.DUE: _("This file is still being fetched from X."),
}
WHYS = {"photo": PHOTO, "video": VIDEO, "animated_gif": GIF}
NOT_HERE = {
    "photo": _("Photo, not stored here"),
    "video": _("Video, not stored here"),
    "animated_gif": _("GIF, not stored here"),
}


def why_missing(kind: str, file: MediaFile | None) -> str:
    """kind: X's word."""
    whys = WHYS.get(kind, FILE)
    return str(whys.get(file.state if file else "") or whys[State.DUE])


def not_here(kind: str) -> str:
    return str(NOT_HERE.get(kind) or _("File, not stored here"))
