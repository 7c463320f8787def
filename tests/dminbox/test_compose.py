"""Under docker compose real use brings passwords of its own; the demo needs nothing."""

from __future__ import annotations

import pytest

from dminbox import compose

PASSWORDS = {"POSTGRES_PASSWORD": "it's $ #1", "REDIS_PASSWORD": "a1-B_2"}


def start(monkeypatch, **variables):
    for name in ("DEMO", *PASSWORDS):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    compose.main()


def test_the_demo_gets_keys_and_asks_for_nothing(monkeypatch, tmp_path):
    start(monkeypatch, DEMO="yes", ENV_FILE=str(tmp_path / "keys"))
    assert "ENCRYPTION_KEYS=" in (tmp_path / "keys").read_text()


def test_real_use_with_its_passwords_starts_and_writes_nothing(monkeypatch, tmp_path):
    start(monkeypatch, ENV_FILE=str(tmp_path / "keys"), **PASSWORDS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", PASSWORDS)
def test_real_use_without_a_password_stops_before_a_database_is_made(monkeypatch, missing):
    with pytest.raises(SystemExit, match=f"dminbox cannot start: {missing} is missing"):
        start(monkeypatch, **PASSWORDS | {missing: ""})


def test_a_password_that_an_address_cannot_hold_is_refused(monkeypatch):
    with pytest.raises(SystemExit, match="REDIS_PASSWORD may hold letters"):
        start(monkeypatch, **PASSWORDS | {"REDIS_PASSWORD": "a/b"})
