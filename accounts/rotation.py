"""Encrypting everything stored anew with the first of ENCRYPTION_KEYS, so that an older key can be retired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Cast

from dminbox.crypto import DecryptionError, EncryptedTextField, decrypt

BATCH = 500


@dataclass
class Count:
    """What became of one column; `unreadable` holds the primary keys of rows that fit no key."""

    column: str
    renewed: int = 0
    current: int = 0
    unreadable: list[int] = field(default_factory=list)


def rotate_all() -> Iterator[Count]:
    for model in apps.get_models():
        for column in model._meta.concrete_fields:
            if isinstance(column, EncryptedTextField):
                yield rotate(model, column.name)


def rotate(model: type[models.Model], name: str) -> Count:
    """Goes through the table in batches; may run twice, and beside a running installation."""
    count = Count(f"{model._meta.label}.{name}")
    after = 0
    while batch := list(_stored(model, name).filter(pk__gt=after).order_by("pk")[:BATCH].values_list("pk", "stored")):
        for pk, stored in batch:
            _rotate_row(model, name, pk, stored, count)
        after = batch[-1][0]
    return count


def _stored(model: type[models.Model], name: str) -> QuerySet[models.Model]:
    """Rows that hold something, with the text as it stands in the table."""
    return model._default_manager.annotate(stored=Cast(name, models.TextField())).exclude(stored="")


def _rotate_row(model: type[models.Model], name: str, pk: int, stored: str, count: Count) -> None:
    if _is_current(stored):
        count.current += 1
        return
    try:
        text = decrypt(stored)
    except DecryptionError:
        count.unreadable.append(pk)
        return
    # Only what was read is replaced: a refresh may have stored a new token meanwhile.
    count.renewed += _stored(model, name).filter(pk=pk, stored=stored).update(**{name: text})


def _is_current(stored: str) -> bool:
    try:
        Fernet(settings.ENCRYPTION_KEYS[0]).decrypt(stored.encode())
    except InvalidToken:
        return False
    return True
