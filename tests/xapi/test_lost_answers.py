"""Over real HTTP: cut connections, silence, HTML, redirects, cookies."""

import socket
import ssl
import time

import pytest

from dminbox.xapi import errors, oauth
from dminbox.xapi.client import XClient
from tests.xapi.support import CONVERSATION, EVENT, TOKEN, answer, client, hang_up, served, server

READS = {
    "page": lambda c: c.dm_events(),
    "one event": lambda c: c.dm_event(EVENT),
    "me": lambda c: c.me(),
    "media": lambda c: c.dm_media("1", "2", "a.jpg").__enter__(),
}
WRITES = {
    "send": lambda c: c.send_to_conversation(CONVERSATION, "Hello"),
    "group": lambda c: c.create_group(["1", "2"], "Hello"),
    "delete": lambda c: c.delete_dm_event(EVENT),
}


def cut_inside(handler) -> None:
    answer(handler, 200, b'{"data": [', content_length="500")
    hang_up(handler)


def cut_chunked(handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"ff\r\n{")
    hang_up(handler)


def no_http(handler) -> None:
    handler.wfile.write(b"what?\r\n\r\n")
    hang_up(handler)


def bad_gzip(handler) -> None:
    answer(handler, 200, b"not packed at all", content_encoding="gzip")


BREAKS = {"before": hang_up, "inside": cut_inside, "chunked": cut_chunked, "no http": no_http, "bad gzip": bad_gzip}


