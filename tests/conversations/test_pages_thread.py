"""A thread as a person sees it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from django.urls import reverse

from accounts.models import Membership, Role, snowflake_floor
from conversations import actions
from conversations.models import (
    BilledResource,
    Conversation,
    DmEvent,
    HistoryRead,
    ReadInterval,
    ReadMark,
    SyncState,
    XUser,
)
from tests import factories
from tests.conversations.page_support import NOW, page, unmarked
from tests.e2e import rich

pytestmark = pytest.mark.usefixtures("noon")
HX = {"HX-Request": "true"}


def thread(client, conversation, query=""):
    return page(client, f"/c/{conversation.pk}/{query}")


def numbers(html):
    return [int(found) for found in re.findall(r"Message number (\d+):", html)]


def test_the_newest_fifty_stand_newest_at_the_bottom(as_ada, filled):
    assert numbers(thread(as_ada, filled.long)) == list(range(190, 240))


def test_older_pages_follow_by_plain_links_to_the_very_first(as_ada, filled):
    seen, html = [], thread(as_ada, filled.long)
    while True:
        seen = numbers(html) + seen
        found = re.search(r'<a class="button quiet small"\s+href="(/c/[^"]*before=[^"]*)"', html)
        if not found:
            break
        html = page(as_ada, found[1].replace("&amp;", "&"))
    assert seen == list(range(240))


def test_older_pages_come_in_parts_that_lead_on(as_ada, filled):
    html = thread(as_ada, filled.long)
    seen = numbers(html)
    while found := re.search(r'hx-get="(/c/\d+/older/[^"]*)"', html):
        html = page(as_ada, found[1].replace("&amp;", "&"))
        assert "<html" not in html
        seen = numbers(html) + seen
    assert seen == list(range(240))


def test_a_day_that_goes_on_in_the_part_above_keeps_one_separator(as_ada, filled):
    html = thread(as_ada, filled.long)
    first_day = re.search(r'id="(day-[\d-]+)"', html)[1]
    above = page(as_ada, re.search(r'hx-get="(/c/\d+/older/[^"]*)"', html)[1])
    assert f'id="{first_day}" hx-swap-oob="delete"' in above
    assert above.count(f'id="{first_day}"') == 2  # the one taken away below, and the one that now stands above


def test_newer_pages_follow_by_plain_links_to_the_newest(as_ada, filled):
    first = filled.long.events.order_by("dm_event_id").first()
    html = thread(as_ada, filled.long, f"?at={first.dm_event_id}")
    seen = numbers(html)
    while found := re.search(r'href="\?after=(\d+)', html):
        html = thread(as_ada, filled.long, f"?after={found[1]}")
        seen += numbers(html)
    assert seen == list(range(240))


@pytest.mark.parametrize("name", ["everything", "group", "long"])
def test_a_thread_of_any_size_takes_at_most_ten_queries_and_sixty_kilobytes(
    as_ada, filled, name, django_assert_max_num_queries
):
    with django_assert_max_num_queries(10):
        html = thread(as_ada, getattr(filled, name))
    assert len(html.encode()) < 60_000


def test_a_part_above_takes_at_most_ten_queries(as_ada, filled, django_assert_max_num_queries):
    newest = filled.everything.last_dm_event_id
    with django_assert_max_num_queries(10):
        page(as_ada, f"/c/{filled.everything.pk}/older/?before={newest}")


def test_our_messages_stand_apart_and_runs_of_one_sender_are_named_once(as_ada, filled):
    told = rich.Teller(filled.group, NOW)
    told.say(XUser.objects.get(pk=filled.support.x_user_id), "Ours")
    for words in ("First", "Second"):
        told.say(filled.people[0], words)
    html = thread(as_ada, filled.group)
    assert len(re.findall(r'<article class="event ours first"', html)) == 2
    assert '<article class="event" ' in html
    assert '<section class="thread"' in html
    assert f'<b dir="auto"><a class="by" href="/people/{filled.support.x_user_id}/">Nordlicht Lamps' in html
    person = filled.people[0].pk
    assert f'<b dir="auto"><a class="by" href="/people/{person}/">Ada Lindqvist</a></b>' in html
    assert f'<a href="https://x.com/i/user/{person}"' in html


def test_between_two_the_side_tells_who_wrote_and_no_message_shows_a_name(as_ada, filled):
    html = thread(as_ada, filled.everything)
    assert len(re.findall(r'<article class="event ours first"', html)) == 4
    assert html.count('<article class="event" ') > 3
    assert '<section class="thread of-two"' in html
    assert "event-by" not in html
    assert 'aria-label="Nordlicht Lamps Support, ' in html
    assert f'href="/people/{filled.people[0].pk}/"><bdi id="thread-handle">' in html
    rich.Teller(filled.everything, NOW).say(filled.people[3], "From a third")
    assert thread(as_ada, filled.everything).count("event-by") == 1


def test_days_and_times_are_those_of_the_persons_zone(as_ada, ada, filled):
    event = rich.Teller(filled.everything, datetime(2026, 11, 20, 23, 30, tzinfo=UTC)).event(filled.people[0], "Late")
    address = f"/c/{filled.everything.pk}/?at={event.dm_event_id}"
    assert re.search(
        r'datetime="2026-11-21T00:30:00\+01:00" title="Saturday, 21 November 2026, 00:30:00 CET">00:30<',
        page(as_ada, address),
    )
    ada.time_zone = "America/New_York"
    ada.save()
    assert 'title="Friday, 20 November 2026, 18:30:00 EST">18:30<' in page(as_ada, address)


def test_text_is_shown_as_written_with_links_as_what_they_stand_for(as_ada, filled):
    html = thread(as_ada, filled.everything)
    assert "Good morning Ada, it is &amp; yes we do. Shipping takes &lt; 4 days." in html
    assert "https://nordlicht.example/polaris/colours?from=dm" in html
    assert "https://t.co/" not in html
    assert 'class="emoji"' in html


def test_scripts_in_names_and_texts_stay_text(as_ada, filled):
    filled.people[0].name = "<script>alert(1)</script>"
    filled.people[0].save()
    rich.Teller(filled.everything, NOW).say(filled.people[0], "<img src=x onerror=alert(2)>")
    html = thread(as_ada, filled.everything)
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_photos_gifs_and_videos_are_inline_with_words_and_fixed_sizes(as_ada, filled):
    html = thread(as_ada, filled.everything)
    assert re.search(
        r'<img src="/c/\d+/files/\d+/" alt="A standing lamp beside a window" width="360" height="240"', html
    )
    gif = re.search(r"<video[^>]*data-loop[^>]*>", html)[0]
    assert "muted" in gif
    assert "controls" in gif
    assert "autoplay" not in gif
    assert 'width="240" height="240"' in gif
    video = re.search(r'<video(?![^>]*data-loop)[^>]*width="360" height="202"[^>]*>', html, re.S)[0]
    assert "poster=" in video


def test_files_that_are_not_here_say_why_and_can_be_asked_for_again(as_ada, filled):
    html = thread(as_ada, filled.everything)
    assert "This photo is still being fetched from X." in html
    assert "X no longer has this photo." in html
    gone = rich.MediaFile.objects.get(source_hash="gone")
    assert f'action="{reverse("retry_file", args=[filled.everything.pk, gone.pk])}"' in html
    for state, words in {"too_large": "exceeds the size limit of this installation", "refused": "was rejected"}.items():
        rich.MediaFile.objects.filter(pk=gone.pk).update(state=state)
        assert words in thread(as_ada, filled.everything)


def test_who_may_only_read_is_offered_no_retry(client, ben, filled):
    factories.MembershipFactory(user=ben, x_account=filled.everything.x_account, role=Role.VIEWER)
    client.force_login(ben)
    html = thread(client, filled.everything)
    assert "X no longer has this photo." in html
    assert "Try again" not in html


def test_of_very_many_comings_and_goings_the_panel_tells_the_newest(as_ada, filled, monkeypatch):
    monkeypatch.setattr("conversations.views.thread.MOST_STEPS", 1)
    panel = thread(as_ada, filled.group).split('id="people"')[1].split("</section>")[0]
    assert len(re.findall("Joined |Left ", panel)) == 1
    assert "Joined before our records begin." not in panel


def test_a_shared_post_is_a_card_with_author_text_media_poll_and_quoted_post(as_ada, filled):
    html = thread(as_ada, filled.everything)
    for expected in (
        "@mira_nordlicht",
        "Which shade shall we make next? &amp; why",
        'alt="Three lamp shades in a row"',
        "Moss",
        'value="112"',
        "灯りは部屋の心です。",
        "@yamada_taro",
        'href="https://x.com/i/status/7001"',
    ):
        assert expected in html, expected


def test_posts_that_x_does_not_show_or_not_yet_are_plain_cards(as_ada, filled):
    html = thread(as_ada, filled.everything)
    assert "X does not show this post: Sorry, you are not authorized to see this status." in html
    assert "Details are still being fetched." in html


def test_comings_and_goings_and_unknown_kinds_are_markers(as_ada, filled):
    html = unmarked(thread(as_ada, filled.group))
    assert "Ada Lindqvist added Nordlicht Studio; Ada Lindqvist added Ben Østergård back" in html
    assert "Ben Østergård left" in html
    assert "MessagePinned" in thread(as_ada, filled.everything)


def test_the_panel_says_when_each_came_left_and_came_back_and_which_are_ours(as_ada, filled):
    panel = thread(as_ada, filled.group).split('id="people"')[1]
    ben = panel.split("@ben_reads")[1].split("<b ")[0]
    assert re.findall(r"(Joined|Left) <time", ben) == ["Joined", "Left", "Joined"]
    assert "added by Nordlicht Lamps Support" in ben
    assert "this account" in panel
    assert "ours" in panel.split("@NordlichtStudio")[0]
    assert "User has been suspended." in panel


def test_an_account_of_ours_that_the_person_may_not_see_is_not_told_apart(client, ben, filled):
    Membership.objects.create(user=ben, x_account=filled.support, role=Role.VIEWER)
    client.force_login(ben)
    panel = thread(client, filled.group).split('id="people"')[1]
    assert ">ours<" not in panel


def test_a_thread_is_narrowed_by_its_address(as_ada, filled):
    html = thread(as_ada, filled.group, "?show=messages")
    assert "We bring cinnamon buns." in html
    assert 'class="marker"' not in html
    html = thread(as_ada, filled.group, "?show=people")
    assert "We bring cinnamon buns." not in html
    assert html.count('class="marker"') == 3


def test_between_two_there_is_nothing_to_narrow(as_ada, filled):
    assert "Filter this conversation" in thread(as_ada, filled.group)
    assert "Filter this conversation" not in thread(as_ada, filled.everything)
    assert "Filter this conversation" in thread(as_ada, filled.everything, "?show=messages"), "the way back"


def test_a_single_message_has_an_address_that_leads_into_the_thread_around_it(as_ada, filled):
    events = list(filled.long.events.order_by("dm_event_id"))
    deep = events[60]
    answer = as_ada.get(f"/c/{filled.long.pk}/e/{deep.dm_event_id}/")
    assert answer.status_code == 302
    assert answer["Location"] == f"/c/{filled.long.pk}/?at={deep.dm_event_id}#e{deep.dm_event_id}"
    html = page(as_ada, answer["Location"])
    assert f'id="e{deep.dm_event_id}"' in html
    assert 60 in numbers(html)
    assert numbers(html) == list(range(36, 86))
    assert as_ada.get(f"/c/{filled.long.pk}/e/1/").status_code == 404
    assert as_ada.get(f"/c/{filled.group.pk}/e/{deep.dm_event_id}/").status_code == 404


def test_conversation_message_and_people_are_linked_on_x(as_ada, filled):
    html = thread(as_ada, filled.everything)
    photo = DmEvent.objects.get(event_media__media__media_key="5_1")
    assert f'href="https://x.com/messages/{filled.everything.dm_conversation_id}"' in html
    assert f'href="https://x.com/messages/media/{photo.dm_event_id}"' in html
    assert "https://x.com/i/user/900000000" in html


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_opening_a_thread_by_get_moves_no_mark_and_offers_to(as_ada, filled):
    html = thread(as_ada, filled.long)
    assert not ReadMark.objects.exists()
    assert f'name="dm_event_id" value="{filled.long.last_dm_event_id}"' in html


@pytest.mark.parametrize(("query", "is_offered"), [("", True), ("?show=messages", True), ("?show=people", False)])
def test_the_newest_message_can_be_read_wherever_it_is_shown(as_ada, filled, query, is_offered):
    newest = filled.group.events.messages().order_by("dm_event_id").last().dm_event_id
    for html in (
        thread(as_ada, filled.group, query),
        page(as_ada, f"/c/{filled.group.pk}/newer/?after={newest - 1}&{query[1:]}"),
    ):
        assert ('name="dm_event_id"' in html) == is_offered


def test_the_mark_moves_by_post_and_the_offer_is_gone(as_ada, ada, filled):
    address = f"/c/{filled.long.pk}/read/"
    newest = filled.long.last_dm_event_id
    answer = as_ada.post(address, {"dm_event_id": newest})
    assert answer.status_code == 302
    assert ReadMark.objects.get(user=ada).dm_event_id == newest
    assert "Mark as read" not in thread(as_ada, filled.long)
    answer = as_ada.post(address, {"dm_event_id": newest}, headers=HX)
    assert (answer.status_code, answer["HX-Trigger"]) == (204, "conversation-read")


@pytest.mark.parametrize("sent", [{}, {"dm_event_id": "x"}, {"dm_event_id": "-1"}, {"dm_event_id": "9" * 30}])
def test_a_mark_that_names_no_event_is_refused(as_ada, filled, sent):
    assert as_ada.post(f"/c/{filled.long.pk}/read/", sent).status_code == 422
    assert not ReadMark.objects.exists()


def test_the_mark_is_not_moved_by_get(as_ada, filled):
    assert as_ada.get(f"/c/{filled.long.pk}/read/").status_code == 405


# --- History ----------------------------------------------------------------------------------------------------------


def top(client, conversation, query=""):
    return thread(client, conversation, query).split('id="top"')[1].split('class="events"')[0]


def bought_today(conversation):
    each = {"day": NOW.date(), "kind": BilledResource.Kind.DM_EVENT, "x_account_id": conversation.x_account_id}
    bought = conversation.events.values_list("dm_event_id", flat=True)
    BilledResource.objects.bulk_create([BilledResource(**each, resource_id=pk) for pk in bought])


@pytest.fixture
def read_today(filled):
    """Its thread was read on this UTC day: X gives all of it once more without a price."""
    bought_today(filled.everything)


@pytest.mark.usefixtures("read_today")
def test_where_our_copy_ends_x_can_be_asked_for_more_at_a_price(as_ada, filled):
    SyncState.objects.filter(x_account=filled.support).update(import_finished_at=NOW)
    html = top(as_ada, filled.everything)
    words = "Load up to 100 older messages from X: at most $1.00, plus new people and posts"
    assert words in " ".join(html.split())
    assert "XChat" in html
    assert "X may have some" in html


@pytest.mark.usefixtures("read_today")
def test_people_who_come_with_each_page_are_in_its_price(as_ada, filled):
    SyncState.objects.filter(x_account=filled.support).update(needs_people_until=NOW + timedelta(hours=1))
    assert "at most $1.02, plus new people and posts" in " ".join(top(as_ada, filled.everything).split())
    us = filled.everything.participants.get(x_user=rich.SUPPORT_ID)
    BilledResource.objects.create(day=NOW.date(), kind="user", resource_id=us.x_user_id, x_account=filled.support)
    assert "at most $1.01, plus new people and posts" in " ".join(top(as_ada, filled.everything).split())


def test_where_x_has_no_older_ones_it_says_so_and_asks_for_no_money(as_ada, filled):
    filled.everything.has_reached_beginning = True
    filled.everything.save()
    html = top(as_ada, filled.everything)
    assert "X provides no older messages" in html
    assert "at most" not in html


@pytest.fixture
def known(filled, read_today):
    """Written in for 30 days that were read whole, with somebody who is on X since 300 days before."""
    conversation = filled.everything
    SyncState.objects.filter(x_account=filled.support).update(
        import_finished_at=NOW, horizon_id=snowflake_floor(NOW - timedelta(days=30))
    )
    conversation.peer.raw = {"created_at": f"{NOW - timedelta(days=330):%Y-%m-%dT%H:%M:%S}.000Z"}
    conversation.peer.save()
    conversation.pace = conversation.events.count()
    return conversation


def test_all_of_it_is_offered_with_what_it_may_bring_and_cost(as_ada, known):
    about = known.pace * 10
    html = " ".join(top(as_ada, known).split())
    assert f"Load everything: about {about} events, about ${about / 100:.2f}" in html
    assert "X does not say how much there is" in html
    assert f"stops after {-(-about * 3 // 200) * 100} events" in html


def test_the_younger_of_two_people_says_since_when(as_ada, known):
    us = rich.XUser.objects.get(pk=rich.SUPPORT_ID)
    us.raw = {"created_at": f"{NOW - timedelta(days=230):%Y-%m-%dT%H:%M:%S}.000Z"}
    us.save()
    about = round(math.ceil(known.pace * 200 / 30), -1)
    assert f"Load everything: about {about} events" in " ".join(top(as_ada, known).split())


@pytest.mark.parametrize("told", [None, "yesterday", "2026-02-31T00:00:00.000Z", 7])
def test_where_nothing_tells_the_age_no_estimate_is_made_up(as_ada, known, told):
    known.peer.raw = {"created_at": told}
    known.peer.save()
    html = top(as_ada, known)
    assert "Load everything" not in html
    assert "at most $1.00" in " ".join(html.split())


def test_what_x_bills_once_more_on_the_way_is_in_both_prices(as_ada, known):
    """Two days after it was read its own history has no cursor yet, so that X gives it from the newest message down."""
    BilledResource.objects.update(day=NOW.date() - timedelta(days=2))
    about, again = known.pace * 10, known.pace
    html = " ".join(top(as_ada, known).split())
    assert "Load up to 100 older messages from X: at most $2.00" in html
    pages = -(-(about * 3 // 2 + again) // 100)
    assert f"Load everything: about {about + again} events, about ${(about + again) / 100:.2f}" in html
    assert f"stops after {pages * 100} events, at most ${pages}.00" in html
    assert f"bills those again that are here already: {again}. The price includes them." in html
    as_ada.post(f"/c/{known.pk}/history/", {"told": "2.00"})
    assert HistoryRead.objects.get().pages_wanted == 2
    HistoryRead.objects.all().delete()
    as_ada.post(f"/c/{known.pk}/history/", {"whole": "1000"})
    assert HistoryRead.objects.get().pages_wanted == pages


def test_below_its_own_cursor_nothing_is_billed_once_more(as_ada, known):
    BilledResource.objects.all().delete()
    oldest = known.events.order_by("dm_event_id").first().dm_event_id
    ReadInterval.objects.create(
        x_account=known.x_account, conversation=known, low_id=oldest, high_id=oldest + 10**17, next_token="on"
    )
    html = " ".join(top(as_ada, known).split())
    assert "Load up to 100 older messages from X: at most $1.00" in html
    assert "here already" not in html


def test_in_a_longer_thread_it_is_counted_where_the_oldest_message_stands(as_ada, filled):
    first = filled.long.events.order_by("dm_event_id")[40].dm_event_id
    html = " ".join(page(as_ada, f"/c/{filled.long.pk}/older/?before={first}").split())
    assert "that are here already: 240." in html
    assert "older messages from X: at most $4.00" in html
    bought_today(filled.long)
    assert "older messages from X: at most $1.00" in page(as_ada, f"/c/{filled.long.pk}/older/?before={first}")


def test_an_encrypted_group_is_not_wished_for(as_ada, filled):
    group = Conversation.objects.create(
        x_account=filled.support, dm_conversation_id="g1800000000000000001", is_group=True, encrypted_at=NOW
    )
    answer = as_ada.post(f"/c/{group.pk}/history/", {"told": "9"})
    assert answer.status_code == 422
    assert "This is an encrypted XChat conversation." in answer.content.decode()
    assert not HistoryRead.objects.exists()


def test_asking_for_all_of_it_is_a_wish_for_so_many_pages(as_ada, known):
    as_ada.post(f"/c/{known.pk}/history/", {"whole": "1000"})
    assert HistoryRead.objects.get().pages_wanted == -(-known.pace * 10 * 3 // 200)


@pytest.mark.usefixtures("read_today")
@pytest.mark.parametrize("headers", [{}, HX])
def test_a_wish_that_could_cross_the_months_cap_is_refused_with_words(as_ada, filled, headers):
    SyncState.objects.filter(x_account=filled.support).update(
        monthly_cap_usd="1.01", needs_people_until=NOW + timedelta(hours=1)
    )
    oldest = filled.everything.events.order_by("dm_event_id").first().dm_event_id
    answer = as_ada.post(f"/c/{filled.everything.pk}/history/?before={oldest}", {"told": "1.02"}, headers=headers)
    assert answer.status_code == 422
    html = answer.content.decode().replace("&#x27;", "'")
    assert "Only $1.01 is left under this month's cap, and this could cost up to $1.02." in html
    assert html.count("left under this month's cap") == 1
    assert not HistoryRead.objects.exists()


@pytest.mark.parametrize("headers", [{}, HX])
def test_a_page_of_yesterday_does_not_spend_more_than_it_told(as_ada, known, headers):
    """Today X bills again what it gives on the way to older messages."""
    oldest = known.events.order_by("dm_event_id").first().dm_event_id
    html = top(as_ada, known)
    told = {name: re.search(rf'name="{name}" value="([\d.]+)"', html)[1] for name in ("told", "whole")}
    BilledResource.objects.update(day=NOW.date() - timedelta(days=1))
    address = f"/c/{known.pk}/history/?before={oldest}"
    for sent, price in (({"told": told["told"]}, "$2.00"), (told, "$"), ({}, "$2.00")):
        answer = as_ada.post(address, sent, headers=headers)
        assert answer.status_code == 422
        html = " ".join(answer.content.decode().split())
        assert f"The price has changed: this can now cost up to {price}" in html
        assert "Load up to 100 older messages from X: at most $2.00" in html
    assert not HistoryRead.objects.exists()
    new = {name: re.search(rf'name="{name}" value="([\d.]+)"', html)[1] for name in ("told", "whole")}
    assert Decimal(told["whole"]) < Decimal(new["whole"])
    as_ada.post(address, new, headers=headers)
    assert HistoryRead.objects.get().pages_wanted == Decimal(new["whole"])


def test_asking_for_older_ones_makes_one_wish_and_shows_that_it_runs(as_ada, ada, filled):
    oldest = filled.everything.events.order_by("dm_event_id").first().dm_event_id
    address = f"/c/{filled.everything.pk}/history/?before={oldest}"
    answer = as_ada.post(address, {"told": "2"}, headers=HX)
    assert "Loading from X" in answer.content.decode()
    assert 'hx-trigger="every 2s"' in answer.content.decode()
    assert as_ada.post(address, {"told": "2"}).status_code == 302
    wish = HistoryRead.objects.get()
    assert (wish.conversation, wish.asked_by, wish.event_types) == (filled.everything, ada, [])


def test_one_kind_named_often_is_one_wish(as_ada, filled):
    for kinds in (["MessageCreate"], ["MessageCreate"] * 3):
        as_ada.post(f"/c/{filled.group.pk}/history/", {"event_types": kinds, "told": "1"})
    for kinds in (["ParticipantsLeave", "ParticipantsJoin"], ["ParticipantsJoin", "ParticipantsLeave"]):
        as_ada.post(f"/c/{filled.group.pk}/history/", {"event_types": kinds, "told": "1"})
    assert HistoryRead.objects.count() == 2


def test_who_waits_for_many_answers_asks_again_later(as_ada, ada, filled):
    rows = [HistoryRead(conversation=filled.everything, asked_by=ada) for _ in range(actions.MOST_WISHES)]
    HistoryRead.objects.bulk_create(rows)
    oldest = filled.group.events.order_by("dm_event_id").first().dm_event_id
    answer = as_ada.post(f"/c/{filled.group.pk}/history/?before={oldest}", {"told": "1"}, headers=HX)
    assert answer.status_code == 422
    assert "20 of your requests to X are still open." in answer.content.decode()
    asked = {"x_account": filled.group.x_account_id, "target": "@somebody_new"}
    answer = as_ada.post("/open/", asked)
    assert answer.status_code == 422
    assert "20 of your requests to X are still open." in answer.content.decode()
    HistoryRead.objects.filter(pk=rows[0].pk).update(state=HistoryRead.State.DONE)
    assert as_ada.post("/open/", asked).status_code == 302


def test_a_narrowed_thread_is_refilled_by_the_same_kinds(as_ada, filled):
    html = top(as_ada, filled.group, "?show=people")
    kinds = re.findall(r'name="event_types" value="(\w+)"', html)
    assert kinds == ["ParticipantsJoin", "ParticipantsLeave"]
    as_ada.post(f"/c/{filled.group.pk}/history/?show=people", {"event_types": kinds, "told": "1"})
    assert HistoryRead.objects.get().event_types == kinds
    assert as_ada.post(f"/c/{filled.group.pk}/history/", {"event_types": ["Anything"]}).status_code == 404


def test_what_came_of_a_wish_is_said_and_what_it_brought_is_shown(as_ada, filled):
    wish = HistoryRead.objects.create(conversation=filled.everything, state="failed", detail="X does not answer.")
    assert "X returned no more: X does not answer." in top(as_ada, filled.everything)
    oldest = filled.everything.events.order_by("dm_event_id").first()
    rich.Teller(filled.everything, NOW - timedelta(days=40)).say(filled.people[0], "From long ago")
    HistoryRead.objects.filter(pk=wish.pk).update(state="done", detail="", events_read=1)
    answer = as_ada.get(f"/c/{filled.everything.pk}/history/?before={oldest.dm_event_id}").content.decode()
    older = re.search(r'hx-get="(/c/\d+/older/[^"]*)"', answer)[1]
    assert "From long ago" in page(as_ada, older)


def test_how_much_has_come_is_written_as_the_reader_writes_numbers(as_ada, filled):
    HistoryRead.objects.create(conversation=filled.everything, events_read=12_040)
    assert "Loading from X, 12,040 new so far" in top(as_ada, filled.everything)
    HistoryRead.objects.update(state="done")
    assert "Show the 12,040 just loaded" in page(as_ada, f"/c/{filled.everything.pk}/?show=messages")
    HistoryRead.objects.update(events_read=1)
    assert "Show the one just loaded" in page(as_ada, f"/c/{filled.everything.pk}/?show=messages")


def test_pages_beside_a_thread_lead_back_to_it_as_it_was_opened(as_ada, filled):
    address, kept = f"/c/{filled.group.pk}/", "find=lamp&amp;kind=group&amp;unread=1"
    thread = page(as_ada, f"{address}?find=lamp&kind=group&unread=1")
    for name in ("media", "people", "activity"):
        assert f'href="{address}{name}/?{kept}"' in thread or name == "people"
        html = page(as_ada, f"{address}{name}/?find=lamp&kind=group&unread=1")
        assert html.count(f'href="{address}?{kept}"') == 2, name
        assert f'href="{address}"' in page(as_ada, f"{address}{name}/")


def test_a_thread_that_a_search_led_to_leads_back_to_its_results(as_ada, filled):
    address = f"/c/{filled.group.pk}/"
    back = re.compile(r'<a class="tool back( to-results)?"\s+href="([^"]*)"')
    found = back.search(page(as_ada, f"{address}?find=from:ada+lamp&unread=1"))
    assert found.groups() == (" to-results", "/search/?q=from%3Aada+lamp")
    assert back.search(page(as_ada, f"{address}?unread=1")).groups() == (None, "/?unread=1")


def test_a_viewer_reads_but_is_not_offered_what_costs_money(client, ben, filled):
    Membership.objects.create(user=ben, x_account=filled.support, role=Role.VIEWER)
    client.force_login(ben)
    assert "at most $1.00" not in thread(client, filled.everything)
    assert client.post(f"/c/{filled.everything.pk}/history/").status_code == 404
    assert not HistoryRead.objects.exists()


def test_a_thread_of_an_account_in_trouble_says_so_with_the_way_on(as_ada, filled):
    SyncState.objects.filter(x_account=filled.support).update(state="no_credit")
    html = thread(as_ada, filled.long)
    assert "out of credit since" in html
    assert reverse("x_account", args=[filled.support.pk]) in html


def test_a_conversation_with_oneself_and_one_without_events_can_be_shown(as_ada, filled):
    us = rich.XUser.objects.get(pk=rich.SUPPORT_ID)
    own = factories.ConversationFactory(x_account=filled.support, peer=us)
    assert "Nordlicht Lamps Support (self)" in thread(as_ada, own)
    bare = factories.ConversationFactory(
        x_account=filled.support, peer=None, is_group=True, dm_conversation_id="1888888888888888888"
    )
    html = thread(as_ada, bare)
    assert "No older messages of this conversation are stored here. X may have some." in html
    assert "no messages" not in html.lower()


@pytest.mark.parametrize("query", ["?show=x", "?at=x", "?before=-1", f"?after={'9' * 25}"])
def test_an_address_that_means_nothing_is_not_found(as_ada, filled, query):
    assert as_ada.get(f"/c/{filled.long.pk}/{query}").status_code == 404


def test_a_part_above_needs_to_know_above_what(as_ada, filled):
    assert as_ada.get(f"/c/{filled.long.pk}/older/").status_code == 404


def test_pages_show_what_was_said_also_when_the_tokens_cannot_be_decrypted(client, ada, settings):
    event = factories.DmEventFactory()
    factories.MembershipFactory(user=ada, x_account=event.conversation.x_account)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    client.force_login(ada)
    assert event.text in client.get(reverse("thread", args=[event.conversation.pk])).content.decode()
    assert client.get(reverse("inbox")).status_code == 200


@pytest.mark.parametrize("path", ["media/", "activity/", "people/", "e/{}/more/", "e/{}/raw/"])
def test_every_page_beside_a_thread_begins_with_the_way_back(as_ada, filled, path):
    Membership.objects.update(role=Role.ADMIN)
    event = filled.everything.events.order_by("dm_event_id")[0].dm_event_id
    html = page(as_ada, f"/c/{filled.everything.pk}/{path.format(event)}")
    back = re.search(r'<a class="tool" data-back href="([^"]*)"><span aria-hidden="true">←</span>', html)[1]
    here = f"/c/{filled.everything.pk}/"
    assert urlsplit(back).path in (here, f"{here}e/{event}/")
    assert "Back to the conversation" in html
