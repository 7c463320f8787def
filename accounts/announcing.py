"""Announcing that the state of a connection changes, to whoever shows it: `accounts` does not know who that is."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string


def state_changes(x_account_pk: int) -> None:
    """Inside the transaction that changes it, and before: the locks come first, in the order of everybody else's."""
    import_string(settings.X_STATES_TOLD_BY)(x_account_pk)
