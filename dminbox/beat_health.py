"""Health of beat inside its container: exit status 0 while its clock ticked within the last half minute."""

from __future__ import annotations

import sys
import time

from dminbox.celery import BEAT_SIGN

if __name__ == "__main__":
    try:
        age = time.time() - BEAT_SIGN.stat().st_mtime
    except FileNotFoundError:
        sys.exit("beat has not ticked yet")
    sys.exit(0 if age < 30 else f"beat last ticked {age:.0f} s ago")
