"""Who you are, which X accounts the team shares, and who may do what with each of them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dminbox.crypto import EncryptedTextField
from dminbox.wording import worded

TOKENS = ("access_token", "refresh_token")
X_EPOCH_MS = 1288834974657
"""Where X's snowflake ids begin to count (facts: (id >> 22) + this = milliseconds since 1970)."""


def snowflake_floor(moment: datetime) -> int:
    """The smallest X id that an event of that moment can have."""
    return max(0, int(moment.timestamp() * 1000) - X_EPOCH_MS) << 22


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        user: User = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person of this installation. What they may read follows from their memberships alone, also for owners."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=80)
    is_owner = models.BooleanField(_("owner"), default=False, help_text=_("Owners connect X accounts and add people."))
    is_active = models.BooleanField(_("active"), default=True)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        help_text=_("Empty until the first sign-in, then as the browser says."),
    )
    language = models.CharField(_("language"), max_length=16, blank=True, help_text=_("Empty: same as the browser."))
    uses_key_shortcuts = models.BooleanField(default=True, help_text="Single letters act; Ctrl-K works in any case.")
    date_joined = models.DateTimeField(_("joined at"), default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        verbose_name, verbose_name_plural = _("person"), _("people")

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    # Django's admin asks these four; owners run the installation, nobody else sees the admin.
    @property
    def is_staff(self) -> bool:
        return self.is_owner

    @property
    def is_superuser(self) -> bool:
        return self.is_owner

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and self.is_owner

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_owner


class Role(models.TextChoices):
    """What a member may do with one X account; each includes those before it."""

    VIEWER = "viewer", _("Viewer")
    AGENT = "agent", _("Agent")
    LEAD = "lead", pgettext_lazy("role of a member", "Lead")
    ADMIN = "admin", _("Admin")

    @classmethod
    def at_least(cls, role: str) -> list[str]:
        return cls.values[cls.values.index(role) :]


class XAccountManager(models.Manager["XAccount"]):
    def get_queryset(self) -> models.QuerySet[XAccount]:
        """Tokens stay where they are until they are asked for by name, so that a missing encryption key breaks no page.

        What comes along with other rows (select_related) needs `access.TOKENS_OF_JOINED`.
        """
        return super().get_queryset().defer(*TOKENS)


class XAccount(models.Model):
    """A brand account on X that the team shares, with the grant by which we speak for it.

    State arrows: connected -> reconnect (X refused the grant) -> connected (granted anew, in place, history kept);
    any -> disconnected (a person ended it; tokens revoked and dropped) -> connected.
    """

    class State(models.TextChoices):
        CONNECTED = "connected", _("Connected")
        RECONNECT = "reconnect", _("Needs to be connected again")
        DISCONNECTED = "disconnected", _("Disconnected")

    x_user_id = models.BigIntegerField(
        _("X user ID"), unique=True, help_text=_("X's permanent ID; handles can change, this never does.")
    )
    username = models.CharField(_("username"), max_length=50)
    name = models.CharField(_("name"), max_length=200)
    profile_image_url = models.URLField(max_length=500, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.CONNECTED)
    state_since = models.DateTimeField(_("state since"), default=timezone.now)
    state_detail = models.CharField(
        _("reason of the state"), max_length=500, blank=True, help_text=_("Why, and what can be done about it.")
    )

    access_token = EncryptedTextField(blank=True)
    refresh_token = EncryptedTextField(blank=True)
    scopes = models.CharField(
        _("permissions"), max_length=500, blank=True, help_text=_("Space-separated, as granted by X.")
    )
    token_expires_at = models.DateTimeField(_("token expires at"), null=True, blank=True)
    token_generation = models.PositiveIntegerField(
        default=0, help_text="Counts the pairs stored; tells an old pair from a new one."
    )
    refresh_lease_until = models.DateTimeField(null=True, blank=True)
    refresh_lease_holder = models.CharField(max_length=64, blank=True)
    refresh_in_doubt_since = models.DateTimeField(
        _("refresh uncertain since"),
        null=True,
        blank=True,
        help_text=_("The response to a token refresh was lost; the old tokens are tried once more."),
    )

    connected_at = models.DateTimeField(_("connected at"), default=timezone.now)
    connected_by = models.ForeignKey(
        User, verbose_name=_("connected by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="x_accounts")

    objects: ClassVar[XAccountManager] = XAccountManager()

    class Meta:
        verbose_name, verbose_name_plural = _("X account"), _("X accounts")
        ordering: ClassVar[list[str]] = ["username"]

    def __str__(self) -> str:
        return f"@{self.username}"

    @property
    def state_words(self) -> str:
        """`state_detail` in the reader's language."""
        return worded(self.state_detail)


class Membership(models.Model):
    """A person's role on one X account. No row, no reading: also for owners."""

    user = models.ForeignKey(User, verbose_name=_("person"), on_delete=models.CASCADE, related_name="memberships")
    x_account = models.ForeignKey(
        XAccount, verbose_name=_("X account"), on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=8, choices=Role.choices, default=Role.AGENT)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    read_before_id = models.BigIntegerField(
        default=0, help_text="Events with smaller ids count as read: they were there when the person joined."
    )

    class Meta:
        verbose_name, verbose_name_plural = _("membership"), _("memberships")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "x_account"], name="membership_once_per_x_account")
        ]

    def __str__(self) -> str:
        return f"{self.user_id}:{self.role}@{self.x_account_id}"

    def save(self, *args: object, **kwargs: object) -> None:
        if not self.pk and not self.read_before_id:
            self.read_before_id = snowflake_floor(self.created_at)
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class Invitation(models.Model):
    """A one-time link that makes one person: an owner (first run) or a member. Only the hash of its token is stored.

    State arrows: open -> used | expired | replaced (a newer set-up link ends the older ones).
    """

    LIFETIME: ClassVar[timedelta] = timedelta(days=7)

    token_hash = models.CharField(max_length=64, unique=True)
    email = models.EmailField(_("e-mail"), blank=True)
    makes_owner = models.BooleanField(_("makes an owner"), default=False)
    x_account = models.ForeignKey(
        XAccount,
        verbose_name=_("X account"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="invitations",
    )
    role = models.CharField(_("role"), max_length=8, choices=Role.choices, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)
    used_by = models.ForeignKey(
        User, verbose_name=_("used by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name, verbose_name_plural = _("invitation"), _("invitations")

    def __str__(self) -> str:
        return f"invitation {self.pk}"

    @staticmethod
    def hash(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def new_token(cls) -> str:
        return secrets.token_urlsafe(32)
