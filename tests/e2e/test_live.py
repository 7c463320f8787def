"""What happens while people look: a message arrives in open pages, in one tab or eight, and nothing jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from accounts.models import Membership, snowflake_floor
from conversations import changes
from conversations.actions import mark_read
from conversations.changes import NewChange
from conversations.models import Change, Conversation, DmEvent, Participant, ReadMark, SyncState
from conversations.sync import stop_all_for_credit
from tests.e2e import rich
from tests.e2e.conftest import PHONE
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser


def arrive(conversation: Conversation, text: str) -> DmEvent:
    """A message of the other side, stored and announced as a page of X would be."""
    conversation.refresh_from_db()
    now = datetime.now(UTC)
    number = max(conversation.last_dm_event_id + 1, snowflake_floor(now))
    with transaction.atomic():
        event = DmEvent.objects.create(
            conversation=conversation,
            dm_event_id=number,
            created_at=now,
            event_type=DmEvent.Type.MESSAGE_CREATE,
            sender=conversation.peer,
            text=text,
            raw={"id": str(number)},
        )
        Conversation.objects.filter(pk=conversation.pk).update(
            last_dm_event_id=number, last_incoming_dm_event_id=number, last_event=event
        )
        changes.announce(conversation.x_account, [NewChange(Change.Kind.EVENT, conversation.pk, event.pk)])
    return event


def wait_for(page, is_so):
    """For what the page leaves behind in the database."""
    for _ in range(200):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen")


def is_live(page):
    wait_until(page, "document.getElementById('live-state')?.dataset.state === 'live'")


def test_a_message_arrives_in_the_inbox_and_its_row_moves_to_the_top(visit, ada, filled):
    page = visit(ada).open_live("/")
    is_live(page)
    assert page.locator("#live-state").inner_text() == "live"
    arrive(filled.long, "A wholly new question")
    wait_until(page, "document.querySelector('#list .row .row-preview').innerText.includes('A wholly new question')")
    assert page.locator(f'.row[data-conversation="{filled.long.pk}"]').count() == 1


def test_a_message_arrives_in_its_thread_is_announced_and_read(visit, ada, filled):
    rich.read_most(ada, filled.long)
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    event = arrive(filled.long, "A wholly new question")
    page.wait_for_selector(f"#e{event.dm_event_id}")
    wait_until(page, "document.getElementById('live').innerText.startsWith('New message from')")
    box, frame = page.locator(f"#e{event.dm_event_id}").bounding_box(), page.locator("#scroller").bounding_box()
    assert box["y"] + box["height"] <= frame["y"] + frame["height"]
    wait_until(page, "document.querySelector('#mark-read') === null")
    wait_until(page, "document.querySelector('#list .row[aria-current]:not(.unread)') !== null")
    marks = ReadMark.objects.filter(user=ada, conversation=filled.long)
    wait_for(page, lambda: marks.get().dm_event_id == event.dm_event_id)


def test_who_has_scrolled_up_is_not_moved_but_told(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    page.locator("#scroller").evaluate("box => { box.scrollTop = -900 }")
    anchor = page.locator("#scroller .bubble").nth(25)
    before = anchor.bounding_box()["y"]
    arrive(filled.long, "One")
    last = arrive(filled.long, "Two")
    page.wait_for_selector(f"#e{last.dm_event_id}", state="attached")
    wait_until(page, "document.getElementById('new-messages').innerText === '2 new messages'")
    assert abs(anchor.bounding_box()["y"] - before) < 3
    assert ReadMark.objects.filter(user=ada, dm_event_id__gte=last.dm_event_id).count() == 0
    page.locator("#new-messages").click()
    wait_until(page, "document.getElementById('new-messages').hidden")
    wait_until(page, "document.getElementById('scroller').scrollTop > -3")


def test_eight_tabs_share_one_stream_and_all_are_live(visit, ada, filled):
    ours = visit(ada)
    pages = [ours.page, *[ours.context.new_page() for _ in range(7)]]
    for page in pages:
        page.goto(f"{ours.address}/c/{filled.long.pk}/")
    event = arrive(filled.long, "To all of you")
    for page in pages:
        page.wait_for_selector(f"#e{event.dm_event_id}", state="attached")
        assert page.locator(f"#e{event.dm_event_id}").count() == 1


def test_on_a_phone_a_message_arrives_too(visit, ada, filled):
    page = visit(ada, **PHONE).open_live(f"/c/{filled.long.pk}/")
    event = arrive(filled.long, "On the way")
    page.wait_for_selector(f"#e{event.dm_event_id}")


def test_a_removed_member_is_led_away(visit, ben, filled):
    Membership.objects.create(user=ben, x_account=filled.long.x_account)
    ours = visit(ben)
    page = ours.open_live(f"/c/{filled.long.pk}/")
    page.wait_for_selector(".bubble")
    Membership.objects.filter(user=ben).delete()
    page.wait_for_selector(".bubble", state="detached", timeout=timedelta(seconds=8).total_seconds() * 1000)
    ours.expect_answer(404)


def announce(x_account, *new: NewChange):
    with transaction.atomic():
        changes.announce(x_account, new)


def test_who_is_typing_is_seen_in_thread_and_list_and_again_not(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    typing = Participant.objects.filter(conversation=filled.long, x_user=filled.long.peer)
    typing.update(typing_until=datetime.now(UTC) + timedelta(seconds=4))
    announce(filled.support, NewChange(Change.Kind.TYPING, filled.long.pk))
    page.wait_for_selector("#typing")
    page.wait_for_selector(f'.row[data-conversation="{filled.long.pk}"] .typing')
    page.wait_for_selector("#typing", state="detached")
    page.wait_for_selector(f'.row[data-conversation="{filled.long.pk}"] .typing', state="detached")


def test_what_the_other_side_has_read_is_seen(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    ours = filled.long.events.filter(sender=filled.support.x_user_id).order_by("dm_event_id").last()
    readers = Participant.objects.filter(conversation=filled.long, x_user=filled.long.peer)
    readers.update(seen_dm_event_id=ours.dm_event_id, seen_at=datetime.now(UTC))
    announce(filled.support, NewChange(Change.Kind.RECEIPT, filled.long.pk))
    page.wait_for_selector(f"#e{ours.dm_event_id} + #seen")


def test_a_message_that_shows_otherwise_is_shown_so(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    event = filled.long.events.order_by("dm_event_id").last()
    DmEvent.objects.filter(pk=event.pk).update(text="Another text than before")
    announce(filled.support, NewChange(Change.Kind.EVENT_UPDATED, filled.long.pk, event.pk))
    wait_until(page, "document.querySelector('#scroller').innerText.includes('Another text than before')")
    wait_until(page, "document.querySelector('#list').innerText.includes('Another text than before')")


def test_a_message_that_opens_a_run_keeps_its_sender_when_it_shows_otherwise(visit, ada, filled):
    """Below the line of what is new it opens one, though the message before it is of the same sender."""
    read, event = arrive(filled.group, "Read already"), arrive(filled.group, "New, at once after it")
    filled.group.refresh_from_db()
    mark_read(ada, filled.group, read.dm_event_id)
    page = visit(ada).open_live(f"/c/{filled.group.pk}/")
    is_live(page)
    here = f"#e{event.dm_event_id}"
    sender = page.locator(f"{here} > .event-by, {here} > .avatar")
    assert sender.count() == 2
    page.keyboard.press("p")
    assert page.locator(f"{here}:focus").count() == 1
    DmEvent.objects.filter(pk=event.pk).update(text="With its photo")
    announce(filled.support, NewChange(Change.Kind.EVENT_UPDATED, filled.group.pk, event.pk))
    wait_until(page, "document.querySelector('#scroller').innerText.includes('With its photo')")
    assert sender.count() == 2
    assert page.locator(f"{here}:focus").count() == 1, "whoever walks the messages stands where they stood"


def test_what_is_read_in_one_browser_counts_as_read_in_another(visit, ada, filled):
    rich.read_most(ada, filled.long)
    there = visit(ada).open_live("/")
    is_live(there)
    row = f'.row[data-conversation="{filled.long.pk}"]'
    there.wait_for_selector(f"{row}.unread")
    here = visit(ada).open_live(f"/c/{filled.long.pk}/")
    here.wait_for_selector(".bubble")
    there.wait_for_selector(f"{row}:not(.unread)")


def test_the_state_of_the_x_account_is_seen_in_inbox_and_thread_and_again_not(visit, ada, filled):
    ours = visit(ada)
    pages = [ours.open_live("/"), ours.context.new_page()]
    pages[1].goto(f"{ours.address}/c/{filled.long.pk}/")
    for page in pages:
        is_live(page)
    stop_all_for_credit()
    pages[0].wait_for_selector(".list-scroll > .notice")
    pages[1].wait_for_selector(".thread > .notice")
    with transaction.atomic():
        changes.announce_states([filled.support.pk, filled.studio.pk])
        SyncState.objects.update(state=SyncState.State.ACTIVE)
    pages[0].wait_for_selector(".list-scroll > .notice", state="detached")
    pages[1].wait_for_selector(".thread > .notice", state="detached")


def test_that_a_history_has_reached_its_beginning_is_seen(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.everything.pk}/")
    is_live(page)
    page.wait_for_selector("#top.beginning", state="attached")
    Conversation.objects.filter(pk=filled.everything.pk).update(has_reached_beginning=True)
    announce(filled.support, NewChange(Change.Kind.CONVERSATION, filled.everything.pk))
    wait_until(page, "document.getElementById('top').innerText.includes('This is the beginning')")


def test_a_page_that_nobody_sees_asks_when_somebody_does(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.long.pk}/")
    is_live(page)
    hide(page, True)
    with page.expect_event("console", lambda message: message.text == "told"):
        event = arrive(filled.long, "While nobody looks")
        page.evaluate("() => setTimeout(() => console.log('told'), 1500)")
    assert page.locator(f"#e{event.dm_event_id}").count() == 0
    hide(page, False)
    page.wait_for_selector(f"#e{event.dm_event_id}")


def hide(page, is_hidden):
    state = "hidden" if is_hidden else "visible"
    page.evaluate(
        """state => {
          Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )
