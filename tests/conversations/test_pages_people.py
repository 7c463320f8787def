"""The panel of people beside a thread, which begins with a few, and the page with all of them."""

from __future__ import annotations

import re

from conversations.views.thread import PEOPLE
from tests import factories
from tests.conversations.page_support import page

MEMBER = re.compile(r'<li class="member')


def crowd(conversation, size):
    for number in range(size):
        person = factories.XUserFactory(name=f"Neighbour {number}")
        factories.ParticipantFactory(conversation=conversation, x_user=person, last_message_at=None)


def test_a_large_group_begins_with_a_few_and_leads_to_all(as_ada, filled):
    crowd(filled.group, 40)
    html, everybody = page(as_ada, f"/c/{filled.group.pk}/"), page(as_ada, f"/c/{filled.group.pk}/people/")
    assert len(MEMBER.findall(html)) == PEOPLE
    assert len(MEMBER.findall(everybody)) == filled.group.participants.count() > PEOPLE
    assert f'<a href="/c/{filled.group.pk}/people/">All people</a>' in html
    assert "All people" not in everybody


def test_the_rest_is_taken_from_that_page_where_the_panel_ends(as_ada, filled):
    crowd(filled.group, 40)
    html = page(as_ada, f"/c/{filled.group.pk}/")
    assert f'hx-select=".members > li:nth-child(n + {PEOPLE + 1})"' in html


def test_a_conversation_of_few_people_shows_all_of_them(as_ada, filled):
    assert "All people" not in page(as_ada, f"/c/{filled.long.pk}/")


def test_a_large_group_takes_no_more_room_and_no_more_queries(as_ada, filled, django_assert_max_num_queries):
    crowd(filled.group, 200)
    with django_assert_max_num_queries(10):
        answer = as_ada.get(f"/c/{filled.group.pk}/")
    assert len(answer.content) < 60_000


def test_who_has_closed_the_panel_finds_it_closed_on_the_next_page(as_ada, filled):
    address = f"/c/{filled.group.pk}/"
    assert 'class="conversation"' in as_ada.get(address).content.decode()
    as_ada.cookies["panel"] = "closed"
    assert 'class="conversation without-panel"' in as_ada.get(address).content.decode()
