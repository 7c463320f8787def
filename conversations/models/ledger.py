"""What every call to X cost, what is left of each window, and the sums of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import XAccount


class BilledResource(models.Model):
    """One resource X has billed on one UTC day: the same one once a day (docs: a "soft guarantee")."""

    class Kind(models.TextChoices):
        DM_EVENT = "dm_event", _("event")
        USER = "user", _("person")
        POST = "post", _("post")
        CHAT_EVENT = "chat", _("notice of encrypted messages")

    day = models.DateField(_("day (UTC)"), help_text=_("UTC, from the response's Date header."))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    resource_id = models.BigIntegerField(_("X's ID"))
    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="billed_resources", db_index=False
    )

    class Meta:
        verbose_name, verbose_name_plural = _("billed resource"), _("billed resources")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["day", "kind", "resource_id"], name="billed_once_per_utc_day")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["x_account", "day", "kind", "resource_id"], name="billed_today")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.resource_id} on {self.day}"


class ApiCall(models.Model):
    """The ledger: one call to X, or one delivery by push, with what X billed for it. Rows are only ever added.

    A call whose answer never reached the tables (a crash) is missing here; the same resources read again that UTC
    day are billed by X once, and stand at the call that stored them.
    """

    x_account = models.ForeignKey(
        XAccount,
        verbose_name=_("X account"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="api_calls",
        db_index=False,
    )
    endpoint = models.CharField(
        _("endpoint"), max_length=100, help_text=_("Method and path template, or the kind of pushed activity.")
    )
    status = models.PositiveSmallIntegerField(_("HTTP status"), help_text=_("HTTP status; 0 if there was no response."))
    at = models.DateTimeField(_("when"), default=timezone.now)
    dm_events = models.PositiveIntegerField(
        _("events billed"), default=0, help_text=_("Billed: only what X had not billed that day.")
    )
    users = models.PositiveIntegerField(_("people billed"), default=0)
    posts = models.PositiveIntegerField(_("posts billed"), default=0)
    usd = models.DecimalField(_("US dollars"), max_digits=12, decimal_places=4, default=0)
    rate_limit = models.PositiveIntegerField(_("requests allowed"), null=True, blank=True)
    rate_remaining = models.PositiveIntegerField(_("requests left"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("call to X"), _("calls to X")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["x_account", "at"], name="api_call_by_x_account"),
            models.Index(fields=["at"], name="api_call_oldest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.status}"


class SpendDay(models.Model):
    """The ledger's sums of one UTC day, written with each of its rows."""

    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="spend_days", db_index=False
    )
    day = models.DateField(_("day (UTC)"), help_text=_("UTC, by X's clock."))
    calls = models.PositiveIntegerField(_("calls"), default=0)
    dm_events = models.PositiveIntegerField(_("events billed"), default=0)
    users = models.PositiveIntegerField(_("people billed"), default=0)
    posts = models.PositiveIntegerField(_("posts billed"), default=0)
    usd = models.DecimalField(_("US dollars"), max_digits=12, decimal_places=4, default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("daily spend"), _("daily spend")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "day"], name="spend_day_once_per_x_account")
        ]

    def __str__(self) -> str:
        return f"{self.x_account_id} on {self.day}: ${self.usd}"


class SpendReservation(models.Model):
    """What a call under a month's cap may cost at most, from before it is made until its bill is written.

    Expires like a lease when its worker has died.
    """

    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="spend_reservations")
    usd = models.DecimalField(max_digits=12, decimal_places=4)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.x_account_id}: up to ${self.usd}"


class RequestClaim(models.Model):
    """A request that is on its way for somebody's wish, until its answer tells what is left of X's window.

    Expires like a lease when its worker has died.
    """

    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="request_claims")
    endpoint = models.CharField(max_length=100)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.x_account_id}: {self.endpoint}"


class RateWindow(models.Model):
    """What the headers said last of one endpoint's window for one X account. Times are ours."""

    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="rate_windows", db_index=False
    )
    endpoint = models.CharField(_("endpoint"), max_length=100)
    limit = models.PositiveIntegerField(_("requests allowed"))
    remaining = models.PositiveIntegerField(_("requests left"))
    reset_at = models.DateTimeField(_("resets at"), help_text=_("By our clock."))
    resets = models.DateTimeField(
        _("resets at, according to X"), help_text=_("As X sent it; tells rate limit windows apart.")
    )
    seen_at = models.DateTimeField(_("seen at"), default=timezone.now)

    class Meta:
        verbose_name, verbose_name_plural = _("rate limit window"), _("rate limit windows")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "endpoint"], name="rate_window_once_per_endpoint")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.remaining} of {self.limit}"
