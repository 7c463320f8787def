"""Files to browsers: by permission, in pieces, and without a thread or a database connection held meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Person
from accounts.models import Role, User
from conversations.changes import events_showing
from conversations.media import files_shown_in, thumbnail_path
from conversations.models import Conversation, MediaFile
from conversations.views.streaming import give_back
from dminbox.statements import compiled_once

CHUNK = 256 * 1024
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
HEADERS = {
    "Accept-Ranges": "bytes",
    # Kept by the browser, but asked about before each use: who loses access, loses it at once.
    "Cache-Control": "private, no-cache",
    # Opened by itself, a file may run nothing and reach nothing, whatever a browser takes it for.
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@require_safe
async def media_file(request: HttpRequest, pk: int, file_pk: int) -> HttpResponseBase:
    """One stored file, whole or a single range of it."""
    file = await sync_to_async(_file_for)(request.user, pk, file_pk)
    if file.state != MediaFile.State.STORED:
        raise Http404
    etag = f'"{file.pk:x}-{file.stored_at.timestamp() if file.stored_at else 0:.0f}-{file.size:x}"'
    if _has_it(request, etag):
        return _with_headers(HttpResponse(status=304), file, etag)
    try:
        body = await asyncio.to_thread((Path(settings.MEDIA_ROOT) / file.path).open, "rb")
    except FileNotFoundError:
        await sync_to_async(file.replace_lost_bytes)()
        raise Http404 from None
    return _with_headers(_answer(request, body, file, etag), file, etag)


@require_safe
async def thumbnail(request: HttpRequest, pk: int, file_pk: int, width: int) -> HttpResponseBase:
    """The small copy of a picture, of that width."""
    file = await sync_to_async(_file_for)(request.user, pk, file_pk)
    if file.state != MediaFile.State.STORED or width not in file.thumbnail_widths:
        raise Http404
    etag = f'"{file.pk:x}-{file.stored_at.timestamp() if file.stored_at else 0:.0f}-{width}w"'
    if _has_it(request, etag):
        return _with_headers(HttpResponse(status=304), file, etag)
    place = Path(settings.MEDIA_ROOT) / thumbnail_path(file.path, width)
    try:
        content = await asyncio.to_thread(place.read_bytes)
    except FileNotFoundError:
        await sync_to_async(file.replace_lost_thumbnails)()
        raise Http404 from None
    response = _with_headers(HttpResponse(content), file, etag)
    response["Content-Type"] = "image/webp"
    response["Content-Disposition"] = f'inline; filename="dminbox-{file.pk}-{width}.webp"'
    del response["Accept-Ranges"]
    return response


@require_POST
def retry_file(request: HttpRequest, pk: int, file_pk: int) -> HttpResponseRedirect:
    """Has a file fetched once more, where it may be, and leads back to a message that shows it."""
    file = _file_for(request.user, pk, file_pk, Role.AGENT)
    if not file.want_again() and file.state == MediaFile.State.TOO_LARGE:
        messages.error(request, _("This file was too large last time. It is retried once an hour at most."))
    event = events_showing(files=[file.pk]).filter(conversation=pk).order_by("-dm_event_id").first()
    return redirect("event", pk=pk, dm_event_id=event.dm_event_id) if event else redirect("thread", pk=pk)


def _file_for(user: Person, pk: int, file_pk: int, role: str = Role.VIEWER) -> MediaFile:
    """The file if this conversation is the person's to see and shows it, in one query; else Http404."""
    found = _shown_file(user.pk or 0, pk, file_pk, role)
    if not found:
        raise Http404
    return found[0]


@compiled_once
def _shown_file(user: int, pk: int, file_pk: int, role: str) -> QuerySet[MediaFile]:
    """Put together anew for each picture of a page, it would take longer than the page."""
    conversations = Conversation.objects.visible_to(User(pk=user), role).filter(pk=pk)
    return files_shown_in(conversations).filter(pk=file_pk)


def _answer(request: HttpRequest, body: BinaryIO, file: MediaFile, etag: str) -> HttpResponseBase:
    size = file.size or 0
    wanted = _wanted_range(request, size, etag)
    if wanted is None:
        response = _streamed(request, body, 0, size)
    elif not wanted:
        body.close()
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
    else:
        response = _streamed(request, body, wanted.start, len(wanted), status=206)
        response["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    return response


def _streamed(request: HttpRequest, body: BinaryIO, start: int, length: int, status: int = 200) -> HttpResponseBase:
    response: HttpResponseBase
    if request.method == "HEAD":
        body.close()
        response = HttpResponse(status=status)
    else:
        response = StreamingHttpResponse(_pieces(body, start, length), status=status)
        # A browser that goes before the first piece leaves the iterator unstarted, and its `finally` with it.
        response._resource_closers.append(body.close)  # type: ignore[attr-defined]
    response["Content-Length"] = str(length)
    return response


async def _pieces(body: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    # All queries are done, the middlewares' too: a slow reader shall not keep a connection of the pool.
    await sync_to_async(give_back)()
    try:
        body.seek(start)
        while length > 0 and (piece := await asyncio.to_thread(body.read, min(CHUNK, length))):
            length -= len(piece)
            yield piece
    finally:
        body.close()


def _with_headers(response: HttpResponseBase, file: MediaFile, etag: str) -> HttpResponseBase:
    if response.status_code in (200, 206):
        response["Content-Type"] = file.content_type
        response["Content-Disposition"] = f'inline; filename="dminbox-{file.pk}{Path(file.path).suffix}"'
    response["ETag"] = etag
    for name, value in HEADERS.items():
        response[name] = value
    return response


def _has_it(request: HttpRequest, etag: str) -> bool:
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in known or etag in (tag.removeprefix("W/") for tag in known)


def _wanted_range(request: HttpRequest, size: int, etag: str) -> range | None:
    """None: the whole file (also for several ranges, or of another version); empty: nothing can be given."""
    match = RANGE.fullmatch(request.headers.get("Range", "").strip())
    is_asked = request.method == "GET" and match and match[0] != "bytes=-"
    if not match or not is_asked or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return range(max(size - int(last), 0), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1 if last else size, size))
