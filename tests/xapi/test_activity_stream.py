"""The activity stream over real HTTP: lines as they come, and every way in which a connection goes wrong."""

import itertools
import json
import ssl
import threading
import time
import tracemalloc
from contextlib import contextmanager

import pytest

from dminbox.xapi import errors, stream
from dminbox.xapi.activity import Activity
from dminbox.xapi.app import XApp
from dminbox.xapi.stream import LONGEST_LINE, Lines, OddLine, read_line
from tests.xapi.support import answer, hang_up, payload, server

BEARER = payload("app-bearer")["access_token"]
LINE = json.dumps(payload("activity-dm-received")).encode() + b"\r\n"
TYPING = json.dumps(payload("activity-dm-indicate-typing")).encode() + b"\r\n"
PATIENCE = 5


class Talk:
    """What the server of a test says, piece by piece, and what it was asked."""

    def __init__(self, handler):
        self.handler = handler

    def begin(self, **headers):
        self.handler.protocol_version = "HTTP/1.1"
        self.handler.send_response(200)
        for name, value in {"content-type": "application/json", "transfer-encoding": "chunked", **headers}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.flush()

    def say(self, some: bytes):
        self.handler.wfile.write(b"%x\r\n%s\r\n" % (len(some), some))
        self.handler.wfile.flush()

    def end(self):
        self.handler.wfile.write(b"0\r\n\r\n")
        self.handler.close_connection = True


@contextmanager
def streaming(behave, *, minutes=0, asked=None, silence=PATIENCE, tls=None, **options):
    """An open stream of a server that gives a bearer and then behaves so."""

    bearers = itertools.chain([BEARER], map("bearer-{}".format, itertools.count(2)))

    def serve(handler):
        if handler.path == "/oauth2/token":
            answer(handler, 200, json.dumps({"token_type": "bearer", "access_token": next(bearers)}).encode())
            return
        if asked is not None:
            asked.append((handler.path, dict(handler.headers)))
        behave(Talk(handler))

    with (
        server(serve, tls) as url,
        XApp("key", "secret", api_url=url, allow_http=True, **options) as app,
        app.stream(minutes, silence_seconds=silence) as lines,
    ):
        yield lines


def says(*parts: bytes, last=Talk.end):
    def behave(talk):
        talk.begin()
        for part in parts:
            talk.say(part)
        last(talk)

    return behave


def cut(talk):
    hang_up(talk.handler)


def heard(lines):
    """Everything until the stream ends, and how it ended."""
    found = []
    with pytest.raises(errors.TryLater) as caught:
        note_all(lines, found)
    return found, caught.value


def note_all(lines, found):
    for line in lines:
        found.append(line)


def reasons(found):
    return [line.reason for line in found if isinstance(line, OddLine)]


def test_activities_and_keep_alives_come_line_by_line():
    asked = []
    with streaming(says(b"\r\n", LINE, b"\r\n", b"\n", TYPING), minutes=5, asked=asked) as lines:
        found, end = heard(lines)
    assert [line and line.event_type for line in found] == [None, "dm.received", None, None, "dm.indicate_typing"]
    assert type(end) is errors.StreamEnded
    ((path, headers),) = asked
    assert path == "/2/activity/stream?backfill_minutes=5"
    assert (headers["Authorization"], headers["Accept-Encoding"]) == (f"Bearer {BEARER}", "identity")


def unchunked(*parts: bytes, last=lambda talk: None):
    """An answer that goes on until the connection ends."""

    def behave(talk):
        talk.handler.send_response(200)
        talk.handler.end_headers()
        for part in parts:
            talk.handler.wfile.write(part)
        last(talk)
        talk.handler.close_connection = True

    return behave


@pytest.mark.parametrize("form", [says, unchunked])
def test_a_line_comes_at_once_while_the_connection_stays_open(form):
    """The server says nothing more until the lines have been heard, so one that is held back would never come."""
    was_heard = threading.Event()
    heard_in_time = []

    def wait(_):
        heard_in_time.append(was_heard.wait(PATIENCE))

    with streaming(form(LINE + LINE + TYPING[:100], TYPING[100:], last=wait)) as lines:
        it = iter(lines)
        assert [next(it).event_type for _ in range(3)] == ["dm.received", "dm.received", "dm.indicate_typing"]
        was_heard.set()
        heard(it)
    assert heard_in_time == [True]


def test_a_line_in_many_pieces_and_many_lines_in_one_piece_are_read_alike():
    pieces = [LINE[place : place + 7] for place in range(0, len(LINE), 7)]
    with streaming(says(*pieces, LINE + b"\r\n" + TYPING + LINE[:100], LINE[100:])) as lines:
        found, _ = heard(lines)
    assert [line and line.event_type for line in found] == [
        "dm.received", "dm.received", None, "dm.indicate_typing", "dm.received",
    ]  # fmt: skip


