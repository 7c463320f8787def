"""Files: a DM photo through the API alone, the rest public under the origin, in ranges where asked."""

import pytest

from tests.xsim.conftest import ADA, BEN, CLEO, say

PHOTO = "/1.1/ton/data/dm/1589472163941056517/1589472151165317121/lamp.jpg"
DOWNLOAD = "/2/dm_conversations/media/1589472163941056517/1589472151165317121/lamp.jpg"
CLIP = "/dm_video/7/vid/avc1/320x180/clip.mp4"


@pytest.fixture
def files(x):
    """A photo that Ben sent to Ada and then, reused, to Cleo; a video of a message."""
    size = {"width": 4, "height": 3}
    x.post(
        "media",
        [
            {
                **size,
                "media_key": "5_1",
                "type": "photo",
                "url_path": PHOTO,
                "files": {PHOTO: "loop-glow-240x240-poster.jpg"},
            },
            {**size, "media_key": "7_1", "type": "video", "files": {CLIP: "clip-dimming-320x180.mp4"}},
        ],
    )
    say(x, BEN, " https://t.co/a", media_keys=["5_1"])
    say(x, BEN, " https://t.co/b", f"{BEN}-{CLEO}", media_keys=["5_1"])


def test_a_participant_downloads_a_photo_as_plain_bytes(x, ada, ben, files):
    for bearer in (ada, ben, x.grant(CLEO)["access_token"]):
        answer = x.api(bearer, DOWNLOAD)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.content.startswith(b"\xff\xd8\xff")
        assert "x-rate-limit-remaining" in answer.headers


def test_nobody_else_downloads_it(x, files):
    assert x.api(x.grant("44")["access_token"], DOWNLOAD).status_code == 404
    assert x.api(None, DOWNLOAD).status_code == 401
    assert x.api(x.grant(ADA, ["users.read", "tweet.read"])["access_token"], DOWNLOAD).status_code == 403
    assert x.api(x.grant(ADA, ["dm.read"])["access_token"], DOWNLOAD).status_code == 200


@pytest.mark.parametrize("changed", ["1589472163941056518", "lamp.png"])
def test_only_the_three_parts_of_the_url_of_the_photo_name_it(x, ada, files, changed):
    old = "1589472163941056517" if changed.isdigit() else "lamp.jpg"

    assert x.api(ada, DOWNLOAD.replace(old, changed)).status_code == 404


def test_the_url_of_a_dm_photo_refuses_a_bearer_and_everybody_without(x, ada, files):
    assert x.api(ada, PHOTO).status_code == 403
    assert x.api(None, PHOTO).status_code == 401


def test_what_is_gone_is_404(x, ada, files):
    x.post(
        "media", {"media_key": "5_1", "type": "photo", "width": 4, "height": 3, "files": {PHOTO: "a"}, "is_gone": True}
    )

    assert x.api(ada, DOWNLOAD).status_code == 404


def test_a_video_is_public_to_who_has_its_url(x, files):
    answer = x.api(None, CLIP)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.content[4:8] == b"ftyp"
    assert x.api(None, "/dm_video/8/none.mp4").status_code == 404


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=5-999999999", slice(5, None)),
    ],
)
def test_a_range_is_served_as_that_range(x, files, asked, part):
    whole = x.api(None, CLIP).content
    answer = x.api(None, CLIP, headers={"range": asked})

    assert answer.status_code == 206
    assert answer.content == whole[part]
    first = whole.index(whole[part])
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(whole[part]) - 1}/{len(whole)}"


def test_a_range_outside_is_416_and_one_that_is_none_is_ignored(x, files):
    assert x.api(None, CLIP, headers={"range": "bytes=999999999-"}).status_code == 416
    assert x.api(None, CLIP, headers={"range": "lines=1-2"}).status_code == 200


def test_an_avatar_is_a_picture_in_every_size(x):
    for size in ("_normal", "_400x400"):
        answer = x.api(None, f"/profile_images/1/A-170{size}.jpg")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
