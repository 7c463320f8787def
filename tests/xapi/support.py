"""What the tests of xapi share: payloads, a client, and a server that behaves as badly as it is told."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from dminbox.xapi.client import XClient

PAYLOADS = Path(__file__).parent.parent / "payloads"
API = "https://api.x.com"
TOKEN = "the-access-token-of-nordlicht"

ADA = "1900000000000000101"
CLEO = "1900000000000000202"
CONVERSATION = f"{ADA}-{CLEO}"
EVENT = "1920000000000000801"


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def client(**options: Any) -> XClient:
    return XClient(TOKEN, allow_http=True, **options)


Behaviour = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def server(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A real HTTP server on loopback that answers every request by `behave`; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
            behave(self)

        do_POST = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        if tls:
            # The handshake belongs to the thread of the request, or a refused one would end the server.
            http.socket = tls.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
        http.handle_error = lambda *_: None  # type: ignore[method-assign]  # cut connections are the point here
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://localhost:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"content_type": "application/json", "content_length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


@contextmanager
def served(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[XClient]:
    """A client of such a server."""
    with server(behave, tls) as url, client(api_url=url) as c:
        yield c
