"""Words of texts in many scripts, and the tokens that lead to them."""

from __future__ import annotations

import unicodedata
from functools import partial
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.words import LONGEST, MOST_MARKS, Term, tokens_of, words_of
from tests.counting import calls_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Two LAMPS, please!", ["two", "lamps", "please"]),
        ("Straße", ["strasse"]),
        ("ﬁn ｆｕｌｌ", ["fin", "full"]),
        ("don't", ["don", "t"]),
        ("odd_ossian", ["odd_ossian"]),
        ("世界!", ["世", "界"]),
        ("iPhoneの箱", ["iphone", "の", "箱"]),
        ("ｶﾞｽ", ["ガ", "ス"]),
        ("สวัส", list("สวัส")),
        ("한국", ["한", "국"]),
        ("हिन्दी", ["हिन्दी"]),
        ("👍🏽👨\u200d👩", ["👍", "🏽", "👨", "👩"]),
        ("❤️", ["❤"]),
        ("… ?! -", []),
    ],
)
def test_a_text_falls_into_words(text, words):
    assert [word.typed for word in words_of(text)] == words


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("Café", ("café", "cafe")),
        ("cafe", ("cafe",)),
        ("مَرْحَبًا", ("مَرْحَبًا", "مرحبا")),
        ("@Ada", ("ada", "@ada")),
        ("#Café", ("café", "cafe", "#café", "#cafe")),
        ("が", ("が",)),
    ],
)
def test_a_word_is_found_by_its_forms(text, forms):
    [word] = words_of(text)
    assert word.forms == forms


def test_words_know_where_they_stand_in_the_text_whatever_folding_does_to_its_length():
    text = "  ﬁn — Straße e\u0301t ½ 世"
    assert [text[word.start : word.end] for word in words_of(text)] == ["ﬁn", "Straße", "e\u0301t", "½", "½", "½", "世"]


@given(st.text(max_size=60))
def test_every_word_stands_somewhere_in_the_text(text):
    assert all(word.typed and 0 <= word.start < word.end <= len(text) for word in words_of(text))


@given(st.text(max_size=40), st.data())
def test_tokens_never_keep_a_text_from_being_found(text, data):
    """Whatever stands in a text is led to by its tokens: they may lead too far, and never astray."""
    start = data.draw(st.integers(0, max(0, len(text) - 1)))
    piece = text[start : start + data.draw(st.integers(1, 10))]
    term = Term(tuple(words_of(piece)), is_exact=data.draw(st.booleans()))
    words = words_of(text)
    if term.words and term.places(words):
        assert term.tokens <= tokens_of(words)


def test_a_part_of_a_word_has_tokens_of_its_own_and_a_whole_one_stands_alone():
    words = words_of("the brass lampshade")
    assert Term(tuple(words_of("lamp"))).places(words) == [(2, 2)]
    assert Term(tuple(words_of("lamp")), is_exact=True).places(words) == []
    assert not Term(tuple(words_of("lamp")), is_exact=True).tokens <= tokens_of(words)


# --- No text takes long -----------------------------------------------------------------------------------------------

HOSTILE = [
    "\u0323\u0301",
    "\u0345\u0344\u05b0",
    "\ufdfa",
    "\ufdfaa",
    "\u1161",
    "\uff9e",
    "é",
    "世",
    "é ",
    "\u00ad",
    "👩\u200d",
]


@pytest.fixture
def normalized(monkeypatch):
    seen: list[str] = []
    normalize = unicodedata.normalize
    monkeypatch.setattr(unicodedata, "normalize", lambda form, text: seen.append(text) or normalize(form, text))
    return seen


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_more_marks_are_put_in_order_than_a_script_has(piece, normalized):
    tokens_of(words_of((piece * 10_000)[:10_000]))
    in_a_row = [
        len(list(run))
        for text in normalized
        for is_mark, run in groupby(text, lambda one: unicodedata.combining(one) > 0)
        if is_mark
    ]
    assert max(in_a_row, default=0) <= 2 * (1 + MOST_MARKS)  # one can fold to two


@pytest.mark.parametrize("piece", HOSTILE)
def test_twice_the_text_is_twice_the_work(piece):
    once, twice = (calls_of(partial(index, (piece * 8_000)[:length])).total() for length in (4_000, 8_000))
    assert twice < 2.1 * once + 100


def index(text):
    return tokens_of(words_of(text))


@pytest.mark.parametrize("piece", ["a", "a ", "é", "\ufdfa", "é\u0301"])
def test_of_a_text_that_never_ends_no_more_becomes_words_than_is_written_on_x(piece):
    text = piece * 50_000
    words = words_of(text)
    assert sum(len(word.typed) for word in words) <= LONGEST
    assert words == words_of(text * 2)
    assert calls_of(partial(words_of, text)) == calls_of(partial(words_of, text * 2))


def test_what_x_allows_is_all_made_words_of():
    text = "ü" * 24_995 + " lamp"
    assert [word.typed for word in words_of(text)] == ["ü" * 24_995, "lamp"]


def test_a_letter_under_a_heap_of_marks_is_still_found_by_its_letter():
    [word] = words_of("a" + "\u0323\u0301" * 5_000)
    assert (word.start, word.end, word.plain[-1]) == (0, 10_001, "a")
