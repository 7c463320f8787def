"""What owners see of people and X accounts in the admin. Tokens and one-time links are shown nowhere."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.access import TOKENS_OF_JOINED
from accounts.admin_site import OwnersRows
from accounts.forms import LanguageSelect
from accounts.models import Invitation, Membership, User, XAccount

# Kept by allauth and Django for set-ups other than this one.
for unused in (EmailAddress, SocialApp, SocialToken, SocialAccount, Group):
    if admin.site.is_registered(unused):
        admin.site.unregister(unused)


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    fields = ("user", "x_account", "role")
    extra = 0


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        widgets = {"language": LanguageSelect(choices=[("", "---------"), *settings.LANGUAGES])}

    def clean(self) -> dict[str, Any]:
        """The admin saves in the same transaction; until it ends, nobody else makes an owner any less."""
        cleaned = super().clean() or self.cleaned_data
        stays = cleaned.get("is_owner") and cleaned.get("is_active")
        owners = User.objects.select_for_update().filter(is_owner=True, is_active=True).order_by("pk")
        if not stays and not set(owners.values_list("pk", flat=True)) - {self.instance.pk}:
            raise forms.ValidationError(_("This is the last owner. Make another one first."))
        return cleaned


@admin.register(User)
class UserAdmin(OwnersRows):
    """People come by invitation and are switched off, not deleted: what they have read and asked for stays theirs."""

    form = UserForm
    fields = ("email", "name", "is_owner", "is_active", "language", "time_zone", "date_joined", "last_login")
    readonly_fields = ("date_joined", "last_login")
    list_display = ("email", "name", "is_owner", "is_active", "last_login")
    list_filter = ("is_owner", "is_active")
    search_fields = ("email", "name")
    inlines = (MembershipInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


@admin.register(XAccount)
class XAccountAdmin(OwnersRows):
    """X accounts come and go by their own pages, which speak to X; here one sees them and sets their members."""

    fields = readonly_fields = (
        "username",
        "name",
        "x_user_id",
        "state",
        "state_since",
        "state_detail",
        "scopes",
        "token_expires_at",
        "refresh_in_doubt_since",
        "connected_at",
        "connected_by",
        "created_at",
    )
    list_display = ("username", "name", "x_user_id", "state", "state_since", "token_expires_at")
    list_filter = ("state",)
    search_fields = ("username", "name", "x_user_id")
    inlines = (MembershipInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: XAccount | None = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(OwnersRows):
    fields = ("user", "x_account", "role")
    list_display = ("user", "x_account", "role", "created_at")
    list_filter = ("role",)
    search_fields = ("user__email", "user__name", "x_account__username")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        rows = super().get_queryset(request).select_related("user", "x_account")
        return rows.defer(*TOKENS_OF_JOINED)

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return ("user", "x_account") if obj else ()


@admin.register(Invitation)
class InvitationAdmin(OwnersRows):
    """To look at, and to take back: an invitation that is deleted before it is used is worth nothing."""

    fields = readonly_fields = (
        "email",
        "makes_owner",
        "x_account",
        "role",
        "created_at",
        "expires_at",
        "used_at",
        "used_by",
    )
    list_display = ("email", "makes_owner", "x_account", "role", "created_at", "expires_at", "used_at")
    search_fields = ("email",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        rows = super().get_queryset(request).select_related("x_account")
        return rows.defer(*TOKENS_OF_JOINED)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False
