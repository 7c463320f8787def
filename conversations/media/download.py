"""The one way to fetch an address that somebody else named: to allowed hosts alone, without any token.

Https only, unless `allow_local` (the local X) lets http and private addresses in, and then for the same hosts. A name
is resolved once, every address it has is checked, and the connection goes to a checked one; TLS still checks the name.
Redirects are not followed. Bytes, silence and the whole time are bounded. No proxy is used: it would resolve anew.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, BinaryIO
from urllib.parse import SplitResult, urlsplit

from requests import certs

from conversations.media.errors import Gone, Later, Refused, TooLarge

Resolver = Callable[..., Sequence[tuple[Any, ...]]]
"""As socket.getaddrinfo."""

CHUNK = 64 * 1024
PRINTABLE = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
"""What an address is made of: ASCII without space, control characters and the backslash that some read as a slash."""
PORTS = {"https": 443, "http": 80}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
GONE = {404, 410}
LATER = {402, 408, 425, 429}
MOST_RETRY_AFTER = 24 * 3600


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    is_https: bool
    target: str

    @property
    def netloc(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


@dataclass(frozen=True, slots=True)
class Fetcher:
    """`hosts` as host or host:port, matched whole; `seconds` for everything, `silence` between two bytes."""

    hosts: Collection[str]
    allow_local: bool
    max_bytes: int
    seconds: float = 300
    silence: float = 20
    resolver: Resolver = socket.getaddrinfo
    tls: ssl.SSLContext | None = None

    def fetch(self, url: str, target: BinaryIO) -> None:
        """Writes the body to `target`. Raises Gone, TooLarge, Refused or Later; nothing else of the network."""
        address = self._address(url)
        deadline = time.monotonic() + self.seconds
        try:
            with self._answer(address, deadline) as response:
                _check_status(response)
                copy(_pieces(response), target, _length(response), self.max_bytes, deadline)
        # ValueError: an answer no parser takes, for example a chunk of negative length.
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Later(f"The file could not be fetched ({type(error).__name__}).") from None

    def _address(self, url: str) -> Address:
        parts = _split(url)
        address = Address(
            parts.hostname or "",
            parts.port or PORTS.get(parts.scheme, 0),
            parts.scheme == "https",
            (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        )
        if not (address.is_https or (parts.scheme == "http" and self.allow_local)):
            raise Refused("Files are fetched by https alone.")
        allowed = {_host_and_port(host, PORTS[parts.scheme]) for host in self.hosts}
        if "@" in parts.netloc or (address.host, address.port) not in allowed:
            raise Refused("The file is not at a host that X_MEDIA_HOSTS allows.")
        return address

    @contextmanager
    def _answer(self, address: Address, deadline: float) -> Iterator[http.client.HTTPResponse]:
        with ExitStack() as opened, _ended_at(deadline) as watch:
            speaking = opened.enter_context(closing(self._connected(address, deadline)))
            watch(speaking)
            if address.is_https:
                secured = opened.enter_context(closing(self._secured(speaking, address)))
                watch(secured)
                secured.do_handshake()
                speaking = secured
            connection = opened.enter_context(closing(_request(address, speaking)))
            yield opened.enter_context(closing(connection.getresponse()))

    def _connected(self, address: Address, deadline: float) -> socket.socket:
        """A connection to an address that has been checked, so that the name cannot change in between."""
        last: OSError = OSError("the name has no address")
        for family, checked in self._checked_addresses(address):
            plain = socket.socket(family, socket.SOCK_STREAM)
            try:
                plain.settimeout(max(min(self.silence, deadline - time.monotonic()), 0.001))
                plain.connect(checked)
                plain.settimeout(self.silence)
            except OSError as error:
                plain.close()
                last = error
            else:
                return plain
        raise last

    def _checked_addresses(self, address: Address) -> list[tuple[int, tuple[Any, ...]]]:
        found = self.resolver(address.host, address.port, type=socket.SOCK_STREAM)
        if not self.allow_local and not all(is_public(sockaddr[0]) for *_, sockaddr in found):
            raise Refused("The file's host leads to an address that is not on the public internet.")
        return [(family, sockaddr) for family, *_, sockaddr in found]

    def _secured(self, plain: socket.socket, address: Address) -> ssl.SSLSocket:
        context = self.tls or preset_tls()
        return context.wrap_socket(plain, server_hostname=address.host, do_handshake_on_connect=False)


def copy(pieces: Iterable[bytes], target: BinaryIO, length: int | None, max_bytes: int, deadline: float) -> None:
    """Writes the pieces, as many bytes as were announced and no more than allowed, before the deadline."""
    if length is not None and length > max_bytes:
        raise TooLarge(_too_large(max_bytes))
    received = 0
    for piece in pieces:
        received += len(piece)
        if received > max_bytes:
            raise TooLarge(_too_large(max_bytes))
        target.write(piece)
        if time.monotonic() >= deadline:
            break
    if time.monotonic() >= deadline:
        raise Later("The file came too slowly.")
    if length is not None and received != length:
        raise Later("The file broke off before its end.")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also where it is wrapped in another."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.sixtofour or ip.teredo or ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_private)


@lru_cache(maxsize=1)
def preset_tls() -> ssl.SSLContext:
    """The system's certificates and those that requests ships: slim images have none of their own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certs.where())  # type: ignore[attr-defined]  # certifi's, by requests' own choice
    return context


