"""Where more is new than one page shows: what says so, what leads there, and how far each page moves the mark."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.models import DmEvent, ReadMark
from tests.conversations.page_support import page
from tests.e2e import rich

pytestmark = pytest.mark.usefixtures("noon")
MARK = re.compile(r'<form id="mark-read".*?</form>')


@pytest.fixture
def events(ada, filled):
    """Of the long conversation, in which Ada has read the first hundred: 139 are new, two thirds of them by others."""
    events = list(filled.long.events.order_by("dm_event_id"))
    ReadMark.objects.create(user=ada, conversation=filled.long, dm_event_id=events[100].dm_event_id)
    filled.long.refresh_from_db()
    return events


def opened(client, conversation, query=""):
    html = page(client, f"/c/{conversation.pk}/{query}")
    mark = MARK.search(html)
    to = int(re.search(r'name="dm_event_id" value="(\d+)"', mark[0])[1]) if mark else None
    return html, to, bool(mark) and "data-waits" in mark[0]


def test_the_newest_page_says_how_much_is_new_above_and_leads_to_where_it_begins(as_ada, filled, events):
    html, to, waits = opened(as_ada, filled.long)
    above = re.search(r'<p class="unread-above".*?</p>', html)[0]
    new = [event for event in events[101:] if event.sender_id != rich.SUPPORT_ID]
    words = re.sub(r"<[^>]+>", "", above)
    assert words.split()[:3] == [str(len(new)) if len(new) < 100 else "99+", "new", "since"]
    first = new[0].dm_event_id
    assert f'href="/c/{filled.long.pk}/?at={first}#e{first}"' in above
    assert 'form="mark-read"' in above
    assert (to, waits) == (events[-1].dm_event_id, True)
    html = page(as_ada, f"/c/{filled.long.pk}/?at={first}")
    assert f'id="e{first}"' in html.split('id="unread-line"')[1].split("<article", 2)[1]


def test_what_is_new_and_stands_on_one_page_is_read_at_once(as_ada, filled, events):
    ReadMark.objects.update(dm_event_id=events[-3].dm_event_id)
    html, to, waits = opened(as_ada, filled.long)
    assert 'id="unread-above"' not in html
    assert (to, waits) == (events[-1].dm_event_id, False)


def test_each_page_from_the_line_downwards_moves_the_mark_to_its_end(as_ada, filled, events):
    html, to, waits = opened(as_ada, filled.long, f"?at={events[101].dm_event_id}")
    steps = [(to, waits)]
    while found := re.search(r'href="\?after=(\d+)', html):
        answer = as_ada.post(f"/c/{filled.long.pk}/read/", {"dm_event_id": to}, headers={"HX-Request": "true"})
        assert "HX-Trigger" not in answer.headers, "the conversation is no sync yet"
        html, to, waits = opened(as_ada, filled.long, f"?after={found[1]}")
        steps.append((to, waits))
    assert [waits for _, waits in steps] == [True] * (len(steps) - 1) + [False]
    assert to == events[-1].dm_event_id
    assert len(steps) > 2
    answer = as_ada.post(f"/c/{filled.long.pk}/read/", {"dm_event_id": to}, headers={"HX-Request": "true"})
    assert answer.headers["HX-Trigger"] == "conversation-read"


def test_a_page_amid_what_is_new_moves_no_mark(as_ada, filled, events):
    assert opened(as_ada, filled.long, f"?before={events[200].dm_event_id}")[1] is None
    assert opened(as_ada, filled.long, f"?before={events[60].dm_event_id}")[1] is None, "nor one that is read"


def test_a_page_without_scripts_says_how_far_its_button_reads(as_ada, filled, events):
    assert "Mark as read up to here" in opened(as_ada, filled.long, f"?at={events[101].dm_event_id}")[0]
    assert "Mark as read up to here" not in opened(as_ada, filled.long)[0]


def test_only_comings_and_goings_say_nothing_of_what_is_new(as_ada, filled, events):
    assert 'id="unread-above"' in opened(as_ada, filled.long, "?show=messages")[0]
    html, to, _ = opened(as_ada, filled.long, "?show=people")
    assert ('id="unread-above"' in html, to) == (False, None)


def test_where_we_wrote_alone_it_leads_to_the_first_that_is_not_read(as_ada, filled, events):
    pks = [event.pk for event in events[101:-1]]
    DmEvent.objects.filter(pk__in=pks).update(sender=rich.SUPPORT_ID)
    DmEvent.objects.filter(pk=events[-1].pk).update(sender=filled.people[1].pk)
    rich.recount(filled.long)
    html, *_ = opened(as_ada, filled.long)
    assert f"?at={events[-1].dm_event_id}#" in html
    assert "1 new since" in html


def test_what_is_read_costs_no_query_more_and_what_is_not_costs_one(as_ada, filled, events):
    page(as_ada, f"/c/{filled.long.pk}/")  # writes down that somebody looks
    with CaptureQueriesContext(connection) as unread:
        page(as_ada, f"/c/{filled.long.pk}/")
    ReadMark.objects.update(dm_event_id=events[-1].dm_event_id)
    with CaptureQueriesContext(connection) as read:
        page(as_ada, f"/c/{filled.long.pk}/")
    assert len(unread) == len(read) + 1 <= 10
