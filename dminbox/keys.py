"""Writes .env with fresh random keys, once; a file that is there is never touched."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from cryptography.fernet import Fernet


def write_env(path: Path) -> bool:
    """False when the file was there already. Only its owner may read it."""
    lines = [
        "# Written by `make run`; .env.example tells what else can stand here.",
        "# Keep this file: without ENCRYPTION_KEYS the stored tokens of X cannot be read again.",
        f"SECRET_KEY={secrets.token_urlsafe(50)}",
        f"ENCRYPTION_KEYS={Fernet.generate_key().decode()}",
        "# For docker compose alone.",
        f"POSTGRES_PASSWORD={secrets.token_urlsafe(40)}",
        f"REDIS_PASSWORD={secrets.token_urlsafe(40)}",
        "",
    ]
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines))
    return True


if __name__ == "__main__":
    write_env(Path(sys.argv[1]))
