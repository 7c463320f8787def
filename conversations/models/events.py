"""Conversations, who is in them, and what was said."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import XAccount
from conversations.models.media import Media
from conversations.models.people import XUser
from conversations.models.posts import Post
from conversations.querysets import (
    ConversationQuerySet,
    DmEventQuerySet,
    EventParticipantQuerySet,
    ParticipantQuerySet,
)


class Conversation(models.Model):
    """One DM conversation as one of our X accounts sees it. A group that two of them are in is two rows.

    The `last_*` columns are recomputed from the events by sync in the same transaction: the inbox never scans events.
    """

    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="conversations"
    )
    dm_conversation_id = models.CharField(_("X's conversation ID"), max_length=50)
    is_group = models.BooleanField(_("group"), default=False)
    peer = models.ForeignKey(
        XUser,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The other side of a one-to-one; ourselves in a conversation with oneself.",
    )
    last_event = models.ForeignKey("DmEvent", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    last_dm_event_id = models.BigIntegerField(default=0, help_text="Newest event shown; orders the inbox.")
    last_incoming_dm_event_id = models.BigIntegerField(
        default=0, help_text="Newest MessageCreate by somebody else; decides unread."
    )
    last_own_dm_event_id = models.BigIntegerField(
        default=0, db_default=0, help_text="Newest MessageCreate by ourselves; what came in later is unanswered."
    )
    has_media = models.BooleanField(
        default=False, db_default=False, help_text="Some message brought a photo, video or GIF."
    )
    has_post = models.BooleanField(default=False, db_default=False, help_text="Some message shared a post.")
    has_reached_beginning = models.BooleanField(
        _("complete"), default=False, help_text=_("X returned the whole history it has of this conversation.")
    )
    encrypted_at = models.DateTimeField(
        null=True, blank=True, help_text="First sign that it goes on as encrypted X Chat, which X gives to no app."
    )
    last_encrypted_at = models.DateTimeField(null=True, blank=True, help_text="Newest sign of that.")
    last_encrypted_id = models.BigIntegerField(default=0, help_text="The same as an event id of that time would be.")
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("conversation"), _("conversations")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "dm_conversation_id"], name="conversation_once_per_x_account")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["x_account", "-last_dm_event_id", "-id"], name="inbox_newest_first"),
            models.Index(
                fields=["x_account", "-last_dm_event_id", "-id"],
                name="inbox_groups_newest_first",
                condition=models.Q(is_group=True),
            ),
            models.Index(
                fields=["x_account", "-last_incoming_dm_event_id"],
                include=["id", "last_dm_event_id"],
                name="inbox_unread",
            ),
            models.Index(
                fields=["x_account", "-last_dm_event_id", "-id"],
                name="inbox_unanswered_newest_first",
                condition=models.Q(last_incoming_dm_event_id__gt=models.F("last_own_dm_event_id")),
            ),
            models.Index(
                fields=["x_account", "-last_dm_event_id", "-id"],
                name="inbox_with_media_newest_first",
                condition=models.Q(has_media=True),
            ),
            models.Index(
                fields=["x_account", "-last_dm_event_id", "-id"],
                name="inbox_with_posts_newest_first",
                condition=models.Q(has_post=True),
            ),
        ]

    def __str__(self) -> str:
        return self.dm_conversation_id


class Participant(models.Model):
    """One person in one conversation: when they came, who brought them, when they left. Recomputed from the events."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="participants")
    x_user = models.ForeignKey(XUser, on_delete=models.PROTECT, related_name="participations")
    is_present = models.BooleanField(default=True)
    joined_at = models.DateTimeField(
        null=True, blank=True, help_text="Latest join that X showed; empty when they were there before."
    )
    invited_by = models.ForeignKey(XUser, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    left_at = models.DateTimeField(null=True, blank=True)
    last_message_at = models.DateTimeField(null=True, blank=True)
    seen_dm_event_id = models.BigIntegerField(null=True, blank=True, help_text="Newest event they have read, by push.")
    seen_at = models.DateTimeField(null=True, blank=True)
    typing_until = models.DateTimeField(null=True, blank=True, help_text="By push; until then they are typing.")

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["conversation", "x_user"], name="participant_once_per_conversation")
        ]

    def __str__(self) -> str:
        return f"{self.x_user_id} in {self.conversation_id}"


