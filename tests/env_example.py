"""The settings that .env.example lists."""

from __future__ import annotations

import re
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / ".env.example"


def names() -> list[str]:
    return re.findall(r"^#?([A-Z_]+)=", FILE.read_text(), re.M)
