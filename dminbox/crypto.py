"""Text that is stored encrypted: Fernet, with any number of keys; the first one encrypts, all of them decrypt."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from dminbox import environment as env


class DecryptionError(Exception):
    """A stored text fits none of ENCRYPTION_KEYS: a key is missing, or the row was altered."""


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        env.stop("ENCRYPTION_KEYS must be Fernet keys: 32 bytes in url-safe base64, separated by commas.")


def check_keys() -> None:
    """Ends the start when a key is malformed, instead of failing at the first token."""
    _fernet(tuple(settings.ENCRYPTION_KEYS))


def encrypt(text: str) -> str:
    return _fernet(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    try:
        return _fernet(tuple(settings.ENCRYPTION_KEYS)).decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise DecryptionError("A stored secret fits none of ENCRYPTION_KEYS.") from error


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """A text that only ever stands encrypted in the database; "" stays "". It cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(value) if value else value

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return decrypt(value) if value else value