class DmEvent(models.Model):
    """One event of a conversation, kept as X gave it. Rows are added and completed, never rewritten by a person."""

    class Type(models.TextChoices):
        MESSAGE_CREATE = "MessageCreate"
        PARTICIPANTS_JOIN = "ParticipantsJoin"
        PARTICIPANTS_LEAVE = "ParticipantsLeave"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="events", db_index=False)
    dm_event_id = models.BigIntegerField(help_text="X's id; its order is the order of the conversation.")
    event_type = models.CharField(
        max_length=40, help_text="X's word; kinds we do not know are kept with their raw form."
    )
    created_at = models.DateTimeField(help_text="X's time, or the time inside the id where X gave none.")
    sender = models.ForeignKey(XUser, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    text = models.TextField(null=True, blank=True)
    entities = models.JSONField(
        default=dict, help_text="urls, hashtags, cashtags, mentions; indices count code points."
    )
    participants = models.ManyToManyField(
        XUser, related_name="+", through="EventParticipant", help_text="Who joined or left."
    )
    posts = models.ManyToManyField(Post, through="EventPost", related_name="events")
    media = models.ManyToManyField(Media, through="EventMedia", related_name="events")
    has_media = models.BooleanField(
        default=False, db_default=False, help_text="It brought a photo, video or GIF: what a gallery is read by."
    )
    has_post = models.BooleanField(default=False, db_default=False, help_text="It shared a post.")
    raw = models.JSONField(help_text="The event as X last gave it.")
    told_digest = models.BigIntegerField(
        null=True, editable=False, help_text="Of the answer that told it last: the same once more needs no look at it."
    )
    stored_at = models.DateTimeField(default=timezone.now)
    unavailable_since = models.DateTimeField(null=True, blank=True, help_text="X answered 404 for it; our copy stays.")

    # On rows that conversations/showing/contents.py has filled.
    people_shown: list[EventParticipant]
    media_shown: list[EventMedia]
    posts_shown: list[EventPost]

    objects = DmEventQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["conversation", "dm_event_id"], name="dm_event_once_per_conversation")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["sender", "-dm_event_id"], name="events_of_a_person"),
            models.Index(
                fields=["event_type"],
                name="event_of_unknown_kind",
                condition=~models.Q(
                    event_type__in=["MessageCreate", "ParticipantsJoin", "ParticipantsLeave"]  # Type.values
                ),
            ),
            models.Index(
                fields=["conversation", "-dm_event_id"],
                name="gallery_newest_first",
                condition=models.Q(has_media=True),
            ),
        ]

    def __str__(self) -> str:
        return str(self.dm_event_id)


class EventParticipant(models.Model):
    """A person who joined or left by an event."""

    event = models.ForeignKey(DmEvent, on_delete=models.CASCADE, related_name="event_participants")
    x_user = models.ForeignKey(XUser, on_delete=models.PROTECT)
    position = models.PositiveSmallIntegerField(default=0)

    objects = EventParticipantQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["event", "x_user"], name="event_participant_once")
        ]

    def __str__(self) -> str:
        return f"{self.x_user_id} of {self.event_id}"


class EventPost(models.Model):
    """A post shared by an event."""

    event = models.ForeignKey(DmEvent, on_delete=models.CASCADE, related_name="event_posts")
    post = models.ForeignKey(Post, on_delete=models.PROTECT)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["event", "post"], name="event_post_once")
        ]

    def __str__(self) -> str:
        return f"{self.post_id} of {self.event_id}"


class EventMedia(models.Model):
    """A photo, video or GIF attached to an event."""

    event = models.ForeignKey(DmEvent, on_delete=models.CASCADE, related_name="event_media")
    media = models.ForeignKey(Media, on_delete=models.PROTECT)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["event", "media"], name="event_media_once")
        ]

    def __str__(self) -> str:
        return f"{self.media_id} of {self.event_id}"


class ReadMark(models.Model):
    """How far one person has read one conversation. Reading moves it forward; "mark as unread" moves it back, and so
    does a message that X shows late, to below it.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="read_marks")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="read_marks")
    dm_event_id = models.BigIntegerField(default=0, help_text="Newest event this person has seen.")
    moved_at = models.DateTimeField(default=timezone.now)
    was_moved_back = models.BooleanField(
        default=False, help_text="Marked as unread: counts also for what was there before the person joined."
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "conversation"], name="read_mark_once_per_person")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["moved_at"], name="read_mark_moved_last"),
            # Counts and filters look at hundreds of marks, and read no table for it.
            models.Index(
                fields=["user", "conversation"],
                include=["dm_event_id", "was_moved_back"],
                name="read_marks_of_a_person",
            ),
            models.Index(fields=["user"], condition=models.Q(was_moved_back=True), name="marked_as_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} read {self.conversation_id} to {self.dm_event_id}"
