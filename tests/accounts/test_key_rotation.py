"""A new first key encrypts everything anew, beside a running installation, and tells what it could not read."""

from __future__ import annotations

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import rotation
from accounts.models import XAccount
from tests import factories

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def three(db, settings):
    settings.ENCRYPTION_KEYS = [OLD]
    rows = [factories.XAccountFactory(access_token=f"access-{n}", refresh_token=f"refresh-{n}") for n in range(3)]
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    return rows


def rotate():
    out, errors = StringIO(), StringIO()
    call_command("rotate_encryption_keys", stdout=out, stderr=errors)
    return out.getvalue()


def stored():
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM accounts_xaccount ORDER BY id")
        return [secret for row in cursor.fetchall() for secret in row]


def test_everything_is_readable_by_the_new_key_alone(three, settings):
    assert "accounts.XAccount.access_token: 3 encrypted anew, 0 already current, 0 unreadable" in rotate()
    settings.ENCRYPTION_KEYS = [NEW]
    assert [(row.access_token, row.refresh_token) for row in XAccount.objects.order_by("pk")] == [
        (f"access-{n}", f"refresh-{n}") for n in range(3)
    ]


def test_it_may_run_again_and_then_changes_nothing(three):
    rotate()
    before = stored()
    assert "0 encrypted anew, 3 already current" in rotate()
    assert stored() == before


def test_small_batches_reach_every_row(three, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 1)
    assert "3 encrypted anew" in rotate()


def test_empty_secrets_stay_empty(three):
    XAccount.objects.update(refresh_token="")
    assert "refresh_token: 0 encrypted anew, 0 already current, 0 unreadable" in rotate()


def test_an_unreadable_row_is_named_the_others_go_on_and_the_command_fails(three, settings):
    lost = three[1]
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    XAccount.objects.filter(pk=lost.pk).update(access_token="lost")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    out, errors = StringIO(), StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("rotate_encryption_keys", stdout=out, stderr=errors)
    assert caught.value.returncode == 1
    assert f"row {lost.pk} fits none" in errors.getvalue()
    assert "access_token: 2 encrypted anew, 0 already current, 1 unreadable" in out.getvalue()


def test_a_token_stored_meanwhile_is_not_overwritten(three, monkeypatch):
    first = three[0]
    really = rotation.decrypt

    def refreshed_meanwhile(text):
        plain = really(text)
        if plain == "access-0":
            XAccount.objects.filter(pk=first.pk).update(access_token="fresh")
        return plain

    monkeypatch.setattr(rotation, "decrypt", refreshed_meanwhile)
    rotate()
    assert XAccount.objects.get(pk=first.pk).access_token == "fresh"


def test_no_secret_is_printed(three):
    assert "access-" not in rotate()
