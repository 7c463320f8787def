"""How many requests an import takes, over the pages it fills."""

from __future__ import annotations

import math

from bench.setup import Bench, local_x
from bench.table import Row, row

PAGE = 100


def measure(bench: Bench) -> list[Row]:
    sizes = bench.sizes
    with local_x() as xsim, bench.lane(bench.database("import"), LOCAL_X_URL=xsim.url) as lane:
        done = lane.call("bench.day:full_import", url=xsim.url, events=sizes.import_events, days=sizes.import_days)
    pages = math.ceil(sizes.import_events / PAGE)
    also = (
        ("no more than pages + 1", done["requests"] <= pages + 1),
        ("everything X shows is stored", done["is_complete"]),
    )
    name = f"requests to import {sizes.import_events} events of {sizes.import_days} days"
    note = f"took {done['minutes']:.0f} minutes at 15 requests per window"
    return [row(name, done["requests"], "requests", pages, also=also, note=note)]