def _split(url: str) -> SplitResult:
    if not PRINTABLE.fullmatch(url):
        raise Refused("The file's address is none of the web.")
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where the port is no number
    except ValueError:
        raise Refused("The file's address is none of the web.") from None
    return parts


def _host_and_port(host: str, preset: int) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    return parts.hostname or "", parts.port or preset


@contextmanager
def _ended_at(deadline: float) -> Iterator[Callable[[socket.socket], None]]:
    """Ends the watched connection at the deadline, wherever the reading stands: bytes may drip for ever."""
    watched: list[socket.socket] = []

    def watch(connection: socket.socket) -> None:
        watched.append(connection)
        if time.monotonic() >= deadline:
            raise TimeoutError

    timer = threading.Timer(max(deadline - time.monotonic(), 0), _end, [watched])
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()


def _end(watched: list[socket.socket]) -> None:
    # Past SSLSocket's own shutdown, which would take the encryption away from under a read.
    with suppress(OSError):
        socket.socket.shutdown(watched[-1], socket.SHUT_RDWR)


def _request(address: Address, speaking: socket.socket) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.sock = speaking
    connection.auto_open = 0  # a lost connection is not opened anew, to whatever the name means by then
    preset = address.port == PORTS["https" if address.is_https else "http"]
    connection.putrequest("GET", address.target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", address.netloc if preset else f"{address.netloc}:{address.port}")
    connection.putheader("Accept", "image/*, video/mp4")
    # Unpacked, so that the bytes are as many as Content-Length says, and no archive can blow up.
    connection.putheader("Accept-Encoding", "identity")
    connection.putheader("User-Agent", "dminbox")
    connection.putheader("Connection", "close")
    connection.endheaders()
    return connection


def _check_status(response: http.client.HTTPResponse) -> None:
    status = response.status
    if status in GONE:
        raise Gone("X no longer has this file.")
    if status in LATER or status >= 500:
        raise Later(f"X answered {status}.", _retry_after(response))
    if 300 <= status < 400:
        raise Refused("X pointed elsewhere; redirects are not followed.")
    if status != 200:
        raise Refused(f"X answered {status}.")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused("The file came packed.")


def _retry_after(response: http.client.HTTPResponse) -> timedelta | None:
    seconds = response.headers.get("retry-after", "")
    if not (seconds.isascii() and seconds.isdigit()) or len(seconds) > 6:
        return None
    return timedelta(seconds=min(int(seconds), MOST_RETRY_AFTER))


def _length(response: http.client.HTTPResponse) -> int | None:
    value = response.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() and not response.chunked else None


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Whatever has arrived, piece by piece: read() would wait until a whole chunk is there."""
    while piece := response.read1(CHUNK):
        yield piece


def _too_large(max_bytes: int) -> str:
    return f"The file is larger than {max_bytes // (1024 * 1024) or 1} MB."
