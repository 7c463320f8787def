"""Addresses on x.com."""

import pytest

from conversations import links


def test_addresses_are_x_s_own():
    assert links.conversation("17200003-944480690") == "https://x.com/messages/17200003-944480690"
    assert links.person(944480690) == "https://x.com/i/user/944480690"
    assert links.handle("ada_lamps") == "https://x.com/ada_lamps"
    assert links.post(1861111111111111111) == "https://x.com/i/status/1861111111111111111"
    assert links.hashtag("Größe") == "https://x.com/hashtag/Gr%C3%B6%C3%9Fe"
    assert links.cashtag("NORD") == "https://x.com/search?q=%24NORD"


def test_a_message_is_reached_through_its_media_or_its_conversation():
    assert links.message("1-2", 77) == "https://x.com/messages/1-2"
    assert links.message("1-2", 77, has_media=True) == "https://x.com/messages/media/77"


@pytest.mark.parametrize("hostile", ["../x", 'a"b', "a?b=c", "a#b", "a/b", "javascript:x", "\ud800"])
def test_no_name_leaves_its_part_of_the_path(hostile):
    tail = links.handle(hostile).removeprefix("https://x.com/")
    assert not set(tail) & set("/\"?#:<>' ")


@pytest.mark.parametrize(
    ("url", "post_id"),
    [
        ("https://twitter.com/ada/status/1861", "1861"),
        ("https://x.com/i/status/1861", "1861"),
        ("https://x.com/i/web/status/1861", "1861"),
        ("https://mobile.twitter.com/ada/statuses/1861?s=20", "1861"),
        ("https://x.com/ada/status/1861/photo/1", "1861"),
        ("https://x.com/ada/status/", None),
        ("https://x.com.evil.example/ada/status/1861", None),
        ("https://evil.example/x.com/ada/status/1861", None),
        ("javascript://x.com/ada/status/1861", None),
        ("https://[broken/ada/status/1861", None),
        ("", None),
    ],
)
def test_a_post_is_recognised_by_its_address_on_x_alone(url, post_id):
    assert links.post_id_of(url) == post_id


@pytest.mark.parametrize(
    ("expanded", "display", "own"),
    [
        ("https://twitter.com/messages/media/1861", "pic.twitter.com/aBc", True),
        ("https://x.com/messages/media/1861", "", True),
        ("https://x.com/ada/status/1/photo/1", "pic.x.com/aBc", True),
        ("https://nordlicht.example/messages/media/1861", "nordlicht.example/messages/me…", False),
        ("https://x.com/messages/1-2", "x.com/messages/1-2", False),
    ],
)
def test_the_link_x_adds_for_media_is_recognised(expanded, display, own):
    assert links.is_own_media(expanded, display) is own
