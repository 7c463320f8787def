"""Pictures of linked pages: as far as X describes them, from our own disk, for those who may see the link."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.db import connection

from accounts.models import Membership
from conversations import cards
from conversations.changes import events_showing
from conversations.models import DmEvent, EventPost, LinkPicture, MediaFile, Post
from conversations.sync import link_pictures
from conversations.sync.includes import store_posts
from dminbox.xapi.parsing import parse_includes
from tests import factories
from tests.conversations.test_querysets import plans_of
from tests.e2e import rich

pytestmark = pytest.mark.services
LARGE, SMALL = "https://pbs.twimg.com/news_img/1/a?name=orig", "https://pbs.twimg.com/news_img/1/a?name=150x150"


def link(*images, title="Winter catalogue", address="https://nordlicht.example/winter"):
    return {
        "urls": [
            {
                "url": "https://t.co/winter",
                "expanded_url": address,
                "title": title,
                "description": "Lamps for long nights",
                "images": list(images),
            }
        ]
    }


def image(url, width=None):
    return {"url": url, "width": width, "height": width}


@pytest.mark.parametrize(
    ("images", "picture"),
    [
        ([image(SMALL, 150), image(LARGE, 1200)], LARGE),
        ([image(LARGE)], LARGE),
        ([], ""),
        (["odd", None, {"url": 5}, {"url": "javascript:alert(1)", "width": 900}], ""),
    ],
)
def test_the_widest_picture_is_taken_and_nothing_that_is_none(images, picture):
    [card] = cards.link_cards_of(link(*images))
    assert card.picture == picture


def test_a_post_s_picture_is_wanted_once_however_often_it_is_told(db):
    for _ in range(2):
        told = {"id": "7100", "text": "See", "entities": link(image(LARGE, 1200))}
        store_posts(parse_includes({"tweets": [told]}).posts)
    assert LinkPicture.objects.get().post_id == 7100
    file = MediaFile.objects.get()
    assert (file.source_url, file.x_account) == (LARGE, None)


def test_links_without_pictures_cost_no_query(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        link_pictures.keep(posts=[Post(pk=1, entities=link()), Post(pk=2)])


@pytest.fixture
def filled(client, ada):
    client.force_login(ada)
    return rich.fill(ada, datetime.now(UTC))


def place(filled, where, width=1200, state="stored"):
    """A link with a picture on a message, on a post it shares, or on the post that one quotes."""
    file = rich.photo_file(f"page-{where}", width, width // 2)
    MediaFile.objects.filter(pk=file.pk).update(source_url=LARGE, state=state, width=width, height=width // 2)
    event = filled.everything.events.filter(event_posts__isnull=False).first()
    entities = link(image(LARGE, width))
    if where == "message":
        DmEvent.objects.filter(pk=event.pk).update(entities=entities)
        LinkPicture.objects.create(event=event, file=file)
        return file, event
    event = filled.everything.events.get(posts=7001)
    post = Post.objects.get(pk=7001)
    post = post if where == "post" else post.quoted
    Post.objects.filter(pk=post.pk).update(entities=entities)
    LinkPicture.objects.create(post=post, file=file)
    return file, event


def shown(client, filled):
    html = client.get(f"/c/{filled.everything.pk}/").content.decode()
    return re.findall(r'<a class="link-card([^"]*)".*?</a>', html, re.S), html


@pytest.mark.parametrize("where", ["message", "post", "quoted post"])
def test_it_stands_on_its_card_and_comes_from_here(client, filled, where):
    file, event = place(filled, where)
    [small], html = shown(client, filled)
    assert small == ""
    assert f'<img src="/c/{filled.everything.pk}/files/{file.pk}/"' in html
    assert "pbs.twimg.com" not in html
    assert client.head(f"/c/{filled.everything.pk}/files/{file.pk}/").status_code == 200
    assert list(events_showing(files=[file.pk])) == [event], "open pages are told when it comes"


def test_a_small_one_stands_beside_the_words(client, filled):
    place(filled, "post", width=150)
    assert shown(client, filled)[0] == [" with-small"]


def test_until_it_is_here_the_card_is_words_alone(client, filled):
    file, _ = place(filled, "post", state="due")
    found, html = shown(client, filled)
    assert found == [""]
    assert f"/files/{file.pk}/" not in html


def test_strangers_and_other_conversations_do_not_reach_it(client, filled, ben):
    file, _ = place(filled, "post")
    beside = factories.ConversationFactory()
    Membership.objects.create(user=ben, x_account=beside.x_account)
    client.force_login(ben)
    for conversation in (beside, filled.everything):
        assert client.get(f"/c/{conversation.pk}/files/{file.pk}/").status_code == 404


def test_a_link_to_the_post_that_is_shared_is_no_second_card(client, filled):
    event = filled.everything.events.get(posts=7001)
    DmEvent.objects.filter(pk=event.pk).update(
        entities=link(address="https://x.com/NordlichtStudio/status/7001", title="A post")
    )
    assert shown(client, filled)[0] == []


def test_a_thread_with_pictures_of_links_takes_at_most_one_query_more(client, filled, django_assert_max_num_queries):
    place(filled, "post")
    with django_assert_max_num_queries(11):
        shown(client, filled)


def test_what_shows_a_file_is_found_without_reading_all_messages(filled):
    [file] = MediaFile.objects.filter(source_hash="clip-13_1")
    post = EventPost.objects.first().post_id
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # for a table this small it would pay
    for query in (events_showing(files=[file.pk]), events_showing(posts=[post])):
        for plan in plans_of(query):
            assert "SCAN conversations_dmevent\n" not in plan + "\n"
            assert "Seq Scan on conversations_dmevent " not in plan
