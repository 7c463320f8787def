"""Posts shared in messages."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import XAccount
from conversations.models.media import Media
from conversations.models.people import XUser


class Post(models.Model):
    """A post shared in messages, as X last gave it.

    Details (author, media, poll, quoted post) are fetched once, by a task of their own.

    State arrows: due -> complete | unavailable (protected, deleted, suspended: X's words in
    `unavailable_reason`).
    """

    class State(models.TextChoices):
        DUE = "due", _("Waiting for details")
        COMPLETE = "complete", _("Complete")
        UNAVAILABLE = "unavailable", _("Not available")

    id = models.BigIntegerField(primary_key=True, help_text="X's post id.")
    author = models.ForeignKey(XUser, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(blank=True)
    entities = models.JSONField(default=dict)
    created_at = models.DateTimeField(null=True, blank=True)
    quoted = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    poll = models.JSONField(null=True, blank=True, help_text="X's poll object.")
    media = models.ManyToManyField(Media, through="PostMedia", related_name="posts")
    raw = models.JSONField(default=dict)
    state = models.CharField(max_length=12, choices=State.choices, default=State.DUE)
    unavailable_reason = models.CharField(max_length=300, blank=True)
    details_due_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    details_attempts = models.PositiveSmallIntegerField(default=0)
    fetched_at = models.DateTimeField(null=True, blank=True)
    x_account = models.ForeignKey(
        XAccount,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Whose token asks for the details.",
    )

    media_shown: list[PostMedia]  # on the posts of a page of a thread

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["details_due_at"], name="post_details_due", condition=models.Q(state="due"))
        ]

    def __str__(self) -> str:
        return str(self.pk)


class PostMedia(models.Model):
    """A photo, video or GIF of a post."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="post_media")
    media = models.ForeignKey(Media, on_delete=models.PROTECT)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["post", "media"], name="post_media_once")
        ]

    def __str__(self) -> str:
        return f"{self.media_id} of {self.post_id}"
