"""What owners see of reading in the admin: numbers and states. Owning an installation gives nobody's messages to read.

What was said is shown on the pages, to members; of events in quarantine an owner who is a member sees the raw form.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from accounts.access import x_accounts_of
from conversations.models import (
    BilledResource,
    Conversation,
    ConversationLookup,
    HistoryRead,
    QuarantinedEvent,
    ReadInterval,
    SyncState,
)


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that nobody but the program writes."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(QuarantinedEvent)
class QuarantinedEventAdmin(LookOnly):
    list_display = ("pk", "x_account", "reason", "times_seen", "first_seen_at", "last_seen_at")
    list_filter = ("x_account",)
    fields = ("x_account", "reason", "times_seen", "first_seen_at", "last_seen_at", "raw_form")
    readonly_fields = ("raw_form",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        mine = x_accounts_of(request.user).filter(pk=models.OuterRef("x_account"))
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(is_mine=models.Exists(mine))
        return rows

    @admin.display(description="As X sent it")
    def raw_form(self, row: Any) -> str:
        if not row.is_mine:
            return "Only members of this X account see what X sent."
        return json.dumps(row.raw, ensure_ascii=False, indent=2)


@admin.register(SyncState)
class SyncStateAdmin(LookOnly):
    list_display = ("x_account", "state", "last_success_at", "next_poll_at", "rate_remaining", "odd_events", "detail")


@admin.register(ReadInterval)
class ReadIntervalAdmin(LookOnly):
    list_display = ("x_account", "conversation", "low_id", "high_id", "has_gap_below", "due_at", "empty_pages")
    list_filter = ("x_account",)
    exclude = ("next_token",)

    @admin.display(boolean=True)
    def has_gap_below(self, row: ReadInterval) -> bool:
        return bool(row.next_token)


@admin.register(HistoryRead)
class HistoryReadAdmin(LookOnly):
    list_display = ("conversation", "state", "pages_read", "pages_wanted", "events_read", "due_at", "detail")
    exclude = ("next_token",)


@admin.register(ConversationLookup)
class ConversationLookupAdmin(LookOnly):
    """Whom people look for is theirs to know: neither the target nor words that repeat it."""

    list_display = ("x_account", "kind", "state", "asked_at", "due_at")
    exclude = ("target", "detail", "conversation")


@admin.register(BilledResource)
class BilledResourceAdmin(LookOnly):
    list_display = ("day", "kind", "resource_id", "x_account")
    list_filter = ("kind", "x_account")
    date_hierarchy = "day"


@admin.register(Conversation)
class ConversationAdmin(LookOnly):
    """Which conversations there are, by X's ids; what was said in them stands nowhere in the admin."""

    list_display = ("dm_conversation_id", "x_account", "is_group", "has_reached_beginning", "events")
    list_filter = ("x_account", "is_group")
    fields = ("dm_conversation_id", "x_account", "is_group", "has_reached_beginning", "created_at")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(event_count=models.Count("events"))
        return rows

    @admin.display(ordering="event_count")
    def events(self, row: Any) -> int:
        return int(row.event_count)