def test_silence_is_told_from_an_end():
    release = threading.Event()
    with streaming(says(LINE, b"\r\n", last=lambda _: release.wait(PATIENCE)), silence=0.2) as lines:
        before = time.monotonic()
        found, end = heard(lines)
        assert time.monotonic() - before < PATIENCE / 2
        release.set()
    assert (len(found), type(end), end.endpoint) == (2, errors.StreamSilent, stream.ENDPOINT)


def test_keep_alives_are_no_silence():
    def behave(talk):
        talk.begin()
        for _ in range(10):
            time.sleep(0.15)
            talk.say(b"\r\n")
        talk.end()

    with streaming(behave, silence=1) as lines:
        found, end = heard(lines)
    assert (found, type(end)) == ([None] * 10, errors.StreamEnded)


def test_a_line_cut_in_the_middle_is_dropped_and_counted():
    with streaming(says(LINE, TYPING[:200], last=cut)) as lines:
        found, end = heard(lines)
    assert [type(line) for line in found] == [Activity, OddLine]
    assert reasons(found) == [stream.CUT]
    assert type(end) is errors.StreamEnded


def test_a_line_that_lacks_its_end_alone_is_read():
    with streaming(says(LINE, TYPING.rstrip(), last=cut)) as lines:
        found, _ = heard(lines)
    assert [line.event_type for line in found] == ["dm.received", "dm.indicate_typing"]


def test_garbage_is_dropped_and_the_connection_kept():
    garbage = [
        b"<html>\r\n",
        b"\xff\xfe\x00\r\n",
        b"{}\r\n",
        b"[1]\r\n",
        b"5\r\n",
        b'{"data": {"event_uuid": 1.5}}\r\n',
    ]
    deep = b"[" * 100_000 + b"\r\n"
    with streaming(says(*garbage, deep, LINE)) as lines:
        found, _ = heard(lines)
    assert [type(line) for line in found] == [OddLine] * 7 + [Activity]
    assert reasons(found)[0] == stream.NO_JSON
    assert (found[0].raw, found[2].raw) == ("<html>", {})
    assert "event_uuid" in found[5].reason


def test_a_line_cut_in_the_middle_by_x_is_dropped_and_the_next_read():
    with streaming(says(TYPING[:200] + b"\r\n", LINE)) as lines:
        found, _ = heard(lines)
    assert [type(line) for line in found] == [OddLine, Activity]


def test_a_line_of_10_mb_is_skipped_without_being_held():
    piece = b"x" * 65536

    def behave(talk):
        talk.begin()
        talk.say(LINE + b'{"data": "')
        for _ in range(160):
            talk.say(piece)
        talk.say(b'"}\r\n' + TYPING)
        talk.end()

    with streaming(behave) as lines:
        tracemalloc.start()
        found, _ = heard(lines)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert [type(line) for line in found] == [Activity, OddLine, Activity]
    assert (reasons(found), found[1].raw) == ([stream.TOO_LONG], None)
    assert most < 4 * LONGEST_LINE


def test_a_line_that_is_too_long_and_cut_is_counted_once():
    with streaming(says(LINE, *[b"x" * 65536] * 20, last=cut)) as lines:
        found, end = heard(lines)
    assert reasons(found) == [stream.TOO_LONG]
    assert type(end) is errors.StreamEnded


def test_the_longest_line_is_still_read():
    filler = LONGEST_LINE - len(LINE.rstrip()) - 1
    with streaming(says(LINE.rstrip()[:-1] + b" " * filler + b"}\r\n")) as lines:
        found, _ = heard(lines)
    assert isinstance(found[0], Activity)


def test_a_problem_x_reports_on_the_stream_is_no_activity():
    problem = {"errors": [{"title": "operational-disconnect", "detail": "This stream has been disconnected."}]}
    with streaming(says(json.dumps(problem).encode() + b"\r\n")) as lines:
        found, _ = heard(lines)
    assert found == [OddLine("X reports a problem", problem)]


def test_stopping_from_another_thread_ends_a_read_that_waits():
    release = threading.Event()
    with streaming(says(LINE, last=lambda _: release.wait(PATIENCE))) as lines:
        it = iter(lines)
        next(it)
        stopper = threading.Timer(0.1, lines.stop)
        stopper.start()
        before = time.monotonic()
        with pytest.raises(errors.StreamEnded):
            next(it)
        assert time.monotonic() - before < PATIENCE / 2
        stopper.join()
        release.set()


