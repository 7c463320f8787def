"""The one way in for browsers: Django behind ASGI."""

from __future__ import annotations

import gc
import os

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.urls import get_resolver

from dminbox import catalogues
from dminbox.bodies import limited
from dminbox.celery import app as celery_app
from dminbox.one_thread import InOneThread
from dminbox.static import with_static_files

__all__ = ["application", "celery_app"]


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
