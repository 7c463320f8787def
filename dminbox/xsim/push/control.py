"""The control API's part for what is pushed: make it happen, disturb its way, and see what went out."""

from typing import Any

from dminbox.xsim import ids
from dminbox.xsim.push import delivery, happenings, posting
from dminbox.xsim.push.feed import LINE_END, Push
from dminbox.xsim.sim import Sim
from dminbox.xsim.world import to_json

Query = dict[str, str]


def get_activity(sim: Sim, body: Any, query: Query) -> Any:
    """Everything that was pushed, or is about to be, oldest first."""
    return [push.to_json() for push in sim.feed.pushed]


def clear_activity(sim: Sim, body: Any, query: Query) -> Any:
    sim.feed.pushed.clear()
    return []


def add_typing(sim: Sim, body: Any, query: Query) -> Any:
    members = _members(body, "sender_id", "recipient_id")
    happenings.typing(sim, *_people(sim, *members))
    return {}


def add_read(sim: Sim, body: Any, query: Query) -> Any:
    """Without `last_read_event_id` the newest message of the other."""
    reader_id, other_id = _people(sim, body["reader_id"], body["other_id"])
    event_id = body.get("last_read_event_id")
    if event_id is None:
        happenings.read_newest(sim, reader_id, other_id)
        return {}
    if not isinstance(event_id, str) or not ids.USER.match(event_id):
        raise ValueError("last_read_event_id is a text of digits")
    happenings.read(sim, reader_id, other_id, event_id)
    return {}


def add_chat(sim: Sim, body: Any, query: Query) -> Any:
    """An encrypted message; a conversation `A:B` that nobody knows is made with it."""
    conversation_id, sender_id = _members(body, "conversation_id", "sender_id")
    return to_json(sim.write_encrypted(conversation_id, sender_id))


def end_app_bearer(sim: Sim, body: Any, query: Query) -> Any:
    """The app's bearer is good no longer; the next call of the token endpoint gives another."""
    sim.app_bearer.token = ""
    sim.changed()
    return {}


def disturb_stream(sim: Sim, body: Any, query: Query) -> Any:
    """Each member does one thing; what happens to lines happens on all open streams.

    cut: so many connections are torn off; end: so many are closed in good order.
    cut_mid_line: the line of the next event stops half way, and the connection with it.
    garbage: this text as a line; huge_line_bytes: a line of JSON of that length.
    pause_keep_alives: no more empty lines, or (false) again.
    repeat_last: the last so many events again; resend: those with these uuids.
    release: what waits to be shuffled goes out now.
    """
    _refuse_others(body, DISTURBANCES.keys())
    for name, value in body.items():
        DISTURBANCES[name](sim, value)
    return get_stream(sim, body, query)


def get_stream(sim: Sim, body: Any, query: Query) -> Any:
    return {"connections": len(sim.feed.connections)}


async def disturb_webhooks(sim: Sim, body: Any, query: Query) -> Any:
    """POSTs to each webhook what it should refuse, once; the statuses.

    badly_signed: the last event with the signature of another secret; unsigned: without one; altered: another body
    under its signature; replay: the event with this uuid as it was; oversized: a signed body of so many bytes.
    """
    _refuse_others(body, {"badly_signed", "unsigned", "altered", "replay", "oversized"})
    sent = [_disturbed(sim, name, value) for name, value in body.items() if value]
    return [
        {"webhook_id": webhook.id, "status": (await posting.post(webhook.url, raw, said)).status}
        for webhook in sim.feed.webhooks.values()
        for raw, said in sent
    ]


def _disturbed(sim: Sim, name: str, value: Any) -> tuple[bytes, str | None]:
    """The body and its signature."""
    secret = sim.settings.consumer_secret
    if name == "oversized":
        raw = _json_of_length(int(value))
        return raw, posting.signature(secret, raw)
    raw = sim.feed.find(value).body if name == "replay" else _last(sim).body
    if name == "unsigned":
        return raw, None
    said = posting.signature(f"not {secret}" if name == "badly_signed" else secret, raw)
    return (raw.replace(b'"data"', b'"Data"', 1), said) if name == "altered" else (raw, said)


def _last(sim: Sim) -> Push:
    if not (found := sim.feed.last(1)):
        raise ValueError("nothing was pushed yet")
    return found[0]


def _cut(sim: Sim, count: Any) -> None:
    for connection in sim.feed.connections[: int(count)]:
        connection.cut()


def _end(sim: Sim, count: Any) -> None:
    for connection in sim.feed.connections[: int(count)]:
        connection.end()


def _cut_mid_line(sim: Sim, value: Any) -> None:
    sim.feed.cuts_next_line = bool(value)


def _garbage(sim: Sim, text: Any) -> None:
    _write(sim, str(text).encode())


def _huge_line(sim: Sim, length: Any) -> None:
    _write(sim, _json_of_length(int(length)))


def _pause_keep_alives(sim: Sim, value: Any) -> None:
    sim.feed.keeps_alive = not value


def _repeat_last(sim: Sim, count: Any) -> None:
    for push in sim.feed.last(int(count)):
        delivery.write(sim, push, sim.feed.connections)


def _resend(sim: Sim, uuids: Any) -> None:
    for push in [sim.feed.find(one) for one in uuids]:
        delivery.write(sim, push, sim.feed.connections)


def _release(sim: Sim, value: Any) -> None:
    if value:
        delivery.release(sim)


def _write(sim: Sim, line: bytes) -> None:
    for connection in sim.feed.connections:
        connection.write(line + LINE_END)


def _json_of_length(length: int) -> bytes:
    head, tail = b'{"data":{"filler":"', b'"}}'
    return head + b"x" * max(0, length - len(head) - len(tail)) + tail


def _members(body: Any, *names: str) -> list[str]:
    _refuse_others(body, names)
    return [str(body[name]) for name in names]


def _people(sim: Sim, *user_ids: str) -> tuple[str, str]:
    for user_id in user_ids:
        if user_id not in sim.world.people:
            raise ValueError(f"there is no user {user_id}")
    one, other = user_ids
    return one, other


def _refuse_others(body: Any, known: Any) -> None:
    if unknown := body.keys() - set(known):
        raise ValueError(f"there is no {', '.join(sorted(unknown))} here, only {', '.join(sorted(known))}")


DISTURBANCES = {
    "cut": _cut,
    "end": _end,
    "cut_mid_line": _cut_mid_line,
    "garbage": _garbage,
    "huge_line_bytes": _huge_line,
    "pause_keep_alives": _pause_keep_alives,
    "repeat_last": _repeat_last,
    "resend": _resend,
    "release": _release,
}
DEEDS = {
    ("GET", "activity"): get_activity,
    ("DELETE", "activity"): clear_activity,
    ("POST", "typing"): add_typing,
    ("POST", "read"): add_read,
    ("POST", "chat"): add_chat,
    ("GET", "stream"): get_stream,
    ("POST", "stream"): disturb_stream,
    ("POST", "webhook"): disturb_webhooks,
    ("DELETE", "app_bearer"): end_app_bearer,
}
