"""X's activity stream: an endless answer of lines, each an activity, or empty to show that the connection lives.

A line is given as soon as its end has arrived. Reconnecting is the caller's: what ends the stream is raised, and says
how it ended.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import requests
from urllib3.exceptions import ReadTimeoutError

from dminbox.xapi.activity import Activity, parse_activity
from dminbox.xapi.errors import StreamEnded, StreamSilent, XError
from dminbox.xapi.reply import read_pushed_json
from dminbox.xapi.transport import CHUNK, FAILURES

ENDPOINT = "GET /2/activity/stream"
LONGEST_LINE = 1024 * 1024
LONGEST_TEXT = 2000  # characters that are kept of a line that is no JSON
TOO_LONG, NO_JSON, CUT = "too long", "no JSON", "cut in the middle"


@dataclass(frozen=True, slots=True)
class OddLine:
    """A line that is no activity; the connection goes on. `reason` names what is wrong, never what stands in it.

    raw is its JSON; where it is none, the beginning of its text; of a line that is too long nothing at all.
    """

    reason: str
    raw: Any = field(default=None, repr=False)


Line = Activity | OddLine | None


class ActivityStream:
    """An open stream, as a context manager and an iterator. None is a keep-alive.

    Iterating ends by StreamEnded or StreamSilent alone. stop() may be called from another thread or a signal handler.
    """

    def __init__(self, connect: Callable[[], requests.Response], silence_seconds: float) -> None:
        """`connect` gives a streamed answer whose reads time out after silence_seconds, or raises an XError."""
        self.silence_seconds = silence_seconds
        self._connect = connect
        self._response: requests.Response | None = None
        self._is_stopped = False
        self._end: XError = _ended("it ended")

    def __enter__(self) -> Self:
        self._response = self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def __iter__(self) -> Iterator[Line]:
        lines = Lines()
        while arrived := self._read():
            for line in lines.feed(arrived):
                yield read_line(line)
        if lines.are_broken_off:
            yield read_line(lines.rest, otherwise=CUT)
        raise self._end

    def stop(self) -> None:
        """Ends a read that waits, so that the iterator raises StreamEnded."""
        self._is_stopped = True
        if self._response is not None:
            _shut(self._response)

    def _read(self) -> bytes:
        """What has arrived, without waiting for more of it; nothing at the end, and then _end says which."""
        if self._response is None or self._is_stopped:
            return b""
        try:
            return self._response.raw.read1(CHUNK, decode_content=True) or b""
        except ReadTimeoutError:
            self._end = StreamSilent(f"{ENDPOINT}: {self.silence_seconds:g} s of silence", endpoint=ENDPOINT)
        except (*FAILURES, ValueError) as error:  # ValueError: TLS that was shut while it was read
            self._end = _ended(f"it was cut ({type(error).__name__})")
        return b""


class Lines:
    """Bytes as they arrive -> lines without their ends. Of a line longer than LONGEST_LINE nothing is held."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._is_too_long = False

    def feed(self, arrived: bytes) -> Iterator[bytes | None]:
        """The lines that end in it; None is one that was too long."""
        *ended, begun = arrived.split(b"\n")
        for part in ended:
            self._hold(part)
            yield None if self._is_too_long else bytes(self._held)
            self._held.clear()
            self._is_too_long = False
        self._hold(begun)

    @property
    def are_broken_off(self) -> bool:
        """Something has come of a line, and its end has not."""
        return bool(self._held) or self._is_too_long

    @property
    def rest(self) -> bytes | None:
        return None if self._is_too_long else bytes(self._held)

    def _hold(self, part: bytes) -> None:
        if self._is_too_long or len(self._held) + len(part) > LONGEST_LINE:
            self._is_too_long = True
            self._held.clear()
        else:
            self._held += part


def read_line(line: bytes | None, otherwise: str = NO_JSON) -> Line:
    """`otherwise`: what to call a line that is no JSON."""
    if line is None:
        return OddLine(TOO_LONG)
    text = line.decode("utf-8", errors="replace").strip()
    if not text:
        return None
    try:
        raw = read_pushed_json(text)
    except ValueError:
        return OddLine(otherwise, text[:LONGEST_TEXT].replace("\x00", "\ufffd"))
    try:
        return parse_activity(raw)
    except ValueError as reason:
        return OddLine(_complaint(raw) or str(reason), raw)


def _complaint(raw: Any) -> str:
    """X tells its own troubles on the stream, too, before it ends it."""
    return "X reports a problem" if isinstance(raw, dict) and raw.get("errors") and not raw.get("data") else ""


def _ended(how: str) -> StreamEnded:
    return StreamEnded(f"{ENDPOINT}: {how}", endpoint=ENDPOINT)


def _shut(response: requests.Response) -> None:
    try:
        response.raw.shutdown()
    except (OSError, ValueError, RuntimeError):
        return  # it is closed already
