"""A local X with four people in it, the same process for all tests of a worker."""

import pytest

ADA, BEN, CLEO, DAN = "1590000000000000001", "1590000000000000002", "1590000000000000003", "44"


@pytest.fixture
def x(_xsim_process):
    """Ada (whom tests sign in as), Ben, Cleo and Dan, and nothing said yet. The clock stands at noon."""
    process = _xsim_process
    process.reset()
    process.post("clock", {"frozen": True, "set": "2026-11-01T12:00:00Z"})
    process.post(
        "people",
        [
            {"id": ADA, "username": "ada_lamps", "name": "Ada", "is_persona": True},
            {"id": BEN, "username": "ben", "name": "Ben", "is_persona": True},
            {"id": CLEO, "username": "cleo", "name": "Cleo"},
            {"id": DAN, "username": "dan", "name": "Dan"},
        ],
    )
    process.post("settings", {"dm_get_limit": 1000})
    return process


@pytest.fixture
def ada(x):
    """Ada's bearer."""
    return x.grant(ADA)["access_token"]


@pytest.fixture
def ben(x):
    return x.grant(BEN)["access_token"]


def say(x, sender, text, conversation=f"{ADA}-{BEN}", **members):
    """A message at the time of the clock; the event as the control API answers it."""
    event = {"dm_conversation_id": conversation, "sender_id": sender, "text": text, **members}
    return x.post("events", event)[0]


def events(answer):
    assert answer.status_code == 200, answer.text
    return answer.json().get("data", [])


def texts(answer):
    return [event.get("text") for event in events(answer)]


def ids(answer):
    return [event["id"] for event in events(answer)]
