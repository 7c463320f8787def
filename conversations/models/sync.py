"""How far we have read at X, what is still wanted, and what it cost."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import XAccount
from conversations.models.events import Conversation
from conversations.querysets import ConversationLookupQuerySet, UnfinishedDayQuerySet


class SyncState(models.Model):
    """How one X account's polling stands: when next, what the headers said, what is wrong if something is.

    State arrows: waiting (not asked yet how far back) -> active <-> rate_limited | unavailable | no_credit | refused;
    active <-> paused (import ceiling); active <-> capped (the month's cap; it goes on with the new month).
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for a choice of how far back to import")
        ACTIVE = "active", pgettext_lazy("state of an X account", "Syncing")
        PAUSED = "paused", _("Paused at the import limit")
        CAPPED = "capped", _("Paused at the monthly cap")
        RATE_LIMITED = "rate_limited", _("Waiting for X's rate limit")
        UNAVAILABLE = "unavailable", _("X cannot be reached")
        NO_CREDIT = "no_credit", _("No credit at X")
        REFUSED = "refused", _("Rejected by X")

    x_account = models.OneToOneField(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="sync"
    )
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.WAITING)
    state_since = models.DateTimeField(_("state since"), default=timezone.now)
    detail = models.CharField(
        _("detail"),
        max_length=500,
        blank=True,
        help_text=_("What is wrong; with X's transaction ID if there is one."),
    )
    failures = models.PositiveIntegerField(
        _("failures in a row"), default=0, help_text=_("In a row; sets how long to wait.")
    )
    horizon_id = models.BigIntegerField(
        _("oldest ID to poll"),
        default=0,
        help_text=_("Polling goes no further back, as chosen at the start."),
    )
    import_days = models.PositiveSmallIntegerField(
        _("days to import"), null=True, blank=True, help_text=_("0: only from now on.")
    )
    import_ceiling_usd = models.DecimalField(_("import limit (US dollars)"), max_digits=10, decimal_places=3, default=0)
    import_spent_usd = models.DecimalField(
        _("spent on the import (US dollars)"), max_digits=10, decimal_places=3, default=0
    )
    import_pages = models.PositiveIntegerField(default=0, db_default=0, editable=False, help_text="Read of it so far.")
    import_finished_at = models.DateTimeField(_("import finished at"), null=True, blank=True)

    next_poll_at = models.DateTimeField(_("next poll at"), null=True, blank=True)
    last_poll_at = models.DateTimeField(
        _("last poll at"), null=True, blank=True, help_text=_("Last response of any kind.")
    )
    last_success_at = models.DateTimeField(
        _("last page read at"), null=True, blank=True, help_text=_("Last page read: how current everything shown is.")
    )
    lease_until = models.DateTimeField(_("locked until"), null=True, blank=True)
    lease_holder = models.CharField(max_length=64, blank=True)

    rate_limit = models.PositiveIntegerField(_("requests allowed"), null=True, blank=True)
    rate_remaining = models.PositiveIntegerField(_("requests left"), null=True, blank=True)
    rate_reset_at = models.DateTimeField(_("resets at"), null=True, blank=True)
    are_windows_shared = models.BooleanField(
        _("one rate limit for all reads"),
        null=True,
        blank=True,
        help_text=_("Whether X has one rate limit for all DM reads; known from its headers."),
    )
    odd_events = models.PositiveIntegerField(_("unreadable events"), default=0, help_text=_("Events in quarantine."))

    last_change = models.BigIntegerField(_("newest change"), default=0, help_text=_("Newest number in the change log."))
    monthly_cap_usd = models.DecimalField(
        _("monthly cap (US dollars)"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Empty: no cap."),
    )
    watched_until = models.DateTimeField(
        _("watched until"), null=True, blank=True, help_text=_("Somebody is looking at it.")
    )
    last_news_at = models.DateTimeField(
        _("last new event at"), null=True, blank=True, help_text=_("When a poll last brought something new.")
    )
    settling_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When a poll last set out for events that X surely shows all of: for settled ground.",
    )
    top_id = models.BigIntegerField(
        _("newest event ID"),
        default=0,
        help_text=_("Newest event of the last poll that left no gap."),
    )
    seam_id = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="The seam with which whole conversations were compared last."
    )
    last_news = models.PositiveIntegerField(
        _("new events in the last poll"), default=0, help_text=_("How many new events the last poll found.")
    )
    needs_people_until = models.DateTimeField(
        _("requests people until"),
        null=True,
        blank=True,
        help_text=_("X has named senders only on request. After this, dminbox tries without once more."),
    )
    reconciled_on = models.DateField(
        _("day read again"), null=True, blank=True, help_text=_("The last UTC day that was read again in full.")
    )
    reconcile_token = models.CharField(max_length=200, blank=True)
    reconcile_below = models.BigIntegerField(
        _("read again down to ID"), default=0, help_text=_("The oldest event ID read again so far.")
    )
    reconcile_began_at = models.DateTimeField(
        null=True, editable=False, help_text="When it last set out to read the day."
    )
    reconcile_is_last = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Whether it set out for the last time of that day."
    )
    chats_checked_at = models.DateTimeField(_("encrypted ones checked at"), null=True, blank=True)
    chats_token = models.CharField(
        max_length=200, default="", db_default="", editable=False, help_text="Where their list is read on."
    )
    chats_pages = models.PositiveIntegerField(default=0, db_default=0, editable=False, help_text="Read of it so far.")

    class Meta:
        verbose_name, verbose_name_plural = _("sync state"), _("sync states")
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
    answer it came from: X shows some messages late. low_id = high_id + 1: only unsettled ids were read so far, and
    oldest_id tells how far down. is_known: all of the gap was read before, and leads down to settled ground.
    """

    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="read_intervals"
    )
    conversation = models.ForeignKey(
        Conversation,
        verbose_name=_("conversation"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="read_intervals",
    )
    low_id = models.BigIntegerField(_("oldest event ID"))
    high_id = models.BigIntegerField(_("newest event ID"))
    oldest_id = models.BigIntegerField(null=True, editable=False)
    next_token = models.CharField(max_length=200, blank=True)
    is_known = models.BooleanField(default=False, db_default=False, editable=False)
    due_at = models.DateTimeField(_("due at"), null=True, blank=True, help_text=_("When the gap below is tried next."))
    empty_pages = models.PositiveSmallIntegerField(
        _("pages with nothing older"),
        default=0,
        help_text=_("Pages in a row with nothing older: empty, or from a token that leads in a circle."),
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("synced range"), _("synced ranges")
        ordering: ClassVar[list[str]] = ["-high_id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["x_account", "conversation", "-high_id"], name="read_interval_newest")
        ]

    def __str__(self) -> str:
        return f"{self.low_id}..{self.high_id}"


class Wish(models.Model):
    """When a worker takes up what somebody wishes X to be asked for, and why not before."""

    waits_for_month = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Whether the month's cap has put it off."
    )
    waits_for_credit = models.BooleanField(
        default=False, db_default=False, editable=False, help_text='Whether X\'s "no credit" has put it off.'
    )
    due_at = models.DateTimeField(_("due at"), default=timezone.now)
    failures = models.PositiveIntegerField(
        _("failures in a row"), default=0, db_default=0, help_text=_("In a row; sets how long to wait.")
    )
    lease_until = models.DateTimeField(_("locked until"), null=True, blank=True)

    class Meta:
        abstract = True


class HistoryRead(Wish):
    """Somebody's wish to read a conversation's older history at X, page by page, resumable.

    State arrows: due (leased while a page is read) -> due (more wanted, or later) | done | failed (X's words).
    """

    class State(models.TextChoices):
        DUE = "due", _("Waiting for the next page")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), on_delete=models.CASCADE, related_name="history_reads"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("requested by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(_("requested at"), default=timezone.now)
    pages_wanted = models.PositiveSmallIntegerField(_("pages requested"), default=1)
    pages_read = models.PositiveSmallIntegerField(_("pages read"), default=0)
    events_read = models.PositiveIntegerField(_("events read"), default=0)
    event_types = models.JSONField(_("kinds of events"), default=list, help_text=_("Empty: all kinds."))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.DUE)
    next_token = models.CharField(
        max_length=200, blank=True, help_text="Where a read of some kinds goes on; one of all kinds has its interval."
    )
    detail = models.CharField(_("detail"), max_length=300, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("history import"), _("history imports")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], name="history_read_due", condition=models.Q(state="due"))
        ]

    def __str__(self) -> str:
        return f"history of {self.conversation_id} ({self.state})"


class UnfinishedDay(Wish):
    """A UTC day on which an X account was read, and not once more to its end: what X showed late may be missing. X
    bills a later read of it, so a person has to wish for that.

    State arrows: noted -> due (leased while a page is read) -> due (later) | done | noted (the price that was told is
    used up, or no longer holds) | failed (X's words) -> due. With X's window of 30 days it ends by itself.
    """

    class State(models.TextChoices):
        NOTED = "noted", _("Not read again")
        DUE = "due", _("Waiting for the next page")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="unfinished_days"
    )
    day = models.DateField(_("day (UTC)"))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.NOTED)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    asked_at = models.DateTimeField(_("requested at"), null=True, blank=True)
    events_wanted = models.PositiveIntegerField(_("events requested"), default=0)
    events_read = models.PositiveIntegerField(_("events read"), default=0)
    next_token = models.CharField(max_length=200, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)

    objects = UnfinishedDayQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("day not read again"), _("days not read again")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "day"], name="unfinished_day_once")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], name="unfinished_day_due", condition=models.Q(state="due"))
        ]

    def __str__(self) -> str:
        return f"{self.day} of {self.x_account_id} ({self.state})"


class QuarantinedEvent(models.Model):
    """An element of one of X's answers that could not be stored: kept raw, so that a later version can read it."""

    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="quarantined_events"
    )
    raw_hash = models.CharField(max_length=64)
    raw = models.JSONField()
    kind = models.CharField(
        max_length=12,
        default="",
        db_default="",
        editable=False,
        help_text="What it should be; of older rows not known.",
    )
    dm_conversation_id = models.CharField(
        max_length=50,
        default="",
        db_default="",
        editable=False,
        help_text="Whose history was read, where it says none.",
    )
    reason = models.CharField(_("reason"), max_length=500)
    times_seen = models.PositiveIntegerField(_("times seen"), default=1)
    first_seen_at = models.DateTimeField(_("first seen at"), default=timezone.now)
    last_seen_at = models.DateTimeField(_("last seen at"), default=timezone.now)

    class Meta:
        verbose_name, verbose_name_plural = _("event in quarantine"), _("events in quarantine")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "raw_hash"], name="quarantined_event_once")
        ]

    def __str__(self) -> str:
        return f"quarantined {self.pk}"


