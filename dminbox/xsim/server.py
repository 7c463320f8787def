"""The HTTP server under the local X: uvicorn, with a way to cut a connection and a word when it is ready."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dminbox.xsim.calls import CUT


class CuttableProtocol(HttpToolsProtocol):
    """Gives each request a function that ends its TCP connection at once, without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast(dict[str, Any], self.scope)[CUT] = self.transport.abort


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready
        self.ending = ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Open streams would hold it up until they are torn off."""
        self.ending()
        await super().shutdown(sockets)


def listening(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    return found


def serve(app: ASGIApp, found: socket.socket, origin: str, port_file: Path | None, ending: Callable[[], None]) -> None:
    """Until SIGINT or SIGTERM; `ending` is called before the last answers are waited for."""

    def ready() -> None:
        sys.stdout.write(f"local X on {origin}\n")
        sys.stdout.flush()
        if port_file:
            fresh = port_file.with_name(f"{port_file.name}.new")
            fresh.write_text(str(found.getsockname()[1]))
            fresh.replace(port_file)

    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    Server(config, ready, ending).run(sockets=[found])
