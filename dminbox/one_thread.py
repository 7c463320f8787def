"""How a page is made: in one thread."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.base import BaseHandler


class InOneThread(BaseHandler):
    """Makes a page in one thread, from the first middleware to the view.

    In Django's own chain each sync middleware is a change from the event loop to a thread and back: over twenty for a
    page. Where several pages are made at a time, each change waits for the interpreter.
    """

    _middleware_chain: Any

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain)
