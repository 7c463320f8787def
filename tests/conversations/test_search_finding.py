"""Searching finds what a plain reading of every message finds, on either database, newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import snowflake_floor
from conversations.models import EventMedia, EventPost, Media, Post, SearchEntry
from conversations.search import finding, query
from conversations.words import Term, words_of
from tests import factories
from tests.conversations.search_support import found_events, found_texts, in_small_steps, index_all, say, scan, undone
from tests.counting import calls_of

pytestmark = pytest.mark.services


LATIN = [
    "lamp",
    "lamps",
    "Lámp",
    "amp",
    "CAFÉ",
    "cafe\u0301",
    "straße",
    "STRASSE",
    "ﬁn",
    "a",
    "ab",
    "I",
    "don't",
    "x_y",
    "la\u00admp",
]
OTHERS = [
    "世界",
    "世",
    "界世",
    "こんにちは",
    "カメラ",
    "ｶﾒﾗ",
    "한국어",
    "สวัสดี",
    "مرحبا",
    "مَرحبا",
    "ـمـ",
    "שלום",
    "हिन्दी",
    "می\u200cخواهم",
    "میخواهم",
]
SIGNS = [
    "🎉",
    "👍🏽",
    "👍",
    "👨‍👩‍👧",
    "🇩🇪",
    "#lamp",
    "@odd_ossian",
    "$LAMP",
    "https://lamp.example/a?b=lamps",
    "€",
    "1️⃣",
    "½",
]
PIECES = st.sampled_from([*LATIN, *OTHERS, *SIGNS])
ANY = st.text(
    st.one_of(
        st.sampled_from("abéè ßİıſ'-_@#.1"),
        st.characters(min_codepoint=0x0600, max_codepoint=0x06FF),
        st.characters(min_codepoint=0x3040, max_codepoint=0x30FF),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x4E20),
        st.characters(min_codepoint=0x1F440, max_codepoint=0x1F470),
    ),
    max_size=12,
)
TEXTS = st.lists(st.one_of(PIECES, ANY), min_size=1, max_size=6).flatmap(
    lambda pieces: st.sampled_from([" ", "", ", "]).map(lambda joint: joint.join(pieces))
)

TIMES = st.sampled_from([1, 3])
"""How often each is said: in small steps, the third of them lies below what is walked."""


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(texts=st.lists(TEXTS, min_size=1, max_size=12), times=TIMES, data=st.data())
@undone()
def test_the_index_finds_what_reading_everything_finds(ada, talk, texts, times, data):
    events = say(talk, *(text.replace("\x00", "") for text in texts * times))
    index_all()
    whole = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, max(0, len(whole) - 1)))
    part = whole[start : start + data.draw(st.integers(1, 8))]
    typed = " ".join(data.draw(st.one_of(st.just(part), PIECES, TEXTS)).replace(":", " ").split())
    typed = "".join(one for one in typed if one not in query.QUOTES).lstrip("-").replace(" -", " ")
    if query.parse(typed).is_nothing:
        return
    meant = scan(events, typed)
    assert found_events(ada, typed) == meant
    with in_small_steps():
        assert found_events(ada, typed) == meant


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("lamp", "Two lamps"),
        ("amp", "Two lamps"),
        ("LAMP", "two lamps"),
        ("cafe", "Das Café"),
        ("café", "Das CAFE\u0301"),
        ("strasse", "In der Straße"),
        ("世界", "こんにちは世界!"),
        ("界", "こんにちは世界!"),
        ("カメラ", "ｶﾒﾗはありますか"),
        ("مرحبا", "مَرْحَبًا بك"),
        ("🎉", "Done 🎉🎉"),
        ("👍", "👍🏽"),
        ("odd_ossian", "for @odd_ossian"),
        ("@odd_ossian", "for @odd_ossian"),
        ("ossian", "for @odd_ossian"),
        ("#sale", "our #Sale!"),
        ("nordlicht.example/lamps", "see https://nordlicht.example/lamps?id=3"),
        ("https://nordlicht.example/lamps?id=3", "see https://nordlicht.example/lamps?id=3"),
        ("ample/lam", "see https://nordlicht.example/lamps?id=3"),
        ('"brass lamp"', "The brass lamp."),
        ("don't", "I don't know"),
        ("is", "Is it"),
    ],
)
def test_it_is_found(ada, talk, typed, text):
    say(talk, text, "Nothing of that kind here; really")
    index_all()
    assert found_texts(ada, typed) == [text]


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("café", "Das Cafe"),
        ("@ossian", "for @odd_ossian"),
        ("#sale", "a sale"),
        ('"lamp"', "Two lamps"),
        ('"brass lamp"', "a lamp of brass"),
        ('"brass lamp"', "brass old lamp"),
        ("is", "this"),
        ("世界", "世の界"),
        ("lamp zebra", "Two lamps"),
        ("lamps -two", "Two lamps"),
    ],
)
def test_it_is_not_found(ada, talk, typed, text):
    say(talk, text)
    index_all()
    assert found_texts(ada, typed) == []


def test_the_newest_comes_first_and_pages_go_on_where_the_last_one_ended(ada, talk):
    events = say(talk, *(f"lamp number {number}" for number in range(45)))
    index_all()
    wanted = finding.resolve(ada, query.parse("lamp"))
    pages = [finding.find(ada, wanted)]
    while pages[-1].below is not None:
        pages.append(finding.find(ada, wanted, pages[-1].below))
    assert [len(page.hits) for page in pages] == [20, 20, 5]
    assert [hit.event.pk for page in pages for hit in page.hits] == [event.pk for event in reversed(events)]


def test_where_many_only_look_like_it_the_page_ends_and_goes_on(ada, talk, monkeypatch):
    monkeypatch.setattr(finding, "MOST_LOOKED_AT", 30)
    [meant] = say(talk, "the abcdef is here")
    say(talk, *["abcd bcdef, cdef abcde"] * 40)  # every gram of the word, and never the word
    index_all()
    wanted = finding.resolve(ada, query.parse("abcdef"))
    first = finding.find(ada, wanted)
    assert (first.hits, first.is_cut) == ([], True)
    assert [hit.event for hit in finding.find(ada, wanted, first.below).hits] == [meant]


def test_a_page_ends_by_the_clock_too_and_goes_on(ada, talk, monkeypatch):
    monkeypatch.setattr(finding, "SECONDS", 0)
    [meant] = say(talk, "the abcdef is here")
    alike = say(talk, *["abcd bcdef, cdef abcde"] * 3)
    index_all()
    wanted = finding.resolve(ada, query.parse("abcdef"))
    page, pages = finding.find(ada, wanted), 1
    while not page.hits:
        assert (page.is_cut, page.below) == (True, alike[-pages].dm_event_id)
        page, pages = finding.find(ada, wanted, page.below), pages + 1
    assert ([hit.event for hit in page.hits], pages) == ([meant], 4)


def test_a_long_row_of_joined_pictures_is_marked_in_one_walk():
    def marked(count):
        text = "👩\u200d" * count
        words = words_of(text)
        return partial(finding.snippet, text, words, Term(tuple(words_of("👩"))).places(words))

    assert calls_of(marked(2_000)).total() < 2.1 * calls_of(marked(1_000)).total()
    assert [part.is_mark for part in marked(1_000)()] == [True, False]


@pytest.mark.parametrize("filler", ["\ufdfa", "ab ", "é", "a" + "\u0323\u0301" * 500])
def test_of_a_message_that_never_ends_the_beginning_is_found_and_nothing_beyond(ada, talk, filler):
    [short] = say(talk, "lantern")
    [long] = say(talk, f"lamp {filler * (40_000 // len(filler))} lantern")
    events = [short, long]
    index_all()
    for typed in ("lamp", "lantern", "lamp lantern", filler[:200]):
        assert found_events(ada, typed) == scan(events, typed)
    assert found_events(ada, "lamp") == [long]
    if not filler.startswith("a\u0323"):  # of that, little is left: all of it is read
        assert found_events(ada, "lantern") == [short]


def test_an_event_that_two_of_our_accounts_have_is_found_once_for_each(ada, talk):
    other = factories.XAccountFactory()
    factories.MembershipFactory(user=ada, x_account=other)
    [first] = say(talk, "the lamp")
    twin = factories.DmEventFactory(
        conversation=factories.ConversationFactory(x_account=other), dm_event_id=first.dm_event_id, text="the lamp"
    )
    index_all()
    assert {event.pk for event in found_events(ada, "lamp")} == {first.pk, twin.pk}
    assert len(set(SearchEntry.objects.values_list("position", flat=True))) == 2


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_search_of_very_many_words_is_still_one(ada, talk, quote):
    text = "".join(chr(0x4E00 + number) for number in range(450))
    say(talk, f"before {text} after", text[:-1])
    index_all()
    assert found_texts(ada, f"{quote}{text}{quote}") == [f"before {text} after"]


def test_a_name_of_very_many_people_is_said_to_be_one(ada, x_account):
    for number in range(60):
        peer = factories.XUserFactory(name=f"Lena {number}")
        say(factories.ConversationFactory(x_account=x_account, peer=peer), f"lamp {number}")
    index_all()
    wanted = finding.resolve(ada, query.parse("from:lena in:lena lamp"))
    assert len(finding.find(ada, wanted).hits) == finding.PAGE
    assert [note for note in wanted.asked.notes if "a great many people" in note]


# --- Narrowing --------------------------------------------------------------------------------------------------------


def test_from_names_a_person_by_handle_or_by_a_part_of_the_name(ada, x_account, talk):
    other = factories.ConversationFactory(x_account=x_account, peer__username="lamp_lena", peer__name="Lena Funk")
    say(talk, "from ossian")
    say(other, "from lena")
    index_all()
    assert found_texts(ada, "from:@odd_ossian") == ["from ossian"]
    assert found_texts(ada, "from:funk") == ["from lena"]
    assert found_texts(ada, 'from:"ossian berg" from') == ["from ossian"]
    assert found_texts(ada, "from:funk ossian") == []


def test_from_us_is_what_our_accounts_said(ada, x_account, talk):
    us = factories.XUserFactory(id=x_account.x_user_id, username="NordlichtHelp")
    say(talk, "we say", sender=us)
    say(talk, "they say")
    index_all()
    assert found_texts(ada, "from:us say") == found_texts(ada, "from:@nordlichthelp") == ["we say"]


def test_in_names_an_x_account_a_person_or_a_conversation(ada, x_account, talk):
    other = factories.XAccountFactory(username="NordlichtShop")
    factories.MembershipFactory(user=ada, x_account=other)
    elsewhere = factories.ConversationFactory(x_account=other, peer__name="Lena Funk")
    group = factories.ConversationFactory(
        x_account=x_account, is_group=True, peer=None, dm_conversation_id="1700000000000000001"
    )
    say(talk, "help")
    say(elsewhere, "shop")
    say(group, "group", sender=talk.peer)
    index_all()
    assert found_texts(ada, "in:@NordlichtShop") == ["shop"]
    assert found_texts(ada, "in:ossian") == ["help"]
    assert found_texts(ada, "in:1700000000000000001") == ["group"]
    assert found_texts(ada, "in:lena in:1700000000000000001") == ["group", "shop"]


def test_has_asks_for_media_posts_and_links(ada, talk):
    plain, photo, post, link = say(talk, "plain", "photo", "post", "see https://nordlicht.example/a")
    EventMedia.objects.create(event=photo, media=Media.objects.create(media_key="3_1", type="photo"))
    EventPost.objects.create(event=post, post=Post.objects.create(id=99))
    index_all()
    assert found_events(ada, "has:media") == [photo]
    assert found_events(ada, "has:post") == [post]
    assert found_events(ada, "has:links") == [link]
    assert found_events(ada, "has:link has:media") == []
    assert found_events(ada, "-see -photo") == [post, plain]


def test_before_and_after_go_by_days_of_the_persons_zone(ada, talk):
    for day in (2, 3, 4):
        at = datetime(2026, 11, day, 12, tzinfo=UTC)
        say(talk, f"day {day}", created_at=at, dm_event_id=snowflake_floor(at))
    index_all()
    assert found_texts(ada, "before:2026-11-03") == ["day 2"]
    assert found_texts(ada, "day after:2026-11-03") == ["day 4", "day 3"]
    assert found_texts(ada, "after:2026-11-03 before:2026-11-04 day") == ["day 3"]


def test_a_name_that_nobody_has_brings_up_people_with_a_name_like_it(ada, talk):
    say(talk, "hello")
    index_all()
    wanted = finding.resolve(ada, query.parse("from:osian hello"))
    assert wanted.unknown == [("osian", [talk.peer])]
    assert finding.find(ada, wanted).hits == []


# --- Who may see it ---------------------------------------------------------------------------------------------------


def test_a_stranger_finds_nothing_and_is_told_no_names(ada, cleo, talk):
    own = factories.MembershipFactory(user=cleo).x_account
    say(factories.ConversationFactory(x_account=own, peer__name="Somebody Else"), "my own lamp")
    say(talk, "the lamp")
    index_all()
    assert found_texts(cleo, "lamp") == ["my own lamp"]
    for typed in ("from:ossian", "in:ossian", "in:@NordlichtHelp", f"in:{talk.dm_conversation_id}"):
        wanted = finding.resolve(cleo, query.parse(typed))
        assert finding.find(cleo, wanted).hits == []
        assert [people for _, people in wanted.unknown] == [[]]
    assert finding.people_for(finding.resolve(cleo, query.parse("ossian"))) == []
    assert finding.people_for(finding.resolve(ada, query.parse("ossian"))) == [talk.peer]


def test_who_is_no_member_anywhere_finds_nothing(cleo, talk):
    say(talk, "the lamp")
    index_all()
    assert found_texts(cleo, "lamp") == []
    assert found_texts(cleo, "after:2020") == []
