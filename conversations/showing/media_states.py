"""Why a photo, video, GIF or file is not shown: one sentence for each, since languages bend words by what they name."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from conversations.models import MediaFile

State = MediaFile.State

PHOTO = {
    "": _("X sent no address for this photo."),
    State.GONE: _("X no longer has this photo."),
    State.TOO_LARGE: _("This photo exceeds the size limit of this installation."),
    State.REFUSED: _("This photo was rejected: it is not an image or video, or not on X's media servers."),
    State.DUE: _("This photo is still being fetched from X."),
}
VIDEO = {
    "": _("X sent no address for this video."),
    State.GONE: _("X no longer has this video."),
    State.TOO_LARGE: _("This video exceeds the size limit of this installation."),
    State.REFUSED: _("This video was rejected: it is not an image or video, or not on X's media servers."),
    State.DUE: _("This video is still being fetched from X."),
}
GIF = {
    "": _("X sent no address for this GIF."),
    State.GONE: _("X no longer has this GIF."),
    State.TOO_LARGE: _("This GIF exceeds the size limit of this installation."),
    State.REFUSED: _("This GIF was rejected: it is not an image or video, or not on X's media servers."),
    State.DUE: _("This GIF is still being fetched from X."),
}
FILE = {
    "": _("X sent no address for this file."),
    State.GONE: _("X no longer has this file."),
    State.TOO_LARGE: _("This file exceeds the size limit of this installation."),
    State.REFUSED: _("This file was rejected: it is not an image or video, or not on X's media servers."),
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
