"""What a person reads of a message."""

import re
import time
from functools import partial
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations import links
from conversations import text as text_module
from conversations.text import is_emoji_only, preview, said, to_html
from tests.counting import calls_of

SITE = {
    "start": 9,
    "end": 32,
    "url": "https://t.co/aaaaaaaaaa",
    "expanded_url": "https://nordlicht.example/lamps?a=1&b=2",
    "display_url": "nordlicht.example/lamps?a=1…",
}
PHOTO = {
    "start": 1,
    "end": 24,
    "url": "https://t.co/pppppppppp",
    "expanded_url": "https://twitter.com/messages/media/1861",
    "display_url": "pic.twitter.com/pppppppppp",
}
POST = {
    "start": 0,
    "end": 23,
    "url": "https://t.co/ssssssssss",
    "expanded_url": "https://twitter.com/ada/status/1861111111111111111",
    "display_url": "twitter.com/ada/status/186…",
}


class Reader(HTMLParser):
    """Reads what a browser would: text, and every tag with its attributes."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.text, self.tags, self.depth = "", [], 0
        self.feed(html)
        self.close()

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs)
        self.depth += 1
        assert self.depth == 1, "links do not nest"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert tag == "a"
        self.depth -= 1

    def handle_comment(self, data):
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def read(html):
    reader = Reader(html)
    assert reader.depth == 0
    for tag, attrs in reader.tags:
        assert tag == "a"
        assert set(attrs) == {"href", "title", "rel", "target", "dir"}
        assert attrs["href"].lower().startswith(("http://", "https://"))
        assert attrs["rel"] == "noopener noreferrer nofollow"
        assert attrs["target"] == "_blank"
    return reader


def hrefs(html):
    return [attrs["href"] for _, attrs in read(html).tags]


def test_a_link_is_shown_and_linked_as_what_it_stands_for():
    reader = read(to_html("Look at: https://t.co/aaaaaaaaaa please", {"urls": [SITE]}))
    assert reader.text == "Look at: nordlicht.example/lamps?a=1… please"
    assert reader.tags[0][1]["href"] == reader.tags[0][1]["title"] == "https://nordlicht.example/lamps?a=1&b=2"


def test_the_link_itself_is_a_surer_guide_than_its_indices():
    text = "👩‍👩‍👧 &amp; more: https://t.co/aaaaaaaaaa"
    assert read(to_html(text, {"urls": [SITE]})).text == "👩‍👩‍👧 & more: nordlicht.example/lamps?a=1…"


def test_a_longer_link_that_begins_alike_is_another_link():
    text = "https://t.co/aaaaaaaaaab https://t.co/aaaaaaaaaa"
    assert hrefs(to_html(text, {"urls": [SITE]})) == ["https://t.co/aaaaaaaaaab", SITE["expanded_url"]]


def test_a_link_that_is_not_in_the_text_is_placed_by_code_points():
    entity = SITE | {"start": 3, "end": 16, "url": "https://t.co/elsewhere"}
    assert read(to_html("👋🏽 nordlicht.exa!", {"urls": [entity]})).text == "👋🏽 nordlicht.example/lamps?a=1…!"


@pytest.mark.parametrize(("start", "end"), [(0, 12), (7, 11), (12, 21), (-3, 4), (5, 900), (4, 4)])
def test_indices_that_point_at_no_address_are_wrong_and_lose_no_words(start, end):
    entity = SITE | {"start": start, "end": end, "url": "https://t.co/elsewhere"}
    assert read(to_html("Is the lamp in stock?", {"urls": [entity]})).text == "Is the lamp in stock?"


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://",
        "https:// evil",
        "vbscript:x",
        "",
        None,
        7,
    ],
)
def test_a_target_that_is_no_web_address_leaves_x_s_own_link(target):
    html = to_html("Look at: https://t.co/aaaaaaaaaa", {"urls": [SITE | {"expanded_url": target}]})
    assert hrefs(html) == ["https://t.co/aaaaaaaaaa"]
    assert read(html).text == "Look at: https://t.co/aaaaaaaaaa"


def test_a_link_cannot_turn_the_order_of_its_letters():
    entity = SITE | {
        "display_url": "nordlicht.example/\u202egnp.exe",
        "expanded_url": "https://nordlicht.example/\u202e",
    }
    html = to_html("https://t.co/aaaaaaaaaa", {"urls": [entity]})
    assert hrefs(html) == ["https://t.co/aaaaaaaaaa"]
    fine = to_html("https://t.co/aaaaaaaaaa", {"urls": [SITE | {"display_url": "nordlicht.example/\u202egnp.exe"}]})
    assert read(fine).text == "nordlicht.example/gnp.exe"


def test_the_media_s_own_link_is_hidden_with_the_space_before_it():
    assert to_html(" https://t.co/pppppppppp", {"urls": [PHOTO]}, has_media=True) == ""
    assert to_html("The lamp https://t.co/pppppppppp", {"urls": [PHOTO]}, has_media=True) == "The lamp"
    assert to_html("The lamp\nhttps://t.co/pppppppppp", {"urls": [PHOTO]}, has_media=True) == "The lamp"


def test_the_media_s_own_link_is_shown_when_the_media_is_missing():
    assert read(to_html(" https://t.co/pppppppppp", {"urls": [PHOTO]})).text == " pic.twitter.com/pppppppppp"


def test_the_media_s_own_link_is_hidden_where_x_gave_no_entities():
    assert to_html(" https://t.co/pppppppppp", has_media=True) == ""
    html = to_html("Mine: https://t.co/aaaaaaaaaa https://t.co/pppppppppp", has_media=True)
    assert read(html).text == "Mine: https://t.co/aaaaaaaaaa"
    html = to_html("Mine: https://t.co/aaaaaaaaaa https://t.co/pppppppppp", {"urls": [SITE]}, has_media=True)
    assert read(html).text == "Mine: nordlicht.example/lamps?a=1…"


def test_a_link_in_the_middle_is_nobody_s_media():
    text = "https://t.co/aaaaaaaaaa is my lamp"
    assert read(to_html(text, has_media=True)).text == text


def test_a_shared_post_s_link_is_hidden_when_its_card_is_shown():
    ids = [1861111111111111111]
    assert to_html("https://t.co/ssssssssss", {"urls": [POST]}, card_post_ids=ids) == ""
    assert to_html("See https://t.co/ssssssssss", card_post_ids=ids) == "See"
    assert hrefs(to_html("https://t.co/ssssssssss", {"urls": [POST]})) == [POST["expanded_url"]]
    assert hrefs(to_html("https://t.co/ssssssssss", {"urls": [POST]}, card_post_ids=["1"])) == [POST["expanded_url"]]


def test_a_link_beside_a_shared_post_is_never_lost():
    text = "https://t.co/ssssssssss or https://t.co/aaaaaaaaaa"
    assert len(hrefs(to_html(text, card_post_ids=["1861111111111111111"]))) == 2
    html = to_html(text, {"urls": [POST, SITE]}, card_post_ids=["1861111111111111111"])
    assert hrefs(html) == [POST["expanded_url"], SITE["expanded_url"]]


def test_a_shared_post_s_link_amid_a_sentence_keeps_its_place():
    other = POST | {"url": "https://t.co/uuuuuuuuuu", "expanded_url": "https://x.com/ben/status/7"}
    shown = {"card_post_ids": [1861111111111111111, 7]}
    amid = "Both: https://t.co/ssssssssss and https://t.co/uuuuuuuuuu"
    assert len(hrefs(to_html(amid, {"urls": [POST, other]}, **shown))) == 2
    assert len(hrefs(to_html(amid, **shown))) == 2
    last = "Both: https://t.co/ssssssssss https://t.co/uuuuuuuuuu "
    assert to_html(last, {"urls": [POST, other]}, **shown) == "Both:"
    assert to_html(last, **shown) == "Both:"


def test_mentions_hashtags_and_cashtags_lead_to_x():
    entities = {
        "mentions": [{"start": 0, "end": 10, "username": "ada_lamps", "id": "44"}],
        "hashtags": [{"start": 11, "end": 17, "tag": "Größe"}],
        "cashtags": [{"start": 18, "end": 23, "tag": "NORD"}],
    }
    html = to_html("@Ada_Lamps #Größe $NORD", entities)
    assert hrefs(html) == [
        "https://x.com/i/user/44",
        "https://x.com/hashtag/Gr%C3%B6%C3%9Fe",
        "https://x.com/search?q=%24NORD",
    ]
    assert read(html).text == "@Ada_Lamps #Größe $NORD"


def test_tags_without_entities_are_links_too():
    html = to_html("@ada, #lamps and $NORD")
    assert hrefs(html) == ["https://x.com/ada", "https://x.com/hashtag/lamps", "https://x.com/search?q=%24NORD"]


@pytest.mark.parametrize("text", ["ada@nordlicht.example", "order #12", "R&#39;s", "$5", "a#b", "@", "#", "x@y@z"])
def test_what_only_looks_like_a_tag_is_text(text):
    assert hrefs(to_html(text)) == []


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://nordlicht.example/a.", "https://nordlicht.example/a"),
        ("(https://nordlicht.example/a_(b))", "https://nordlicht.example/a_(b)"),
        ("https://nordlicht.example/?a=1&amp;b=2!", "https://nordlicht.example/?a=1&b=2"),
        ("HTTPS://nordlicht.example", "HTTPS://nordlicht.example"),
        ("&lt;https://nordlicht.example&gt;", "https://nordlicht.example"),
        ("https://nordlicht.example/#lamps", "https://nordlicht.example/#lamps"),
        ("点https://nordlicht.example", None),
    ],
)
def test_an_address_without_an_entity_is_a_link_without_the_sentence_around_it(text, url):
    assert hrefs(to_html(text)) == ([url] if url else [])


@pytest.mark.parametrize("text", ["javascript:alert(1)", "https://", "http:///x", "https://[x", "ftp://x.example"])
def test_what_is_no_web_address_is_no_link(text):
    assert hrefs(to_html(text)) == []


def test_escapes_are_decoded_exactly_once_and_newlines_kept():
    assert to_html("&amp;lt;b&amp;gt; &lt;b&gt; &quot;x&quot; &#39;y&#39; &copy; &#60;") == (
        "&amp;lt;b&amp;gt; &lt;b&gt; &quot;x&quot; &#x27;y&#x27; &amp;copy; &amp;#60;"
    )
    assert to_html("one\ntwo\r\nthree\rfour") == "one\ntwo\nthree\nfour"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "&lt;img src=x onerror=alert(1)&gt;",
        '"><svg onload=alert(1)>',
        'https://nordlicht.example/"onmouseover="alert(1)',
        "https://nordlicht.example/'><script>",
        "@<b>x</b> #<i>y",
        "<a href='javascript:x'>",
        "<!-- x",
        "</a></div>",
        "{{ 7|add:7 }} {% now %} {0} %s",
    ],
)
def test_hostile_text_stays_text(text):
    reader = read(to_html(text))
    assert "<script" not in to_html(text)
    assert reader.text.replace("\ufffd", "") == (text.replace("&lt;", "<").replace("&gt;", ">"))


@pytest.mark.parametrize(
    "entities",
    [
        None,
        [],
        {"urls": None},
        {"urls": [None, 7, "x", {}]},
        {"urls": [SITE | {"start": -5, "end": 10**9, "url": None}]},
        {"urls": [SITE | {"start": "0", "end": 1.5, "url": ["x"]}]},
        {"urls": [SITE | {"start": 3, "end": 1, "url": ""}]},
        {"urls": [SITE | {"url": ""}], "mentions": [{"username": "(?:"}], "hashtags": [{"tag": "\\"}]},
        {"mentions": [{"username": None, "id": 5}], "cashtags": [{}], "hashtags": [{"tag": 5}]},
    ],
)
def test_spoiled_entities_leave_the_text_alone(entities):
    assert read(to_html("Is the lamp in stock? (?: \\", entities)).text == "Is the lamp in stock? (?: \\"


def test_of_entities_that_overlap_the_first_stands():
    inner = SITE | {"url": "https://t.co/zzz", "start": 4, "end": 12}
    outer = SITE | {"url": "https://t.co/aaaaaaaaaa"}
    entities = {"urls": [outer, inner], "hashtags": [{"tag": "aaaaaaaaaa"}]}
    assert hrefs(to_html("https://t.co/aaaaaaaaaa", entities)) == [SITE["expanded_url"]]


def test_what_no_page_can_hold_is_replaced():
    assert to_html("a\x00b\ud800c\x07d\x85e\tf") == "a\ufffdb\ufffdc\ufffdd\ufffde\tf"


@pytest.mark.parametrize(
    "text", ["(" * 10_000, "https://x.example/" + ")" * 10_000, "@" * 10_000, "#a" * 5_000, "https://t.co/a " * 700]
)
def test_ten_thousand_characters_take_no_time(text):
    many = [SITE | {"url": f"https://t.co/{n}"} for n in range(100_000)]
    started = time.process_time()
    to_html(text, {"urls": many, "hashtags": [{"tag": "a"}] * 10_000}, has_media=True)
    assert time.process_time() - started < 2


# --- Properties -------------------------------------------------------------------------------------------------------

awkward = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("<>&\"'@#$/:.\n\r\t \u202e\u2066\u200d\x00(){}%"),
    ),
    max_size=60,
)
fragments = st.one_of(
    awkward,
    st.sampled_from(
        [
            "&amp;",
            "&lt;",
            "&#39;",
            "https://t.co/aaaaaaaaaa",
            "https://nordlicht.example/x",
            "@ada",
            "#lamp",
            "$NORD",
            "javascript:x",
        ]
    ),
)
texts = st.lists(fragments, max_size=8).map("".join)
anything = st.one_of(
    st.none(), st.integers(), awkward, st.sampled_from(["javascript:x", "https://t.co/aaaaaaaaaa", "ada"])
)
url_entities = st.fixed_dictionaries(
    {},
    optional={
        "start": st.integers(-5, 200),
        "end": st.integers(-5, 200),
        "url": anything,
        "expanded_url": st.one_of(anything, st.just("https://nordlicht.example/a\"b'c")),
        "display_url": anything,
    },
)
tag_entities = st.fixed_dictionaries({}, optional={"tag": anything, "username": anything, "id": anything})
entity_sets = st.fixed_dictionaries(
    {},
    optional={
        "urls": st.lists(url_entities, max_size=4),
        "mentions": st.lists(tag_entities, max_size=3),
        "hashtags": st.lists(tag_entities, max_size=3),
        "cashtags": st.lists(tag_entities, max_size=3),
    },
)


def decoded(text):
    """What X means by a text, written a second way."""
    for escape, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&")):
        text = text.replace(escape, character)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        "\ufffd" if c != "\n" and c != "\t" and (ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000) else c
        for c in text
    )


@given(texts, entity_sets, st.booleans())
def test_only_safe_links_ever_come_out(text, entities, has_media):
    read(to_html(text, entities, has_media=has_media, card_post_ids=["1"]))


@given(texts)
def test_without_entities_the_text_reads_as_x_means_it(text):
    assert read(to_html(text)).text == decoded(text)


@given(st.lists(st.one_of(awkward, st.none()), max_size=6))
def test_with_links_the_text_reads_the_same_around_them(parts):
    entity = {key: value for key, value in SITE.items() if key not in ("start", "end")}
    link, label = entity["url"], entity["display_url"]
    parts = [part if part is None else part.replace("&", "+") for part in parts]
    text = "".join(f" {link} " if part is None else part for part in parts)
    meant = decoded("".join(f" {label} " if part is None else part for part in parts))
    assert read(to_html(text, {"urls": [entity]})).text == meant


@given(texts, entity_sets, st.integers(1, 80))
def test_a_preview_is_one_line_of_bounded_length(text, entities, length):
    line = preview(text, entities, length)
    assert len(line) <= length
    assert line == " ".join(line.split())


# --- Previews and emoji -----------------------------------------------------------------------------------------------


def test_a_preview_shows_links_as_what_they_stand_for():
    assert preview("Look\n\n at: https://t.co/aaaaaaaaaa &amp; more", {"urls": [SITE]}) == (
        "Look at: nordlicht.example/lamps?a=1… & more"
    )
    assert preview(" https://t.co/pppppppppp", {"urls": [PHOTO]}, has_media=True) == ""
    assert preview(None) == ""


def test_a_preview_never_cuts_through_an_emoji():
    assert preview("ab 👩‍👩‍👧 and more", length=6) == "ab…"
    assert preview("ab 👋🏽👋🏽", length=5) == "ab…"
    assert preview("e\u0301e\u0301e\u0301", length=4) == "e\u0301…"


@pytest.mark.parametrize(
    "text",
    [
        "👍",
        "❤️",
        "❤",
        "👩‍👩‍👧",
        "👋🏽 🎉",
        "🇩🇪🇺🇦",
        "1️⃣",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "✌️\n",
    ],
)
def test_a_few_emoji_alone_are_recognised(text):
    assert is_emoji_only(text)


@pytest.mark.parametrize("text", ["", None, " ", "ok 👍", "1", "#", "©", "🇩", "\u200d", "\ufe0f", "👍" * 7, "点", ":)"])
def test_anything_else_is_text(text):
    assert not is_emoji_only(text)


# --- No message takes long --------------------------------------------------------------------------------------------


def names(count):
    return [f"{number:x}g" for number in range(count)]


def listed(count):
    tags = [{"tag": name} for name in names(count)]
    mentions = [{"username": name, "id": "44"} for name in names(count)]
    urls = [SITE | {"url": f"https://t.co/{name}"} for name in names(count)]
    return {"urls": urls, "mentions": mentions, "hashtags": tags, "cashtags": tags}


def tagged(count):
    return " ".join(f"#{name} @{name} ${name} https://t.co/{name}" for name in names(count))


@pytest.mark.parametrize("work", [to_html, said, preview])
@pytest.mark.parametrize("count", [500, 2100])
def test_a_text_is_walked_through_once_however_many_different_names_x_lists(work, count):
    text, entities = tagged(count), listed(count)
    calls = calls_of(partial(work, text, entities))
    assert not [place for place in calls if "/re/_compiler" in place], "a regex for each name"
    assert calls.total() < 20 * len(text)


def test_names_that_x_lists_and_the_text_does_not_hold_cost_next_to_nothing():
    text = tagged(100)
    few, many = (calls_of(partial(to_html, text, listed(count))).total() for count in (125, 500))
    assert many < 2.5 * few


def marked(text, *words):
    def marks(plain):
        found = [(match.start(), match.end()) for word in words for match in re.finditer(re.escape(word), plain)]
        return sorted(found)

    return to_html(text, marks=marks)


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("A lamp, my lamp", ["lamp"], "A <mark>lamp</mark>, my <mark>lamp</mark>"),
        ("<b> & lamp", ["<b>", "&"], "<mark>&lt;b&gt;</mark> <mark>&amp;</mark> lamp"),
        ("No such thing", ["lamp"], "No such thing"),
        ("", ["lamp"], ""),
    ],
)
def test_what_was_searched_is_marked_and_stays_text(text, words, expected):
    assert marked(text, *words) == expected


def test_a_mark_may_run_into_a_link_and_out_of_it():
    html = marked("See https://nordlicht.example/lamp for it", "See https", "lamp for")
    assert html.startswith("<mark>See </mark><a ")
    assert "><mark>https</mark>://nordlicht.example/<mark>lamp</mark></a><mark> for</mark> it" in html
    assert 'href="https://nordlicht.example/lamp"' in html


def test_a_tag_that_x_lists_thousands_of_times_is_looked_for_once():
    tags = [{"start": 3 * n, "end": 3 * n + 2, "tag": "aA"[n % 2]} for n in range(3333)]
    html = to_html("#a " * 3333, {"hashtags": tags})
    assert html.count("<a ") == 3333
    assert text_module._tree(["a", "a"]) == {"a": {"": {}}}


@pytest.mark.parametrize("tags", [["lamp", "lamps"], ["lamps", "lamp"], ["हिन", "हिन्दी"]])
def test_of_tags_that_begin_alike_each_is_its_own(tags):
    text = " ".join(f"#{tag}" for tag in tags)
    assert hrefs(to_html(text, {"hashtags": [{"tag": tag} for tag in tags]})) == [links.hashtag(tag) for tag in tags]


@pytest.mark.parametrize(
    ("text", "tag"), [("＃LAMP", "lamp"), ("#STRASSE", "Straße"), ("#straße,", "STRASSE"), ("(#a.b)", "a.b")]
)
def test_a_tag_is_found_however_it_is_written(text, tag):
    assert hrefs(to_html(text, {"hashtags": [{"tag": tag}]})) == [links.hashtag(tag)]


@pytest.mark.parametrize("text", ["a#lamp", "&#lamp", "/#lamp", "#lampshade", "#lam"])
def test_a_part_of_something_else_is_no_tag_of_x(text):
    assert links.hashtag("lamp") not in hrefs(to_html(text, {"hashtags": [{"tag": "lamp"}]}))


def test_a_host_of_ten_thousand_marks_is_no_address_and_is_not_put_in_order(monkeypatch):
    split = []
    monkeypatch.setattr(text_module, "urlsplit", lambda url: split.append(url) or urlsplit(url))
    text = "https://a" + "\u0323\u0301" * 5_000
    assert hrefs(to_html(f"{text} https://nordlicht.example")) == ["https://nordlicht.example"]
    assert split == ["https://nordlicht.example"]
