"""The stream of what has changed, to browsers: ids alone. What they stand for is fetched from views that check."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from functools import lru_cache, partial

from asgiref.sync import SyncToAsync, sync_to_async
from django.contrib.auth import HASH_SESSION_KEY
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import signed_in
from conversations import live
from conversations.live import Behind, Hub, Numbers, Stream, Ticket, Told
from conversations.views.streaming import give_back
from dminbox import static

KEEP_ALIVE = 15.0
RETRY_MS = 2000
STILL = b": still here\nevent: still\ndata: {}\n\n"
"""A comment for proxies; with an event, since browsers tell their pages of nothing less."""
# A proxy that keeps an answer until it is whole would keep this one for ever.
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@require_safe
async def live_stream(request: HttpRequest) -> HttpResponseBase:
    """Goes on after `Last-Event-ID`, or on the first connection after `?from=`; one number per X account in both."""
    hub, ticket = live.hub(), await sync_to_async(_ticket)(request)
    if request.method == "HEAD":
        return HttpResponse(headers=HEADERS)
    seen = live.parse_id(request.headers.get("Last-Event-ID") or request.GET.get("from", ""))
    stream, first = await _joined(hub, ticket, seen)
    if hub.count(ticket.person) > live.STREAMS_PER_PERSON:
        hub.leave(stream)
        return HttpResponse(_("Too many streams are open."), status=429, content_type="text/plain")
    response = StreamingHttpResponse(_written(hub, stream, first), headers=HEADERS)
    # A browser that goes before the first piece leaves the iterator unstarted, and its `finally` with it.
    leave = partial(asyncio.get_running_loop().call_soon_threadsafe, hub.leave, stream)
    response._resource_closers.append(leave)  # type: ignore[attr-defined]
    return response


@require_safe
def live_now(request: HttpRequest) -> HttpResponse:
    """For who gets no stream through: what one may see, and how far it has come; in a second line the version."""
    stand = live.write_id(live.numbers_of(signed_in(request).pk))
    return HttpResponse(f"{stand}\n{static.version()}", content_type="text/plain")


def _ticket(request: HttpRequest) -> Ticket:
    session = request.session
    return Ticket(signed_in(request).pk, session.session_key or "", session.get(HASH_SESSION_KEY, ""))


async def _joined(hub: Hub, ticket: Ticket, seen: Numbers) -> tuple[Stream, list[Told] | None]:
    """The stream and what comes first; None: that the page is to be loaded anew."""
    highest = await hub.numbers_of(ticket.person)
    begun = {pk: seen.get(pk, number) for pk, number in highest.items()}
    stream = Stream(ticket, dict(begun), begun)
    try:
        return stream, await hub.join(stream, highest)
    except Behind:
        fresh = Stream(ticket, dict(highest), highest)
        await hub.join(fresh, highest)
        return fresh, None


# --- What goes over the wire ------------------------------------------------------------------------------------------


async def _written(hub: Hub, stream: Stream, first: Sequence[Told] | None) -> AsyncIterator[bytes]:
    try:
        await _give_back()
        yield f"retry: {RETRY_MS}\n".encode() + _hello("hello" if first is not None else "reload", stream.sent)
        for told in first or []:
            yield _message(told, stream.sent)
        async for piece in _as_they_come(stream):
            yield piece
    finally:
        hub.leave(stream)


async def _as_they_come(stream: Stream) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(KEEP_ALIVE):
                told = await stream.waiting.get()
        except TimeoutError:
            yield STILL
            continue
        if told is not None:
            yield _message(told, stream.sent)
        elif stream.ended == "gone":
            yield _named("gone", stream.sent)
            return
        else:
            return


def _message(told: Told, sent: Numbers) -> bytes:
    """Notes the number as sent: the id of each event is all that its browser has by then."""
    if told.number:
        sent[told.account] = told.number
    return _encoded(told, live.write_id(sent))


@lru_cache(256)
def _encoded(told: Told, at: str) -> bytes:
    """The same bytes go to all who see the same X accounts."""
    data = json.dumps(told._asdict(), separators=(",", ":"))
    return f"id: {at}\ndata: {data}\n\n".encode()


def _hello(name: str, sent: Numbers) -> bytes:
    """Begins a stream; a page that was made with other static files offers to be loaded anew."""
    return _named(name, sent, json.dumps({"version": static.version()}))


def _named(name: str, sent: Numbers, data: str = "{}") -> bytes:
    return f"id: {live.write_id(sent)}\nevent: {name}\ndata: {data}\n\n".encode()


async def _give_back() -> None:
    """All questions are asked: an open stream keeps no connection, nor the thread that Django gave its request."""
    await sync_to_async(give_back)()
    context = SyncToAsync.thread_sensitive_context.get(None)
    thread = SyncToAsync.context_to_thread_executor.pop(context, None) if context else None
    if thread is not None:
        thread.shutdown(wait=False)
