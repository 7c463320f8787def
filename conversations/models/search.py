"""What search reads instead of the messages: their words as numbers, and how far that index is."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from accounts.models import XAccount
from conversations.models.events import DmEvent
from conversations.models.people import XUser


class TokensField(models.Field):  # type: ignore[type-arg]
    """Numbers of 32 bits: an array on PostgreSQL; on SQLite a text, for FTS5 takes nothing else."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "integer[]" if connection.vendor == "postgresql" else "text"

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        tokens = sorted(value)
        return tokens if connection.vendor == "postgresql" else " ".join(map(as_text, tokens))

    def from_db_value(self, value: Any, _expression: object, connection: BaseDatabaseWrapper) -> set[int]:
        return set(value) if connection.vendor == "postgresql" else {as_number(token) for token in value.split()}


def as_text(token: int) -> str:
    return f"{token + 2**31:x}"


def as_number(token: str) -> int:
    return int(token, 16) - 2**31


class SearchEntry(models.Model):
    """What one message is found by. Written by `conversations/search/index.py` alone, some moments after the message.

    `position` is the dm_event_id, or the nearest free number: two of our accounts in one group have the same event.
    The tokens stand in a GIN index on PostgreSQL, and in an FTS5 table that triggers keep on SQLite (migration 0008).
    """

    position = models.BigIntegerField(primary_key=True, help_text="Newest first is the order of what is found.")
    event = models.OneToOneField(DmEvent, on_delete=models.CASCADE, related_name="search_entry")
    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    tokens = TokensField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["x_account", "-position"], name="search_newest_first")
        ]

    def __str__(self) -> str:
        return f"words of event {self.event_id}"


class SearchState(models.Model):
    """How far the words of one X account's messages are indexed: up from the change log, and down through what was
    there before."""

    x_account = models.OneToOneField(XAccount, on_delete=models.CASCADE, related_name="search_state")
    seen_change = models.BigIntegerField(help_text="Number of the change log up to which all is indexed.")
    old_below = models.BigIntegerField(help_text="Rows of events below this one are still to be indexed; 0: none.")
    old_left = models.BigIntegerField(default=0, help_text="About how many those are.")
    lease_until = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"index of {self.x_account_id} up to {self.seen_change}"


class NameGram(models.Model):
    """Three characters in a row that a person's name or handle holds."""

    gram = models.IntegerField()
    x_user = models.ForeignKey(XUser, on_delete=models.CASCADE, related_name="name_grams")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["gram", "x_user"], name="name_gram_once_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.gram} of {self.x_user_id}"
