"""Pictures of the pages that messages and posts link to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from conversations.models.events import DmEvent
from conversations.models.media import MediaFile
from conversations.models.posts import Post


class LinkPicture(models.Model):
    """The picture X shows for a link of one message or of one post. Which link it is, its address says."""

    event = models.ForeignKey(DmEvent, null=True, blank=True, on_delete=models.CASCADE, related_name="link_pictures")
    post = models.ForeignKey(Post, null=True, blank=True, on_delete=models.CASCADE, related_name="link_pictures")
    file = models.ForeignKey(MediaFile, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(event=None) ^ models.Q(post=None), name="link_picture_of_a_message_or_a_post"
            ),
            models.UniqueConstraint(fields=["event", "file"], name="link_picture_once_per_event"),
            models.UniqueConstraint(fields=["post", "file"], name="link_picture_once_per_post"),
        ]

    def __str__(self) -> str:
        return f"{self.file_id} of event {self.event_id}" if self.event_id else f"{self.file_id} of post {self.post_id}"
