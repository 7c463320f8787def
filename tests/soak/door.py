"""The webhook's door inside a forked worker: real HTTP to the product's own middleware and view.

Requests are served one after the other by the worker's own thread, where its points are; another thread plays X.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Sequence
from typing import Any
from unittest import mock
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import reverse

from conversations import tasks
from conversations.sync import webhooks
from conversations.sync.refusals import Refusals
from conversations.sync.webhooks import SIGNATURE
from tests.xsim.receiving import signature

PATIENCE = 600
"""Seconds for an answer: others have their turns while one is made."""
ALTERED = b" "


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """The stories tell what happens by their points."""


def deliver(bodies: Sequence[bytes], altered: Sequence[bool]) -> None:
    """As X does: signed, each answered with 200 and taken up by whom the broker tells. altered: on which of them
    somebody on the way has added something; these are refused.
    """
    queued: list[int] = []
    statuses: list[int] = []
    queue = mock.patch.object(tasks.take_up_activity, "apply_async", lambda args, **_: queued.append(*args))
    # No thread writes while another worker has its turn: of several refused within a second the first is counted.
    refusals = mock.patch.object(webhooks, "refusals", Refusals(lambda *_: None))
    with (
        override_settings(X_PUSH="webhook"),
        refusals,
        queue,
        make_server("127.0.0.1", 0, WSGIHandler(), handler_class=_Silent) as server,
    ):
        said = [
            (signature(body, settings.X_CONSUMER_SECRET), body + ALTERED * was)
            for body, was in zip(bodies, altered, strict=True)
        ]
        x = threading.Thread(target=_post_all, args=(server.server_port, said, statuses), daemon=True)
        x.start()
        for _ in bodies:
            server.handle_request()
            while queued:
                tasks.take_up_activity(queued.pop())
        x.join(PATIENCE)
    assert statuses == [403 if was else 200 for was in altered], statuses


def _post_all(port: int, said: Sequence[tuple[str, bytes]], statuses: list[int]) -> None:
    for signed, body in said:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        headers = {SIGNATURE: signed, "content-type": "application/json"}
        connection.request("POST", reverse("x_webhook"), body, headers)
        statuses.append(connection.getresponse().status)
        connection.close()
