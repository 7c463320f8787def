"""Django's asynchronous client, asking as the server does: all middleware in one thread."""

from __future__ import annotations

from typing import Any

from django.test import AsyncClient as DjangosClient
from django.test.client import AsyncClientHandler

from dminbox.one_thread import InOneThread


class Handler(InOneThread, AsyncClientHandler):
    """Django's own makes a chain of asynchronous middleware, that no server runs."""


class AsyncClient(DjangosClient):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handler = Handler(self.handler.enforce_csrf_checks)
