"""A person reads: from the inbox into threads, up into history, with the keyboard, on a phone, without JavaScript."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conversations.models import ConversationLookup, HistoryRead, ReadMark, SyncState
from tests import factories
from tests.e2e import rich
from tests.e2e.conftest import PHONE

pytestmark = pytest.mark.browser


def numbers(page):
    texts = page.locator("#scroller .bubble").all_inner_texts()
    return [int(text.split("Message number ")[1].split(":")[0]) for text in texts]


def wait_until(page, expression, arg=None):
    """Bare expressions would be evaluated as strings, which our policy forbids in tests too."""
    page.wait_for_function(expression if "=>" in expression else f"() => {expression}", arg=arg)


@pytest.mark.parametrize("answer", ["none", "error", "sign-in"])
def test_a_conversation_that_does_not_come_into_the_page_is_gone_to(visit, ada, filled, answer):
    found = visit(ada)
    found.expect("/c/", "console: ")  # the browser tells of the failure
    page = found.open("/")

    def fail(route):
        if "hx-request" not in route.request.headers:
            route.continue_()
        elif answer == "none":
            route.abort()
        else:
            route.fulfill(status=500 if answer == "error" else 200, content_type="text/html", body="<p>Not this</p>")

    found.context.route(f"**/c/{filled.long.pk}/", fail)
    page.click(f'.row[data-conversation="{filled.long.pk}"]')
    page.wait_for_selector(f'#conversation[data-conversation="{filled.long.pk}"]')


def test_from_the_inbox_into_a_thread_which_is_then_read(visit, ada, filled):
    rich.read_most(ada, filled.long)
    page = visit(ada).open("/")
    row = page.locator(f'.row[data-conversation="{filled.long.pk}"]')
    assert "unread" in row.get_attribute("class")
    count = page.locator("#accounts .count").first
    before = int(count.inner_text().split()[0])
    with page.expect_response(lambda answer: answer.url.endswith("/read/")) as moved:
        row.click()
    assert moved.value.status == 204
    page.wait_for_selector("#thread-title")
    assert page.url.endswith(f"/c/{filled.long.pk}/")
    wait_until(page, "/^\\(\\d+\\) Ben Østergård · dminbox$/.test(document.title)")
    wait_until(page, "document.activeElement.id === 'thread-title'")
    wait_until(
        page, "pk => !document.querySelector(`.row[data-conversation='${pk}']`).matches('.unread')", filled.long.pk
    )
    assert row.get_attribute("aria-current") == "true"
    assert ReadMark.objects.get(user=ada).dm_event_id == filled.long.last_dm_event_id
    wait_until(page, "n => parseInt(document.querySelector('#accounts .count').innerText) === n", before - 1)
    assert page.title() == f"({before}) Ben Østergård · dminbox", "the other account has one, and this one was read"


def test_a_thread_opens_at_its_newest_and_older_ones_load_without_a_jump(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.long.pk}/")
    assert numbers(page)[-1] == 239
    scroller = page.locator("#scroller")
    last = page.locator(f"#e{filled.long.last_dm_event_id}")
    box, frame = last.bounding_box(), scroller.bounding_box()
    assert box["y"] + box["height"] <= frame["y"] + frame["height"]
    loaded = len(numbers(page))
    # The first message in sight must stand still on the screen while what is older comes in above it.
    while loaded < 240:  # without the wheel, whose last turn may come after the place was taken
        anchor = page.locator("#scroller .bubble", has_text=f"Message number {240 - loaded}:")
        scroller.evaluate("box => { box.scrollTop = -(box.scrollHeight - box.clientHeight) + 3 }")
        place = anchor.evaluate("bubble => { window.anchor = bubble; return bubble.getBoundingClientRect().top }")
        wait_until(page, "n => document.querySelectorAll('#scroller .bubble').length > n", loaded)
        wait_until(page, "place => Math.abs(window.anchor.getBoundingClientRect().top - place) < 3", place)
        loaded = len(numbers(page))
    assert numbers(page) == list(range(240))
    days = page.locator("#scroller .day").evaluate_all("days => days.map(day => day.id)")
    assert len(days) == len(set(days))
    wait_until(page, "document.querySelector('#top.beginning') !== null")


def test_a_link_to_a_message_deep_in_history_shows_it_in_sight_and_leads_on(visit, ada, filled):
    deep = filled.long.events.order_by("dm_event_id")[60]
    page = visit(ada).open(f"/c/{filled.long.pk}/e/{deep.dm_event_id}/")
    box = page.locator(f"#e{deep.dm_event_id}").bounding_box()
    frame = page.locator("#scroller").bounding_box()
    assert frame["y"] <= box["y"] <= frame["y"] + frame["height"] - box["height"]
    page.get_by_role("link", name="To the newest").click()
    page.wait_for_url(f"**/c/{filled.long.pk}/")
    assert numbers(page)[-1] == 239


def test_a_thread_is_narrowed_by_links(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.group.pk}/")
    page.get_by_role("link", name="Joins and leaves").click()
    page.wait_for_url("**/?show=people")
    assert page.locator(".marker").count() == 3
    assert page.locator(".bubble").count() == 0
    page.get_by_role("link", name="Messages", exact=True).click()
    page.wait_for_url("**/?show=messages")
    assert page.locator(".marker").count() == 0
    assert page.locator(".bubble").count() > 0


def test_pictures_and_films_come_from_here_and_nothing_moves_when_they_arrive(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.everything.pk}/")
    page.evaluate(
        """() => { window.moved = 0; new PerformanceObserver(list => {
            for (const entry of list.getEntries()) window.moved += entry.value;
        }).observe({type: 'layout-shift', buffered: true}); }"""
    )
    photo = page.get_by_alt_text("A standing lamp beside a window")
    photo.scroll_into_view_if_needed()
    wait_until(
        page, "() => [...document.images].some(image => image.alt.startsWith('A standing') && image.naturalWidth)"
    )
    assert photo.bounding_box()["width"] == 360
    loop = page.locator("video[data-loop]")
    wait_until(page, "() => !document.querySelector('video[data-loop]').paused")
    assert loop.evaluate("video => video.muted && video.loop")
    film = page.locator("video:not([data-loop])")
    assert film.evaluate("video => video.paused && Boolean(video.poster)")
    assert page.evaluate("window.moved") < 0.02


def test_loops_stand_still_for_who_wants_less_motion(visit, ada, filled):
    page = visit(ada, reduced_motion="reduce").open(f"/c/{filled.everything.pk}/")
    assert page.locator("video[data-loop]").evaluate("video => video.paused")


def test_older_history_is_asked_for_and_what_came_of_it_is_shown(visit, ada, filled):
    seen = visit(ada)
    page = seen.open(f"/c/{filled.everything.pk}/")
    page.get_by_role("button", name="Load up to 100 older messages from X: at most $2.00").click()
    page.get_by_text("Loading from X").wait_for()
    wish = HistoryRead.objects.get(conversation=filled.everything)
    rich.Teller(filled.everything, datetime(2026, 1, 2, 9, tzinfo=UTC)).say(filled.people[0], "From long ago")
    filled.everything.has_reached_beginning = True
    filled.everything.save()
    HistoryRead.objects.filter(pk=wish.pk).update(state="done", events_read=1)
    page.get_by_text("From long ago").wait_for()
    page.get_by_text("This is the beginning").wait_for()


def test_opening_a_conversation_leads_from_the_question_to_the_thread(visit, ada, filled):
    page = visit(ada).open("/open/")
    page.get_by_label("Person or conversation").fill("@oslo_stranger")
    page.get_by_role("button", name="Ask X").click()
    page.get_by_text("Asking X for the conversation").wait_for()
    ConversationLookup.objects.update(state="found", conversation=filled.long)
    page.get_by_role("link", name="Open the thread").click()
    page.wait_for_selector("#thread-title")


def test_everything_can_be_read_without_javascript(visit, ada, filled):
    page = visit(ada, java_script_enabled=False).open("/")
    page.locator(f'.row[data-conversation="{filled.long.pk}"]').click()
    assert numbers(page)[-1] == 239
    page.get_by_role("link", name="Older messages").click()
    assert numbers(page)[-1] == 189
    page.go_back()
    page.get_by_role("button", name="Mark as read").click()
    assert page.url.endswith("/")
    assert ReadMark.objects.get(user=ada).dm_event_id == filled.long.last_dm_event_id
    page.get_by_role("link", name="Older conversations").click()
    page.get_by_role("link", name="Older conversations").click()
    assert page.locator(".row").count() == 13
    page.get_by_role("link", name="Groups").click()
    assert page.locator(".row").count() == 1


def test_a_person_gets_from_the_top_of_the_inbox_into_a_thread_by_keys_alone(visit, ada, filled):
    page = visit(ada).open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.row')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    wait_until(page, "document.activeElement.id === 'thread-title'")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id === 'scroller'"):
            break
    for _ in range(40):  # whatever comes in meanwhile ends a browser's smooth scrolling: one presses again
        page.keyboard.press("Home")
        page.wait_for_timeout(250)
        if page.evaluate("document.querySelectorAll('#scroller .bubble').length > 50"):
            break
    wait_until(page, "document.querySelectorAll('#scroller .bubble').length > 50")


def test_on_a_phone_one_pane_is_shown_at_a_time_and_nothing_runs_out_sideways(visit, ada, filled):
    seen = visit(ada, **PHONE)
    page = seen.open("/")
    assert page.locator("#conversation").is_hidden()
    page.locator(f'.row[data-conversation="{filled.group.pk}"]').tap()
    page.wait_for_selector("#thread-title")
    assert page.locator("#list").is_hidden()
    page.get_by_role("link", name="People", exact=True).tap()
    assert page.locator("#people").is_visible()
    page.get_by_role("link", name="Close").tap()
    assert page.locator("#people").is_hidden()
    page.get_by_role("link", name="Back to the inbox").tap()
    page.wait_for_url(f"{seen.address}/")
    assert page.locator("#list").is_visible()


PAGES = [
    "/",
    "/c/{everything}/",
    "/c/{group}/",
    "/c/{group}/#people",
    "/open/",
    "/x-accounts/{x}/",
    "/x-accounts/{new}/start/",
]


def addresses(filled, ada):
    new = factories.XAccountFactory(username="NordlichtNew")
    factories.MembershipFactory(user=ada, x_account=new, role="admin")
    SyncState.objects.filter(x_account=filled.studio).update(state="no_credit", detail="X has no credit.")
    ids = {"everything": filled.everything.pk, "group": filled.group.pk, "x": filled.studio.pk, "new": new.pk}
    return [path.format(**ids) for path in PAGES]


def test_no_page_is_wider_than_a_phone_and_every_target_is_large_enough(visit, ada, filled):
    seen = visit(ada, **PHONE)
    for path in addresses(filled, ada):
        page = seen.open(path)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") == 0, path
        small = page.evaluate(
            """() => [...document.querySelectorAll('.button, .tool, .pill, .row, .bar-nav a, .bar-nav button')]
            .filter(each => each.offsetParent && each.getBoundingClientRect().height < 44)
            .map(each => each.outerHTML)"""
        )
        assert small == [], path
