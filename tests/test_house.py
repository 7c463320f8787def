"""What the documents say of settings, commands and the tree is true."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests import env_example

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {".git", ".venv", "data", "staticfiles", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis"}
READ = re.compile(r'env(?:iron)?(?:\.[a-z]+\(|\[)\s*"([A-Z_]+)"')
OF_DJANGO = "DJANGO_SETTINGS_MODULE"  # said by whatever starts Django, never by people


def in_order(text: str, pattern: re.Pattern[str]) -> list[str]:
    return list(dict.fromkeys(pattern.findall(text)))


def test_env_example_lists_every_setting_in_the_order_of_settings_py_and_then_those_of_compose():
    read = in_order((ROOT / "dminbox/settings.py").read_text(), READ)
    of_compose = in_order((ROOT / "docker-compose.yml").read_text(), re.compile(r"\$\{([A-Z_]+)"))
    assert env_example.names() == [*read, *(name for name in of_compose if name not in read)]


def test_nothing_reads_a_variable_that_env_example_does_not_list():
    read = {name for path in sources() for name in READ.findall(path.read_text())}
    assert {"ENV_FILE", "PORT", "LOG_LEVEL"} <= read
    assert read - set(env_example.names()) == {OF_DJANGO}


def test_tests_run_on_settings_of_their_own_whatever_the_shell_exports():
    shell = dict.fromkeys(env_example.names(), "of the shell") | {"DATABASE_SERVER": "postgres://u@h/n"}
    program = "import json, os; import tests.environment; print(json.dumps(dict(os.environ)))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | shell, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert [name for name in env_example.names() if found.get(name) == "of the shell"] == []
    assert found["DATABASE_URL"] == "postgres://u@h/n"
    assert "LOG_LEVEL" not in found


def test_each_setting_of_env_example_has_a_line_that_explains_it():
    lines = (ROOT / ".env.example").read_text().splitlines()
    unexplained = [
        line for before, line in zip(lines, lines[1:], strict=False)
        if re.match(r"^#?[A-Z_]+=", line) and not before.startswith("# ")
    ]  # fmt: skip
    assert unexplained == []


def test_each_library_that_is_imported_is_named_with_its_reason():
    """What others happen to bring may go with their next version."""
    trees = [ast.parse(path.read_text()) for path in sources()]
    found = {name for tree in trees for node in ast.walk(tree) for name in imported(node)}
    known = packages_distributions()
    named = set(re.findall(r"^([\w-]+)", (ROOT / "requirements.in").read_text().lower(), re.M))
    unnamed = {
        name for name in found & known.keys() if not named & {each.lower().replace("_", "-") for each in known[name]}
    }
    assert {"django", "kombu"} <= found
    assert unnamed - {"accounts", "conversations", "dminbox", "django_stubs_ext"} == set()  # the last for mypy alone


def imported(node: ast.AST) -> list[str]:
    names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
    names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
    return [name.partition(".")[0] for name in names]


def sources() -> list[Path]:
    return [path for folder in ("dminbox", "accounts", "conversations") for path in (ROOT / folder).rglob("*.py")]


def test_readme_names_only_make_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"`(?:[A-Z_]+=\S+ )?make ([a-z-]+)`", (ROOT / "README.md").read_text()))
    assert {"run", "test"} <= named <= targets


DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")


def headings(document: Path) -> set[str]:
    """As addresses within the document: small, without signs, words joined by hyphens."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_of_each_document_exist(document):
    links = LINK.findall(document.read_text())
    assert [place for place, _ in links if not (document.parent / place).exists()] == []
    within = [(document.parent / place if place else document, heading) for place, heading in links if heading]
    assert [heading for place, heading in within if heading not in headings(place)] == []


def test_troubleshooting_quotes_what_pages_and_logs_really_say():
    ours = [path for folder in ("dminbox", "accounts", "conversations") for path in (ROOT / folder).rglob("*.py")]
    said = "".join(path.read_text() for path in [*ours, *(ROOT / "templates").rglob("*.html")])
    table = (ROOT / "docs/operating.md").read_text().partition("## Troubleshooting")[2]
    seen = "".join(re.findall(r"^\|[^|]+", table, re.M))  # its first column
    quoted = re.findall(r"\*([^*]+?)(?: https://)?…?\*", seen)
    assert len(quoted) > 10
    assert [words for words in quoted if words not in said] == []


