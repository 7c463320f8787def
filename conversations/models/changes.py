"""The change log: every change of a conversation, once, in the order in which it was committed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import XAccount
from conversations.models.events import Conversation, DmEvent


class Change(models.Model):
    """One change that people may see. Written by `conversations/changes.py` alone, with what it announces.

    `number` counts per X account in the order of the commits: who has seen number n never misses a smaller one.
    """

    class Kind(models.TextChoices):
        EVENT = "event", _("An event was stored")
        EVENT_UPDATED = "event_updated", _("An event was updated")
        CONVERSATION = "conversation", _("A conversation was updated")
        RECEIPT = "receipt", _("The other side has seen it")
        TYPING = "typing", _("Somebody is typing")
        ACCOUNT = "account", _("The state of the X account changed")

    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="changes"
    )
    number = models.BigIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=14, choices=Kind.choices)
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.CASCADE, related_name="changes", db_index=False
    )
    event = models.ForeignKey(DmEvent, null=True, blank=True, on_delete=models.CASCADE, related_name="changes")
    data = models.JSONField(_("IDs and times"), default=dict, help_text=_("IDs and times only, never message text."))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name, verbose_name_plural = _("change"), _("changes")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "number"], name="change_numbered_once_per_x_account"),
            models.UniqueConstraint(
                fields=["event"], condition=models.Q(kind="event"), name="change_names_a_stored_event_once"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["created_at"], name="change_oldest_first")]

    def __str__(self) -> str:
        return f"{self.x_account_id}:{self.number} {self.kind}"


class UntoldLook(models.Model):
    """Files or posts that look different now: some of the events that show them may not have been announced yet.

    Written with the change itself by `conversations/changes.py`, and deleted with the last announcement of it.
    """

    files = models.JSONField(default=list)
    posts = models.JSONField(default=list)
    due_at = models.DateTimeField(help_text="Whoever made the change has told it by then, or died.")

    def __str__(self) -> str:
        return f"untold look {self.pk}"
