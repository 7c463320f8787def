"""Frees what a killed group of processes left leased, so that its successor need not wait for the leases to run out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import (
    ActivityDelivery,
    ConversationLookup,
    HistoryRead,
    MediaFile,
    PushState,
    RequestClaim,
    SpendReservation,
    SyncState,
    UnfinishedDay,
)

SHARED = "With a DATABASE_URL or REDIS_URL other machines may hold these leases; they run out by themselves."


class Command(BaseCommand):
    help = "Frees all leases in the database. For `make run` alone, which knows that no other process works on it."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_EMBEDDED:
            raise CommandError(SHARED)
        free_leases()


@transaction.atomic
def free_leases() -> None:
    SyncState.objects.exclude(lease_until=None).update(lease_until=None, lease_holder="")
    # The holder's name stays: who claims next learns from it that the refresh token may be spent already.
    XAccount.objects.exclude(refresh_lease_until=None).update(refresh_lease_until=None)
    for model in (HistoryRead, ConversationLookup, UnfinishedDay, ActivityDelivery):
        model._default_manager.exclude(lease_until=None).update(lease_until=None)
    fetching = MediaFile.objects.filter(state=MediaFile.State.FETCHING)
    fetching.update(state=MediaFile.State.DUE, due_at=timezone.now(), lease_until=None)
    SpendReservation.objects.all().delete()
    RequestClaim.objects.all().delete()
    PushState.objects.exclude(lease_until=None).update(lease_until=None, holder="")
    PushState.objects.exclude(subscriptions_lease_until=None).update(subscriptions_lease_until=None)