def test_every_place_that_architecture_draws_exists():
    drawn = re.findall(r"`([\w./]+/|[\w/]+\.(?:py|html|css|md|yml))`", (ROOT / "ARCHITECTURE.md").read_text())
    assert drawn
    assert [place for place in drawn if not stands(place)] == []


def stands(place: str) -> bool:
    """A path from the root; or the end of one, in a sentence about the folder it is in."""
    inside = [ROOT / folder for folder in ("dminbox", "accounts", "conversations", "tests", "bench")]
    return (ROOT / place).exists() or any(True for folder in inside for _ in folder.rglob(place))


def test_shared_material_is_named_in_ci_alone():
    needle = (".." + "/shared").encode()
    ours = [path for path in ROOT.rglob("*") if path.is_file() and not LEFT_OUT & set(path.relative_to(ROOT).parts)]
    assert [str(path.relative_to(ROOT)) for path in ours if needle in path.read_bytes()] == [".ci/run"]


GOOD = {"SECRET_KEY": "s" * 50, "ENCRYPTION_KEYS": "dGVzdHMtYWxvbmUtbmV2ZXItcmVhbC1pbnN0YWxscyE=", "ENV_FILE": ""}

LIVE = {"X_CLIENT_ID": "a", "X_CLIENT_SECRET": "b"}
BY_WEBHOOK = LIVE | {"X_CONSUMER_KEY": "k", "X_CONSUMER_SECRET": "s", "X_PUSH": "webhook"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
        ({"SECRET_KEY": "s" * 31}, "SECRET_KEY must have 32 random characters or more"),
        (
            {"DEBUG": "yes", "PUBLIC_URL": "https://inbox.example.com"},
            "DEBUG=yes is for a PUBLIC_URL on 127.0.0.1 alone",
        ),
        ({"DEBUG": "yes", "PUBLIC_URL": "http://inbox:8000"}, "DEBUG=yes is for"),
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
        ({"DATABASE_URL": "postgres://u:pass/word@h:5432/n"}, "DATABASE_URL is no database address"),
        ({"DATABASE_URL": "postgres://u:12/34@h:5432/n"}, "/ as %2F"),
        ({"DATABASE_URL": "postgres://u:12?34@h:5432/n"}, "DATABASE_URL is no database address"),
        ({"DATABASE_URL": "sqlite:///"}, "DATABASE_URL is no database address"),
        ({"REDIS_URL": "nonsense"}, "REDIS_URL must look like"),
        ({"PUBLIC_URL": "http://127.0.0.1:8000/inbox"}, "PUBLIC_URL must be an address without a path"),
        ({"PUBLIC_URL": "https://someone:secret@inbox.example.com"}, "PUBLIC_URL must be an address"),
        (LIVE | {"X_CONSUMER_KEY": "k"}, "X_CONSUMER_KEY and X_CONSUMER_SECRET belong together"),
        (BY_WEBHOOK | {"PUBLIC_URL": "http://127.0.0.1:8000"}, "X_PUSH=webhook needs a PUBLIC_URL that begins with"),
        (BY_WEBHOOK | {"PUBLIC_URL": "https://inbox.example.com:8443"}, "needs a PUBLIC_URL without a port"),
        ({"X_VOCABULARY": "toot"}, "X_VOCABULARY must be one of tweet, post"),
        ({"DEMO": "maybe"}, "DEMO must be one of"),
        ({"IMPORT_CEILING_USD": "twenty"}, "IMPORT_CEILING_USD must be a number"),
        ({"IMPORT_CEILING_USD": "sNaN"}, "IMPORT_CEILING_USD must be a number"),
        ({"PRICE_DM_EVENT_USD": "inf"}, "PRICE_DM_EVENT_USD must be between 0 and 100"),
        ({"PRICE_USER_USD": "nan"}, "PRICE_USER_USD must be between"),
        ({"PRICE_POST_USD": "-0.01"}, "PRICE_POST_USD must be between"),
        ({"SYNC_SETTLING_SECONDS": "9" * 12}, "SYNC_SETTLING_SECONDS must be between 0 and 86400"),
        ({"SESSION_DAYS": "9" * 17}, "SESSION_DAYS must be between 1 and 3650"),
        ({"TOKEN_LEASE_SECONDS": "74"}, "TOKEN_LEASE_SECONDS must be between 75 and"),
        ({"DATA_DIR": "/proc/nowhere"}, "DATA_DIR"),
    ],
)
def test_a_bad_setting_stops_the_start_with_a_sentence_that_names_it(change, named, tmp_path):
    done = started_with(change, tmp_path)
    assert done.returncode != 0
    assert done.stderr.startswith("dminbox cannot start: ")
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def started_with(change: dict[str, str], folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **GOOD, **change}
    command = command or ("manage.py", "check")
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def setting(change: dict[str, str], folder: Path, name: str) -> str:
    done = started_with(change, folder, "-c", f"from dminbox import settings; print(settings.{name})")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_highest_port_leaves_one_for_the_local_x(tmp_path):
    assert setting({"PORT": "65535"}, tmp_path, "LOCAL_X_URL") == "http://127.0.0.1:65534"


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_on_this_machine_pages_of_errors_may_show_the_code(tmp_path, address):
    assert setting({"DEBUG": "yes", "PUBLIC_URL": address}, tmp_path, "DEBUG") == "True"