class UnknownMember(models.Model):
    """The name of a member that X has told of an object and that nobody here reads: the name alone, and never a value.

    The members themselves are in the raw form of what they belong to.
    """

    class Kind(models.TextChoices):
        ANSWER = "answer", _("response")
        EVENT = "event", _("event")
        USER = "user", _("person")
        POST = "post", _("post")
        MEDIA = "media", _("media")
        POLL = "poll", _("poll")
        CHAT = "chat", _("encrypted conversation")
        PUSHED = "pushed", _("activity")

    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="unknown_members", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=300)
    times_seen = models.BigIntegerField(default=0)
    example_id = models.CharField(max_length=64, blank=True, help_text="X's id of the first object that had it.")
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "kind", "name"], name="unknown_member_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.kind}"


class ConversationLookup(Wish):
    """Somebody's wish to open a conversation by handle, user id or address; a task asks X for it.

    State arrows: due (leased while X is asked) -> found | none (X knows none) | failed (X's words) | due (later).
    """

    class Kind(models.TextChoices):
        USERNAME = "username", _("username")
        USER_ID = "user_id", _("X user ID")
        CONVERSATION_ID = "conversation_id", _("X's conversation ID")

    class State(models.TextChoices):
        DUE = "due", _("Asking X")
        FOUND = "found", _("Found")
        NONE = "none", _("None found")
        FAILED = "failed", _("Failed")

    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="conversation_lookups"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("requested by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(_("requested at"), default=timezone.now)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    target = models.CharField(max_length=50, help_text="A handle without @, a user id or a conversation id.")
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.DUE)
    detail = models.CharField(max_length=300, blank=True)
    conversation = models.ForeignKey(Conversation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = ConversationLookupQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("conversation look-up"), _("conversation look-ups")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], name="lookup_due", condition=models.Q(state="due"))
        ]

    def __str__(self) -> str:
        return f"lookup {self.pk} ({self.state})"
