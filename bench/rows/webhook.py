"""How long X waits for the webhook's answer: signature checked, stored raw, queued; over the least an answer takes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import statistics
import time

import requests

from bench.processes import web
from bench.setup import Bench
from bench.table import Row, side_by_side
from tests.services import free_port

SECRET = b"dminbox-demo-consumer-secret"
WARM_UP = 50
ALLOWED = 0.010


def measure(bench: Bench) -> list[Row]:
    port = free_port()
    environment = bench.environment(
        bench.database("webhook"), PORT=str(port), X_PUSH="webhook", REDIS_URL=f"{bench.redis}/8"
    )
    with web(environment, port) as url, requests.Session() as session:
        session.trust_env = False
        for number in range(WARM_UP):
            _deliver(session, url, -number - 1)
        pairs = [(_deliver(session, url, number), _look(session, url)) for number in range(bench.sizes.delivered)]
    answers, floors = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    p99 = sorted(answers)[int(len(answers) * 0.99)]
    median, floor = statistics.median(answers) * 1000, statistics.median(floors) * 1000
    note = f"median {median:.1f} ms, a page of one word {floor:.1f} ms"
    return [
        Row(
            "answer of the webhook, p99",
            p99 * 1000,
            "ms",
            sorted(floors)[int(len(floors) * 0.99)] * 1000,
            side_by_side(answers, floors),
            also=(("under 10 ms", p99 < ALLOWED),),
            note=note,
        )
    ]


def _deliver(session: requests.Session, url: str, number: int) -> float:
    raw = json.dumps(
        {"data": {"event_uuid": str(number), "event_type": "dm.new", "filter": {}, "payload": {}}}
    ).encode()
    signature = base64.b64encode(hmac.new(SECRET, raw, hashlib.sha256).digest()).decode()
    headers = {"x-twitter-webhooks-signature": f"sha256={signature}", "content-type": "application/json"}
    started = time.perf_counter()
    session.post(f"{url}/x-webhook/", data=raw, headers=headers, timeout=30).raise_for_status()
    return time.perf_counter() - started


def _look(session: requests.Session, url: str) -> float:
    started = time.perf_counter()
    session.get(f"{url}/healthz", timeout=30).raise_for_status()
    return time.perf_counter() - started