def test_over_https_cookies_are_this_hosts_alone_and_browsers_come_back_by_nothing_else(tmp_path):
    https = {"PUBLIC_URL": "https://inbox.example.com"}
    names = "SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.SECURE_HSTS_SECONDS"
    assert setting({}, tmp_path, names) == "dminbox_session csrftoken 0"
    assert setting(https, tmp_path, names) == "__Host-dminbox_session __Host-csrftoken 31536000"
    shared = {"PUBLIC_URL": "https://nas.example.com:8443"}
    assert setting(shared, tmp_path, names) == "__Host-dminbox_session __Host-csrftoken 0", "it would bind all ports"


def test_https_is_spoken_by_a_proxy_that_is_believed(tmp_path):
    https = {"PUBLIC_URL": "https://inbox.example.com"}
    assert setting({}, tmp_path, "ALLAUTH_TRUSTED_PROXY_COUNT") == "0"
    assert setting(https, tmp_path, "ALLAUTH_TRUSTED_PROXY_COUNT") == "1"
    assert setting(https | {"TRUSTED_PROXY_COUNT": "2"}, tmp_path, "ALLAUTH_TRUSTED_PROXY_COUNT") == "2"


def test_the_lease_of_a_refresh_may_be_as_short_as_two_calls_to_x(tmp_path):
    quick = {"X_CONNECT_TIMEOUT": "1", "X_READ_TIMEOUT": "2"}
    assert setting(quick, tmp_path, "TOKEN_LEASE_SECONDS") == "11"
    assert setting(quick | {"TOKEN_LEASE_SECONDS": "60"}, tmp_path, "TOKEN_LEASE_SECONDS") == "60"
    assert setting({}, tmp_path, "TOKEN_LEASE_SECONDS") == "75"


def test_any_password_can_stand_escaped_in_the_database_address_and_its_options_are_kept(tmp_path):
    address = {"DATABASE_URL": "postgres://u:a%2Fb%40c%3Fd%23e@h:5432/n?sslmode=verify-full"}
    assert setting(address, tmp_path, "DATABASES['default']['PASSWORD']") == "a/b@c?d#e"
    assert setting(address, tmp_path, "DATABASES['default']['OPTIONS']['sslmode']") == "verify-full"


def test_a_pooler_that_carries_no_prepared_statements_gets_none(tmp_path):
    address = {"DATABASE_URL": "postgres://u@h:5432/n"}
    assert setting(address, tmp_path, "DATABASES['default']['OPTIONS'].get('server_side_binding')") == "True"
    plain = address | {"DATABASE_PREPARES": "no"}
    assert setting(plain, tmp_path, "DATABASES['default']['OPTIONS'].keys()") == "dict_keys(['pool'])"
