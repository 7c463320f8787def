"""The broker that needs no server: kombu's file system transport, with files that appear whole.

kombu writes a message into its place, so that a reader can meet half of it and end the worker with a parse error;
and it claims one by a move to another folder, which between file systems is a copy. Here a message is written under a
hidden name and renamed, claimed by a rename, and the table of queues is replaced rather than rewritten.
"""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

import structlog
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

log = structlog.get_logger("dminbox.broker")

SCHEME = "files"
HIDDEN = "."


class Channel(filesystem.Channel):
    """Names are `<milliseconds>_<uuid>.<queue>.msg`; with a dot in front a file is not there yet, or claimed."""

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        name = f"{round(monotonic() * 1000):015}_{uuid.uuid4()}.{queue}.msg"
        write_whole(Path(self.data_folder_out) / name, dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for file in sorted(Path(self.data_folder_in).iterdir()):
            if file.name.partition(".")[2] != f"{queue}.msg":
                continue
            claimed = file.parent / (HIDDEN + file.name)
            try:
                file.rename(claimed)
            except FileNotFoundError:
                continue  # another worker was quicker
            content = claimed.read_text()
            claimed.unlink()
            try:
                return loads(content)
            except ValueError:
                log.warning("message_unreadable", queue=queue, length=len(content))
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str | None) -> None:
        row = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with self._alone(exchange):
            table = self.get_table(exchange)
            if row not in table:
                write_whole(self._table_of(exchange), dumps([row, *table]))

    def _table_of(self, exchange: str) -> Path:
        return Path(self._exchange_file(exchange))  # type: ignore[attr-defined]  # the stubs lack it

    @contextmanager
    def _alone(self, exchange: str) -> Iterator[None]:
        file = self._table_of(exchange)
        file.parent.mkdir(exist_ok=True)
        with (file.parent / f"{HIDDEN}{file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    Channel = Channel


def write_whole(path: Path, content: str) -> None:
    """Nobody ever sees a part of it."""
    hidden = path.parent / f"{HIDDEN}{path.name}.{uuid.uuid4()}"
    hidden.write_text(content)
    hidden.rename(path)


def register() -> None:
    """Makes files:// a broker address that Celery knows."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
