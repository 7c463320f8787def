"""What the documents say of settings, commands and the tree is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {".git", ".venv", "data", "staticfiles", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis"}
READ = re.compile(r'env\.(?:text|integer|number|url|choice|boolean|listing)\(\s*"([A-Z_]+)"')


def settings_in_order(text: str, pattern: re.Pattern[str]) -> list[str]:
    return list(dict.fromkeys(pattern.findall(text)))


def test_env_example_lists_every_setting_in_the_order_of_settings_py():
    read = settings_in_order((ROOT / "dminbox/settings.py").read_text(), READ)
    listed = settings_in_order((ROOT / ".env.example").read_text(), re.compile(r"^#?([A-Z_]+)=", re.M))
    assert listed == read


def test_each_setting_of_env_example_has_a_line_that_explains_it():
    lines = (ROOT / ".env.example").read_text().splitlines()
    unexplained = [
        line for before, line in zip(lines, lines[1:], strict=False)
        if re.match(r"^#?[A-Z_]+=", line) and not before.startswith("# ")
    ]  # fmt: skip
    assert unexplained == []


def test_readme_names_only_make_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"`(?:[A-Z_]+=\S+ )?make ([a-z-]+)`", (ROOT / "README.md").read_text()))
    assert {"run", "test"} <= named <= targets


def test_readme_links_and_pictures_exist():
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_place_that_architecture_draws_exists():
    drawn = re.findall(r"`([\w./]+/|[\w/]+\.(?:py|html|css|md|yml))`", (ROOT / "ARCHITECTURE.md").read_text())
    assert drawn
    assert [place for place in drawn if not (ROOT / place).exists()] == []


def test_shared_material_is_named_in_ci_alone():
    needle = (".." + "/shared").encode()
    ours = [path for path in ROOT.rglob("*") if path.is_file() and not LEFT_OUT & set(path.relative_to(ROOT).parts)]
    assert [str(path.relative_to(ROOT)) for path in ours if needle in path.read_bytes()] == [".ci/run"]


GOOD = {"SECRET_KEY": "s" * 50, "ENCRYPTION_KEYS": "dGVzdHMtYWxvbmUtbmV2ZXItcmVhbC1pbnN0YWxscyE=", "ENV_FILE": ""}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
        ({"ENCRYPTION_KEYS": ""}, "ENCRYPTION_KEYS is missing"),
        ({"ENCRYPTION_KEYS": "short"}, "ENCRYPTION_KEYS must be Fernet keys"),
        ({"DEMO": "no"}, "X_CLIENT_ID is missing"),
        ({"X_CLIENT_ID": "abc"}, "X_CLIENT_SECRET is missing"),
        ({"PORT": "eighty"}, "PORT must be a number"),
        ({"PORT": "99999"}, "PORT must be between"),
        ({"PUBLIC_URL": "inbox.example.com"}, "PUBLIC_URL must be an address"),
        ({"PUBLIC_URL": "http://inbox.example.com:port"}, "PUBLIC_URL must be an address"),
        (
            {"X_CLIENT_ID": "a", "X_CLIENT_SECRET": "b", "X_API_URL": "http://api.x.com"},
            "X_API_URL must begin with https",
        ),
        ({"DATABASE_URL": "mysql://u@h/n"}, "DATABASE_URL must begin with"),
        ({"DATABASE_URL": "postgres://u@h:port/n"}, "DATABASE_URL is no database address"),
        ({"REDIS_URL": "nonsense"}, "REDIS_URL must look like"),
        ({"PUBLIC_URL": "http://127.0.0.1:8000/inbox"}, "PUBLIC_URL must be an address without a path"),
        ({"PUBLIC_URL": "https://someone:secret@inbox.example.com"}, "PUBLIC_URL must be an address"),
        ({"X_VOCABULARY": "toot"}, "X_VOCABULARY must be one of tweet, post"),
        ({"DEMO": "maybe"}, "DEMO must be one of"),
        ({"IMPORT_CEILING_USD": "twenty"}, "IMPORT_CEILING_USD must be a number"),
        ({"DATA_DIR": "/proc/nowhere"}, "DATA_DIR"),
    ],
)
def test_a_bad_setting_stops_the_start_with_a_sentence_that_names_it(change, named, tmp_path):
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), **GOOD, **change}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith("dminbox cannot start: ")
    assert named in done.stderr
    assert "Traceback" not in done.stderr
