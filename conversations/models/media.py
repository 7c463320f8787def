"""Photos, videos and GIFs as X describes them, and the files we keep of them."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import XAccount
from dminbox import leases


class MediaFile(models.Model):
    """One file fetched from X, kept on disk, served by us. Shared by whoever shows it; reached through a conversation.

    State arrows: due -> fetching (leased) -> stored | due again (later) | gone | too_large | refused;
    gone, too_large (after a rest) and refused -> due when a person asks for a retry; stored -> due when our disk has
    lost it.
    """

    class State(models.TextChoices):
        DUE = "due", _("Waiting to be fetched")
        FETCHING = "fetching", _("Being fetched")
        STORED = "stored", _("Stored")
        GONE = "gone", _("X no longer has it")
        TOO_LARGE = "too_large", _("Too large")
        REFUSED = "refused", _("Rejected: not an image or video, or not at an allowed address")

    GIVEN_UP = (State.GONE, State.TOO_LARGE, State.REFUSED)
    REST = timedelta(hours=1)
    """Between tries of a file that is too large: each loads as much of it as is allowed, and keeps nothing."""

    source_url = models.TextField(help_text="Where X keeps it. A secret: whoever knows it may see the file.")
    source_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of source_url, hexadecimal.")
    x_account = models.ForeignKey(
        XAccount,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Whose token fetches it (DM photos); empty: no token.",
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    path = models.CharField(max_length=200, blank=True, help_text="Under MEDIA_ROOT.")
    content_type = models.CharField(
        max_length=50, blank=True, help_text="Sniffed from the bytes, never taken from the answer."
    )
    size = models.BigIntegerField(null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    stored_at = models.DateTimeField(null=True, blank=True)
    thumbnails_due_at = models.DateTimeField(
        null=True, blank=True, default=timezone.now, help_text="Once stored; empty when all that can be made are."
    )
    thumbnail_attempts = models.PositiveSmallIntegerField(default=0)
    thumbnail_widths = models.JSONField(default=list, blank=True, help_text="Of the WebP copies beside the file.")
    placeholder = models.CharField(max_length=600, blank=True, help_text="A blurred picture as a data: address.")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], name="media_file_due", condition=models.Q(state__in=["due", "fetching"])),
            models.Index(
                fields=["thumbnails_due_at"],
                name="media_file_thumbnails_due",
                condition=models.Q(state="stored", thumbnails_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"file {self.pk} ({self.state})"

    def want_again(self) -> bool:
        """A person asks once more for what was given up, or is tried only seldom. Whether it is fetched for that."""
        is_rested = leases.is_due("due_at", timezone.now(), self.REST)
        wanted = models.Q(state__in=[*self.GIVEN_UP, MediaFile.State.DUE])
        return self._make_due(wanted & (is_rested | ~models.Q(state=MediaFile.State.TOO_LARGE)))

    def replace_lost_bytes(self) -> bool:
        """What X may still have replaces what a disk has lost."""
        return self._make_due(models.Q(state=MediaFile.State.STORED))

    def replace_lost_thumbnails(self) -> bool:
        """Until they are made again, pages show the file itself."""
        again = {"thumbnail_widths": [], "thumbnail_attempts": 0, "thumbnails_due_at": timezone.now()}
        return MediaFile.objects.filter(pk=self.pk, state=MediaFile.State.STORED).update(**again) == 1

    def _make_due(self, condition: models.Q) -> bool:
        due = {"state": MediaFile.State.DUE, "due_at": timezone.now(), "attempts": 0, "error": ""}
        return MediaFile.objects.filter(condition, pk=self.pk).update(**due) == 1


class Media(models.Model):
    """A photo, video or GIF of messages and posts, as X describes it, and the files we keep of it."""

    class Kind(models.TextChoices):
        PHOTO = "photo"
        VIDEO = "video"
        ANIMATED_GIF = "animated_gif"

    media_key = models.CharField(max_length=50, unique=True)
    type = models.CharField(max_length=20, help_text="X's word.")
    alt_text = models.TextField(blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    file = models.ForeignKey(
        MediaFile,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The photo, or the best MP4.",
    )
    light = models.ForeignKey(
        MediaFile,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="An MP4 for small screens and for who saves data; empty where the best is one.",
    )
    preview = models.ForeignKey(MediaFile, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    raw = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.media_key