def test_lines_come_and_a_wait_ends_over_tls_too(certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    release = threading.Event()
    with streaming(says(LINE + LINE, last=lambda _: release.wait(PATIENCE)), tls=context) as lines:
        it = iter(lines)
        assert [next(it).event_type for _ in range(2)] == ["dm.received"] * 2
        stopper = threading.Timer(0.1, lines.stop)
        stopper.start()
        with pytest.raises(errors.StreamEnded):
            next(it)
        assert not release.is_set()
        stopper.join()
        release.set()


def test_a_stream_that_was_stopped_before_gives_nothing():
    with streaming(says(LINE, last=cut)) as lines:
        lines.stop()
        found, end = heard(lines)
    assert (found, type(end)) == ([], errors.StreamEnded)


def test_a_stream_that_is_not_open_gives_nothing():
    with XApp("key", "secret") as app, pytest.raises(errors.StreamEnded):
        next(iter(app.stream()))


def test_leaving_closes_the_connection():
    is_closed = threading.Event()

    def behave(talk):
        talk.begin()
        talk.say(LINE)
        talk.handler.connection.settimeout(PATIENCE)
        if talk.handler.connection.recv(1) == b"":
            is_closed.set()

    with streaming(behave) as lines:
        next(iter(lines))
        lines.__exit__()
        assert is_closed.wait(PATIENCE)


REFUSALS = [
    (400, payload("error-400-invalid-request"), errors.BadRequest),
    (401, payload("error-401"), errors.OperatorMustAct),
    (402, payload("error-402-2026-07"), errors.NoCredit),
    (402, payload("error-402-2026-02"), errors.NoCredit),
    (403, payload("error-403"), errors.OperatorMustAct),
    (403, payload("error-403-unsupported-authentication"), errors.OperatorMustAct),
    (403, payload("error-403-client-not-enrolled"), errors.OperatorMustAct),
    (429, payload("error-429"), errors.RateLimited),
    (429, payload("stream-taken"), errors.StreamTaken),
    (503, payload("error-503"), errors.Unavailable),
    (502, "<html>" * 100_000, errors.Unavailable),
]


@pytest.mark.parametrize(("status", "body", "error"), REFUSALS)
def test_a_refused_stream_fails_by_what_is_to_be_done(status, body, error):
    def refuse(talk):
        text = body if isinstance(body, str) else json.dumps(body)
        answer(talk.handler, status, text.encode(), x_rate_limit_reset="1784929000", x_rate_limit_remaining="0")

    with pytest.raises(errors.XError) as caught, streaming(refuse):
        pass
    assert type(caught.value) is error
    assert (caught.value.status, caught.value.endpoint) == (status, stream.ENDPOINT)
    if error is errors.RateLimited:
        assert caught.value.reset_at.timestamp() == 1784929000
    if error is errors.OperatorMustAct:
        assert caught.value.hint


def test_a_stream_that_nobody_answers_is_unavailable():
    with pytest.raises(errors.Unavailable), streaming(lambda talk: hang_up(talk.handler)):
        pass


def test_a_bearer_x_no_longer_takes_is_asked_for_once_more():
    asked = []

    def behave(talk):
        if len(asked) == 1:
            answer(talk.handler, 401, json.dumps(payload("error-401")).encode())
        else:
            says(LINE)(talk)

    with streaming(behave, asked=asked) as lines:
        found, _ = heard(lines)
    assert len(found) == 1
    assert [headers["Authorization"] for _, headers in asked] == [f"Bearer {BEARER}", "Bearer bearer-2"]


@pytest.mark.parametrize("minutes", [-1, 6])
def test_x_repeats_five_minutes_at_most(minutes):
    with XApp("key", "secret") as app, pytest.raises(ValueError, match="backfill_minutes"):
        app.stream(minutes)


def test_however_the_bytes_arrive_the_lines_are_the_same():
    said = b"\r\n" + LINE + b"x" * 50 + b"\n" + TYPING + b"half"
    whole = Lines()
    expected = list(whole.feed(said))
    for size in (1, 2, 3, 64, 1000):
        cutter = Lines()
        parts = [said[place : place + size] for place in range(0, len(said), size)]
        assert [line for part in parts for line in cutter.feed(part)] == expected
        assert (cutter.rest, cutter.are_broken_off) == (whole.rest, True) == (b"half", True)


def test_nothing_of_a_line_is_shown_by_repr():
    shown = repr([read_line(LINE), read_line(LINE[:300]), read_line(b'{"errors": ["Guten Tag"]}')])
    assert "Guten Tag" not in shown
    assert "Cleo" not in shown
