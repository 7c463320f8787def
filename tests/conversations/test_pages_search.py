"""The page of a search: what it shows, whom it shows it to, and that nothing typed into it breaks it."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Membership, Role
from conversations.models import SearchState
from conversations.search import finding, query
from conversations.words import words_of
from tests import factories
from tests.conversations.search_support import index_all, say

pytestmark = pytest.mark.services


@pytest.fixture
def talk(ada):
    x_account = factories.XAccountFactory(username="NordlichtHelp")
    factories.MembershipFactory(user=ada, x_account=x_account, role=Role.AGENT)
    peer = factories.XUserFactory(username="odd_ossian", name="Ossian Berg")
    return factories.ConversationFactory(x_account=x_account, peer=peer)


def page(client, typed, **more):
    answer = client.get("/search/", {"q": typed, **more})
    assert answer.status_code == 200
    return answer.content.decode()


def hits(html):
    return re.findall(r'<a class="hit"\s+href="([^"]+)"', html)


def test_a_hit_leads_to_its_message_with_the_words_marked(as_ada, talk):
    [event] = say(talk, "Is the brass lamp there?")
    index_all()
    html = page(as_ada, "lamp")
    assert hits(html) == [f"{reverse('event', args=[talk.pk, event.dm_event_id])}?find=lamp"]
    assert "Is the brass <mark>lamp</mark> there?" in html
    assert "Ossian Berg" in html
    answer = as_ada.get(hits(html)[0])
    assert answer.status_code == 302
    there = as_ada.get(answer["Location"]).content.decode()
    assert "Is the brass <mark>lamp</mark> there?" in there
    assert 'data-kept="find=lamp"' in there, "so that what comes in later is marked too"


def test_from_inside_a_conversation_it_is_searched_alone(as_ada, talk):
    say(talk, "Is the brass lamp there?")
    index_all()
    answer = as_ada.get("/search/", {"within": talk.dm_conversation_id, "q": "brass lamp"})
    assert answer.status_code == 302
    html = as_ada.get(answer["Location"]).content.decode()
    assert re.search(rf'name="within"\s+value="{talk.dm_conversation_id}"', html)
    assert re.search(r'name="q"\s+value="brass lamp"', html)
    assert re.search(r'removable" href="/search/\?q=brass\+lamp"><span>\s+in <span dir="auto">Ossian Berg</span>', html)
    assert f'href="/c/{talk.pk}/"' in html, "the way back"
    assert len(hits(html)) == 1
    assert as_ada.get("/search/", {"within": "a b", "q": "lamp"}).status_code == 404


def test_a_conversation_one_may_not_see_stays_the_number_that_was_typed(client, cleo, talk):
    client.force_login(cleo)
    html = client.get("/search/", {"q": f"in:{talk.dm_conversation_id} lamp"}).content.decode()
    assert f'value="in:{talk.dm_conversation_id} lamp"' in html
    assert "Ossian" not in html


def test_what_leads_to_a_message_marks_words_alone(as_ada, talk):
    [event] = say(talk, "Is the brass lamp there?")
    index_all()
    [hit] = hits(page(as_ada, "from:@odd_ossian -silver “brass lamp”"))
    there = as_ada.get(as_ada.get(hit)["Location"]).content.decode()
    assert "Is the <mark>brass lamp</mark> there?" in there
    [hit] = hits(page(as_ada, "from:@odd_ossian"))
    assert "<mark>" not in as_ada.get(as_ada.get(hit)["Location"]).content.decode()
    assert as_ada.get(f"/c/{talk.pk}/?find={'x' * 501}").status_code == 404


def test_of_a_long_message_the_part_around_the_words_is_shown(as_ada, talk):
    say(talk, "before " * 300 + "the lamp" + " after" * 300)
    index_all()
    html = page(as_ada, "lamp")
    [shown] = re.findall(r'class="hit-text"[^>]*>(.*?)</span>', html)
    assert shown.startswith("…before ")
    assert "the <mark>lamp</mark> after" in shown
    assert shown.endswith("after…")
    assert len(shown) < 280


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script> lamp", 'lamp"><img src=x onerror=alert(1)>', "&lt;b&gt; lamp"]
)
def test_neither_what_was_said_nor_what_was_typed_becomes_markup(as_ada, talk, text):
    say(talk, text)
    index_all()
    html = page(as_ada, "lamp")
    assert hits(html)
    typed = page(as_ada, text)
    for shown in (html, typed):
        assert not re.search(r"<(script>|img src=x|b>)", shown)


def test_older_messages_are_a_page_further(as_ada, talk):
    events = say(talk, *(f"lamp {number}" for number in range(25)))
    index_all()
    html = page(as_ada, "lamp")
    assert len(hits(html)) == 20
    [older] = re.findall(r'href="(/search/\?[^"]*below=[^"]*)"', html)
    further = as_ada.get(older.replace("&amp;", "&")).content.decode()
    assert len(hits(further)) == 5
    assert str(events[0].dm_event_id) in hits(further)[-1]


def test_it_says_what_it_did_not_understand(as_ada, talk):
    html = page(as_ada, 'has:stickers before:soon from: "" ???')
    assert "“has:stickers”: use has:media, has:post or has:link." in html
    assert "“before:soon”: write a day like 2026-11-03" in html
    assert "has no letter, digit or symbol to search for" in html


def test_without_anything_typed_it_tells_what_can_be(as_ada):
    html = page(as_ada, "")
    assert "Search tips" in html
    assert "No results" not in html


def test_it_says_how_many_messages_it_does_not_search_yet(as_ada, talk):
    say(talk, *["a lamp"] * 3)
    index_all()
    assert "not searchable yet" not in page(as_ada, "lamp")
    SearchState.objects.update(old_below=10**6, old_left=3000)
    assert "About 3,000 messages are not searchable yet" in page(as_ada, "lamp")


def test_people_are_found_beside_messages_and_a_slip_in_a_name_is_helped(as_ada, talk):
    say(talk, "hello")
    index_all()
    html = page(as_ada, "ossian")
    assert "/search/?q=from%3A%40odd_ossian" in html
    [person] = re.findall(r'href="(/people/\d+/\?find=ossian)"', html)
    back = re.search(r'<a class="tool"[^>]* href="([^"]*)"', as_ada.get(person).content.decode())
    assert back[1] == "/search/?q=ossian"
    back = re.search(r'<a class="tool"[^>]* href="([^"]*)"', as_ada.get(person.split("?")[0]).content.decode())
    assert back[1] == "/"
    slip = page(as_ada, "osian")
    assert "Did you mean" in slip
    assert "/search/?q=from%3A%40odd_ossian" in slip
    named = page(as_ada, "hello from:osian")
    assert "No person named" in named
    assert "/search/?q=hello+from%3A%40odd_ossian" in named


def test_it_says_whom_a_name_was_taken_for(as_ada, talk):
    say(talk, "hello")
    index_all()
    html = page(as_ada, "from:berg")
    assert re.search(r"” matches\s+<span dir=\"auto\">Ossian Berg", html)


def test_the_box_stands_in_the_head_of_the_list(as_ada, talk):
    html = as_ada.get("/").content.decode()
    assert '<form id="search"' in html
    assert 'name="q"' in html


# --- Whom it is for ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["lamp", "ossian", "osian", "from:ossian", "from:osian", "in:@NordlichtHelp", "after:2020"]
)
def test_a_stranger_learns_nothing_of_it(client, cleo, talk, typed):
    Membership.objects.create(user=cleo, x_account=factories.XAccountFactory(), role=Role.ADMIN)
    say(talk, "the lamp of ossian")
    index_all()
    client.force_login(cleo)
    html = page(client, typed)
    assert hits(html) == []
    assert "Berg" not in html
    assert "odd_ossian" not in html


def test_a_stranger_is_not_told_how_much_there_is_to_index(client, cleo, talk):
    say(talk, "the lamp")
    index_all()
    SearchState.objects.update(old_below=10**6, old_left=3000)
    client.force_login(cleo)
    assert "not searchable yet" not in page(client, "lamp")


@pytest.mark.parametrize(
    ("typed", "name", "expected"),
    [
        ("plan from:lan", "@lana", "plan from:@lana"),
        ('from:"lan" lan', "@lana", "from:@lana lan"),
        ("-lan in:Lan x in:lan", "Ada Lindqvist", '-lan in:Lan x in:"Ada Lindqvist"'),
        ("from:lan", 'Ada "Lamps"', 'from:"Ada Lamps"'),
        ("lan", "@lana", "lan"),
    ],
)
def test_another_name_takes_the_place_of_the_one_that_means_nobody(typed, name, expected):
    assert query.with_name(typed, "lan", name) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ('in:"Al, Alba" lamp', 'in:"@ada, Alba" lamp'),
        ('in:"Alba and Al" x', 'in:"Alba, @ada" x'),
        ('in:"Alba, Al and 4 others"', 'in:"Alba, @ada"'),
        ('in:"Alba and Ben" Al', 'in:"Alba and Ben" Al'),
    ],
)
def test_another_name_takes_the_place_of_that_one_alone_in_a_title(typed, expected):
    assert query.with_name(typed, "Al", "@ada") == expected


def test_a_list_longer_than_any_title_is_one_name(as_ada, talk):
    """Each name is looked up: nobody shall make hundreds of questions out of one."""
    with CaptureQueriesContext(connection) as few:
        page(as_ada, 'in:"a,b,c,d,e,f,g,h"')
    with CaptureQueriesContext(connection) as many:
        html = page(as_ada, f'in:"{",".join("abcdefgh" * 20)}"')
    assert len(many) == len(few)
    assert html.count("No person named") == 1


def test_who_is_not_signed_in_is_asked_to(client):
    answer = client.get("/search/?q=lamp")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


# --- Whatever is typed ------------------------------------------------------------------------------------------------

SIGNS = ["'", '"', "“", "-", "--", ":", "NEAR(", ")", "*", "^", "AND", "OR", "NOT", "%", "_", "\\", "{a}"]
KEYS = ["from:", "in:", "has:", "before:", "after:2026-13", "before:9999-12-31", "after:0001"]
NASTY = ["'; DROP TABLE x; --", '" OR 1=1', "\x00", "a" * 400, "ﷺ" * 200]
PARTS = st.one_of(st.sampled_from([*SIGNS, *KEYS, *NASTY]), st.text(max_size=8))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PARTS, max_size=8), joint=st.sampled_from(["", " "]))
def test_nothing_that_can_be_typed_is_an_error(as_ada, parts, joint):
    typed = joint.join(parts).encode(errors="ignore").decode()
    assert as_ada.get("/search/", {"q": typed}).status_code == 200


CLUMSY = {
    "an open quote": ('"brass lamp', None),
    "quotes alone": ('" " “ ”', None),
    "keys alone": ("from: in: has: before: after:", "has nothing after it"),
    "a key apart from its value": ("from: odd_ossian lamp", "” matches"),
    "wide signs of an East Asian keyboard": ("from：＠odd_ossian lamp", "” matches"),
    "very many characters": ("lamp " * 2_000, "Only the first 500 characters"),
    "very many words": (" ".join(f"w{number}" for number in range(100)), "Only the first 20 words"),
    "very many names": ("from:a " * 60 + "in:b " * 20, "Only the first 5 names"),
    "one very long word": ("lamp" * 2_500, "Only the first 500 characters"),
    "nothing that is seen": ("\u200b\u200d\ufeff\u2060", "has no letter, digit or symbol"),
    "signs alone": ("? ! … - -- ( ) * ^ ~ / \\", "has no letter, digit or symbol"),
    "signs of SQL": ("'; DROP TABLE conversations_dmevent; --", None),
    "signs of FTS5": ('NEAR(lamp AND brass, 3) OR lamp* ^ col:"x" {a b}', None),
    "signs of patterns": ("^(a+)+$ .* [a-z]{1,9} %_%", None),
    "nobody": ("from:zzqzz lamp", "No person named"),
    "a day that is none": ("before:2026-02-30 after:soon lamp", "write a day like"),
    "days the wrong way round": ("after:2026-11-05 before:2026-11-03 lamp", "There is no day between these"),
    "a kind that is none": ("has:stickers", "use has:media"),
    "a key left out": ("-from:odd_ossian lamp", "only words can be excluded"),
    "everything left out": ("-lamp -brass", None),
    "half a surrogate and a null": ("la\ud800mp \x00 lamp", None),
    "marks on marks": ("l" + "\u0301" * 400, None),
    "characters without spaces": ("世" * 500, None),
}


@pytest.mark.parametrize(("typed", "told"), CLUMSY.values(), ids=CLUMSY)
def test_whatever_is_typed_gets_an_answer_in_few_steps(as_ada, talk, typed, told):
    say(talk, "The brass lamp", "A lamp of glass", "世" * 600)
    index_all()
    with CaptureQueriesContext(connection) as queries:
        html = page(as_ada, typed.encode(errors="surrogatepass").decode(errors="replace"))
    assert len(queries) < 80
    assert html.count("<li") < 60
    if told:
        assert told in html


def test_a_word_that_everybody_says_is_read_no_further_than_a_page(as_ada, talk):
    say(talk, *["the lamp"] * 300)
    index_all()
    with CaptureQueriesContext(connection) as queries:
        assert len(hits(page(as_ada, "the"))) == 20
    assert len(queries) <= 13


@pytest.mark.parametrize(
    ("typed", "text", "marked"),
    [
        ("cafe", "Das Cafe\u0301 hier", "Das <mark>Cafe\u0301</mark> hier"),
        ("lamp", "a la\u00admp\u200b here", "a <mark>la\u00admp\u200b</mark> here"),
        ("مرحبا", "قال مَرْحَبًا لك", "قال <mark>مَرْحَبًا</mark> لك"),
        ("lamp", "مرحبا \u202elamp\u202c بك", "مرحبا \u202e<mark>lamp\u202c</mark> بك"),
        ("👍", "so 👍🏽 it is", "so <mark>👍🏽</mark> it is"),
        ("👩", "the 👨\u200d👩\u200d👧 all", "the <mark>👨\u200d👩\u200d👧</mark> all"),
        ("❤", "I ❤️ it", "I <mark>❤️</mark> it"),
        ("ดี", "สวัสดี", "สวัส<mark>ดี</mark>"),
        ("<b>", "a <b>bold</b> one", "a <mark>&lt;b&gt;</mark>bold<mark>&lt;/b&gt;</mark> one"),
        ("amp", "Tom &amp; amp", "Tom &amp; <mark>amp</mark>"),
    ],
)
def test_marks_go_around_whole_characters_and_nothing_is_markup(as_ada, talk, typed, text, marked):
    say(talk, text)
    index_all()
    html = page(as_ada, typed)
    [shown] = re.findall(r'class="hit-text" dir="auto">(.*?)</span>', html)
    assert shown == marked


def test_a_long_text_is_never_cut_within_a_picture():
    family = "👨\u200d👩\u200d👧\u200d👦"
    for before in range(12):
        text = f"{'x' * before} {family * 60} lamp {family * 60}"
        words = words_of(text)
        [place] = [number for number, word in enumerate(words) if word.typed == "lamp"]
        shown = "".join(part.text for part in finding.snippet(text, words, [(place, place)])).strip("…")
        assert "lamp" in shown
        assert shown.replace("lamp", "").replace(family, "").replace("x", "").strip() == ""


@pytest.mark.parametrize("below", ["x", "-1", str(2**63)])
def test_a_wrong_place_to_go_on_from_is_no_page(as_ada, below):
    assert as_ada.get("/search/", {"q": "lamp", "below": below}).status_code == 404


def test_it_takes_the_same_few_queries_for_one_hit_and_for_a_page(as_ada, talk):
    say(talk, "the first lamp")
    index_all()
    for_one = queries_of(as_ada)
    for number in range(25):
        say(factories.ConversationFactory(x_account=talk.x_account), f"lamp {number}")
    index_all()
    assert queries_of(as_ada) == for_one <= 13


def queries_of(client):
    with CaptureQueriesContext(connection) as queries:
        page(client, "lamp")
    return len(queries)
