"""Filters of the inbox that a person has given a name."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class SavedView(models.Model):
    """One person's name for an address of the inbox. What it shows is looked up anew each time, as any inbox."""

    MOST: ClassVar[int] = 20
    """Views of one person: each has a count beside it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=40)
    query = models.TextField(help_text="The filters as they stand in the address.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "name"], name="saved_view_named_once_per_person")
        ]

    def __str__(self) -> str:
        return f"view {self.pk} of {self.user_id}"
