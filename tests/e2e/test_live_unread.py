"""The number of unread conversations where a page is known by, and which become unread, for those who hear it."""

from __future__ import annotations

import pytest
from django.db import transaction

from conversations.actions import mark_read
from conversations.models import Conversation
from tests.e2e.test_live import arrive, hide, is_live
from tests.e2e.test_reading import wait_until

pytestmark = pytest.mark.browser
BADGE = "navigator.setAppBadge = async (number) => { window.badge = number; }"
QUESTIONS = """
window.asking = 0;
const post = MessagePort.prototype.postMessage;
MessagePort.prototype.postMessage = function (message) {
  if (message.type === "ask") {
    window.asking += 1;
    const count = ({ data }) => {
      if (data.type !== "answer" || data.number !== message.number) return;
      this.removeEventListener("message", count);
      window.asking -= 1;
    };
    this.addEventListener("message", count);
  }
  post.call(this, message);
};
"""
"""How many questions to the worker wait for their answers."""


@pytest.fixture
def filled(ada, filled):
    """All is read but what a test makes unread."""
    for row in Conversation.objects.all():
        mark_read(ada, row, row.last_dm_event_id)
    return filled


def titled(page, title):
    wait_until(page, "title => document.title === title", title)


def test_the_title_and_the_badge_tell_how_many_are_unread(visit, ada, filled):
    seen = visit(ada)
    seen.page.add_init_script(BADGE)
    page = seen.open_live("/")
    is_live(page)
    assert page.title() == "Inbox · dminbox"
    arrive(filled.long, "One")
    titled(page, "(1) Inbox · dminbox")
    arrive(filled.everything, "Two")
    titled(page, "(2) Inbox · dminbox")
    assert page.evaluate("window.badge") == 2
    page.locator(f'.row[data-conversation="{filled.long.pk}"]').click()
    titled(page, "(1) Ben Østergård · dminbox")
    assert page.evaluate("window.badge") == 1


def test_a_page_that_nobody_sees_keeps_its_number_true(visit, ada, filled):
    seen = visit(ada)
    seen.page.add_init_script(QUESTIONS)
    page = seen.open_live(f"/c/{filled.everything.pk}/")
    is_live(page)
    titled(page, "Ada Lindqvist · dminbox")
    hide(page, True)
    wait_until(page, "window.asking === 0")  # what was asked before may tell of what comes now
    arrive(filled.long, "While nobody looks")
    titled(page, "(1) Ada Lindqvist · dminbox")
    row = f'.row[data-conversation="{filled.long.pk}"]'
    assert page.locator(f"{row}.unread").count() == 0, "rows are asked for when somebody looks"
    arrive(filled.group, "At once after it")
    page.wait_for_timeout(1500)
    assert page.title() == "(1) Ada Lindqvist · dminbox", "it waits until it asks again"
    hide(page, False)
    titled(page, "(2) Ada Lindqvist · dminbox")
    page.wait_for_selector(f"{row}.unread")


def test_who_hears_a_page_is_told_which_conversations_become_unread(visit, ada, filled):
    page = visit(ada).open_live(f"/c/{filled.everything.pk}/")
    is_live(page)
    told = "words => document.getElementById('live').textContent === words"
    arrive(filled.long, "One")
    wait_until(page, told, "Unread now: Ben Østergård")
    hide(page, True)
    others = Conversation.objects.filter(is_group=False).exclude(pk__in=[filled.long.pk, filled.everything.pk])
    with transaction.atomic():  # told at once: else some could be heard of when somebody looks again
        for row in others[:6]:
            arrive(row, "While nobody looks")
    hide(page, False)
    wait_until(page, "document.getElementById('live').textContent.endsWith(', and others')")
    arrive(filled.everything, "In the open thread")
    wait_until(page, "document.getElementById('live').innerText.startsWith('New message from')")
