"""Which files are wanted: one row per address, whoever shows it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from accounts.models import XAccount
from conversations.models import MediaFile

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL or UTF-8 cannot hold. X sends none; who does gets a row that is refused, not a broken page."""


def wanted_file(url: str, x_account: XAccount | None) -> MediaFile:
    """The row of one file, made when it is new. x_account: whose token fetches it, for DM photos."""
    return wanted_files([(url, x_account)])[url]


def wanted_files(urls: Iterable[tuple[str, XAccount | None]]) -> dict[str, MediaFile]:
    """The rows of many files by their address, new ones made: one query when all are known, else three."""
    wanted = {url: x_account for url, x_account in urls if url}
    hashes = {url: source_hash(url) for url in wanted}
    known = _by_hash(hashes.values())
    new = {hashes[url]: (url, x_account) for url, x_account in wanted.items() if hashes[url] not in known}
    if new:
        # In one order everywhere: two workers that meet on the same rows wait for each other instead of deadlocking.
        rows = [_new_file(digest, *new[digest]) for digest in sorted(new)]
        MediaFile.objects.bulk_create(rows, ignore_conflicts=True)
        known |= _by_hash(new)
    return {url: known[digest] for url, digest in hashes.items()}


def source_hash(url: str) -> str:
    return hashlib.sha256(storable(url).encode()).hexdigest()


def storable(url: str) -> str:
    return UNSTORABLE.sub("\ufffd", url)


def _new_file(digest: str, url: str, x_account: XAccount | None) -> MediaFile:
    return MediaFile(source_hash=digest, source_url=storable(url), x_account=x_account)


def _by_hash(hashes: Iterable[str]) -> dict[str, MediaFile]:
    return {file.source_hash: file for file in MediaFile.objects.filter(source_hash__in=list(hashes))}
