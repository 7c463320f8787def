"""From a wanted file to bytes on disk, against the local X over real HTTP."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as django_settings
from django.utils import timezone
from PIL import Image

from accounts.models import XAccount
from conversations.media import fetch_file, fetching, files_due, sharp_avatar, wanted_file
from conversations.media.errors import Gone, Refused
from conversations.media.kinds import kind_of
from conversations.models import ApiCall, EventMedia, Media, MediaFile
from tests.conversations.media_server import serve
from tests.factories import ConversationFactory, DmEventFactory, XAccountFactory

State = MediaFile.State
HELP, STUDIO, CUSTOMER = "1500000000000000001", "1500000000000000002", "2000000000000000003"
TON = "/1.1/ton/data/dm/1861111111111111111/1861111111111111112/lamp-3_x.jpg"
PUBLIC = "/media/GxYz.jpg"
CLIP = "/dm_video/7/vid/avc1/320x180/clip.mp4"
FILES = {
    TON: "photo-lamp-1-64x48.jpg",
    PUBLIC: "photo-lamp-2-80x60.jpg",
    CLIP: "clip-dimming-320x180.mp4",
    "/pl/clip.m3u8": "clip-dimming.m3u8",
}


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def x(xsim):
    """A photo of a message to our support account, a public picture and a video."""
    people = [(HELP, "NordlichtHelp"), (STUDIO, "NordlichtStudio"), (CUSTOMER, "ada_lamps")]
    xsim.post("people", [{"id": pk, "username": name, "name": name} for pk, name in people])
    size = {"width": 64, "height": 48, "type": "photo"}
    scene = _a_scene()
    files = {path: name.replace("lamp", scene) for path, name in FILES.items()}
    xsim.post("media", [{**size, "media_key": "3_1", "files": {p: n for p, n in files.items() if p != TON}}])
    xsim.post("media", [{**size, "media_key": "5_1", "url_path": TON, "files": {TON: files[TON]}}])
    message = {"dm_conversation_id": f"{HELP}-{CUSTOMER}", "sender_id": CUSTOMER, "media_keys": ["5_1"]}
    xsim.post("events", [message])
    return xsim


def _a_scene():
    from dminbox.xsim import pictures

    return next(iter(pictures.SCENES))


def connected(x, user_id=HELP, **fields):
    pair = x.grant(user_id)
    return XAccountFactory(
        x_user_id=int(user_id), access_token=pair["access_token"], refresh_token=pair["refresh_token"], **fields
    )


def fetched(file):
    fetch_file(file.pk)
    file.refresh_from_db()
    return file


def bytes_of(file):
    return (Path(django_settings.MEDIA_ROOT) / file.path).read_bytes()


def requests_for(x, path):
    return [request for request in x.get("requests") if request["path"].startswith(path)]


@pytest.mark.django_db
def test_a_photo_of_a_message_comes_through_x_s_api_with_the_account_s_token(x):
    file = fetched(wanted_file(f"{x.url}{TON}", connected(x)))
    assert (file.state, file.content_type, file.width, file.height) == (State.STORED, "image/jpeg", 64, 48)
    assert file.size == len(bytes_of(file))
    assert bytes_of(file).startswith(b"\xff\xd8\xff")
    assert file.lease_until is None
    assert requests_for(x, "/1.1/ton") == []
    assert [request["user_id"] for request in requests_for(x, "/2/dm_conversations/media/")] == [HELP]


@pytest.mark.django_db
@pytest.mark.parametrize("suffix", ["", ":large"])
def test_it_does_so_whatever_host_its_address_names(x, suffix):
    file = fetched(wanted_file(f"https://ton.twitter.com{TON}{suffix}", connected(x)))
    assert file.state == State.STORED


@pytest.mark.django_db
def test_an_access_token_that_ended_is_renewed_on_the_way(x):
    x_account = connected(x)
    XAccount.objects.update(access_token="ended-long-ago")
    assert fetched(wanted_file(f"{x.url}{TON}", x_account)).state == State.STORED


@pytest.mark.django_db
def test_a_colleague_account_that_shows_the_photo_fetches_it_too(x):
    gone = XAccountFactory(state=XAccount.State.DISCONNECTED)
    file = wanted_file(f"{x.url}{TON}", gone)
    stranger = connected(x, STUDIO)
    assert fetched(file).state == State.DUE
    assert requests_for(x, "/2/dm_conversations/media/") == []

    event = DmEventFactory(conversation=ConversationFactory(x_account=connected(x)))
    EventMedia.objects.create(event=event, media=Media.objects.create(media_key="5_1", type="photo", file=file))
    file.want_again()
    assert fetched(file).state == State.STORED
    assert stranger.username not in str(x.get("requests"))


@pytest.mark.django_db
def test_no_connected_account_leaves_the_photo_due_for_later(x):
    file = fetched(wanted_file(f"{x.url}{TON}", None))
    assert file.state == State.DUE
    assert file.due_at > timezone.now() + timedelta(minutes=30)
    assert "No connected X account" in file.error


@pytest.mark.django_db
@pytest.mark.parametrize("path", [PUBLIC, CLIP])
def test_everything_else_is_fetched_without_any_token(x, path):
    file = fetched(wanted_file(f"{x.url}{path}", connected(x)))
    assert file.state == State.STORED
    assert file.content_type == ("video/mp4" if path == CLIP else "image/jpeg")
    assert [request["user_id"] for request in requests_for(x, path)] == [None]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "https://pbs.twimg.com/media/x.jpg",
        "https://evil.example/1.1/ton/data/dm/1/2/../x.jpg",
        "https://evil.example/1.1/ton/data/dm/1/2/..",
        "https://evil.example/x/1.1/ton/data/dm/1/2/x.jpg",
        "https://evil.example/1.1/ton/data/dm/1/2/x.jpg/more",
        "https://evil.example/?/1.1/ton/data/dm/1/2/x.jpg",
        "javascript:/1.1/ton/data/dm/",
        "nonsense",
    ],
)
def test_an_address_elsewhere_is_refused_and_nothing_is_asked(x, url):
    file = fetched(wanted_file(url, connected(x)))
    assert file.state == State.REFUSED
    assert x.get("requests") == []


def test_the_three_parts_are_taken_from_the_path_alone():
    photo = fetching.dm_photo_in(f"https://ton.twitter.com{TON}?x=/1.1/ton/data/dm/7/7/7#y")
    assert photo == fetching.DmPhoto("1861111111111111111", "1861111111111111112", "lamp-3_x.jpg")
    assert fetching.dm_photo_in("https://ton.twitter.com/1.1/ton/data/dm/1/2/a%2fb.jpg") is None
    assert fetching.dm_photo_in("https://[ton/1.1/ton/data/dm/1/2/a.jpg") is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "state", "wait"),
    [
        ({"kind": "404"}, State.GONE, None),
        ({"kind": "402", "times": 2}, State.DUE, timedelta(minutes=55)),
        ({"kind": "403"}, State.DUE, timedelta(minutes=55)),
        ({"kind": "429"}, State.DUE, timedelta(seconds=1)),
        ({"kind": "429-no-reset"}, State.DUE, timedelta(minutes=14)),
        ({"kind": "500-html"}, State.DUE, timedelta(seconds=25)),
        ({"kind": "503-empty"}, State.DUE, timedelta(seconds=25)),
        ({"kind": "cut-before"}, State.DUE, timedelta(seconds=25)),
    ],
)
def test_each_refusal_of_x_says_when_to_ask_again(x, fault, state, wait):
    x.post("faults", fault)
    file = fetched(wanted_file(f"{x.url}{TON}", connected(x)))
    assert file.state == state
    assert file.error
    assert x.url not in file.error
    if wait:
        assert timezone.now() + wait < file.due_at <= timezone.now() + timedelta(hours=1, minutes=1)


@pytest.mark.django_db
def test_without_credit_one_photo_is_refused_to_one_account_and_all_others_wait_an_hour(x):
    """They were asked for each by itself, hour after hour, though one purse pays for all."""
    help_ = connected(x)
    connected(x, STUDIO)
    photos = [wanted_file(f"{x.url}{TON.replace('lamp', f'lamp{number}')}", help_) for number in range(3)]
    public = wanted_file(f"{x.url}{PUBLIC}", None)
    conversation = ConversationFactory(x_account=XAccount.objects.get(x_user_id=int(STUDIO)))
    shown = EventMedia(event=DmEventFactory(conversation=conversation), media=Media(media_key="5_9", file=photos[0]))
    shown.media.save()
    shown.save()
    x.post("faults", {"kind": "402", "times": -1})
    before = len(x.get("requests"))
    for pk in files_due(10):
        fetch_file(pk)
    asked = [request["path"] for request in x.get("requests")[before:]]
    assert len([path for path in asked if path.startswith("/2/")]) == 1
    public.refresh_from_db()
    assert public.state == State.STORED, "no part of the API"
    for photo in photos:
        photo.refresh_from_db()
        assert photo.state == State.DUE
        assert timedelta(minutes=59) < photo.due_at - timezone.now() <= timedelta(hours=1)


@pytest.mark.django_db
def test_waits_grow_to_a_day_and_stay_there(x, settings):
    settings.X_MEDIA_HOSTS = ["127.0.0.1:1"]
    file = wanted_file("http://127.0.0.1:1/a.jpg", None)
    waits = []
    with time_machine.travel(datetime(2026, 11, 20, tzinfo=UTC), tick=False) as clock:
        for _ in range(8):
            clock.move_to(max(file.due_at, timezone.now()))
            file = fetched(file)
            waits.append(file.due_at - timezone.now())
    assert file.state == State.DUE
    assert waits[0] < timedelta(minutes=1)
    assert waits == sorted(waits[:5]) + waits[5:]
    assert all(timedelta(days=1) <= wait <= timedelta(days=1.25) for wait in waits[5:])


@pytest.mark.django_db
def test_a_file_is_fetched_once_and_not_before_it_is_due(x):
    file = fetched(wanted_file(f"{x.url}{PUBLIC}", None))
    fetch_file(file.pk)
    later = wanted_file(f"{x.url}{CLIP}", None)
    MediaFile.objects.filter(pk=later.pk).update(due_at=timezone.now() + timedelta(minutes=1))
    fetch_file(later.pk)
    fetch_file(10**9)
    assert len(requests_for(x, PUBLIC)) == 1
    assert requests_for(x, CLIP) == []


@pytest.mark.django_db
def test_a_file_in_work_is_left_alone_until_its_lease_ran_out(x):
    file = wanted_file(f"{x.url}{PUBLIC}", None)
    assert fetching._claim(file.pk)
    assert fetching._claim(file.pk) is None
    assert files_due(10) == []
    with time_machine.travel(timezone.now() + fetching.LEASE + timedelta(seconds=1)):
        assert files_due(10) == [file.pk]
        assert fetched(file).state == State.STORED


@pytest.mark.django_db
def test_who_lost_the_lease_writes_nothing(x, monkeypatch):
    file = wanted_file(f"{x.url}{PUBLIC}", None)

    def slow(row):
        MediaFile.objects.filter(pk=row.pk).update(lease_until=timezone.now())
        raise Refused("too late")

    monkeypatch.setattr(fetching, "_keep", slow)
    assert fetched(file).state == State.FETCHING


@pytest.mark.django_db
def test_a_crash_leaves_nothing_behind_once_the_file_is_fetched_again(x, settings):
    file = wanted_file(f"{x.url}{PUBLIC}", None)
    parts = Path(settings.MEDIA_ROOT) / "parts"
    parts.mkdir(parents=True)
    (parts / f"{file.source_hash}.17").write_bytes(b"half of")
    assert fetched(file).state == State.STORED
    assert list(parts.iterdir()) == []


@pytest.mark.django_db
def test_the_longest_due_come_first_and_only_as_many_as_asked_for(x):
    files = [wanted_file(f"{x.url}/media/{n}.jpg", None) for n in range(3)]
    for minutes, file in enumerate(files):
        MediaFile.objects.filter(pk=file.pk).update(due_at=timezone.now() - timedelta(minutes=minutes))
    assert files_due(2) == [files[2].pk, files[1].pk]


@pytest.mark.django_db
def test_a_file_that_is_too_large_is_not_kept(x, settings):
    settings.MEDIA_MAX_BYTES = 100
    for url in (f"{x.url}{PUBLIC}", f"{x.url}{TON}"):
        file = fetched(wanted_file(url, None if PUBLIC in url else connected(x)))
        assert (file.state, file.path) == (State.TOO_LARGE, "")
        assert not file.want_again()
    assert [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()] == []


def full(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("owner", "name", "value", "state"),
    [
        (fetching, "TOTAL_SECONDS", 0.0, State.DUE),
        (django_settings, "MEDIA_MAX_BYTES", 100, State.TOO_LARGE),
        (fetching, "copy", full, State.DUE),
    ],
)
def test_a_photo_whose_bytes_did_not_come_is_a_call_all_the_same(x, monkeypatch, owner, name, value, state):
    """Too slowly, too many, or onto a full disk: X has answered, and the ledger holds every call."""
    monkeypatch.setattr(owner, name, value)
    x_account = connected(x)
    assert fetched(wanted_file(f"{x.url}{TON}", x_account)).state == state
    calls = ApiCall.objects.values_list("x_account", "endpoint", "status", "usd")
    assert list(calls) == [(x_account.pk, fetching.DM_MEDIA_ENDPOINT, 200, 0)]
    assert len(requests_for(x, "/2/")) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("owner", "deed"), [(fetching.os, "fsync"), (Path, "mkdir")])
def test_a_disk_that_takes_nothing_is_trouble_for_later(x, monkeypatch, owner, deed):
    monkeypatch.setattr(owner, deed, full)
    file = fetched(wanted_file(f"{x.url}{PUBLIC}", None))
    assert file.state == State.DUE
    assert "No space left" in file.error


@pytest.mark.django_db
def test_a_person_can_have_a_given_up_file_fetched_again(x):
    file = wanted_file(f"{x.url}{PUBLIC}", None)
    MediaFile.objects.filter(pk=file.pk).update(state=State.GONE, attempts=9, error="X no longer has this file.")
    assert file.want_again()
    assert fetched(file).state == State.STORED
    assert not file.want_again()
    assert file.attempts == 1


# --- What a file is ---------------------------------------------------------------------------------------------------


def picture(format_name, size=(20, 10), **options):
    target = io.BytesIO()
    Image.new("RGB", size, "orange").save(target, format_name, **options)
    return target.getvalue()


@pytest.mark.parametrize(
    ("format_name", "content_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif"), ("WEBP", "image/webp")],
)
def test_pictures_are_known_by_their_bytes(tmp_path, format_name, content_type):
    (tmp_path / "x.html").write_bytes(picture(format_name))
    kind = kind_of(tmp_path / "x.html")
    assert (kind.content_type, kind.width, kind.height) == (content_type, 20, 10)


@pytest.mark.parametrize("brand", [b"isom", b"iso5", b"iso6", b"mp42", b"avc1", b"dash"])
def test_videos_are_known_by_their_bytes(tmp_path, brand):
    (tmp_path / "x").write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0isommp41" + bytes(100))
    assert kind_of(tmp_path / "x").content_type == "video/mp4"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg/>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a<script>alert(1)</script>",
        b"\x89PNG\r\n\x1a\n<html>",
        b"\xff\xd8\xff\xe0<html><script>",
        b"RIFF\0\0\0\0WEBPVP8 <html>",
        b"%PDF-1.7",
        b"#EXTM3U\n",
        b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
        b"\0\0\0\x1cftypheic\0\0\0\0mif1heic",
        b"PK\x03\x04",
        picture("BMP"),
        picture("TIFF"),
        picture("PNG")[:-40],
    ],
)
def test_everything_else_is_refused(tmp_path, content):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(Refused):
        kind_of(tmp_path / "x.jpg")


def test_a_picture_that_would_unpack_to_gigabytes_is_refused(tmp_path):
    content = bytearray(picture("GIF"))
    content[6:10] = b"\xff\xff\xff\xff"
    (tmp_path / "x.gif").write_bytes(content)
    with pytest.raises(Refused, match="too large"):
        kind_of(tmp_path / "x.gif")


@pytest.mark.django_db
def test_active_content_at_an_allowed_host_is_never_stored(settings):
    with serve() as server:
        settings.X_MEDIA_HOSTS = [f"127.0.0.1:{server.port}"]
        server.says("/a.jpg", b"<svg onload=alert(1)>", content_type="image/jpeg")
        file = fetched(wanted_file(f"http://127.0.0.1:{server.port}/a.jpg", None))
    assert (file.state, file.path, file.content_type) == (State.REFUSED, "", "")


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("https://pbs.twimg.com/profile_images/1/a_normal.jpg", "https://pbs.twimg.com/profile_images/1/a_400x400.jpg"),
        ("https://pbs.twimg.com/profile_images/1/a.png", "https://pbs.twimg.com/profile_images/1/a.png"),
        ("https://pbs.twimg.com/profile_images/1/a_normal", "https://pbs.twimg.com/profile_images/1/a_normal"),
    ],
)
def test_an_avatar_is_fetched_in_a_size_that_is_sharp(told, wanted):
    assert sharp_avatar(told) == wanted


@pytest.mark.django_db
def test_an_avatar_that_x_has_in_the_small_size_alone_is_fetched_so(x, monkeypatch):
    small = "/profile_images/7/AL-lamps_normal.png"
    large = small.replace("_normal", "_400x400")
    inner = fetching.Fetcher.fetch

    def without_large(self, url, target):
        if "_400x400" in url:
            raise Gone("X no longer has it.")
        inner(self, url, target)

    monkeypatch.setattr(fetching.Fetcher, "fetch", without_large)
    assert fetched(wanted_file(f"{x.url}{large}", None)).state == State.STORED
    assert [call["path"] for call in requests_for(x, "/profile_images/7/")] == [small]
