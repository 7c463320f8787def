"""What has changed, to open pages: a stream of server-sent events, and the same in one answer where proxies hold it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.models import User
from conversations import live as log
from conversations.live import Hub, Message, Positions, Stream, TooManyStreamsError
from conversations.views.streaming import give_back_connections

KEEP_ALIVE = 15
"""Seconds. An event, not a comment: the page has to notice when they stop."""
COME_BACK = 1000
"""Milliseconds after which a browser comes back by itself."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@require_safe
async def stream(request: HttpRequest) -> HttpResponseBase:
    """Changes from Last-Event-ID on, else from ?from=, else from now on; ids and numbers alone, never a text."""
    user = await request.auser()
    assert isinstance(user, User)
    told = _told(request)
    if told is None:
        return HttpResponse("No such position.", status=422, content_type="text/plain")
    hub = log.hub()
    try:
        opened = await hub.open(user.pk, request.session.session_key or "", told)
    except TooManyStreamsError:
        return HttpResponse("Too many pages are open.", status=429, content_type="text/plain")
    if set(told) - set(opened.positions):  # the page shows what this person may see no longer
        opened.give(Message("reload", opened.positions))
        opened.end()
    if request.method == "HEAD":
        hub.close(opened)
        return HttpResponse(content_type="text/event-stream", headers=HEADERS)
    response = StreamingHttpResponse(_lines(hub, opened), content_type="text/event-stream", headers=HEADERS)
    # A browser that goes before the first line leaves the iterator unstarted, and its `finally` with it.
    loop = asyncio.get_running_loop()
    response._resource_closers.append(lambda: loop.call_soon_threadsafe(hub.close, opened))  # type: ignore[attr-defined]
    return response


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """What lies beyond ?from=, for pages that look every few seconds."""
    assert isinstance(request.user, User)
    told = _told(request)
    if told is None:
        return HttpResponse("No such position.", status=422, content_type="text/plain")
    positions = log.begun(request.user.pk, told)
    found = log.changes_after(positions)
    is_lost = log.missed(positions, found) or set(told) - set(positions)
    after = positions | {one["account"]: one["number"] for one in found}
    kind = "reload" if is_lost else "changes"
    return JsonResponse({"id": log.written(after), "kind": kind, "data": [] if is_lost else found})


def _told(request: HttpRequest) -> Positions | None:
    try:
        return log.parsed(request.headers.get("Last-Event-ID") or request.GET.get("from", ""))
    except ValueError:
        return None


async def _lines(hub: Hub, opened: Stream) -> AsyncIterator[bytes]:
    await sync_to_async(give_back_connections)()
    try:
        yield f"retry: {COME_BACK}\nid: {log.written(opened.positions)}\nevent: alive\ndata: []\n\n".encode()
        while True:
            try:
                message = await asyncio.wait_for(opened.queue.get(), KEEP_ALIVE)
            except TimeoutError:
                yield b"event: alive\ndata: []\n\n"
                continue
            if message is None:
                return
            yield message.encoded()
    finally:
        hub.close(opened)
