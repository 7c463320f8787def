"""Files behind pictures, videos and avatars: what is wanted, fetched from X, and reached from a conversation."""

from conversations.media.fetching import fetch_file, files_due, sharp_avatar
from conversations.media.file_rows import wanted_file, wanted_files
from conversations.media.reach import files_shown_in
from conversations.media.thumbnails import make_thumbnails, thumbnail_path, thumbnails_waiting

__all__ = [
    "fetch_file",
    "files_due",
    "files_shown_in",
    "make_thumbnails",
    "sharp_avatar",
    "thumbnail_path",
    "thumbnails_waiting",
    "wanted_file",
    "wanted_files",
]
