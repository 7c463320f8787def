"""Configuration of the accounts app, and of an admin for owners alone."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _

from dminbox import crypto


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("accounts")

    def ready(self) -> None:
        crypto.check_keys()


class OwnersAdminConfig(admin_apps.AdminConfig):
    default_site = "accounts.admin_site.OwnersSite"
    default = False
