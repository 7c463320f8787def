"""An ear at a stream: a thread that takes every line of it with the moment it came."""

import contextlib
import json
import queue
import threading
import time

import requests

PATIENCE = 10


class Listener:
    def __init__(self, response):
        assert response.status_code == 200, response.text
        self.response = response
        self.lines = queue.Queue()
        self.rest = b""
        """What came after the last end of a line."""
        self.error = None
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def line(self):
        """The next line, an empty one for a keep-alive; and the real time at which it came."""
        return self.lines.get(timeout=PATIENCE)

    def event(self):
        """The next event, past keep-alives."""
        while not (line := self.line()[0]):
            pass
        return json.loads(line)["data"]

    def events(self, count):
        return [self.event() for _ in range(count)]

    def has_ended(self):
        """Waits for the end; the error it ended with, or None for one in good order."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the stream goes on"
        return self.error

    def is_quiet(self):
        """Nothing more has come than what was taken."""
        return self.lines.empty() and not self.rest

    def _listen(self):
        try:
            for chunk in self.response.iter_content(chunk_size=None):
                *lines, self.rest = (self.rest + chunk).split(b"\r\n")
                for line in lines:
                    self.lines.put((line, time.time()))
        except (requests.RequestException, OSError) as error:
            self.error = error


@contextlib.contextmanager
def listening(x, backfill_minutes=None):
    ear = Listener(x.stream(backfill_minutes))
    try:
        yield ear
    finally:
        if ear.thread.is_alive():
            x.post("stream", {"end": x.get("stream")["connections"]})
        ear.thread.join(PATIENCE)
        ear.response.close()
