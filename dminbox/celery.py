"""The Celery app. The tables are the truth; a task only says "look at row N"."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.beat import Scheduler

from dminbox import alive, file_broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dminbox.settings")
file_broker.register()
app = Celery("dminbox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class BeatScheduler(Scheduler):
    """Keeps its clock in memory, for the tables say what is due; touches a file at each tick, for the health check."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        alive.touch("beat")
        return float(super().tick(*args, **kwargs))
