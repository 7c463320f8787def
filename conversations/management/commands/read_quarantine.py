"""Reads again what this version may understand of what X sent and an older one did not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from conversations.models import QuarantinedEvent
from conversations.sync import push, rereading


class Command(BaseCommand):
    help = "Reads the quarantine again: what can be read now is stored, the rest stays. It can run any number of times."

    def handle(self, *args: Any, **options: Any) -> None:
        outcome = rereading.read_again(rereading.batches(QuarantinedEvent.objects.all()))
        outcome += rereading.read_deliveries_again(push.odd_ones())
        self.stdout.write(f"{outcome.read} read and stored, {outcome.still} still unreadable")
