"""A page of a large world takes little longer than one of a small world."""

import time
from datetime import UTC, datetime, timedelta

from dminbox.xsim.ids import snowflake
from tests.xsim.conftest import ADA, BEN, CLEO, ids

GROUP = "1585823815904395264"
FEW, MANY = 400, 40_000


def load(x, events):
    world = x.get("world")
    start = datetime(2026, 10, 5, tzinfo=UTC)
    conversations = [f"{ADA}-{BEN}", f"{ADA}-{CLEO}"]
    world["conversations"] = [{"id": one, "member_ids": one.split("-")} for one in conversations]
    world["conversations"].append({"id": GROUP, "member_ids": [ADA, BEN, CLEO], "is_group": True})
    world["events"] = [
        {
            "id": str(snowflake(start + timedelta(seconds=50 * number))),
            "event_type": "MessageCreate",
            "dm_conversation_id": [*conversations, GROUP][number % 3],
            "created_at": (start + timedelta(seconds=50 * number)).isoformat(),
            "sender_id": BEN,
            "text": f"Message {number}",
        }
        for number in range(events)
    ]
    x.post("world", world)


def quickest_page(x, person):
    """Seconds of the best of twenty, since other tests may run beside this one; between them messages are sent."""
    path = "/2/dm_events?expansions=sender_id&dm_event.fields=created_at,sender_id"
    token = x.api(person, path).json()["meta"]["next_token"]
    times = []
    for _ in range(20):
        x.api(person, f"/2/dm_conversations/with/{BEN}/messages", "POST", json={"text": "hi"})
        started = time.perf_counter()
        page = x.api(person, f"{path}&pagination_token={token}")
        times.append(time.perf_counter() - started)
        assert len(ids(page)) == 100
    return min(times)


def test_a_page_takes_as_long_in_a_world_a_hundred_times_as_large(x, ada):
    load(x, FEW)
    little = quickest_page(x, ada)
    load(x, MANY)
    assert quickest_page(x, ada) < 5 * little
