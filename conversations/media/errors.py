"""Why a file is not there, named by what comes next.

MediaError
├── Gone        X no longer has it
├── TooLarge    more bytes than MEDIA_MAX_BYTES
├── Refused     not at an allowed address, or neither picture nor video: never fetched again by itself
└── Later       the same request may work later; `wait` says when, None leaves it to the number of attempts
"""

# ruff: noqa: N818 - the names say what to do next; all of them are errors

from __future__ import annotations

from datetime import timedelta


class MediaError(Exception):
    """str() is a sentence for a page: it names no address and repeats nothing of what was sent."""


class Gone(MediaError):
    pass


class TooLarge(MediaError):
    pass


class Refused(MediaError):
    pass


class Later(MediaError):
    def __init__(self, sentence: str, wait: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.wait = wait
