"""What stands around the messages of an open thread keeps up too: whom it is with, who is in it, how old it is."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from playwright.sync_api import TimeoutError

from conversations import changes
from conversations.changes import NewChange
from conversations.models import Change, Participant, Post, SyncState, XUser
from tests import factories
from tests.e2e import rich
from tests.e2e.test_live import announce, arrive, is_live
from tests.e2e.test_live_connection import WITHOUT_SHARED_WORKERS
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser


def rename(person, name):
    with transaction.atomic():
        XUser.objects.filter(pk=person.pk).update(name=name)
        changes.tell_of_people([person.pk])


def test_another_name_is_seen_wherever_the_person_is_named(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    page.locator("#thread-title").focus()
    page.wait_for_selector(".event")
    rename(filled.long.peer, "Ben Renamed")
    wait_until(page, "document.getElementById('thread-title').innerText === 'Ben Renamed'")
    wait_until(page, "/^(\\(\\d+\\) )?Ben Renamed/.test(document.title)")
    wait_until(page, "document.querySelector('.members').textContent.includes('Ben Renamed')")
    wait_until(page, "document.querySelector('#list .row[aria-current]').innerText.includes('Ben Renamed')")
    labels = page.locator(".event:not(.ours)").evaluate_all("all => all.map((each) => each.ariaLabel.split(',')[0])")
    assert set(labels) == {"Ben Renamed"}
    assert page.evaluate("document.activeElement.id") == "thread-title"


def test_another_handle_and_picture_are_seen_in_the_head(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    page.wait_for_selector(".event")
    picture = rich.photo_file("renewed.jpg", 48, 48)
    with transaction.atomic():
        XUser.objects.filter(pk=filled.long.peer_id).update(username="ben_anew", avatar=picture)
        changes.tell_of_people([filled.long.peer_id])
    wait_until(page, "document.getElementById('thread-handle').textContent === '@ben_anew'")
    page.wait_for_selector(f".thread-head > .avatar img[src$='/{picture.pk}/']")


def test_another_name_handle_and_picture_are_seen_at_each_message_of_a_group(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.group.pk}/")
    is_live(page)
    ben = filled.people[1]
    theirs = f".event:has(> .event-by a.by[href='/people/{ben.pk}/'])"
    page.wait_for_selector(theirs)
    picture = rich.photo_file("renewed.jpg", 48, 48)
    with transaction.atomic():
        XUser.objects.filter(pk=ben.pk).update(name="Ben Renamed", username="ben_anew", avatar=picture)
        changes.tell_of_people([ben.pk])
    shown = f"{theirs} > .avatar img[src$='/{picture.pk}/']"
    page.wait_for_selector(shown)
    page.wait_for_selector(f"{theirs} >> text='@ben_anew'")
    assert page.locator(shown).count() == page.locator(theirs).count()
    assert set(page.locator(f"{theirs} a.by").all_inner_texts()) == {"Ben Renamed"}
    labels = page.locator(theirs).evaluate_all("all => all.map((each) => each.ariaLabel.split(',')[0])")
    assert set(labels) == {"Ben Renamed"}


def test_another_name_is_seen_in_who_came_and_who_left(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.group.pk}/")
    is_live(page)
    page.wait_for_selector(".marker")
    rename(filled.people[1], "Ben Renamed")
    page.wait_for_selector(".marker:has-text('Ben Renamed')", state="attached")


def test_another_name_is_seen_in_folded_lines_however_far_above(visit, ada, filled):
    ben, *guests = factories.XUserFactory.create_batch(6)
    told = rich.Teller(filled.group, datetime.now(UTC).replace(hour=12) - timedelta(days=1))
    told.move("ParticipantsJoin", [ben, *guests], by=filled.people[0])
    told.move("ParticipantsLeave", [ben])
    told.move("ParticipantsJoin", guests[:1], by=ben)
    for number in range(46):  # more than are looked at again
        told.say(filled.people[0], f"Message {number}")
    rich.recount(filled.group)
    for person in (ben, *guests):
        factories.ParticipantFactory(conversation=filled.group, x_user=person)
    page = visit(ada).open_live(f"/c/{filled.group.pk}/")
    is_live(page)
    page.wait_for_selector("details.markers", state="attached")
    rename(ben, "<i>Ben</i>\u202e Renamed")
    places = ["> summary", ".marker-names > summary", ".marker-names > p", ".marker > span"]
    for place in places:
        page.wait_for_selector(f"details.markers {place} >> text='<i>Ben</i> Renamed'", state="attached")
    assert ben.name not in page.locator("details.markers").inner_text()


def test_another_name_handle_and_picture_are_seen_on_a_post_however_far_above(visit, ada, filled):
    ben, studio = filled.long.peer, filled.people[0]
    post = Post.objects.create(id=7101, author=ben, text="It flickers", state="complete")
    post.quoted = Post.objects.create(id=7102, author=studio, text="Our new shade", state="complete")
    post.save()
    first, *later = filled.long.events.order_by("-dm_event_id")[:48][::-1]
    rich.share(first, post)
    page = visit(ada).open_live(f"/c/{filled.long.pk}/?at={later[-1].dm_event_id}")
    is_live(page)
    page.wait_for_selector(f"#e{first.dm_event_id} .post .post")
    picture = rich.photo_file("renewed.jpg", 48, 48)
    with transaction.atomic():
        XUser.objects.filter(pk=ben.pk).update(name="<i>Ben</i> Renamed", username="ben_anew", avatar=picture)
        changes.tell_of_people([ben.pk])
    cards = page.locator(f"#e{first.dm_event_id} .post-by")
    page.wait_for_selector(f"#e{first.dm_event_id} .post-by img[src$='/{picture.pk}/']")
    assert [card.locator("p").inner_text() for card in cards.all()] == [
        "<i>Ben</i> Renamed @ben_anew",
        f"{studio.name} @{studio.username}",
    ]


def test_a_group_shows_who_came_and_who_left_and_is_called_after_them(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.group.pk}/")
    is_live(page)
    here = filled.people[0]
    assert here.name in page.locator("#thread-title").inner_text()
    new = factories.XUserFactory(name="A New Guest")
    told = rich.Teller(filled.group, datetime.now(UTC))
    event = told.move("ParticipantsJoin", [new], by=filled.people[1])
    factories.ParticipantFactory(conversation=filled.group, x_user=new, joined_at=event.created_at)
    Participant.objects.filter(conversation=filled.group, x_user=here).update(is_present=False)
    announce(filled.support, NewChange(Change.Kind.EVENT, filled.group.pk, event.pk))
    wait_until(page, "document.querySelector('.members').textContent.includes('A New Guest')")
    wait_until(page, "name => !document.getElementById('thread-title').innerText.includes(name)", here.name)
    assert here.name in page.locator(".member.left").all_text_contents()[0]


def test_the_panel_comes_only_when_it_tells_something_else(visit, ada, filled):
    ours = visit(ada)
    ours.context.add_init_script(WITHOUT_SHARED_WORKERS)  # so that the page itself asks
    page = ours.open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    with page.expect_response(lambda answer: "/newer/?" in answer.url) as plain:
        event = arrive(filled.long, "Nothing but a message")
        page.wait_for_selector(f"#e{event.dm_event_id}")
    assert 'class="members"' not in plain.value.text()


def test_how_old_all_is_keeps_up_in_inbox_and_thread(visit, ada, filled):
    ours = visit(ada)
    thread, inbox = ours.open_live(f"/c/{filled.long.pk}/"), ours.context.new_page()
    inbox.goto(f"{ours.address}/")
    for page in (thread, inbox):
        is_live(page)
    later = datetime.now(UTC)
    for _ in range(2):  # the first may be what the server's first look begins with, and then it tells once a minute
        later += timedelta(minutes=1)
        SyncState.objects.update(last_success_at=later)
        with suppress(TimeoutError):
            thread.wait_for_selector(f'#as-of time[datetime*=":{later.minute:02}:"]', timeout=12_000)
            break
    told = f"{later:%Y-%m-%dT%H:%M}"
    for page, place in ((thread, "#as-of"), (thread, "#read-at"), (inbox, "#read-at")):
        page.wait_for_selector(f'{place} time[datetime*=":{later.minute:02}:"]')  # between hours and seconds
        assert told[-2:] in page.locator(f"{place} time").inner_text()


def test_an_older_stretch_keeps_its_title_and_gets_no_newer_messages(visit, ada, filled):
    first = filled.long.events.order_by("dm_event_id")[10]
    page = visit(ada).open_live(f"/c/{filled.long.pk}/?before={first.dm_event_id}")
    is_live(page)
    page.wait_for_selector(".scroll-body > p.newer", state="attached")
    count = page.locator("article.event").count()
    arrive(filled.long, "Far below")
    rename(filled.long.peer, "Ben Renamed")
    wait_until(page, "document.getElementById('thread-title').innerText === 'Ben Renamed'")
    assert page.locator("article.event").count() == count
