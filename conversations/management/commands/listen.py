"""Holds X's activity stream open, so that messages come within a second. Any number may run; one holds it."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from conversations.sync.listening import Listener, Stopped


class Command(BaseCommand):
    help = "Holds X's activity stream open and takes in what X pushes, until it is ended."

    def handle(self, *args: Any, **options: Any) -> None:
        listener = Listener()

        def end(*_: object) -> None:
            """Out of a read that waits for the next line, too; a second signal finds it giving back the lease."""
            if not listener.stopping.is_set():
                listener.stop()
                raise Stopped

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        listener.run()
