"""The one way in for browsers: Django behind ASGI."""

from __future__ import annotations

import gc
import os
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.urls import get_resolver

from dminbox import catalogues
from dminbox.bodies import limited
from dminbox.celery import app as celery_app
from dminbox.static import with_static_files

__all__ = ["application", "celery_app"]


class InOneThread(BaseHandler):
    """Makes a page in one thread, from the first middleware to the view.

    In Django's own chain each sync middleware is a change from the event loop to a thread and back: over twenty for a
    page. Where several pages are made at a time, each change waits for the interpreter.
    """

    _middleware_chain: Any

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain)


class Handler(InOneThread, ASGIHandler):
    """What the server calls."""


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dminbox.settings")
catalogues.compile_all()  # before Django reads them
# Without its Celery app in this process, what a page queues would go to no broker at all.
celery_app.set_default()
django.setup(set_prefix=False)
application = with_static_files(limited(Handler(), settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
# All code is loaded now, and stays. Left to the garbage collector, some page of each second would wait for it to walk
# through half a million objects: 70 of its 110 ms.
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
