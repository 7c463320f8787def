"""Photos, videos and GIFs in the size they take on a page, so that nothing jumps when they arrive. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from conversations import text
from conversations.models import Media, MediaFile
from conversations.showing import media_states

PICTURE_BOX = (360, 320)
FALLBACK_SIZE = (320, 240)


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo, video or GIF with the size it takes on the page, so that nothing jumps when it arrives.

    words: its description, in which is marked what a search has found.
    """

    media: Media
    width: int
    height: int
    words: SafeString

    @property
    def file(self) -> MediaFile | None:
        return self.media.file

    @property
    def preview(self) -> MediaFile | None:
        return stored(self.media.preview)

    @property
    def light(self) -> MediaFile | None:
        """A smaller film beside `shown`."""
        return stored(self.media.light) if stored(self.media.file) else None

    @property
    def shown(self) -> MediaFile | None:
        """The best there is here."""
        return stored(self.media.file) or stored(self.media.light)

    @property
    def is_here(self) -> bool:
        return self.shown is not None

    @property
    def why_missing(self) -> str:
        return media_states.why_missing(self.media.type, self.file)

    @property
    def may_be_retried(self) -> bool:
        """By whoever may answer in this X account."""
        return self.file is not None and self.file.state in MediaFile.GIVEN_UP

    @property
    def not_here(self) -> str:
        return media_states.not_here(self.media.type)

    @property
    def noun(self) -> str:
        nouns = {"photo": _("photo"), "video": _("video"), "animated_gif": _("GIF")}
        return nouns.get(self.media.type) or _("file")


def picture_of(media: Media, box: tuple[int, int] = PICTURE_BOX, marks: text.Marks | None = None) -> Picture:
    width, height = size_of(media)
    scale = min(1, box[0] / width, box[1] / height)
    words = text.marked(media.alt_text, marks)
    return Picture(media, max(1, round(width * scale)), max(1, round(height * scale)), words)


def size_of(media: Media) -> tuple[int, int]:
    """As X tells it, else as the file itself does (of a film, its first picture)."""
    for told in (media, stored(media.file), stored(media.preview)):
        if told and told.width and told.height:
            return told.width, told.height
    return FALLBACK_SIZE


def stored(file: MediaFile | None) -> MediaFile | None:
    return file if file and file.state == MediaFile.State.STORED else None
