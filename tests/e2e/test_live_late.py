"""What X shows late, or the stream did not tell, comes in among the messages that are shown already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from accounts.models import Membership
from conversations.models import Conversation, DmEvent, ReadMark
from conversations.sync import store_page
from tests.conversations.sync_support import answer_of, message
from tests.e2e import rich
from tests.e2e.test_live import arrive, is_live, wait_for
from tests.e2e.test_live_breaks import NO_STREAMS
from tests.e2e.test_live_connection import WITHOUT_SHARED_WORKERS, says, shows_once
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def filled(filled):
    Membership.objects.update(read_before_id=0)
    return filled


def come_late(conversation: Conversation, before, text: str, by=None):
    """The other side's, stored as X's answer would be: right before an event that is here already."""
    number = before.dm_event_id - 1
    sender = str(by or conversation.peer_id)
    told = message(number, sender, conversation.dm_conversation_id, text)
    told["created_at"] = f"{before.created_at:%Y-%m-%dT%H:%M:%S.000Z}"
    with transaction.atomic():
        store_page(conversation.x_account, answer_of({"data": [told], "meta": {"result_count": 1}}))
    return conversation.events.get(dm_event_id=number)


def test_a_late_message_comes_in_where_it_belongs_is_announced_and_read(visit, ada, filled):
    rich.read_most(ada, filled.long)
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    newest = arrive(filled.long, "The newer of the two")
    shows_once(page, newest)
    marks = ReadMark.objects.filter(user=ada, conversation=filled.long)
    wait_for(page, lambda: marks.get().dm_event_id == newest.dm_event_id)
    page.evaluate("document.getElementById('live').textContent = ''")
    late = come_late(filled.long, newest, "The older of the two")
    shows_once(page, late, newest)
    wait_until(page, "document.getElementById('live').innerText.startsWith('New message from')")
    wait_for(page, lambda: marks.get().dm_event_id == newest.dm_event_id)


def test_who_has_scrolled_up_is_told_of_a_late_message_and_not_moved(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    newest = filled.long.events.order_by("dm_event_id").last()
    page.locator("#scroller").evaluate("box => { box.scrollTop = -900 }")
    anchor = page.locator("#scroller .bubble").nth(25)
    before = anchor.bounding_box()["y"]
    late = come_late(filled.long, newest, "Late")
    shows_once(page, late)
    wait_until(page, "document.getElementById('new-messages').innerText === '1 new message'")
    assert abs(anchor.bounding_box()["y"] - before) < 3


def test_who_wrote_what_stands_below_a_late_message_is_named_there(visit, ada, filled):
    """Else it would look as if the one who was late had written that too."""
    page = visit(ada).open_live(f"/c/{filled.group.pk}/")
    is_live(page)
    told = rich.Teller(filled.group, datetime.now(UTC) - timedelta(minutes=2))
    first, second = (told.wait(seconds=20).say(filled.people[0], text) for text in ("One", "Two"))
    rich.recount(filled.group)
    page.reload()
    is_live(page)
    assert page.locator(f"#e{second.dm_event_id} > .event-by").count() == 0
    late = come_late(filled.group, second, "Between them", by=filled.people[1].pk)
    shows_once(page, first, late, second)
    page.wait_for_selector(f"#e{late.dm_event_id} > .event-by")
    page.wait_for_selector(f"#e{second.dm_event_id} > .event-by")


def test_the_only_message_of_its_day_brings_its_day(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    days = page.locator("h2.day").evaluate_all("all => all.map((each) => each.id)")
    second = page.locator("h2.day").nth(1)
    below = second.evaluate("day => { while (!/^e[0-9]+$/.test(day.id)) day = day.nextElementSibling; return day.id }")
    event = filled.long.events.get(dm_event_id=int(below[1:]))
    late = come_late(filled.long, event, "First of that day")
    shows_once(page, late)
    page.wait_for_selector(f"h2.day + #e{late.dm_event_id} + #{below}")
    assert page.locator("h2.day").evaluate_all("all => all.map((each) => each.id)") == days


def test_where_pages_look_for_themselves_they_see_what_shows_otherwise_and_what_comes_late(visit, ada, filled):
    ours = visit(ada)
    for script in (WITHOUT_SHARED_WORKERS, NO_STREAMS):
        ours.context.add_init_script(script)
    page = ours.open_live(f"/c/{filled.long.pk}/")
    says(page, "polling")
    alike, other, newest = filled.long.events.order_by("dm_event_id")[237:]
    kept = page.locator(f"#e{alike.dm_event_id}").element_handle()
    DmEvent.objects.filter(pk=other.pk).update(text="Another text than before")
    late = come_late(filled.long, newest, "Late")
    wait_until(page, "id => document.getElementById(id).innerText.includes('Another text')", f"e{other.dm_event_id}")
    shows_once(page, other, late)
    assert kept.evaluate("event => event.isConnected"), "what shows as it did stays as it is"
