"""A body that is larger than anything dminbox takes is not read into Django, whatever its sender says of its length."""

from __future__ import annotations

import asyncio

import pytest

from conversations.models import PushState
from conversations.sync import webhooks
from conversations.sync.refusals import Refusals
from dminbox import asgi
from dminbox.bodies import limited

MOST = 100


def messages(*bodies: bytes, ends: bool = True):
    """The rest of a connection, as the server gives it."""
    found = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]
    if ends:
        found[-1]["more_body"] = False
    return iter([*found, {"type": "http.disconnect"}])


def heard(connection):
    """What an application hears that listens until its client is gone."""
    told: list[tuple[str, int, bool]] = []

    async def listen(scope, receive, send):
        while not told or told[-1][0] != "http.disconnect":
            message = await receive()
            told.append((message["type"], len(message.get("body", b"")), message.get("more_body", False)))

    async def receive():
        return next(connection)

    asyncio.run(limited(listen, MOST)({"type": "http"}, receive, None))
    return told


END = ("http.request", 0, False)
GONE = ("http.disconnect", 0, False)


def test_a_body_of_the_largest_size_passes_as_it_is():
    told = heard(messages(b"x" * 60, b"x" * 40))
    assert told == [("http.request", 60, True), ("http.request", 40, False), GONE]


def test_a_larger_one_ends_where_it_becomes_too_large_and_the_rest_is_dropped():
    told = heard(messages(b"x" * 60, b"x" * 41, *[b"x" * 1000] * 50))
    assert told == [("http.request", 60, True), END, GONE]


def test_one_that_never_ends_ends_too():
    assert heard(messages(*[b"x" * 101] * 3, ends=False)) == [END, GONE]


@pytest.mark.django_db(transaction=True)
@pytest.mark.services
@pytest.mark.parametrize("length", [b"10000000000", None])
def test_the_webhook_refuses_what_is_too_large_before_all_of_it_has_come(settings, length, monkeypatch):
    settings.X_PUSH = "webhook"
    monkeypatch.setattr(webhooks, "refusals", Refusals())
    PushState.objects.create(pk=1)
    chunks, sent = iter(range(4)), []

    async def receive():
        if next(chunks, None) is None:
            await asyncio.Event().wait()  # the rest is still on its way
        return {"type": "http.request", "body": b"x" * 1024 * 1024, "more_body": True}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), *([(b"content-length", length)] if length else [])]
    scope = {"type": "http", "method": "POST", "path": "/x-webhook/", "headers": headers, "query_string": b""}
    asyncio.run(asyncio.wait_for(asgi.application(scope, receive, send), 30))
    assert sent[0]["status"] == 413
    assert PushState.objects.get().webhook_oversized == 1
