"""What every call to X cost, what is left of each window, and the sums of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import XAccount


class BilledResource(models.Model):
    """One resource X has billed on one UTC day: the same one once a day (docs: a "soft guarantee")."""

    class Kind(models.TextChoices):
        DM_EVENT = "dm_event"
        USER = "user"
        POST = "post"
        CHAT_EVENT = "chat"

    day = models.DateField(help_text="UTC, by the answer's own date header.")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    resource_id = models.BigIntegerField()
    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="billed_resources", db_index=False)

    class Meta:
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
        XAccount, null=True, blank=True, on_delete=models.CASCADE, related_name="api_calls", db_index=False
    )
    endpoint = models.CharField(max_length=100, help_text="Method and path template, or the kind of activity pushed.")
    status = models.PositiveSmallIntegerField(help_text="HTTP; 0 when no answer came.")
    at = models.DateTimeField(default=timezone.now)
    dm_events = models.PositiveIntegerField(default=0, help_text="Billed: what X had not billed that day.")
    users = models.PositiveIntegerField(default=0)
    posts = models.PositiveIntegerField(default=0)
    usd = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    rate_limit = models.PositiveIntegerField(null=True, blank=True)
    rate_remaining = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["x_account", "at"], name="api_call_by_x_account"),
            models.Index(fields=["at"], name="api_call_oldest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.status}"


class SpendDay(models.Model):
    """The ledger's sums of one UTC day, written with each of its rows."""

    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="spend_days", db_index=False)
    day = models.DateField(help_text="UTC, by X's clock.")
    calls = models.PositiveIntegerField(default=0)
    dm_events = models.PositiveIntegerField(default=0)
    users = models.PositiveIntegerField(default=0)
    posts = models.PositiveIntegerField(default=0)
    usd = models.DecimalField(max_digits=12, decimal_places=4, default=0)

    class Meta:
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

    x_account = models.ForeignKey(XAccount, on_delete=models.CASCADE, related_name="rate_windows", db_index=False)
    endpoint = models.CharField(max_length=100)
    limit = models.PositiveIntegerField()
    remaining = models.PositiveIntegerField()
    reset_at = models.DateTimeField(help_text="Our clock.")
    resets = models.DateTimeField(help_text="X's own word, by which windows are told apart.")
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["x_account", "endpoint"], name="rate_window_once_per_endpoint")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.remaining} of {self.limit}"
