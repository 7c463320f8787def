"""A proxy between a browser and dminbox, as a company or a bad line might be one. It may change at any time."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator

LONGEST_HEAD = 64 * 1024
BUFFER = 4096
HURRIED = {
    b"/static/js/live-worker.js": [
        (b"SILENCE_MS = 35_000", b"SILENCE_MS =  4_000"),
        (b"PATIENCE_MS = 6_000", b"PATIENCE_MS = 1_000"),
        (b"TRY_SOON_MS = 3_000", b"TRY_SOON_MS = 1_000"),
        (b"TRY_LATER_MS = 10_000", b"TRY_LATER_MS =  2_000"),
    ],
    b"/static/js/live.js": [
        (b"POLL_MS = 20_000", b"POLL_MS =  1_000"),
        (b"SILENCE_MS = 35_000", b"SILENCE_MS =  4_000"),
        (b"STILL_MS = 15_000", b"STILL_MS =  1_000"),
    ],
}
"""What these scripts wait for, in less time and as many bytes."""


class Proxy:
    """streams: "pass", "swallow" (taken and never answered; also those that are open), "hold" (kept until a
    buffer is full) or "refuse" (502).
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream.removeprefix("http://")
        self.streams = "pass"
        self.is_down = False
        self.open: dict[socket.socket, bytes] = {}
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.proxy = self
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def open_streams(self) -> int:
        return sum(is_stream(path) for path in list(self.open.values()))

    def cut(self) -> None:
        """Ends everything that is under way."""
        for each in list(self.open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def lose_network(self) -> None:
        self.is_down = True
        self.cut()

    def find_network(self) -> None:
        self.is_down = False


def is_stream(path: bytes) -> bool:
    return path.split(b"?")[0] == b"/live/"


@contextlib.contextmanager
def proxy_to(upstream: str) -> Iterator[Proxy]:
    proxy = Proxy(upstream)
    thread = threading.Thread(target=proxy.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.cut()
        proxy.server.server_close()
        thread.join(10)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    proxy: Proxy


class _Handler(socketserver.BaseRequestHandler):
    """One request: what comes is asked to end with its answer."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self._handle()

    def _handle(self) -> None:
        proxy: Proxy = self.server.proxy
        head, body = self._read_head()
        if not head or proxy.is_down:
            return
        path = head.split(b" ", 2)[1]
        if is_stream(path) and proxy.streams == "refuse":
            self.request.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        host, port = proxy.upstream.split(":")
        with socket.create_connection((host, int(port)), 30) as upstream:
            upstream.sendall(self._rewritten(head) + body)
            proxy.open[self.request] = path
            try:
                self._pass_on(upstream, path)
            finally:
                del proxy.open[self.request]

    def _read_head(self) -> tuple[bytes, bytes]:
        read = b""
        while b"\r\n\r\n" not in read and len(read) < LONGEST_HEAD:
            piece = self.request.recv(65536)
            if not piece:
                return b"", b""
            read += piece
        head, _, body = read.partition(b"\r\n\r\n")
        return head, body

    def _rewritten(self, head: bytes) -> bytes:
        proxy: Proxy = self.server.proxy
        ours, theirs = proxy.address.removeprefix("http://").encode(), proxy.upstream.encode()
        first, *lines = head.split(b"\r\n")
        dropped = (b"connection:", b"accept-encoding:", b"if-none-match:", b"if-modified-since:")
        kept = [line.replace(ours, theirs) for line in lines if not line.lower().startswith(dropped)]
        return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])

    def _pass_on(self, upstream: socket.socket, path: bytes) -> None:
        """Both ways, until one side ends. Who has swallowed a piece is silent from then on."""
        proxy: Proxy = self.server.proxy
        is_silent, held = False, b""
        hurried = HURRIED.get(path.split(b"?")[0])
        while True:
            readable, _, _ = select.select([upstream, self.request], [], [])
            if self.request in readable:
                piece = self.request.recv(65536)
                if not piece:
                    return
                upstream.sendall(piece)
                continue
            piece = upstream.recv(1_000_000)
            is_silent = is_silent or (is_stream(path) and proxy.streams == "swallow")
            if not piece:
                return
            for usual, quick in hurried or []:
                piece = piece.replace(usual, quick)
            held += piece
            if is_stream(path) and proxy.streams == "hold" and len(held) < BUFFER:
                continue
            if not is_silent:
                self.request.sendall(held)
            held = b""