@pytest.mark.parametrize("behave", BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize("call", [READS["page"], READS["one event"], READS["me"]])
def test_a_cut_connection_on_a_read_is_unavailable(behave, call):
    with served(behave) as c, pytest.raises(errors.Unavailable):
        call(c)


@pytest.mark.parametrize("behave", BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
def test_a_cut_connection_on_a_write_leaves_the_outcome_unknown(behave, call):
    with served(behave) as c, pytest.raises(errors.OutcomeUnknown):
        call(c)


@pytest.fixture
def silent():
    """The address of a server that takes a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("call", READS.values(), ids=READS)
def test_silence_on_a_read_is_unavailable(silent, call):
    with client(api_url=silent, timeout=(1, 0.05)) as c, pytest.raises(errors.Unavailable, match="no answer"):
        call(c)


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
def test_silence_on_a_write_leaves_the_outcome_unknown(silent, call):
    with client(api_url=silent, timeout=(1, 0.05)) as c, pytest.raises(errors.OutcomeUnknown):
        call(c)


@pytest.fixture
def closed():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("call", [*READS.values(), *WRITES.values()], ids=[*READS, *WRITES])
def test_without_a_connection_nothing_was_sent(closed, call):
    with client(api_url=closed) as c, pytest.raises(errors.Unavailable):
        call(c)


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
def test_a_refused_certificate_means_nothing_was_sent(certificate, call):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with served(hang_up, context) as c, pytest.raises(errors.Unavailable):
        call(c)


def test_html_on_a_5xx_does_no_harm():
    def bad_gateway(handler) -> None:
        answer(handler, 502, b"<html>Bad gateway", content_type="text/html")

    with served(bad_gateway) as c, pytest.raises(errors.Unavailable) as caught:
        c.dm_events()
    assert (caught.value.status, caught.value.body) == (502, "<html>Bad gateway")


def test_a_redirect_is_not_followed():
    asked = []

    def redirect(handler) -> None:
        asked.append(handler.path)
        answer(handler, 302, b"", location="/elsewhere")

    with served(redirect) as c:
        with pytest.raises(errors.UnexpectedAnswer):
            c.me()
        with pytest.raises(errors.UnexpectedAnswer), c.dm_media("1", "2", "a.jpg"):
            pass
    assert len(asked) == 2


def test_no_cookie_is_kept():
    cookies = []

    def bake(handler) -> None:
        cookies.append(handler.headers.get("cookie"))
        answer(handler, 200, b'{"meta": {"result_count": 0}}', set_cookie="guest_id=1; Path=/")

    with served(bake) as c:
        c.dm_events()
        c.dm_events()
    assert cookies == [None, None]


def test_the_bearer_of_a_netrc_or_proxy_never_comes_into_it(tmp_path, monkeypatch, closed):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login cleo password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", closed)
    seen = []

    def note(handler) -> None:
        seen.append(handler.headers["authorization"])
        answer(handler, 200, b'{"data": {"id": "1"}}')

    with served(note) as c:
        c.me()
    assert seen == [f"Bearer {TOKEN}"]


PICTURE = bytes(range(256)) * 1000


def test_media_come_as_bytes_with_type_and_length():
    asked = []

    def picture(handler) -> None:
        asked.append((handler.path, handler.headers["accept-encoding"], handler.headers["authorization"]))
        answer(handler, 200, PICTURE, content_type="application/octet-stream", x_rate_limit_remaining="3")

    with served(picture) as c, c.dm_media("1", "2", "aB3_x-y.jpg") as body:
        assert (body.content_type, body.length, body.rate_limit.remaining) == ("application/octet-stream", 256_000, 3)
        assert b"".join(body) == PICTURE
    assert asked == [("/2/dm_conversations/media/1/2/aB3_x-y.jpg", "identity", f"Bearer {TOKEN}")]


def test_media_that_break_off_are_unavailable():
    def half(handler) -> None:
        answer(handler, 200, PICTURE[:1000], content_type="application/octet-stream", content_length=str(len(PICTURE)))
        hang_up(handler)

    with served(half) as c, c.dm_media("1", "2", "a.jpg") as body, pytest.raises(errors.Unavailable):
        list(body)


def test_media_may_be_left_before_their_end():
    def picture(handler) -> None:
        answer(handler, 200, PICTURE, content_type="image/jpeg")

    with served(picture) as c, c.dm_media("1", "2", "a.jpg") as body:
        assert next(iter(body))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, b'{"title":"Forbidden","type":"about:blank","status":403,"detail":"Forbidden"}', errors.ScopesMissing),
        (404, b"", errors.NotThere),
        (429, b"{}", errors.RateLimited),
        (503, b"<html>", errors.Unavailable),
        (200, b'{"errors":[{"type":"https://api.x.com/2/problems/resource-not-found","title":"x"}]}', errors.NotThere),
        (200, b'{"data":{}}', errors.UnexpectedAnswer),
    ],
)
def test_media_that_are_refused_fail_like_any_read(status, body, error):
    def refuse(handler) -> None:
        answer(handler, status, body)

    with served(refuse) as c, pytest.raises(error), c.dm_media("1", "2", "a.jpg"):
        pass


def endpoints(url: str) -> oauth.Endpoints:
    return oauth.Endpoints(f"{url}/authorize", f"{url}/token", f"{url}/revoke")


def renew(url: str, **options) -> oauth.TokenPair:
    return oauth.refresh(
        endpoints(url), client_id="id", client_secret="secret", refresh_token="old", allow_http=True, **options
    )


@pytest.mark.parametrize("behave", BREAKS.values(), ids=BREAKS)
def test_a_refresh_whose_answer_is_lost_leaves_the_outcome_unknown(behave):
    with server(behave) as url, pytest.raises(errors.OutcomeUnknown):
        renew(url)


def test_a_slow_refresh_leaves_the_outcome_unknown(silent):
    before = time.monotonic()
    with pytest.raises(errors.OutcomeUnknown):
        renew(silent, timeout=(1, 0.05))
    assert time.monotonic() - before < 5


def test_a_refresh_that_reaches_nobody_is_unavailable(closed):
    with pytest.raises(errors.Unavailable):
        renew(closed)


def test_http_is_taken_where_it_is_allowed_alone(monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with pytest.raises(ValueError, match="https"):
        XClient("token", api_url="http://localhost:8100")
    assert XClient("token", api_url="http://localhost:8100", allow_http=True)
    with pytest.raises(ValueError, match="https"):
        XClient("token", api_url="ftp://api.x.com", allow_http=True)
