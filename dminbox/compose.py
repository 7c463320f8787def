"""What docker compose runs before its databases: writes the demo's keys; for real use, asks for the passwords.

A database takes its password when its volume is made: whoever forgot one must hear so before that.
"""

from __future__ import annotations

import re
from pathlib import Path

from dminbox import environment as env
from dminbox.keys import write_env

HINT = "Put 40 random letters and digits into .env, and leave them there: the volume keeps the first password it met."


def main() -> None:
    if env.text("DEMO", "no") == "yes":  # its messages are made up, and nobody but its containers reaches its databases
        write_env(Path(env.text("ENV_FILE")))
        return
    env.text("POSTGRES_PASSWORD", hint=HINT)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", env.text("REDIS_PASSWORD", hint=HINT)):
        env.stop("REDIS_PASSWORD may hold letters, digits, - and _ alone: it stands in an address.")


if __name__ == "__main__":
    main()
