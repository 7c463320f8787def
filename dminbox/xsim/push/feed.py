"""Who is told of what: subscriptions, webhooks, open streams, and everything that was pushed."""

import asyncio
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dminbox.xsim.meter import Billed
from dminbox.xsim.world import many_from_json, time_to_json, to_json

LINE_END = b"\r\n"


@dataclass
class Subscription:
    subscription_id: str
    event_type: str
    user_id: str | None
    """None: no filter, as with oauth.revoke."""
    created_at: datetime
    updated_at: datetime
    tag: str | None = None
    webhook_id: str | None = None


@dataclass
class Webhook:
    id: str
    url: str
    created_at: datetime
    checked_at: datetime
    """When a challenge was last answered well."""
    is_valid: bool = True


@dataclass
class Push:
    """One event on its way to the app: the same bytes on every stream and to the webhook."""

    event_uuid: str
    event_type: str
    user_id: str | None
    at: datetime
    """When it happened, by the clock of the local X."""
    body: bytes
    billed: Billed
    event_id: str | None = None
    """Of the message it is about, encrypted or not."""
    webhook_id: str | None = None
    pushed_at: float | None = None
    """When it first went out, in seconds of real time since 1970; None: not yet, or never."""
    connections: int = 0
    """On how many streams, backfill and repetitions among them."""
    answers: list[int | None] = field(default_factory=list)
    """Status of each delivery to the webhook; None: no answer."""

    @property
    def line(self) -> bytes:
        return self.body + LINE_END

    def to_json(self) -> dict[str, Any]:
        return {
            "event_uuid": self.event_uuid,
            "event_type": self.event_type,
            "user_id": self.user_id,
            "at": time_to_json(self.at),
            "pushed_at": self.pushed_at,
            "connections": self.connections,
            "webhook_id": self.webhook_id,
            "answers": self.answers,
            "event_id": self.event_id,
        }


class Connection:
    """One open stream. What is put into its queue goes out in that order; END and CUT are its last words."""

    END, CUT = object(), object()

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    def write(self, some: bytes) -> None:
        self.queue.put_nowait(some)

    def end(self) -> None:
        self.queue.put_nowait(self.END)

    def cut(self) -> None:
        self.queue.put_nowait(self.CUT)


@dataclass
class Feed:
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    """By their ids. Whoever changes them does it through `add` and `remove`."""
    by_subject: dict[tuple[str, str | None], Subscription] = field(default_factory=dict)
    """By event type and user: of each pair there is one at most."""
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    pushed: deque[Push] = field(default_factory=lambda: deque(maxlen=20_000))
    connections: list[Connection] = field(default_factory=list)
    held: list[Push] = field(default_factory=list)
    """Waiting to be shuffled with those that follow closely."""
    duplicates_owed: float = 0.0
    keeps_alive: bool = True
    cuts_next_line: bool = False
    read_marks: dict[tuple[str, str], str] = field(default_factory=dict)
    """(reader, other) -> newest event of the other that was read."""
    pick: random.Random = field(default_factory=lambda: random.Random("push"))  # noqa: S311  order, not secrets
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    """Deliveries that are on their way: kept here, since the loop holds them weakly."""

    @property
    def is_heard(self) -> bool:
        """Somebody would notice an event now, and not only with the next request."""
        return bool(self.connections or self.webhooks)

    def add(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.subscription_id] = subscription
        self.by_subject[subscription.event_type, subscription.user_id] = subscription

    def remove(self, subscription_id: str) -> bool:
        """False when there was none."""
        if found := self.subscriptions.pop(subscription_id, None):
            del self.by_subject[found.event_type, found.user_id]
        return found is not None

    def subscribed(self, event_type: str, user_id: str | None) -> Iterator[Subscription]:
        """For this user, and for everybody."""
        for subject in dict.fromkeys([(event_type, user_id), (event_type, None)]):
            if found := self.by_subject.get(subject):
                yield found

    def drop_user(self, user_id: str) -> None:
        """As X does when a user takes back what the app was allowed."""
        for one in [one for one in self.subscriptions.values() if one.user_id == user_id]:
            self.remove(one.subscription_id)

    def end_all(self) -> None:
        for connection in self.connections:
            connection.end()

    def last(self, count: int) -> list[Push]:
        return [push for push in self.pushed if push.pushed_at][-count:] if count > 0 else []

    def find(self, event_uuid: str) -> Push:
        """KeyError for one that was never pushed."""
        for push in self.pushed:
            if push.event_uuid == event_uuid:
                return push
        raise KeyError(f"no event {event_uuid} was pushed")

    def state(self) -> dict[str, Any]:
        return {
            "subscriptions": [to_json(one) for one in self.subscriptions.values()],
            "webhooks": [to_json(one) for one in self.webhooks.values()],
            "read_marks": [[*pair, event_id] for pair, event_id in self.read_marks.items()],
        }

    def load(self, data: dict[str, Any]) -> None:
        for one in many_from_json(Subscription, data.get("subscriptions")):
            self.add(one)
        self.webhooks = {one.id: one for one in many_from_json(Webhook, data.get("webhooks"))}
        self.read_marks = {(reader, other): event_id for reader, other, event_id in data.get("read_marks", [])}
