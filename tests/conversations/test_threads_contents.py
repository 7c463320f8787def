"""Threads: folded markers, runs by minute, the unread line, cards, the gallery, and one message by itself."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from accounts.models import Membership, Role, User
from conversations import cards, text
from conversations.models import Post, ReadMark, XUser, XUserName
from tests import factories
from tests.conversations.page_support import NOW, page, unmarked
from tests.e2e import rich

pytestmark = pytest.mark.usefixtures("noon")


def crowd(count):
    return [factories.XUserFactory(name=f"Guest {n}") for n in range(count)]


# --- Markers ----------------------------------------------------------------------------------------------------------


def test_two_markers_in_a_row_stand_by_themselves_and_three_are_folded(as_ada, filled):
    told, guests = rich.Teller(filled.group, NOW), crowd(3)
    for guest in guests[:2]:
        told.move("ParticipantsJoin", [guest], by=filled.people[0])
    assert 'class="markers"' not in page(as_ada, f"/c/{filled.group.pk}/")
    told.move("ParticipantsLeave", [guests[0]])
    html = unmarked(page(as_ada, f"/c/{filled.group.pk}/"))
    assert '<summary dir="auto">Ada Lindqvist added Guest 0 and Guest 1; Guest 0 left</summary>' in html


def test_who_left_and_is_there_again_came_back(as_ada, filled):
    told, [first, second, new] = rich.Teller(filled.group, NOW - timedelta(days=1)), crowd(3)
    told.move("ParticipantsJoin", [first, second], by=filled.people[0])
    told.move("ParticipantsLeave", [first, second])
    told = rich.Teller(filled.group, NOW)
    told.move("ParticipantsJoin", [first, new], by=filled.people[0])
    told.move("ParticipantsJoin", [second])
    html = unmarked(page(as_ada, f"/c/{filled.group.pk}/"))
    assert "Ada Lindqvist added Guest 2; Ada Lindqvist added Guest 0 back</span>" in html
    assert "Guest 1 rejoined</span>" in html
    told.move("ParticipantsLeave", [second])
    told.move("ParticipantsJoin", [second])
    html = unmarked(page(as_ada, f"/c/{filled.group.pk}/"))
    assert "added Guest 0 back; Guest 1 rejoined; and 1 more change" in html


def test_a_fold_ends_with_its_day(as_ada, filled):
    told, guests = rich.Teller(filled.group, NOW - timedelta(hours=15)), crowd(4)
    told.move("ParticipantsLeave", guests[:1])
    told.move("ParticipantsLeave", guests[1:2])
    told.wait(hours=4).move("ParticipantsLeave", guests[2:3])
    told.move("ParticipantsLeave", guests[3:])
    assert 'class="markers"' not in page(as_ada, f"/c/{filled.group.pk}/")


def test_many_people_of_one_event_are_summed_up_with_all_names_inside(as_ada, filled):
    rich.Teller(filled.group, NOW).move("ParticipantsJoin", crowd(6), by=filled.people[0])
    html = unmarked(page(as_ada, f"/c/{filled.group.pk}/"))
    assert "Ada Lindqvist added Guest 0, Guest 1 and 4 others</summary>" in html
    assert "Guest 3, Guest 4 and Guest 5" in html


def test_a_fold_that_holds_what_one_came_for_is_open(as_ada, filled):
    told = rich.Teller(filled.group, NOW)
    events = [told.move("ParticipantsLeave", [guest]) for guest in crowd(3)]
    html = page(as_ada, f"/c/{filled.group.pk}/?at={events[1].dm_event_id}")
    assert re.search(r'<details class="markers" open ?>', html)


def test_each_name_on_who_came_and_went_tells_whose_it_is(as_ada, filled):
    people = crowd(6)
    XUser.objects.filter(pk=people[1].pk).update(name="{0} <b>Cleo</b>")
    told = rich.Teller(filled.group, NOW)
    told.move("ParticipantsJoin", people[1:], by=people[0])
    told.move("ParticipantsLeave", people[1:2])
    told.move("ParticipantsLeave", [])
    html = page(as_ada, f"/c/{filled.group.pk}/")
    names = ["Guest 0", "{0} &lt;b&gt;Cleo&lt;/b&gt;", "Guest 2", "Guest 3", "Guest 4", "Guest 5"]
    host, cleo, *guests = [
        f'<span data-x-user="{who.pk}">{name}</span>' for who, name in zip(people, names, strict=True)
    ]
    assert f'<summary dir="auto">{host} added {cleo}, {guests[0]} and 3 others; {cleo} left</summary>' in html
    assert f'<summary dir="auto">{host} added {cleo}, {guests[0]} and 3 others</summary>' in html
    assert f'<p dir="auto">{cleo}, {guests[0]}, {guests[1]}, {guests[2]} and {guests[3]}</p>' in html
    assert f'<span dir="auto">{cleo} left</span>' in html
    assert '<span dir="auto">Somebody left</span>' in html


# --- Runs, the unread line, long texts --------------------------------------------------------------------------------


def test_messages_of_one_minute_show_the_time_once(as_ada, filled):
    told = rich.Teller(filled.everything, NOW.replace(second=0))
    for words in ("First", "Second"):
        told.wait(seconds=5).event(filled.people[0], words)
    told.wait(minutes=1).event(filled.people[0], "Third")
    html = page(as_ada, f"/c/{filled.everything.pk}/")
    classes = {
        words: re.findall(r'<article class="([^"]*)"', html.split(f">{words}<")[0])[-1]
        for words in ("First", "Second", "Third")
    }
    assert ["same-minute" in classes[words] for words in ("First", "Second", "Third")] == [False, True, False]


def test_each_message_is_named_by_sender_and_time_and_each_day_is_a_heading(as_ada, filled):
    told = rich.Teller(filled.everything, NOW.replace(second=0))
    first, second = (told.event(filled.people[0], words) for words in ("First", "Second"))
    html = page(as_ada, f"/c/{filled.everything.pk}/")
    for event in (first, second):
        assert f'id="e{event.dm_event_id}" aria-label="Ada Lindqvist, 14:02"' in html
    assert re.search(r'<h2 class="day" id="day-2026-11-21"><time datetime="2026-11-21">', html)


def test_the_unread_line_stands_above_the_first_unread_message_of_others(as_ada, ada, filled):
    events = list(filled.long.events.order_by("dm_event_id"))
    address = f"/c/{filled.long.pk}/"
    ReadMark.objects.create(user=ada, conversation=filled.long, dm_event_id=events[233].dm_event_id)
    html = page(as_ada, address)
    assert html.count('id="unread-line"') == 1
    assert "Message number 235:" in html.split('id="unread-line"')[1].split("</article>")[0], "234 is ours"
    ReadMark.objects.update(dm_event_id=events[-1].dm_event_id)
    assert "unread-line" not in page(as_ada, address)
    ReadMark.objects.update(dm_event_id=events[10].dm_event_id)
    assert "unread-line" not in page(as_ada, address), "it belongs on an older page"


def older_parts(client, conversation):
    """Each part above, the next older one last, after the mark has moved to the newest as it does while one reads."""
    html = page(client, f"/c/{conversation.pk}/")
    ReadMark.objects.update(dm_event_id=conversation.last_dm_event_id)
    while found := re.search(r'hx-get="(/c/\d+/older/[^"]*)"', html):
        html = page(client, found[1].replace("&amp;", "&"))
        yield html


def below_the_line(html):
    return html.split('id="unread-line"')[1].split("</article>")[0]


@pytest.mark.parametrize(("read", "part", "first"), [(11, 4, 12), (139, 1, 140), (140, 1, 141), (189, 0, 190)])
def test_the_unread_line_waits_in_the_older_part_where_one_had_read_to(as_ada, ada, filled, read, part, first):
    events = list(filled.long.events.order_by("dm_event_id"))
    filled.long.refresh_from_db()
    ReadMark.objects.create(user=ada, conversation=filled.long, dm_event_id=events[read].dm_event_id)
    parts = [page(as_ada, f"/c/{filled.long.pk}/"), *older_parts(as_ada, filled.long)]
    assert [html.count('id="unread-line"') for html in parts] == [int(n == part) for n in range(5)]
    assert f"Message number {first}:" in below_the_line(parts[part])


def test_where_the_older_part_ends_with_our_own_the_line_stands_above_those(as_ada, ada, filled):
    events = list(filled.long.events.order_by("dm_event_id"))
    filled.long.events.filter(pk__in=[event.pk for event in events[185:190]]).update(sender=filled.support.x_user_id)
    filled.long.refresh_from_db()
    ReadMark.objects.create(user=ada, conversation=filled.long, dm_event_id=events[184].dm_event_id)
    assert "Message number 185:" in below_the_line(next(older_parts(as_ada, filled.long)))


def test_what_arrives_while_one_looks_brings_no_line_of_its_own(as_ada, ada, filled):
    filled.long.refresh_from_db()
    ReadMark.objects.create(user=ada, conversation=filled.long, dm_event_id=filled.long.last_dm_event_id)
    rich.Teller(filled.long, NOW).event(filled.long.peer, "And one more")
    html = page(as_ada, f"/c/{filled.long.pk}/newer/?after={filled.long.last_dm_event_id}")
    assert "And one more" in html
    assert "unread-line" not in html


@pytest.mark.parametrize(("words", "is_long"), [("x" * 1200, False), ("x" * 1201, True), ("a\n" * 25, True)])
def test_long_messages_are_folded(as_ada, filled, words, is_long):
    rich.Teller(filled.everything, NOW).event(filled.people[0], words)
    assert ("Show the whole message" in page(as_ada, f"/c/{filled.everything.pk}/")) is is_long


# --- Cards ------------------------------------------------------------------------------------------------------------


def test_a_card_shows_numbers_as_of_when_they_were_fetched_and_pages_as_x_describes_them(as_ada, filled):
    Post.objects.filter(pk=7001).update(
        raw={"public_metrics": {"like_count": 1204, "reply_count": 1, "quote_count": 0}},
        fetched_at=NOW - timedelta(days=1),
        entities={
            "urls": [
                {
                    "url": "https://t.co/abc",
                    "expanded_url": "https://nordlicht.example/shades",
                    "title": "Shades <of> sand",
                    "description": "All of them",
                },
                {"url": "https://t.co/bad", "expanded_url": "javascript:alert(1)", "title": "Bad"},
            ]
        },
    )
    html = page(as_ada, f"/c/{filled.everything.pk}/")
    assert "1 reply · 1,204 likes, as of <time" in html
    assert "Shades &lt;of&gt; sand" in html
    assert "javascript:" not in html
    assert "237 votes, closed" in html


@pytest.mark.parametrize(("language", "many", "all_"), [("en", "12,040", "12,041"), ("de", "12.040", "12.041")])
def test_votes_are_written_as_the_reader_writes_numbers_and_measured_as_browsers_read_them(
    as_ada, ada, filled, language, many, all_
):
    options = [{"position": 1, "label": "Moss", "votes": 12_040}, {"position": 2, "label": "Brick", "votes": 1}]
    Post.objects.filter(pk=7001).update(poll={"options": options, "voting_status": "closed"})
    User.objects.filter(pk=ada.pk).update(language=language)
    html = page(as_ada, f"/c/{filled.everything.pk}/")
    poll = html.split('<ul class="poll"')[1].split("</p>")[0]
    assert f'<span class="number faint">{many}</span>' in poll
    assert re.findall(r'(?:max|value)="([^"]*)"', poll) == ["12041", "12040", "12041", "1"]
    labels = re.findall(r'<meter[^>]*aria-label="([^"]*)"', poll)
    assert [re.findall(r"[\d.,]+", label) for label in labels] == [[many, all_], ["1", all_]]
    assert f'<p class="faint"> {all_} ' in poll


@pytest.mark.parametrize("raw", [{}, {"public_metrics": None}, {"public_metrics": {"like_count": "many"}}])
def test_numbers_x_did_not_give_are_not_made_up(raw):
    assert cards.metrics_of(raw) == []


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("Sorry, you are not authorized to see this status.", "protected"),
        ("Could not find tweet with ids: [7].", "deleted"),
        ("User has been suspended: [7].", "suspended"),
        ("Something new.", ""),
    ],
)
def test_posts_that_are_not_shown_say_why_in_plain_words(reason, why):
    assert why in cards.why_unavailable(reason)


# --- People -----------------------------------------------------------------------------------------------------------


def test_the_panel_says_what_somebody_was_called_before(as_ada, filled):
    at = NOW - timedelta(days=18)
    XUserName.objects.create(
        x_user=filled.people[0], name="Ada of old", username="old_ada", seen_from=at, seen_until=at
    )
    html = page(as_ada, f"/c/{filled.everything.pk}/")
    assert "Ada of old</span> @old_ada until <time" in html


# --- The gallery ------------------------------------------------------------------------------------------------------


def test_the_gallery_shows_all_media_by_month_and_page_by_page(as_ada, filled, monkeypatch):
    from conversations.views import gallery

    monkeypatch.setattr(gallery, "PAGE", 2)
    html = page(as_ada, f"/c/{filled.everything.pk}/media/")
    assert "November 2026" in html
    seen = html.count('<figure class="media">')
    while found := re.search(r'href="(\?before=\d+)"', html):
        html = page(as_ada, f"/c/{filled.everything.pk}/media/{found[1]}")
        seen += html.count('<figure class="media">')
    assert seen == 5


def test_the_gallery_takes_at_most_six_queries(as_ada, filled, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        page(as_ada, f"/c/{filled.everything.pk}/media/")


def test_an_empty_gallery_says_so(as_ada, filled):
    assert "No photos, videos or GIFs" in page(as_ada, f"/c/{filled.group.pk}/media/")


# --- One message ------------------------------------------------------------------------------------------------------


def test_a_message_by_itself_has_its_text_its_address_and_its_place_on_x(as_ada, filled):
    event = filled.everything.events.order_by("dm_event_id")[2]
    html = page(as_ada, f"/c/{filled.everything.pk}/e/{event.dm_event_id}/more/")
    assert "Shipping takes &lt; 4 days." in html
    assert f"/c/{filled.everything.pk}/e/{event.dm_event_id}/&quot;" in html or (
        f'/c/{filled.everything.pk}/e/{event.dm_event_id}/"' in html
    )
    assert "https://x.com/messages/" in html


def test_a_message_with_media_leads_to_xs_viewer_of_them(as_ada, filled):
    event = filled.everything.events.filter(has_media=True)[0]
    html = page(as_ada, f"/c/{filled.everything.pk}/e/{event.dm_event_id}/more/")
    assert f"https://x.com/messages/media/{event.dm_event_id}" in html


def test_what_is_copied_is_what_was_written():
    urls = [
        {"url": "https://t.co/abc", "expanded_url": "https://nordlicht.example/a?b=1", "display_url": "nordlicht.…"}
    ]
    written = text.plain("See https://t.co/abc &amp; @ada_lamps\nBye", {"urls": urls})
    assert written == "See https://nordlicht.example/a?b=1 & @ada_lamps\nBye"


@pytest.mark.parametrize(("role", "status"), [(Role.ADMIN, 200), (Role.AGENT, 404), (Role.VIEWER, 404)])
def test_the_raw_event_is_for_admins(client, ben, filled, role, status):
    event = filled.everything.events.order_by("dm_event_id")[0]
    Membership.objects.create(user=ben, x_account=filled.support, role=role)
    client.force_login(ben)
    answer = client.get(f"/c/{filled.everything.pk}/e/{event.dm_event_id}/raw/")
    assert answer.status_code == status
    thread = client.get(f"/c/{filled.everything.pk}/").content.decode()
    assert ("data-raw" in thread) is (status == 200)


def test_the_raw_event_is_shown_as_text(as_ada, filled):
    event = filled.everything.events.order_by("dm_event_id")[0]
    event.raw = {"text": "<script>alert(1)</script> 灯り"}
    event.save()
    html = page(as_ada, f"/c/{filled.everything.pk}/e/{event.dm_event_id}/raw/")
    assert "&lt;script&gt;" in html
    assert "灯り" in html
