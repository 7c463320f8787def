"""What X pushes: deliveries as they came, the subscriptions behind them, and how the connection stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import XAccount

WEBHOOK_IS_TOLD_FOR = timedelta(minutes=15)
"""X is asked each minute what it holds of our webhook; older than this, its word says nothing."""


class ActivityDelivery(models.Model):
    """One activity as X pushed it, stored before anything is made of it. X delivers at least once, in any order.

    State arrows: due (leased while it is taken up) -> done | odd (kept raw: we could make nothing of it).
    """

    class Source(models.TextChoices):
        STREAM = "stream", _("stream")
        WEBHOOK = "webhook", _("webhook")

    class State(models.TextChoices):
        DUE = "due", _("Waiting")
        DONE = "done", _("Processed")
        ODD = "odd", _("Stored unprocessed")

    event_uuid = models.CharField(
        _("X's ID"), max_length=64, unique=True, help_text=_("From X; can be a negative number.")
    )
    event_type = models.CharField(_("kind of event"), max_length=60)
    x_user_id = models.BigIntegerField(
        _("X user ID"), null=True, blank=True, help_text=_("Whose subscription delivered it.")
    )
    source = models.CharField(_("delivered by"), max_length=8, choices=Source.choices)
    raw = models.JSONField(null=True, help_text="As X sent it; dropped with the row after some days.")
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    state = models.CharField(_("state"), max_length=5, choices=State.choices, default=State.DUE)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"), default=timezone.now)
    lease_until = models.DateTimeField(_("locked until"), null=True, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("pushed activity"), _("pushed activities")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], name="activity_due", condition=models.Q(state="due")),
            models.Index(fields=["received_at"], name="activity_oldest_first"),
            # What is tidied each hour: of a year of rows, few.
            models.Index(
                fields=["received_at"], name="activity_still_raw", condition=models.Q(raw__isnull=False, state="done")
            ),
            models.Index(fields=["received_at"], name="activity_odd", condition=models.Q(state="odd")),
            models.Index(fields=["x_user_id"], name="activity_of_whom"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_uuid} ({self.state})"


class ActivitySubscription(models.Model):
    """One kind of activity that X pushes for one X account; without an X account it is the app's own (oauth.revoke).

    State arrows: wanted -> active | refused (X's words; tried again later) | over_cap (X gives no more; it polls);
    active -> wanted when X does not list it any more, or it comes by another way than it should, and was ended.
    """

    class State(models.TextChoices):
        WANTED = "wanted", _("Not created yet")
        ACTIVE = "active", _("Active")
        REFUSED = "refused", _("Rejected by X")
        OVER_CAP = "over_cap", _("Over X's subscription limit")

    x_account = models.ForeignKey(
        XAccount,
        verbose_name=_("X account"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="activity_subscriptions",
    )
    event_type = models.CharField(_("kind of event"), max_length=60)
    subscription_id = models.CharField(
        _("X's subscription ID"), max_length=64, blank=True, help_text=_("From X; empty until X has sent it.")
    )
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WANTED)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    due_at = models.DateTimeField(_("due at"), default=timezone.now, help_text=_("Time of the next try."))

    class Meta:
        verbose_name, verbose_name_plural = _("subscription"), _("subscriptions")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "event_type"], name="subscription_once_per_x_account"),
            models.UniqueConstraint(
                fields=["event_type"], condition=models.Q(x_account=None), name="subscription_of_the_app_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} of {self.x_account_id or 'the app'} ({self.state})"


class PushState(models.Model):
    """What is one for the whole app: the connection over which X pushes, who holds it, since when, and what came over
    it; and the app's credit. One row, pk 1.

    State arrows: off | connecting -> connected -> waiting (to connect again) -> connecting; no_credit and refused
    wait longer.
    """

    class State(models.TextChoices):
        OFF = "off", _("Not set up")
        CONNECTING = "connecting", _("Connecting")
        CONNECTED = "connected", _("Connected")
        WAITING = "waiting", _("Waiting to reconnect")
        NO_CREDIT = "no_credit", _("No credit at X")
        REFUSED = "refused", _("Rejected by X")

    holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(_("locked until"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OFF)
    state_since = models.DateTimeField(_("state since"), default=timezone.now)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    failures = models.PositiveIntegerField(
        _("failures in a row"), default=0, help_text=_("In a row; sets how long to wait.")
    )
    next_try_at = models.DateTimeField(_("next try at"), null=True, blank=True)
    connected_at = models.DateTimeField(_("connected at"), null=True, blank=True)
    last_line_at = models.DateTimeField(_("last line at"), null=True, blank=True, help_text=_("Keep-alives count."))
    activities = models.PositiveBigIntegerField(_("activities"), default=0)
    duplicates = models.PositiveBigIntegerField(_("duplicates"), default=0)
    odd_lines = models.PositiveBigIntegerField(_("unreadable lines"), default=0)
    strangers = models.PositiveBigIntegerField(
        _("for other programs"),
        default=0,
        help_text=_("Pushed for another program with the same X app: counted and discarded."),
    )
    subscriptions_checked_at = models.DateTimeField(_("subscriptions checked at"), null=True, blank=True)
    subscriptions_listed_at = models.DateTimeField(
        _("subscriptions listed at"), null=True, blank=True, help_text=_("When X last listed all of them.")
    )
    subscriptions_lease_until = models.DateTimeField(_("subscriptions locked until"), null=True, blank=True)
    subscriptions_wait_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then X takes no further call about them: its window is used up."
    )
    is_ended = models.BooleanField(
        _("ended at X"), default=False, help_text=_("With X_PUSH=off: X has no subscription or webhook of ours left.")
    )
    no_credit_at = models.DateTimeField(
        _("out of credit at"),
        null=True,
        blank=True,
        help_text=_("When X last said that the app has no credit; empty again once X answers a later request."),
    )
    subscription_cap = models.PositiveIntegerField(
        _("subscription limit"), null=True, blank=True, help_text=_("Known from X's rejections.")
    )
    webhook_id = models.CharField(_("X's webhook ID"), max_length=64, blank=True)
    webhook_is_valid = models.BooleanField(_("webhook is valid"), default=False)
    webhook_listed_at = models.DateTimeField(
        null=True, editable=False, help_text="When X last told whether it is valid."
    )
    webhook_last_crc_at = models.DateTimeField(_("webhook last checked at"), null=True, blank=True)
    webhook_unsigned = models.PositiveBigIntegerField(_("webhook: unsigned"), default=0)
    webhook_replayed = models.PositiveBigIntegerField(_("webhook: replayed"), default=0)
    webhook_oversized = models.PositiveBigIntegerField(_("webhook: too large"), default=0)
    webhook_odd = models.PositiveBigIntegerField(_("webhook: not understood"), default=0)
    webhook_bad_crc = models.PositiveBigIntegerField(_("webhook: failed check"), default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("push state"), _("push states")

    def __str__(self) -> str:
        return f"push ({self.state})"

    @staticmethod
    def is_set_up() -> bool:
        """Whether this installation wants to be pushed to, and X would know it."""
        return settings.X_PUSH != "off" and bool(settings.X_CONSUMER_KEY)

    @classmethod
    def way(cls) -> str:
        """By which X pushes, as in X_PUSH; "off" where it would not."""
        return settings.X_PUSH if cls.is_set_up() else "off"

    @staticmethod
    def check_subscriptions_soon() -> None:
        """With the next sweep, not with the next minute."""
        PushState.objects.filter(pk=1).update(subscriptions_checked_at=None)

    @property
    def is_alive(self) -> bool:
        """Whether what X pushes reaches us now: the stream's last line is young, or X lately listed the webhook as
        valid. That somebody has asked for the CRC is no sign of X: anybody can.
        """
        now = timezone.now()
        if settings.X_PUSH == "webhook":
            return self.webhook_is_valid and _is_young(self.webhook_listed_at, now, WEBHOOK_IS_TOLD_FOR)
        silence = timedelta(seconds=2 * settings.PUSH_SILENCE_SECONDS)
        return self.state == PushState.State.CONNECTED and _is_young(self.last_line_at, now, silence)


def _is_young(moment: datetime | None, now: datetime, oldest: timedelta) -> bool:
    """What lies ahead was written by a clock that ran ahead: it says nothing."""
    return moment is not None and now - oldest < moment <= now + oldest
