"""A message is found by what is shown with it too: the posts it shares, alt texts, titles of the pages it links to."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.models import DmEvent, EventMedia, EventPost, Media, Post, PostMedia, SearchState, XUser
from conversations.search import finding, index, query
from tests import factories
from tests.conversations.search_support import found_events, found_texts, index_all, say, scan_texts

pytestmark = pytest.mark.services


def titled(*titles):
    return {
        "urls": [
            {"url": f"https://t.co/{n}", "expanded_url": f"https://nordlicht.example/{n}", "title": title}
            for n, title in enumerate(titles)
        ]
    }


def share(event, text="", author=None, alt="", titles=(), quoted=None):
    number = Post.objects.count() + 1
    post = Post.objects.create(id=number, text=text, author=author, entities=titled(*titles), quoted=quoted)
    if alt:
        media = Media.objects.create(media_key=f"3_{number}", type="photo", alt_text=alt)
        PostMedia.objects.create(post=post, media=media)
    if event:
        EventPost.objects.create(event=event, post=post)
    return post


def attach(event, alt):
    media = Media.objects.create(media_key=f"5_{Media.objects.count()}", type="photo", alt_text=alt)
    EventMedia.objects.create(event=event, media=media, position=Media.objects.count())


@pytest.fixture
def mira(db):
    return factories.XUserFactory(username="mira_designs", name="Mira Sørensen")


@pytest.fixture
def shared(talk, mira):
    """A message that shows one of everything, and one that shows nothing but its words."""
    seen, plain = say(talk, "Have you seen this?", "Have you seen the lamp?")
    quoted = share(None, text="Driftwood came first", author=factories.XUserFactory(username="drifter", name="Drift"))
    share(seen, "Our dimmer hums no more", mira, "A brass foot on linen", ["Winter catalogue"], quoted)
    attach(seen, "Somebody holds a porcelain bulb")
    DmEvent.objects.filter(pk=seen.pk).update(entities=titled("Opening hours"), has_media=True, has_post=True)
    seen.refresh_from_db()
    index_all()
    return seen


@pytest.mark.parametrize(
    "typed",
    [
        "dimmer",
        '"hums no more"',
        "sørensen",
        "@mira_designs",
        "linen",
        "catalogue",
        "driftwood",
        "@drifter",
        "porcelain",
        "opening",
        "seen dimmer porcelain",
        "imme",
        "dimmer has:post",
        "-lamp seen",
    ],
)
def test_it_is_found_by_everything_that_is_shown_with_it(ada, shared, typed):
    assert found_events(ada, typed) == [shared]


@pytest.mark.parametrize(
    "typed", ['"more winter"', '"this our"', '"linen winter"', "seen -porcelain -lamp", "dimmer from:mira"]
)
def test_no_phrase_runs_from_one_text_into_the_next_and_what_is_left_out_is_left_out(ada, shared, typed):
    assert found_events(ada, typed) == []


def test_a_hit_shows_where_it_was_found_and_marks_it(client, ada, shared):
    client.force_login(ada)
    html = client.get("/search/", {"q": "seen dimmer porcelain mira"}).content.decode()
    assert "<mark>seen</mark>" in html
    for label, marked in (
        ("In the post:", "Our <mark>dimmer</mark> hums no more"),
        ("In the picture:", "Somebody holds a <mark>porcelain</mark> bulb"),
        ("A post by", "<mark>Mira</mark> Sørensen <mark>@mira_designs</mark>"),
    ):
        assert label in html
        assert marked in html


@pytest.mark.parametrize(
    ("typed", "marked"),
    [
        ("porcelain", "<p>Somebody holds a <mark>porcelain</mark> bulb</p>"),
        ("linen", "<p>A brass foot on <mark>linen</mark></p>"),
        ("catalogue", '<b dir="auto">Winter <mark>catalogue</mark></b>'),
        ("opening", '<b dir="auto"><mark>Opening</mark> hours</b>'),
        ("driftwood", "<mark>Driftwood</mark> came first"),
        ("sørensen", '<b dir="auto">Mira <mark>Sørensen</mark></b> <bdi class="faint">@mira_designs</bdi>'),
        ("@drifter", '<b dir="auto">Drift</b> <bdi class="faint"><mark>@drifter</mark></bdi>'),
    ],
)
def test_the_thread_marks_it_where_it_is_shown(client, ada, talk, shared, typed, marked):
    client.force_login(ada)
    assert marked in client.get(f"/c/{talk.pk}/", {"find": typed}).content.decode()
    assert "<mark>" not in client.get(f"/c/{talk.pk}/").content.decode()


def test_a_description_is_shown_as_text(client, ada, talk, shared):
    Media.objects.update(alt_text="a <b>bold</b> bulb")
    client.force_login(ada)
    html = client.get(f"/c/{talk.pk}/", {"find": "bold"}).content.decode()
    assert "a &lt;b&gt;<mark>bold</mark>&lt;/b&gt; bulb</p>" in html


def test_names_and_posts_are_shown_as_text(client, ada, talk, mira):
    [event] = say(talk, "look")
    share(event, "a <b>bold</b> dimmer", mira)
    index_all()
    client.force_login(ada)
    html = client.get("/search/", {"q": "dimmer"}).content.decode()
    assert "a &lt;b&gt;bold&lt;/b&gt; <mark>dimmer</mark>" in html


def test_an_author_who_is_called_otherwise_is_found_by_the_new_name_alone(ada, shared, mira):
    XUser.objects.filter(pk=mira.pk).update(name="Mira Holm", username="mira_holm")
    assert found_events(ada, "sørensen") == [], "the page decides by what is there now"
    index.index_names()
    assert found_events(ada, "holm") == found_events(ada, "@mira_holm") == [shared]


def test_a_stranger_finds_no_post_of_others(cleo, ada, shared):
    factories.MembershipFactory(user=cleo)
    assert found_texts(cleo, "dimmer") == []


def test_a_page_of_shared_posts_takes_as_many_queries_as_one(ada, talk, mira, django_assert_num_queries):
    for number in range(15):
        [event] = say(talk, f"see {number}")
        share(event, f"dimmer {number} of brass", mira, alt="brass")
        if number == 0:
            share(event, "zebra", mira)
    index_all()
    for typed, size in (("zebra", 1), ("brass", 15)):
        wanted = finding.resolve(ada, query.parse(typed))
        with django_assert_num_queries(6):
            assert len(finding.find(ada, wanted).hits) == size


def test_what_was_indexed_before_is_looked_at_once_more(ada, shared):
    for state in SearchState.objects.all():
        assert state.old_below == 0
    migration = import_module("conversations.migrations.0035_words_without_unseen_marks")
    migration.start_over(apps, None)
    state = SearchState.objects.get()
    assert (state.old_below, state.old_left) == (DmEvent.objects.latest("pk").pk + 1, 2)
    index.index_old(state.x_account_id)
    state.refresh_from_db()
    assert (state.old_below, state.old_left) == (0, 0)


@pytest.fixture
def former(db):
    """The tables as they were when a row of their own said of each person which name had been split."""
    columns = "x_user_id bigint PRIMARY KEY, username varchar(50), name varchar(200)"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE conversations_indexedname ({columns})")
    return MigrationLoader(connection).project_state(("conversations", "0057_names_as_they_are_indexed")).apps


def keep_as_before(former):
    names = former.get_model("conversations", "IndexedName").objects
    for person in XUser.objects.all():
        names.create(x_user_id=person.pk, name=person.name, username=person.username)
    return names


def test_names_that_were_indexed_before_are_split_once_more(ada, shared, former, monkeypatch):
    migration = import_module("conversations.migrations.0035_words_without_unseen_marks")
    monkeypatch.setattr(migration, "LOT", 2)
    names = keep_as_before(former)
    assert names.count() == XUser.objects.count() > 2
    migration.forget_names(former, None)
    assert not names.exists()


def test_names_that_are_split_already_stay_so(ada, shared, mira, former, monkeypatch):
    migration = import_module("conversations.migrations.0058_carry_over_indexed_names")
    monkeypatch.setattr(migration, "LOT", 2)
    keep_as_before(former)
    XUser.objects.update(indexed_name="", indexed_username="")
    XUser.objects.filter(pk=mira.pk).update(name="Mira Holm")
    new = factories.XUserFactory(name="Somebody New")
    for _ in range(2):
        migration.carry_over(former, None)
        assert [*index.called_otherwise()] == sorted([mira, new], key=lambda person: person.pk)


WORDS = st.lists(
    st.sampled_from(["lamp", "lamps", "Lámp", "amp", "世界", "世", "مرحبا", "🎉", "#lamp", "@odd", "a", "brass"]),
    max_size=4,
).flatmap(lambda words: st.sampled_from([" ", ""]).map(lambda joint: joint.join(words)))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS, WORDS), min_size=1, max_size=5), typed=WORDS)
def test_the_index_finds_what_reading_everything_finds(ada, talk, rows, typed):
    for model in (EventPost, EventMedia, PostMedia, DmEvent, Post, Media):
        model.objects.all().delete()
    texts = {}
    for own, post, alt, title, name in rows:
        [event] = say(talk, own)
        author = factories.XUserFactory(name=name)
        share(event, post, author, titles=[title] if title else [])
        attach(event, alt)
        texts[event] = [own, post, alt, title, f"{name} @{author.username}"]
    index_all()
    if query.parse(typed).is_nothing:
        return
    assert [event.pk for event in found_events(ada, typed)] == [event.pk for event in scan_texts(texts, typed)]
