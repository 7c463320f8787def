"""The fetcher goes to allowed public hosts alone, whatever an address or a name says."""

import io
import socket
import time

import pytest

from conversations.media.download import Fetcher, is_public
from conversations.media.errors import Gone, Later, Refused, TooLarge
from tests.conversations.media_server import certificate_for, serve

PUBLIC = "151.101.1.1"


@pytest.fixture
def server():
    with serve() as running:
        yield running


def fetcher(server=None, **options):
    options.setdefault("hosts", [f"127.0.0.1:{server.port}"] if server else ["pbs.twimg.com"])
    options.setdefault("allow_local", True)
    options.setdefault("max_bytes", 1000)
    return Fetcher(**options)


def fetched(using, url):
    target = io.BytesIO()
    using.fetch(url, target)
    return target.getvalue()


def names(*addresses):
    """A resolver that gives each call the next answer, and counts the calls."""
    calls = []

    def resolve(host, port, **_):
        calls.append((host, port))
        answer = addresses[min(len(calls), len(addresses)) - 1]
        many = [answer] if isinstance(answer, str) else answer
        families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in many]
        return [(family, socket.SOCK_STREAM, 6, "", (one, port)) for family, one in zip(families, many, strict=True)]

    resolve.calls = calls
    return resolve


def test_a_file_at_an_allowed_host_is_fetched_without_any_token(server):
    server.says("/media/a.jpg?size=large", b"bytes")
    assert fetched(fetcher(server), f"http://127.0.0.1:{server.port}/media/a.jpg?size=large") == b"bytes"
    head = server.requests[0].lower()
    assert "authorization" not in head
    assert "cookie" not in head
    assert f"host: 127.0.0.1:{server.port}\r\n" in head


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a.jpg",
        "https://pbs.twimg.com.evil.example/a.jpg",
        "https://evil.example/pbs.twimg.com/a.jpg",
        "https://pbs.twimg.com@evil.example/a.jpg",
        "https://evil.example@pbs.twimg.com/a.jpg",
        "https://pbs.twimg.com:8443/a.jpg",
        "https://pbs.twimg.com:x/a.jpg",
        "https://pbs.twimg.com./a.jpg",
        "https://PBS.twimg.com\\@evil.example/a.jpg",
        "https://evil.example\\.pbs.twimg.com/a.jpg",
        "https://pbs.twimg.com/a b.jpg",
        "https://pbs.twimg.com/a\r\nHost: evil.example\r\n\r\n",
        "https://pbs.twimg.com/\u212a.jpg",
        "http://pbs.twimg.com/a.jpg",
        "file:///etc/passwd",
        "ftp://pbs.twimg.com/a.jpg",
        "//pbs.twimg.com/a.jpg",
        "javascript:alert(1)",
        "https://[::1]/a.jpg",
        "https://[broken/a.jpg",
        "https://127.0.0.1/a.jpg",
        "https://",
        "",
    ],
)
def test_every_other_address_is_refused_before_any_name_is_looked_up(url):
    resolver = names(PUBLIC)
    with pytest.raises(Refused):
        fetched(fetcher(allow_local=False, resolver=resolver), url)
    assert resolver.calls == []


def test_http_is_taken_from_the_local_x_alone():
    with pytest.raises(Refused, match="https alone"):
        fetched(fetcher(allow_local=False, hosts=["127.0.0.1:9"]), "http://127.0.0.1:9/a.jpg")
    with pytest.raises(Refused, match="X_MEDIA_HOSTS"):
        fetched(fetcher(hosts=["127.0.0.1:9"]), "http://127.0.0.1:10/a.jpg")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:7f00:1::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "nonsense",
    ],
)
def test_no_address_off_the_public_internet_is_spoken_to(address):
    assert not is_public(address)
    with pytest.raises(Refused, match="public internet"):
        fetched(fetcher(allow_local=False, resolver=names(address)), "https://pbs.twimg.com/a.jpg")


def test_one_private_address_among_public_ones_is_enough_to_refuse():
    resolver = names([PUBLIC, "10.0.0.1"])
    with pytest.raises(Refused):
        fetched(fetcher(allow_local=False, resolver=resolver), "https://pbs.twimg.com/a.jpg")


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_pass(address):
    assert is_public(address)


def test_a_name_that_changes_after_the_check_changes_nothing(monkeypatch):
    """DNS rebinding: the second answer would lead inside, and is never asked for."""
    spoken_to = []

    def refuse(self, address):
        spoken_to.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the name was resolved anew"))
    resolver = names(PUBLIC, "127.0.0.1")
    with pytest.raises(Later):
        fetched(fetcher(allow_local=False, resolver=resolver), "https://pbs.twimg.com/a.jpg")
    assert resolver.calls == [("pbs.twimg.com", 443)]
    assert spoken_to == [(PUBLIC, 443)]


