"""What a thread holds beside words: photos over the page, GIFs to hold, folded lines, a menu, the place one left."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from conversations.media import make_thumbnails
from conversations.models import DmEvent, EventPost, Media, MediaFile, Post, ReadMark
from tests import factories
from tests.e2e import rich
from tests.e2e.conftest import PHONE
from tests.e2e.looking import pictures
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser
SEEN = """words => [...document.querySelectorAll('.bubble')].some((each) => {
    const { top, bottom } = each.getBoundingClientRect();
    return each.textContent.includes(words) && top >= 0 && bottom <= innerHeight;
})"""
SHARED = {"urls": [{"url": "https://t.co/aaaaaaaaaa", "expanded_url": "https://x.com/mira_nordlicht/status/7001"}]}
LONG = "The lamp flickers, then hums, then flickers again, and nobody here knows why. " * 30


@pytest.fixture
def filled(filled):
    told = rich.Teller(filled.everything, datetime.now(UTC))
    photos = told.say(filled.people[0], "Three more")
    for n in range(3):
        rich.attach(photos, _sharp_photo(f"5_7{n}", f"Photo {n + 1} of the shelf"))
    told.say(filled.people[0], LONG)
    rich.recount(filled.everything)
    crowd = [factories.XUserFactory() for _ in range(6)]
    told = rich.Teller(filled.group, datetime.now(UTC))
    told.move("ParticipantsJoin", crowd, by=filled.people[0])
    told.move("ParticipantsLeave", crowd[:1])
    told.move("ParticipantsLeave", crowd[1:2])
    rich.recount(filled.group)
    return filled


def _sharp_photo(key: str, alt_text: str) -> Media:
    place = Path(settings.MEDIA_ROOT) / f"sharp-{key}.jpg"
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.frombytes("RGB", (800, 600), os.urandom(800 * 600 * 3)).save(place)
    file = rich.file(f"sharp-{key}", place, content_type="image/jpeg")
    make_thumbnails(file.pk)
    file = MediaFile.objects.get(pk=file.pk)
    return Media.objects.create(media_key=key, type="photo", width=800, height=600, alt_text=alt_text, file=file)


def until(page, expression, arg=None):
    page.wait_for_function(expression if "=>" in expression else f"() => {expression}", arg=arg)


def look(page, name):
    """For eyes."""
    if folder := pictures():
        page.screenshot(path=folder / f"of-threads-{name}.png")


def test_photos_open_over_the_page_and_keys_lead_through_them(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.everything.pk}/")
    first = page.locator(".media-set a[data-lightbox]").first
    first.focus()
    look(page, "thread")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('lightbox').open")
    words = page.locator(".lightbox-words")
    assert words.inner_text().split() == ["3", "of", "5", "Photo", "1", "of", "the", "shelf"]
    until(page, "document.querySelector('.lightbox-stage img').naturalWidth === 800")
    look(page, "lightbox")
    page.keyboard.press("+")
    until(page, "document.querySelector('.lightbox-stage img').clientWidth > innerWidth * 1.9")
    look(page, "lightbox-zoomed")
    page.keyboard.press("0")
    page.keyboard.press("ArrowRight")
    assert "Photo 2 of the shelf" in words.inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "Three lamp shades in a row" in words.inner_text()
    page.keyboard.press("Escape")
    until(page, "!document.getElementById('lightbox').open")
    assert page.evaluate("() => document.activeElement.querySelector('img').alt") == "Three lamp shades in a row"


def test_on_a_phone_photos_are_swiped_and_closed_in_the_corner(visit, ada, filled):
    visited = visit(ada, **PHONE)
    page = visited.open(f"/c/{filled.everything.pk}/")
    page.locator(".media-set a[data-lightbox]").first.tap()
    words = page.locator(".lightbox-words")
    until(page, "document.querySelector('.lightbox-words').innerText.includes('Photo 1')")
    look(page, "lightbox-phone")
    finger = visited.context.new_cdp_session(page)

    def draw(x, y=0):
        for kind, at in (("touchStart", (200, 400)), ("touchMove", (200 + x / 2, 400 + y / 2)), ("touchEnd", None)):
            points = [{"x": at[0], "y": at[1]}] if at else []
            if kind == "touchEnd":
                finger.send(
                    "Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": 200 + x, "y": 400 + y}]}
                )
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    draw(-120, 10)
    until(page, "document.querySelector('.lightbox-words').innerText.includes('Photo 2')")
    draw(120)
    until(page, "document.querySelector('.lightbox-words').innerText.includes('Photo 1')")
    draw(-20)
    draw(-60, 120)
    page.wait_for_timeout(200)
    assert "Photo 1" in words.inner_text()
    close = page.get_by_role("button", name="Close", exact=True)
    box = close.bounding_box()
    assert box["y"] < 60
    assert box["x"] + box["width"] > 330
    assert box["height"] >= 44
    close.tap()
    until(page, "!document.getElementById('lightbox').open")


def test_thumbnails_are_chosen_by_the_screen(visit, ada, filled):
    chosen = "() => document.querySelector('.media-set a img:not(.blur)').currentSrc"
    for density, width in ((1, 360), (2, 720)):
        page = visit(ada, device_scale_factor=density).open(f"/c/{filled.everything.pk}/")
        until(page, "document.querySelector('.media-set a img:not(.blur)').currentSrc !== ''")
        assert page.evaluate(chosen).endswith(f"/{width}/")


def test_a_gif_runs_while_it_is_seen_until_somebody_holds_it(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.everything.pk}/")
    gif = page.locator("video[data-loop]")
    gif.scroll_into_view_if_needed()
    until(page, "!document.querySelector('video[data-loop]').paused")
    look(page, "gif")
    page.get_by_role("button", name="Pause the GIF").click()
    until(page, "document.querySelector('video[data-loop]').paused")
    page.get_by_role("button", name="Play the GIF").wait_for()
    assert not gif.evaluate("video => video.controls")


def test_who_wants_less_motion_starts_gifs(visit, ada, filled):
    page = visit(ada, reduced_motion="reduce").open(f"/c/{filled.everything.pk}/")
    page.locator("video[data-loop]").scroll_into_view_if_needed()
    page.get_by_role("button", name="Play the GIF").click()
    until(page, "!document.querySelector('video[data-loop]').paused")


def test_a_long_message_unfolds_without_a_script(visit, ada, filled):
    page = visit(ada, java_script_enabled=False).open(f"/c/{filled.everything.pk}/")
    text = page.locator(".long-text")
    folded = text.bounding_box()["height"]
    page.get_by_label("Show the whole message").check()
    assert text.bounding_box()["height"] > 1.3 * folded


def test_many_comings_and_goings_are_one_line_that_unfolds(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.group.pk}/")
    line = page.locator("details.markers").last
    look(page, "group")
    assert "Ada Lindqvist added" in line.locator("> summary").inner_text()
    assert "and 4 others" in line.locator("> summary").inner_text()
    line.locator("> summary").click()
    assert line.locator(".marker").count() == 3
    inside = line.locator(".marker .event-time").first.get_attribute("href")
    page = visit(ada).open(inside)
    assert page.locator("details.markers[open]").count() == 1


def test_the_menu_of_a_message_copies_its_text_and_its_link(visit, ada, filled):
    visited = visit(ada)
    visited.context.grant_permissions(["clipboard-read", "clipboard-write"])
    given = {"id": "17", "text": "Of course! <b>See</b> 灯り", "entities": {"urls": [{"start": 15}]}}
    DmEvent.objects.filter(conversation=filled.everything, text__startswith="Of course! See").update(raw=given)
    page = visited.open(f"/c/{filled.everything.pk}/")
    article = page.locator("article", has_text="Of course! See")
    article.hover()
    article.locator("a.more").click()
    menu = page.locator("#message-menu")
    assert menu.is_visible()
    look(page, "menu")
    page.get_by_role("button", name="Copy text").click()
    until(page, "document.querySelector('#message-menu [role=status]').textContent === 'Copied.'")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == "Of course! See https://nordlicht.example/polaris/colours?from=dm for the colours"
    page.get_by_role("button", name="Copy link").click()
    pk = article.get_attribute("id")[1:]
    address = f"{visited.address}/c/{filled.everything.pk}/e/{pk}/"
    until(page, "address => navigator.clipboard.readText().then((text) => text === address)", address)
    page.keyboard.press("Escape")
    assert not menu.is_visible()
    assert article.locator("a.more").evaluate("link => link === document.activeElement")
    article.locator("a.more").click()
    page.get_by_role("link", name="Raw event").click()
    page.wait_for_url("**/raw/")
    assert json.loads(page.locator("pre.raw").inner_text()) == given


def test_the_menu_of_a_message_closes_when_the_thread_moves_under_it(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.long.pk}/")
    menu = page.locator("#message-menu")
    for moves in (
        lambda: page.locator("#scroller").evaluate("box => (box.scrollTop -= 100)"),
        lambda: page.set_viewport_size({"width": 1000, "height": 700}),
    ):
        article = page.locator("article.event").last
        article.hover()
        article.locator("a.more").click()
        page.wait_for_timeout(200)
        assert menu.is_visible()
        moves()
        menu.wait_for(state="hidden")


def test_the_menu_leads_to_the_media_of_a_message_on_x_or_else_to_the_conversation(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.everything.pk}/")
    photo = page.locator("article", has=page.locator('img[alt="A standing lamp beside a window"]'))
    words = page.locator("article", has_text="Of course! See")
    places = {photo: f"media/{photo.get_attribute('id')[1:]}", words: filled.everything.dm_conversation_id}
    for article, place in places.items():
        article.hover()
        article.locator("a.more").click()
        link = page.locator("#message-menu").get_by_role("link", name="On X")
        assert link.get_attribute("href") == f"https://x.com/messages/{place}"
        page.keyboard.press("Escape")


def test_what_can_be_copied_are_words_and_the_addresses_of_posts_beside_them(visit, ada, filled):
    told = rich.Teller(filled.everything, datetime.now(UTC))
    told.say(filled.people[0], "")
    shared = told.say(filled.people[0], "Like this one: https://t.co/aaaaaaaaaa", entities=SHARED, has_post=True)
    EventPost.objects.create(event=shared, post=Post.objects.get(pk=7001), position=0)
    rich.recount(filled.everything)
    visited = visit(ada)
    visited.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visited.open(f"/c/{filled.everything.pk}/")
    copy = page.get_by_role("button", name="Copy text")
    for words, is_offered in (("Message without text", False), ("Like this one:", True)):
        article = page.locator("article.event", has_text=words).last
        article.hover()
        article.locator("a.more").click()
        assert copy.is_visible() == is_offered
        if is_offered:
            copy.click()
        else:
            page.keyboard.press("Escape")
    until(page, "document.querySelector('#message-menu [role=status]').textContent === 'Copied.'")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == "Like this one:\nhttps://x.com/i/status/7001"


def test_coming_back_finds_the_place_that_was_left(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.long.pk}/")
    page.evaluate("() => document.getElementById('scroller').scrollTo(0, -600)")
    seen = page.locator("article", has_text="Message number 225").evaluate("each => each.getBoundingClientRect().top")
    page.goto(page.url.split("/c/")[0] + "/open/")
    page.go_back()
    until(page, "document.getElementById('scroller').scrollTop < -100")
    back = page.locator("article", has_text="Message number 225").evaluate("each => each.getBoundingClientRect().top")
    assert abs(seen - back) < 3


def test_coming_back_to_an_older_part_opens_the_thread_around_it(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.long.pk}/")
    page.evaluate("() => document.getElementById('scroller').scrollTo(0, -99999)")
    page.locator("article", has_text="Message number 150").scroll_into_view_if_needed()
    page.goto(page.url.split("/c/")[0] + "/open/")
    page.go_back()
    page.wait_for_url("**?at=*")
    until(page, SEEN, "number 150:")


def place_of(page, words):
    return page.locator("article", has_text=words).evaluate("each => each.getBoundingClientRect().top")


def stays(page, words, top):
    until(page, SEEN, words)
    page.wait_for_timeout(300)
    assert abs(place_of(page, words) - top) < 3


def test_the_arrow_of_the_media_leads_back_to_the_place_that_was_left(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.long.pk}/")
    page.locator("#scroller").evaluate("box => box.scrollTo(0, -600)")
    top = place_of(page, "number 225:")
    page.get_by_role("link", name="Media").click()
    page.get_by_role("link", name="Back to the conversation").click()
    page.wait_for_url(f"**/c/{filled.long.pk}/")
    stays(page, "number 225:", top)


@pytest.mark.parametrize("way", ["back", "reload"])
def test_the_place_that_was_left_goes_before_the_one_the_address_names(visit, ada, filled, way):
    named = filled.long.events.order_by("dm_event_id")[60].dm_event_id
    page = visit(ada).open(f"/c/{filled.long.pk}/e/{named}/")
    page.locator("#scroller").evaluate("box => (box.scrollTop = -300)")
    words = page.locator("article.event .bubble").evaluate_all(
        "all => all.find((each) => each.getBoundingClientRect().top > 300).textContent.match(/number [0-9]+:/)[0]"
    )
    top = place_of(page, words)
    if way == "back":
        page.goto(page.url.split("/c/")[0] + "/open/")
        page.go_back()
    else:
        page.reload()
    stays(page, words, top)


def test_the_line_of_what_is_new_stands_above_it(visit, ada, filled):
    events = list(filled.long.events.order_by("dm_event_id"))
    ReadMark.objects.create(user=ada, conversation=filled.long, dm_event_id=events[-4].dm_event_id)
    page = visit(ada).open(f"/c/{filled.long.pk}/")
    below = page.locator("#unread-line + article")
    assert "Message number 237" in below.inner_text()
    look(page, "unread")


def test_each_line_of_a_message_runs_as_its_own_words_do(visit, ada, filled):
    told = rich.Teller(filled.everything, datetime.now(UTC))
    told.say(filled.people[2], "Order 17, please\nمرحبا بكم")
    page = visit(ada).open(f"/c/{filled.everything.pk}/")
    starts = page.evaluate(
        """() => {
          const all = [...document.querySelectorAll('.bubble')];
          const bubble = all.find((each) => each.textContent.includes('Order 17')), text = bubble.firstChild;
          const box = bubble.getBoundingClientRect();
          return ['O', 'م'].map((letter) => {
            const range = document.createRange(), at = text.data.indexOf(letter);
            range.setStart(text, at);
            range.setEnd(text, at + 1);
            const place = range.getBoundingClientRect();
            return (place.left + place.right) / 2 < (box.left + box.right) / 2 ? 'left' : 'right';
          });
        }"""
    )
    assert starts == ["left", "right"]


def test_the_panel_of_people_is_closed_and_stays_so_until_it_is_opened(visit, ada, filled):
    seen = visit(ada)
    page = seen.open(f"/c/{filled.group.pk}/")
    panel = page.locator("#people")
    panel.locator(".panel-close").click()
    wait_until(page, "document.activeElement.matches('.show-people')")
    assert not panel.is_visible()
    page = seen.open(f"/c/{filled.long.pk}/")
    assert not panel.is_visible()
    page.keyboard.press("Tab")
    page.locator(".show-people").click()
    assert panel.is_visible()
    page = seen.open(f"/c/{filled.group.pk}/")
    assert panel.is_visible()
    assert not page.locator(".show-people").is_visible()


@pytest.mark.parametrize("width", [768, 800, 1024, 1280])
def test_beside_its_tools_a_thread_has_room_to_say_whom_it_is_with(visit, ada, filled, width):
    ada.language = "de"  # its words are the longest
    ada.save()
    page = visit(ada, viewport={"width": width, "height": 800}).open(f"/c/{filled.long.pk}/?find=lamp")
    head, name = page.locator(".thread-head").bounding_box(), page.locator(".thread-name").bounding_box()
    assert head["height"] < 200
    assert name["width"] > 120
