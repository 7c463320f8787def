"""People on X, as last seen."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Upper
from django.utils import timezone

from conversations.querysets import XUserQuerySet

CALLED_OTHERWISE = ~models.Q(indexed_name=models.F("name")) | ~models.Q(indexed_username=models.F("username"))
"""Than when their names were last made ready for searching."""


class XUser(models.Model):
    """A person on X, as last seen. Shared by all X accounts; reached only through a conversation.

    A row without `profile_seen_at` is a bare id: X named the person in an event but has not shown the profile yet.
    """

    id = models.BigIntegerField(primary_key=True, help_text="X's user id.")
    username = models.CharField(max_length=50, blank=True)
    name = models.CharField(max_length=200, blank=True)
    profile_image_url = models.URLField(max_length=500, blank=True)
    is_protected = models.BooleanField(default=False)
    is_verified = models.BooleanField(default=False)
    verified_type = models.CharField(max_length=20, blank=True)
    raw = models.JSONField(default=dict)
    first_seen_at = models.DateTimeField(default=timezone.now)
    profile_seen_at = models.DateTimeField(null=True, blank=True, help_text="When X last showed this profile.")
    named_at = models.DateTimeField(null=True, blank=True, help_text="When X first showed this name and username.")
    described_at = models.DateTimeField(
        null=True, blank=True, help_text="When X first showed this description, location and picture."
    )
    unavailable_since = models.DateTimeField(null=True, blank=True)
    unavailable_reason = models.CharField(
        max_length=300, blank=True, help_text="X's words, for example: User has been suspended."
    )
    lookup_due_at = models.DateTimeField(
        null=True, blank=True, help_text="When to ask X for the profile by id; empty when not needed."
    )
    lookup_attempts = models.PositiveSmallIntegerField(default=0)
    untold_since = models.DateTimeField(
        null=True, blank=True, help_text="Shows otherwise since then, which the change log does not tell yet."
    )
    avatar = models.ForeignKey("MediaFile", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    indexed_username = models.CharField(
        max_length=50, default="", db_default="", editable=False, help_text="As the search was last told of it."
    )
    indexed_name = models.CharField(max_length=200, default="", db_default="", editable=False)

    objects = XUserQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(Upper("username"), name="x_user_by_username"),
            models.Index(
                fields=["lookup_due_at"], name="x_user_lookup_due", condition=models.Q(lookup_due_at__isnull=False)
            ),
            models.Index(fields=["untold_since"], name="x_user_untold", condition=models.Q(untold_since__isnull=False)),
            models.Index(fields=["id"], name="x_user_to_index", condition=CALLED_OTHERWISE),
        ]

    def __str__(self) -> str:
        return f"@{self.username}" if self.username else str(self.pk)

    @property
    def description(self) -> str:
        return self._said("description")

    @property
    def location(self) -> str:
        return self._said("location")

    def _said(self, name: str) -> str:
        """What stands in the profile as it came, where it is a text."""
        value = self.raw.get(name) if isinstance(self.raw, dict) else None
        return value.strip() if isinstance(value, str) else ""


class XUserName(models.Model):
    """A name and username somebody had before. Written with the profile that shows another."""

    x_user = models.ForeignKey(XUser, on_delete=models.CASCADE, related_name="former_names", db_index=False)
    name = models.CharField(max_length=200, blank=True)
    username = models.CharField(max_length=50, blank=True)
    seen_from = models.DateTimeField(help_text="When X first showed it.")
    seen_until = models.DateTimeField(help_text="When X last showed it.")

    class Meta:
        ordering: ClassVar[list[str]] = ["-seen_until"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_user", "seen_until"], name="x_user_name_once")
        ]

    def __str__(self) -> str:
        return f"@{self.username} of {self.x_user_id}"


class XUserLook(models.Model):
    """A description, location and picture somebody had before. Written with the profile that shows others."""

    x_user = models.ForeignKey(XUser, on_delete=models.CASCADE, related_name="former_looks", db_index=False)
    description = models.TextField(blank=True)
    location = models.TextField(blank=True)
    avatar = models.ForeignKey("MediaFile", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    seen_from = models.DateTimeField(help_text="When X first showed it.")
    seen_until = models.DateTimeField(help_text="When X last showed it.")

    class Meta:
        ordering: ClassVar[list[str]] = ["-seen_until"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_user", "seen_until"], name="x_user_look_once")
        ]

    def __str__(self) -> str:
        return f"look of {self.x_user_id} until {self.seen_until:%Y-%m-%d}"
