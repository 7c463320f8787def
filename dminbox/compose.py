"""What docker compose runs before its databases: writes the demo's keys; for real use, asks for the passwords.

A database takes its password when its volume is made: whoever forgot one must hear so before that.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from dminbox import environment as env
from dminbox.keys import write_env

HINT = "Put 40 random letters and digits into .env, and leave them there: the volume keeps the first password it met."

OF_COMPOSE = {"DATABASE_URL": "db", "REDIS_URL": "redis"}
"""The hosts that these addresses name where nobody has set others."""


def main() -> None:
    if env.text("DEMO", "no") == "yes":  # its messages are made up, and nobody but its containers reaches its databases
        stay_apart()
        write_env(Path(env.text("ENV_FILE")))
        return
    env.text("POSTGRES_PASSWORD", hint=HINT)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", env.text("REDIS_PASSWORD", hint=HINT)):
        env.stop("REDIS_PASSWORD may hold letters, digits, - and _ alone: it stands in an address.")


def stay_apart() -> None:
    """The demo writes nothing where real use may have its rows and tasks."""
    for name, host in OF_COMPOSE.items():
        if urlsplit(env.text(name)).hostname != host:
            env.stop(f"the demo has a database and a Redis of its own: start it with {name}= before it.")


if __name__ == "__main__":
    main()
