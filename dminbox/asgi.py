"""The one way in for browsers: Django behind ASGI."""

import os

from django.core.asgi import get_asgi_application

from dminbox.celery import app as celery_app

__all__ = ["application", "celery_app"]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dminbox.settings")
# Without its Celery app in this process, what a page queues would go to no broker at all.
celery_app.set_default()
application = get_asgi_application()
