"""Files behind pictures, videos and avatars: what is wanted, fetched from X, and reached from a conversation."""

from conversations.media.wanted import wanted_file, wanted_files

__all__ = ["wanted_file", "wanted_files"]
