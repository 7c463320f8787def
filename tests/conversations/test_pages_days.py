"""To a day of a conversation, by its address."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from django.utils.html import escape

from tests.conversations.page_support import page
from tests.conversations.test_pages_thread import numbers

pytestmark = pytest.mark.usefixtures("noon")


def led_to(client, conversation, query):
    answer = client.get(f"/c/{conversation.pk}/{query}")
    assert answer.status_code == 302
    return answer["Location"]


def test_a_day_leads_to_the_page_that_begins_with_it_in_the_persons_zone(as_ada, ada, filled):
    events = list(filled.long.events.order_by("dm_event_id"))
    local = [timezone.localtime(event.created_at, ZoneInfo("Europe/Oslo")).date() for event in events]
    day = local[120]
    first = events[local.index(day)]
    address = led_to(as_ada, filled.long, f"?on={day}&show=messages")
    assert address == f"/c/{filled.long.pk}/?after={first.dm_event_id - 1}&show=messages#e{first.dm_event_id}"
    assert numbers(page(as_ada, address))[0] == local.index(day)


def test_a_day_without_a_word_leads_to_the_next_that_has_one(as_ada, filled):
    first = filled.long.events.order_by("dm_event_id").first().dm_event_id
    for day in ("2016-02-29", "1999-12-31", "0001-01-01"):
        assert led_to(as_ada, filled.long, f"?on={day}").endswith(f"?after={first - 1}#e{first}")


@pytest.mark.parametrize("day", ["2027-01-01", "9999-12-31"])
def test_after_the_last_day_it_says_so_and_shows_the_newest(as_ada, filled, day):
    html = page(as_ada, led_to(as_ada, filled.long, f"?on={day}"))
    assert "Nothing is stored from that day or later" in html
    assert numbers(html)[-1] == 239


@pytest.mark.parametrize("typed", ["2026-02-30", "yesterday", "20261103", "2026-11-03T00:00", "<b>"])
def test_what_is_no_day_is_refused_in_words(as_ada, filled, typed):
    answer = as_ada.get(f"/c/{filled.long.pk}/", {"on": typed})
    assert answer.status_code == 422
    assert f"“{escape(typed)}” is not a date." in answer.content.decode()
    assert numbers(answer.content.decode())[-1] == 239
