"""Under docker compose real use brings passwords of its own; the demo needs nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from dminbox import compose

FILE = Path(settings.BASE_DIR) / "docker-compose.yml"
OWN = {"DATABASE_URL": "postgres://dminbox@db:5432/dminbox", "REDIS_URL": "redis://:dminbox@redis:6379/0"}
PASSWORDS = {"POSTGRES_PASSWORD": "it's $ #1", "REDIS_PASSWORD": "a1-B_2"}


def start(monkeypatch, **variables):
    monkeypatch.delenv("DEMO", raising=False)
    for name in PASSWORDS:
        monkeypatch.delenv(name, raising=False)
    for name, value in (OWN | variables).items():
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


@pytest.mark.parametrize(("name", "elsewhere"), [("DATABASE_URL", "postgres://u@h/n"), ("REDIS_URL", "redis://h/0")])
def test_the_demo_keeps_away_from_databases_of_real_use(monkeypatch, tmp_path, name, elsewhere):
    with pytest.raises(SystemExit, match=f"start it with {name}= before it"):
        start(monkeypatch, DEMO="yes", ENV_FILE=str(tmp_path / "keys"), **{name: elsewhere})
    start(monkeypatch, **PASSWORDS | {name: elsewhere})


# --- The compose file -------------------------------------------------------------------------------------------------


def services() -> dict[str, dict]:
    return yaml.safe_load(FILE.read_text())["services"]


def filled(value: str, **given: str) -> str:
    """As compose fills it in, from within: ${NAME:-preset}."""
    while (found := re.sub(r"\$\{([A-Z_]+):-([^${}]*)\}", lambda m: given.get(m[1]) or m[2], value)) != value:
        value = found
    return value


@pytest.mark.parametrize("name", OWN)
def test_database_and_redis_may_be_others_than_its_own(name):
    told = services()["web"]["environment"][name]
    assert filled(told) == filled(told, **{name: ""}) == OWN[name]
    assert filled(told, **{name: "scheme://elsewhere"}) == "scheme://elsewhere"


def test_only_what_needs_a_secret_is_told_one():
    found = services()
    assert (found["xsim"]["env_file"], found["xsim"]["environment"]) == ([], {})
    assert not any("env_file" in found[name] for name in ("db", "redis"))
    told = {
        name: {*re.findall(r"[A-Z_]*(?:PASSWORD|AUTH)", str(found[name]["environment"]))} for name in ("db", "redis")
    }
    assert told == {"db": {"POSTGRES_PASSWORD"}, "redis": {"REDISCLI_AUTH", "REDIS_PASSWORD"}}


def test_no_log_grows_without_end():
    bounded = {"driver": "local", "options": {"max-size": "20m", "max-file": "5"}}
    assert [name for name, service in services().items() if service["logging"] != bounded] == []
