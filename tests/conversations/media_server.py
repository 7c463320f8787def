"""A tiny web server for fetch tests: each path does one thing, well or badly, over http or https."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[socket.socket], None]


@dataclass
class MediaServer:
    """`answers` by path; `requests` holds the head of each request as text."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def says(self, path: str, body: bytes, status: str = "200 OK", **headers: str) -> None:
        names = {"content_length": str(len(body)), **headers}
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in names.items() if value)
        self.answers[path] = lambda client: client.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)

    def drips(self, path: str, head: bytes, byte: bytes = b"x") -> None:
        """The head at once, then a byte every twentieth of a second, for ever."""

        def drip(client: socket.socket) -> None:
            client.sendall(head)
            while not self.is_over.wait(0.05):
                client.sendall(byte)

        self.answers[path] = drip


@contextlib.contextmanager
def serve(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[MediaServer]:
    with socket.create_server((host, 0)) as listener:
        server = MediaServer(listener.getsockname()[1])
        listener.settimeout(0.05)
        thread = threading.Thread(target=_accept, args=(listener, server, tls), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.is_over.set()
            thread.join()


def _accept(listener: socket.socket, server: MediaServer, tls: ssl.SSLContext | None) -> None:
    threads = []
    while not server.is_over.is_set():
        with contextlib.suppress(TimeoutError):
            client, _ = listener.accept()
            threads.append(threading.Thread(target=_answer, args=(client, server, tls), daemon=True))
            threads[-1].start()
    for thread in threads:
        thread.join(5)


def _answer(client: socket.socket, server: MediaServer, tls: ssl.SSLContext | None) -> None:
    client.settimeout(5)
    with contextlib.suppress(OSError), contextlib.ExitStack() as open_things:
        open_things.enter_context(client)
        if tls:
            client = open_things.enter_context(tls.wrap_socket(client, server_side=True))
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096) or b"\r\n\r\n"
        server.requests.append(head.decode())
        server.answers[head.split(b" ")[1].decode()](client)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + 2
        while client.recv(4096) and time.monotonic() < deadline:
            pass


def certificate_for(host: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server with a certificate for that host, and of a client that trusts its maker."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{host}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    trusting = ssl.create_default_context(cafile=str(pem))
    return serving, trusting