def test_tls_checks_the_name_and_not_the_address(tmp_path):
    serving, trusting = certificate_for("media.nordlicht.example", tmp_path)
    with serve(serving) as server:
        server.says("/a.jpg", b"bytes")
        using = {"tls": trusting, "resolver": names("127.0.0.1")}
        right, wrong = f"media.nordlicht.example:{server.port}", f"other.nordlicht.example:{server.port}"
        assert fetched(fetcher(hosts=[right], **using), f"https://{right}/a.jpg") == b"bytes"
        assert f"host: {right}\r\n" in server.requests[0].lower()
        with pytest.raises(Later, match="CertVerification"):
            fetched(fetcher(hosts=[wrong], **using), f"https://{wrong}/a.jpg")
        with pytest.raises(Later, match="CertVerification"):
            fetched(fetcher(hosts=[right], resolver=names("127.0.0.1")), f"https://{right}/a.jpg")
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed(server, status):
    server.says("/a.jpg", b"", status, location=f"http://127.0.0.1:{server.port}/inside")
    server.says("/inside", b"secret")
    with pytest.raises(Refused, match="redirects"):
        fetched(fetcher(server), f"http://127.0.0.1:{server.port}/a.jpg")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("404 Not Found", Gone),
        ("410 Gone", Gone),
        ("401 Unauthorized", Refused),
        ("403 Forbidden", Refused),
        ("402 Payment Required", Later),
        ("429 Too Many Requests", Later),
        ("500 Oops", Later),
        ("503 Busy", Later),
        ("204 No Content", Refused),
    ],
)
def test_a_status_says_what_comes_next(server, status, error):
    server.says("/a.jpg", b"", status)
    with pytest.raises(error):
        fetched(fetcher(server), f"http://127.0.0.1:{server.port}/a.jpg")


def test_a_busy_host_is_asked_again_when_it_says(server):
    server.says("/a.jpg", b"", "429 Too Many Requests", retry_after="90")
    with pytest.raises(Later) as caught:
        fetched(fetcher(server), f"http://127.0.0.1:{server.port}/a.jpg")
    assert caught.value.wait.total_seconds() == 90


def test_a_file_that_says_it_is_too_large_is_not_read(server):
    server.says("/a.jpg", b"", content_length="1001")
    with pytest.raises(TooLarge):
        fetched(fetcher(server), f"http://127.0.0.1:{server.port}/a.jpg")


@pytest.mark.parametrize("headers", [{"content_length": ""}, {"content_length": "", "transfer_encoding": "chunked"}])
def test_bytes_are_counted_where_no_length_is_said(server, headers):
    body = b"x" * 1001
    framed = b"3e9\r\n" + body + b"\r\n0\r\n\r\n" if "transfer_encoding" in headers else body
    server.says("/a.jpg", framed, **headers)
    url = f"http://127.0.0.1:{server.port}/a.jpg"
    with pytest.raises(TooLarge):
        fetched(fetcher(server), url)
    assert fetched(fetcher(server, max_bytes=1001), url) == body


def test_a_file_that_breaks_off_is_fetched_again_later(server):
    server.says("/a.jpg", b"half", content_length="8")
    with pytest.raises(Later, match="broke off"):
        fetched(fetcher(server), f"http://127.0.0.1:{server.port}/a.jpg")


def test_a_packed_file_is_refused(server):
    server.says("/a.jpg", b"\x1f\x8b", content_encoding="gzip")
    with pytest.raises(Refused, match="packed"):
        fetched(fetcher(server), f"http://127.0.0.1:{server.port}/a.jpg")


@pytest.mark.parametrize(
    ("head", "byte"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nx-slow: ", b"x"),
        (b"HTTP", b"/"),
    ],
    ids=["body", "body without length", "chunks", "headers", "status line"],
)
def test_a_slow_drip_ends_at_the_deadline(server, head, byte):
    server.drips("/a.jpg", head, byte)
    started = time.monotonic()
    with pytest.raises(Later):
        fetched(fetcher(server, seconds=0.6, silence=5), f"http://127.0.0.1:{server.port}/a.jpg")
    assert 0.5 < time.monotonic() - started < 2.5


def test_a_tls_handshake_that_never_ends_is_ended():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(Later):
            fetched(fetcher(hosts=[host], seconds=0.5, silence=5), f"https://{host}/a.jpg")
        assert time.monotonic() - started < 2.5


def test_silence_ends_a_fetch_before_the_deadline(server):
    server.answers["/a.jpg"] = lambda client: server.is_over.wait(5)
    started = time.monotonic()
    with pytest.raises(Later, match="Timeout"):
        fetched(fetcher(server, silence=0.3), f"http://127.0.0.1:{server.port}/a.jpg")
    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n", b"SSH-2.0-x\r\n"],
)
def test_nonsense_is_trouble_for_later(server, answer):
    server.answers["/a.jpg"] = lambda client: client.sendall(answer)
    with pytest.raises(Later):
        fetched(fetcher(server), f"http://127.0.0.1:{server.port}/a.jpg")


def test_nobody_there_is_trouble_for_later():
    with socket.create_server(("127.0.0.1", 0)) as closing:
        host = f"127.0.0.1:{closing.getsockname()[1]}"
    with pytest.raises(Later):
        fetched(fetcher(hosts=[host]), f"http://{host}/a.jpg")


def test_a_name_nobody_knows_is_trouble_for_later():
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(Later):
        fetched(fetcher(resolver=unknown), "https://pbs.twimg.com/a.jpg")


def test_the_second_address_is_tried_when_the_first_is_down(server):
    host = f"media.nordlicht.example:{server.port}"
    server.says("/a.jpg", b"bytes")
    resolver = names(["127.0.0.2", "127.0.0.1"])
    assert fetched(fetcher(hosts=[host], resolver=resolver), f"http://{host}/a.jpg") == b"bytes"
