"""What breaks naive clients, fact by fact, as a person meets it: in the thread, the inbox, a search, a message alone.

The finer cases of one function stand in test_text.py; here is what all places must agree on.
"""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from conversations import links
from conversations.models import DmEvent, ReadMark
from conversations.text import to_html
from tests.conversations.page_support import NOW, page
from tests.conversations.search_support import index_all
from tests.e2e import rich

pytestmark = pytest.mark.usefixtures("noon")
BEYOND_FLOATS = 9_223_372_036_854_775_801


@pytest.fixture
def told(filled):
    return rich.Teller(filled.everything, NOW)


def thread(client, filled):
    return page(client, f"/c/{filled.everything.pk}/")


def bubbles(text):
    return [
        html.unescape(re.sub(r"<[^>]*>", "", one)) for one in re.findall(r'<div class="bubble"[^>]*>(.*?)</div>', text)
    ]


@pytest.mark.parametrize("language", ["en", "de"])
def test_ids_beyond_2_to_53_keep_every_digit_in_any_language(as_ada, ada, filled, language):
    ada.language = language
    ada.save()
    DmEvent.objects.filter(pk=filled.everything.events.last().pk).update(dm_event_id=BEYOND_FLOATS)
    found = thread(as_ada, filled)
    assert f'id="e{BEYOND_FLOATS}"' in found
    assert f"/e/{BEYOND_FLOATS}/" in found
    read = filled.long.events.order_by("dm_event_id")[50]
    ReadMark.objects.create(user=ada, conversation=filled.long, dm_event_id=read.dm_event_id)
    assert re.search(rf"before=\d{{15,19}}&amp;line={read.dm_event_id}\b", page(as_ada, f"/c/{filled.long.pk}/"))


def test_what_x_leaves_out_breaks_no_line(as_ada, filled, told):
    told.event(None, event_type="ParticipantsLeave")
    told.event(None, event_type="ParticipantsJoin")
    told.event(None, "by nobody we know")
    told.event(filled.people[0], None)
    found = thread(as_ada, filled)
    assert "Somebody left" in found
    assert "Somebody joined" in found
    assert "by nobody we know" in bubbles(found)
    assert "Message without text" in found


def test_escaped_text_is_decoded_once_in_every_place(as_ada, filled, told):
    event = told.event(filled.people[0], "Fish &amp; chips &lt;b&gt; &amp;lt;i&amp;gt; &quot;now&quot; it&#39;s")
    rich.recount(filled.everything)
    index_all()
    meant = 'Fish & chips <b> &lt;i&gt; "now" it\'s'
    places = {
        "thread": f"/c/{filled.everything.pk}/",
        "inbox": "/",
        "search": "/search/?q=chips",
        "message": f"/c/{filled.everything.pk}/e/{event.dm_event_id}/more/",
        "kept": "/offline/",
    }
    for place, address in places.items():
        seen = html.unescape(re.sub(r"</?mark>", "", page(as_ada, address)))
        assert meant in seen, place
        assert "&amp;lt;i" not in page(as_ada, address).replace("&amp;lt;i&amp;gt;", ""), place


def test_indices_are_code_points_end_exclusive_and_the_link_itself_is_surer(as_ada, filled, told):
    text = "👩‍👩‍👧 é &amp; 世 https://t.co/aaaaaaaaaa!"
    entity = {
        "url": "https://t.co/aaaaaaaaaa",
        "expanded_url": "https://nordlicht.example/a",
        "display_url": "nordlicht.example/a",
    }
    right, wrong = text.index("https"), len(text.encode("utf-16-le"))
    for start in (right, wrong, 0):
        shown = to_html(text, {"urls": [entity | {"start": start, "end": start + 23}]})
        assert re.sub(r"<[^>]*>", "", shown) == "👩‍👩‍👧 é &amp; 世 nordlicht.example/a!"


def test_a_short_link_without_an_entity_is_shown_as_it_is_and_asked_of_nobody(as_ada, filled, told):
    told.event(filled.people[0], "see https://t.co/bbbbbbbbbb")
    assert 'href="https://t.co/bbbbbbbbbb"' in thread(as_ada, filled)


@pytest.mark.parametrize("host", ["twitter.com", "x.com", "www.twitter.com", "mobile.x.com"])
def test_both_hosts_mean_the_same(host):
    assert links.post_id_of(f"https://{host}/ada/status/1861111111111111111") == "1861111111111111111"
    assert links.post_id_of(f"https://{host}/i/web/status/7?s=20") == "7"
    assert links.is_own_media(f"https://{host}/messages/media/1861", "")


@pytest.mark.parametrize("host", ["evil-x.com", "x.com.evil.example", "xcom", "api.x.community"])
def test_other_hosts_do_not(host):
    assert links.post_id_of(f"https://{host}/ada/status/1") is None
    assert not links.is_own_media(f"https://{host}/messages/media/1", "")


def test_our_own_messages_are_ours_wherever_they_were_written(as_ada, filled, told):
    us = filled.everything.x_account.x_user_id
    told.event(rich.XUser.objects.get(pk=us), "from the phone")
    article = thread(as_ada, filled).split("from the phone")[0].rsplit("<article", 1)[1]
    assert "ours" in article


def test_of_the_same_second_the_id_says_which_came_first(as_ada, filled):
    later = rich.Teller(filled.everything, NOW + timedelta(minutes=1))
    second = later.event(filled.people[0], "written second")
    DmEvent.objects.create(
        conversation=filled.everything,
        dm_event_id=second.dm_event_id - 1,
        created_at=second.created_at,
        event_type="MessageCreate",
        sender=filled.people[0],
        text="written first",
        raw={},
    )
    assert bubbles(thread(as_ada, filled))[-2:] == ["written first", "written second"]


def test_a_handle_leads_to_the_person_and_not_to_whoever_has_it_now(as_ada, filled, told):
    entities = {"mentions": [{"start": 3, "end": 13, "username": "ben_reads", "id": "900000001"}]}
    told.event(filled.people[0], "cc @ben_reads", entities=entities)
    assert 'href="https://x.com/i/user/900000001"' in thread(as_ada, filled)


def test_tags_of_every_kind_lead_to_x_and_numbers_do_not(as_ada, filled, told):
    told.event(filled.people[0], "#lamp $NORD #1 $5 a@b.example")
    shown = thread(as_ada, filled).split("#lamp</a>")[1].split("</div>")[0]
    assert "https://x.com/search?q=%24NORD" in shown
    assert ">#1" not in shown
    assert ">$5" not in shown
    assert "mailto:" not in shown


@pytest.mark.parametrize(
    ("text", "is_large"), [("💡❤️", True), ("👩‍👩‍👧 🎉", True), ("💡" * 7, False), ("💡 ok", False), ("17", False)]
)
def test_a_few_emoji_alone_are_large(as_ada, filled, told, text, is_large):
    told.event(filled.people[0], text)
    assert (f'<p class="emoji">{text}</p>' in thread(as_ada, filled)) is is_large
