"""The Celery app. The tables are the truth; a task only says "look at row N"."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dminbox.settings")
app = Celery("dminbox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
