"""How far we have read at X, what is still wanted, and what it cost."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import XAccount
from conversations.models.events import Conversation
from conversations.querysets import ConversationLookupQuerySet


class SyncState(models.Model):
    """How one X account's polling stands: when next, what the headers said, what is wrong if something is.

    State arrows: waiting (not asked yet how far back) -> active <-> rate_limited | unavailable | no_credit | refused;
    active <-> paused (import ceiling); active <-> capped (the month's cap; it goes on with the new month).
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for the choice of how far back to read")
        ACTIVE = "active", _("Reading")
        PAUSED = "paused", _("Paused at the import ceiling")
        CAPPED = "capped", _("Paused at the month's cap")
        RATE_LIMITED = "rate_limited", _("Waiting for X's rate window")
        UNAVAILABLE = "unavailable", _("X cannot be reached")
        NO_CREDIT = "no_credit", _("No credit at X")
        REFUSED = "refused", _("X refuses")

    x_account = models.OneToOneField(XAccount, on_delete=models.CASCADE, related_name="sync")
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    state_since = models.DateTimeField(default=timezone.now)
    detail = models.CharField(
        max_length=500, blank=True, help_text="What is wrong, in words; with X's transaction id where X gave one."
    )
    failures = models.PositiveIntegerField(default=0, help_text="In a row; steers the back-off.")
    horizon_id = models.BigIntegerField(
        default=0, help_text="Nothing older is asked for by polling: how far back the person chose."
    )
    import_days = models.PositiveSmallIntegerField(null=True, blank=True, help_text="0: only from now on.")
    import_ceiling_usd = models.DecimalField(max_digits=10, decimal_places=3, default=0)
    import_spent_usd = models.DecimalField(max_digits=10, decimal_places=3, default=0)
    import_finished_at = models.DateTimeField(null=True, blank=True)

    next_poll_at = models.DateTimeField(null=True, blank=True)
    last_poll_at = models.DateTimeField(null=True, blank=True, help_text="Last answer of any kind.")
    last_success_at = models.DateTimeField(null=True, blank=True, help_text="Last page read; the age of what is shown.")
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.CharField(max_length=64, blank=True)

    rate_limit = models.PositiveIntegerField(null=True, blank=True)
    rate_remaining = models.PositiveIntegerField(null=True, blank=True)
    rate_reset_at = models.DateTimeField(null=True, blank=True)
    are_windows_shared = models.BooleanField(
        null=True, blank=True, help_text="Whether X counts all DM reads in one window; learnt from its headers."
    )
    odd_events = models.PositiveIntegerField(default=0, help_text="Events in quarantine.")

    last_change = models.BigIntegerField(default=0, help_text="Newest number of the change log.")
    monthly_cap_usd = models.DecimalField(
        max_digits=10, decimal_places=2, null=True, blank=True, help_text="Empty: no cap."
    )
    watched_until = models.DateTimeField(null=True, blank=True, help_text="Somebody is looking at it.")
    last_news_at = models.DateTimeField(null=True, blank=True, help_text="When a poll last brought something new.")
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When a poll last came down to events that X surely shows all of."
    )
    top_id = models.BigIntegerField(
        default=0, help_text="Newest event of the last poll that read on down to what was read before."
    )
    last_news = models.PositiveIntegerField(default=0, help_text="New events of the last poll.")
    needs_people = models.BooleanField(
        default=False, help_text="X tells senders only when they are expanded: seen once, asked for from then on."
    )
    reconciled_on = models.DateField(null=True, blank=True, help_text="The UTC day that was read once more whole.")
    reconcile_token = models.CharField(max_length=200, blank=True)
    reconcile_below = models.BigIntegerField(default=0, help_text="The oldest event id that was read of it so far.")
    chats_checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_poll_at"], name="sync_due", condition=models.Q(next_poll_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"sync of {self.x_account_id} ({self.state})"


class ReadInterval(models.Model):
    """A stretch of event ids that has been read whole: from low_id up to high_id, both included.

    `conversation` empty: of /2/dm_events of the account; else of that conversation's own history.
    `next_token` set: the stretch below low_id is a gap still to be read, from there on. Empty: nothing to read below it
    (the next interval touches, the horizon or X's end is reached). high_id never lies within the settling time of the
    answer it came from: X shows some messages late. low_id = high_id + 1: only unsettled ids were read so far.
    """

    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="read_intervals")
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.CASCADE, related_name="read_intervals"
    )
    low_id = models.BigIntegerField()
    high_id = models.BigIntegerField()
    next_token = models.CharField(max_length=200, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, help_text="When the gap below is tried next.")
    empty_pages = models.PositiveSmallIntegerField(
        default=0, help_text="Pages in a row that brought nothing older: empty, or by a token that leads in a circle."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-high_id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["x_account", "conversation", "-high_id"], name="read_interval_newest")
        ]

    def __str__(self) -> str:
        return f"{self.low_id}..{self.high_id}"


class HistoryRead(models.Model):
    """Somebody's wish to read a conversation's older history at X, page by page, resumable.

    State arrows: due (leased while a page is read) -> due (more wanted, or later) | done | failed (X's words).
    """

    class State(models.TextChoices):
        DUE = "due", _("Next page to be read")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="history_reads")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    pages_wanted = models.PositiveSmallIntegerField(default=1)
    pages_read = models.PositiveSmallIntegerField(default=0)
    events_read = models.PositiveIntegerField(default=0)
    event_types = models.JSONField(default=list, help_text="Empty: all kinds.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.DUE)
    next_token = models.CharField(
        max_length=200, blank=True, help_text="Where a read of some kinds goes on; one of all kinds has its interval."
    )
    detail = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"history of {self.conversation_id} ({self.state})"


class QuarantinedEvent(models.Model):
    """An element of a page that could not be stored as an event: kept raw, so that it can be replayed."""

    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="quarantined_events")
    raw_hash = models.CharField(max_length=64)
    raw = models.JSONField()
    reason = models.CharField(max_length=500)
    times_seen = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "raw_hash"], name="quarantined_event_once")
        ]

    def __str__(self) -> str:
        return f"quarantined {self.pk}"


class ConversationLookup(models.Model):
    """Somebody's wish to open a conversation by handle, user id or address; a task asks X for it.

    State arrows: due (leased while X is asked) -> found | none (X knows none) | failed (X's words) | due (later).
    """

    class Kind(models.TextChoices):
        USERNAME = "username"
        USER_ID = "user_id"
        CONVERSATION_ID = "conversation_id"

    class State(models.TextChoices):
        DUE = "due", _("X is being asked")
        FOUND = "found", _("Found")
        NONE = "none", _("X knows none")
        FAILED = "failed", _("Failed")

    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="conversation_lookups")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    target = models.CharField(max_length=50, help_text="A handle without @, a user id or a conversation id.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.DUE)
    detail = models.CharField(max_length=300, blank=True)
    conversation = models.ForeignKey(Conversation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = ConversationLookupQuerySet.as_manager()

    def __str__(self) -> str:
        return f"lookup {self.pk} ({self.state})"
