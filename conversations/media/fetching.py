"""From a wanted file to bytes on disk: claim, fetch, look at the bytes, keep.

A row is claimed by a conditional UPDATE with a lease; what comes of it is written only while the lease is still ours.
Nothing is open in the database during a fetch. A crash leaves a part behind, which the next attempt clears away.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from accounts.models import XAccount
from conversations import changes, ledger
from conversations.media.download import Fetcher, copy
from conversations.media.errors import Gone, Later, MediaError, Refused, TooLarge
from conversations.media.kinds import Kind, kind_of
from conversations.media.thumbnails import MOST_ATTEMPTS, thumbnails_of
from conversations.models import EventMedia, MediaFile, XUser
from dminbox import leases
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import BadRequest, NoCredit, NotPermitted, NotThere, RateLimited, TryLater, XError
from dminbox.xapi.schema import RateLimit

log = structlog.get_logger("conversations.media")

TOTAL_SECONDS = 300.0
"""For one file from one place. 512 MB in that time are 14 Mbit/s."""
LEASE = timedelta(seconds=4 * TOTAL_SECONDS)
"""Longer than a fetch through several X accounts takes."""
WAITS = [timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600, 6 * 3600)]
"""After each failed attempt; from then on once a day, for as long as somebody may still read the message."""
DAY = timedelta(days=1)
LONGEST_WAIT = 1.25 * DAY
HOUR = timedelta(hours=1)
RATE_WINDOW = timedelta(minutes=15)
SECOND = timedelta(seconds=1)
SMALL_AVATAR, AVATAR = "_normal", "_400x400"
DM_MEDIA_ENDPOINT = "GET /2/dm_conversations/media/{dm_id}/{media_id}/{resource_id}"
DM_MEDIA_PATH = "/1.1/ton/data/dm/"
DM_MEDIA = re.compile(re.escape(DM_MEDIA_PATH) + r"([0-9]{1,19})/([0-9]{1,19})/([A-Za-z0-9_.-]{1,50})(?::[a-z]+)?")
"""A photo of a message at any host: dm_id (maybe another event's), media_id and resource_id; X may add a size."""


@dataclass(frozen=True, slots=True)
class DmPhoto:
    dm_id: str
    media_id: str
    resource_id: str


def files_due(limit: int) -> list[int]:
    """The longest due first: wanted ones, and those whose worker died."""
    now = timezone.now()
    due = _due(now).order_by("due_at", "pk").values_list("pk", flat=True)
    return list(due[:limit]) or list(_ahead(now).values_list("pk", flat=True)[:limit])


def fetch_file(pk: int) -> None:
    """Fetches one file if it is due and nobody else is at it. Errors end in the row, not here."""
    lease_until = _claim(pk)
    if lease_until is None:
        return
    file = MediaFile.objects.get(pk=pk)
    try:
        outcome = _keep(file)
    except MediaError as error:
        outcome = _failure(file, error)
    held = MediaFile.objects.filter(pk=pk, state=MediaFile.State.FETCHING, lease_until=lease_until)
    with changes.updating(files=[pk]):
        if held.update(lease_until=None, **outcome) and outcome["state"] == MediaFile.State.STORED:
            shown = XUser.objects.filter(avatar=pk).select_for_update().order_by("pk")
            changes.tell_of_people(shown.values_list("pk", flat=True))
    log.info("media_file_fetched", file_id=pk, state=str(outcome["state"]), attempts=file.attempts)


def dm_photo_in(url: str) -> DmPhoto | None:
    """The three parts of a DM photo's address, None for all other addresses."""
    try:
        match = DM_MEDIA.fullmatch(urlsplit(url).path)
    except ValueError:
        return None
    # The dots alone would climb up the path of our request.
    return DmPhoto(*match.groups()) if match and match[3] not in (".", "..") else None


# --- The row ----------------------------------------------------------------------------------------------------------


def _due(now: datetime) -> Any:
    return MediaFile.objects.filter(state__in=[MediaFile.State.DUE, MediaFile.State.FETCHING], due_at__lte=now)


def _ahead(now: datetime) -> Any:
    """Put off, or being fetched, by a clock that ran ahead."""
    put_off = Q(state=MediaFile.State.DUE, due_at__gt=leases.furthest(now, LONGEST_WAIT))
    leased = Q(state=MediaFile.State.FETCHING, due_at__gt=leases.furthest(now, LEASE))
    return MediaFile.objects.filter(put_off | leased)


def _claim(pk: int) -> datetime | None:
    """When our lease ends, None when there is nothing to do. due_at moves along, so that one index finds both."""
    now = timezone.now()
    until = now + LEASE
    claimed = (
        (_due(now) | _ahead(now))
        .filter(pk=pk)
        .update(state=MediaFile.State.FETCHING, lease_until=until, due_at=until, attempts=F("attempts") + 1)
    )
    return until if claimed else None


def _failure(file: MediaFile, error: MediaError) -> dict[str, Any]:
    if isinstance(error, Later):
        wait = error.wait or _wait_after(file.attempts)
        return {"state": MediaFile.State.DUE, "due_at": timezone.now() + wait, "error": str(error)}
    states = {Gone: MediaFile.State.GONE, TooLarge: MediaFile.State.TOO_LARGE, Refused: MediaFile.State.REFUSED}
    return {"state": states[type(error)], "due_at": timezone.now() + MediaFile.REST, "error": str(error)}


def _wait_after(attempts: int) -> timedelta:
    wait = WAITS[attempts - 1] if attempts <= len(WAITS) else DAY
    # A little apart, so that a page of files that failed together does not come back together.
    return wait * random.uniform(1, 1.25)  # noqa: S311 (no secret)


# --- The bytes --------------------------------------------------------------------------------------------------------


def _keep(file: MediaFile) -> dict[str, Any]:
    """Fetches into a part, looks at it, and puts it in its place in one step."""
    with _part(file) as path:
        with path.open("xb") as target:
            _fetch(file, target)
            target.flush()
            os.fsync(target.fileno())
        kind = kind_of(path)
        size = path.stat().st_size
        relative = _put_in_place(path, file, kind)
    # A picture that ended the worker before is kept without: the sweep does not try it again either.
    small = (
        thumbnails_of(relative, kind.content_type) if file.attempts <= MOST_ATTEMPTS else {"thumbnails_due_at": None}
    )
    return {
        "state": MediaFile.State.STORED,
        "stored_at": timezone.now(),
        "path": relative,
        "content_type": kind.content_type,
        "size": size,
        "width": kind.width,
        "height": kind.height,
        "error": "",
    } | small


@contextmanager
def _part(file: MediaFile) -> Iterator[Path]:
    folder = Path(settings.MEDIA_ROOT) / "parts"
    path = folder / f"{file.source_hash}.{time.time_ns():x}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left_behind in folder.glob(f"{file.source_hash}.*"):
            left_behind.unlink(missing_ok=True)
        yield path
    except OSError as error:
        raise Later(f"The file could not be written ({error.strerror or type(error).__name__}).") from None
    finally:
        path.unlink(missing_ok=True)


def _put_in_place(part: Path, file: MediaFile, kind: Kind) -> str:
    digest = file.source_hash
    relative = f"{digest[:2]}/{digest[2:4]}/{digest}{kind.suffix}"
    place = Path(settings.MEDIA_ROOT) / relative
    place.parent.mkdir(parents=True, exist_ok=True)
    part.replace(place)
    _sync_folder(place.parent)
    return relative


def _sync_folder(folder: Path) -> None:
    """Makes the new name outlive a power cut, as the row does that is about to name it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fetch(file: MediaFile, target: BinaryIO) -> None:
    photo = dm_photo_in(file.source_url)
    if photo:
        _fetch_dm_photo(file, photo, target)
        return
    fetcher = Fetcher(settings.X_MEDIA_HOSTS, settings.MEDIA_ALLOW_LOCAL, settings.MEDIA_MAX_BYTES, TOTAL_SECONDS)
    try:
        fetcher.fetch(file.source_url, target)
    except Gone:
        if AVATAR not in file.source_url:
            raise
        fetcher.fetch(file.source_url.replace(AVATAR, SMALL_AVATAR), target)


def sharp_avatar(url: str) -> str:
    """The same picture of a person in a size that is sharp on today's screens; X names the smallest (reported)."""
    stem, dot, suffix = url.rpartition(".")
    return f"{stem.removesuffix(SMALL_AVATAR)}{AVATAR}.{suffix}" if dot and stem.endswith(SMALL_AVATAR) else url


# --- DM photos: through X's API alone, with the token of an account that has them -------------------------------------


def _fetch_dm_photo(file: MediaFile, photo: DmPhoto, target: BinaryIO) -> None:
    failures: list[XError] = []
    for x_account in _x_accounts_with(file):
        try:
            rate, failure = ledger.call(x_account, partial(_copy_dm_photo, photo=photo, target=target))
        except XError as error:
            log.info("dm_photo_failed", file_id=file.pk, x_account_id=x_account.pk, error=type(error).__name__)
            failures.append(error)
            if isinstance(error, NoCredit):
                _let_photos_wait()
                break
        else:
            ledger.record_download(x_account, DM_MEDIA_ENDPOINT, rate)
            if failure is not None:
                raise failure
            return
    raise _verdict(failures)


def _let_photos_wait() -> None:
    """One purse pays for all: no other photo is asked for before the hour is over, and through no other X account.

    X names no price of them (docs), so they are fetched while reading waits for credit, until one is refused.
    """
    photos = MediaFile.objects.filter(state=MediaFile.State.DUE, source_url__contains=DM_MEDIA_PATH)
    photos.filter(due_at__lt=timezone.now() + HOUR).update(due_at=timezone.now() + HOUR)


def _x_accounts_with(file: MediaFile) -> Iterator[XAccount]:
    """Connected X accounts that were shown this photo, the one that named it first."""
    shown = EventMedia.objects.filter(media__file=file, event__conversation__x_account=OuterRef("pk"))
    connected = XAccount.objects.filter(state=XAccount.State.CONNECTED)
    having = connected.filter(Q(pk=file.x_account_id) | Exists(shown))
    yield from sorted(having, key=lambda x_account: x_account.pk != file.x_account_id)


def _copy_dm_photo(client: XClient, photo: DmPhoto, target: BinaryIO) -> tuple[RateLimit, MediaError | OSError | None]:
    """What kept the bytes of an answer from us comes beside its window: X counts the call all the same."""
    failure: MediaError | OSError | None = None
    target.seek(0)
    target.truncate()
    deadline = time.monotonic() + TOTAL_SECONDS
    with client.dm_media(photo.dm_id, photo.media_id, photo.resource_id) as body:
        try:
            copy(body, target, body.length, settings.MEDIA_MAX_BYTES, deadline)
        except (MediaError, OSError) as error:
            failure = error
    return body.rate_limit, failure


def _verdict(failures: list[XError]) -> MediaError:
    """What the failures of all X accounts come to: one that may still give it counts more than one that cannot."""
    if not failures:
        return Later("No connected X account can show this photo.", HOUR)
    hopeful = [failure for failure in map(_as_media_error, failures) if isinstance(failure, Later)]
    if hopeful:
        return min(hopeful, key=lambda later: later.wait or timedelta(0))
    return _as_media_error(failures[-1])


def _as_media_error(error: XError) -> MediaError:
    match error:
        case NotThere():
            return Gone("X no longer has this photo.")
        case BadRequest() | NotPermitted():
            return Refused("X does not give this photo.")
        case RateLimited():
            return Later("X's rate window is used up.", _until_it_opens(error))
        case NoCredit():
            return Later("There is no credit left at X.", HOUR)
        case TryLater():
            return Later("X could not be reached.")
    return Later("X did not give the photo to any of the connected accounts.", HOUR)


def _until_it_opens(error: RateLimited) -> timedelta:
    """By X's own clock, which need not be ours."""
    if error.reset_at is None:
        return RATE_WINDOW
    span = error.reset_at - ledger.date_of(error)
    return min(max(span, timedelta(0)), HOUR) + SECOND  # a wrong header must not silence it for good
