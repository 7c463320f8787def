"""Configuration of the accounts app."""

from django.apps import AppConfig

from dminbox import crypto


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        crypto.check_keys()
