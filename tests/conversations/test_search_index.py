"""The index follows the messages: soon after they are stored or changed, and down through what was there before."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.models import Role
from conversations import changes, tasks
from conversations.changes import NewChange
from conversations.models import Change, DmEvent, EventPost, NameGram, Post, SearchEntry, SearchState, XUser
from conversations.search import index
from tests import factories
from tests.conversations.search_support import found_texts, say
from tests.conversations.test_querysets import plans_of

pytestmark = pytest.mark.services
Kind = Change.Kind


@pytest.fixture
def x_account(ada):
    row = factories.XAccountFactory()
    factories.MembershipFactory(user=ada, x_account=row, role=Role.AGENT)
    return row


@pytest.fixture
def talk(x_account):
    return factories.ConversationFactory(x_account=x_account)


def announce(event, kind=Kind.EVENT):
    changes.announce(event.conversation.x_account, [NewChange(kind, event.conversation_id, event.pk)])


def index_old(x_account):
    index.make_missing_states()
    index.index_old(x_account.pk)


def sweep(queued):
    """What a second of the workers does; the names of the tasks that the sweep said."""
    queued.clear()
    tasks.sweep()
    for task, pks in queued:
        for pk in pks:
            task(pk)
    return [task.__name__ for task, pks in queued if pks]


@pytest.fixture
def queued(monkeypatch):
    said: list = []
    ours = (tasks.index_new_words, tasks.index_old_words)
    monkeypatch.setattr(tasks, "_queue", lambda task, pks: said.append((task, pks)) if task in ours else None)
    monkeypatch.setattr(tasks.subscriptions, "is_due", lambda: False)
    return said


def test_the_sweep_has_new_messages_indexed_and_then_nothing_more_to_say(ada, talk, queued):
    assert sweep(queued) == []
    announce(*say(talk, "the lamp"))
    assert found_texts(ada, "lamp") == []
    assert sweep(queued) == ["index_new_words"]
    assert found_texts(ada, "lamp") == ["the lamp"]
    assert sweep(queued) == []


def test_what_was_there_before_the_index_is_indexed_in_lots_newest_first(ada, x_account, talk, monkeypatch):
    monkeypatch.setattr(index, "LOT", 3)
    monkeypatch.setattr(index, "SECONDS_FOR_OLD", 0)
    say(talk, *(f"lamp {number}" for number in range(8)))
    index.make_missing_states()
    lefts = []
    while index.old_waiting():
        lefts.append(index.behind([x_account.pk]))
        index.index_old(x_account.pk)
        if len(lefts) == 1:
            assert found_texts(ada, "lamp") == ["lamp 7", "lamp 6", "lamp 5"]
    assert lefts == [8, 5, 2]
    assert index.behind([x_account.pk]) == 0
    assert len(found_texts(ada, "lamp")) == 8


def test_a_lot_of_long_messages_ends_by_the_clock_and_the_next_goes_on(ada, x_account, talk, monkeypatch):
    monkeypatch.setattr(index, "SECONDS_OF_LOT", 0)
    say(talk, *(f"lamp {number}" for number in range(3)))
    index.make_missing_states()
    lefts = []
    while index._old_lot(x_account.pk):
        lefts.append(index.behind([x_account.pk]))
    assert lefts == [2, 1]
    assert index.behind([x_account.pk]) == 0
    assert len(found_texts(ada, "lamp")) == 3


def test_a_lot_of_news_ends_by_the_clock_at_the_change_it_came_to(ada, x_account, talk, monkeypatch):
    index_old(x_account)
    monkeypatch.setattr(index, "SECONDS_OF_LOT", 0)
    events = say(talk, "lamp 0", "lamp 1", "lamp 2")
    for event in events:
        announce(event)
    announce(events[0], Kind.EVENT_UPDATED)
    changes.announce(x_account, [NewChange(Kind.TYPING, talk.pk)])
    for left in ([3, "lamp 0"], [2, "lamp 1"]):
        assert index._new_lot(x_account.pk)
        assert index.behind([x_account.pk]) == left[0]
        assert found_texts(ada, "lamp")[0] == left[1]
    index.index_new(x_account.pk)
    assert index.behind([x_account.pk]) == 0
    assert len(found_texts(ada, "lamp")) == 3


def test_what_is_no_message_waits_for_no_index(ada, x_account, talk):
    nothing_yet = factories.MembershipFactory(user=ada).x_account
    index_old(x_account)
    pks = [x_account.pk, nothing_yet.pk]
    changes.announce(x_account, [NewChange(Kind.TYPING, talk.pk), NewChange(Kind.ACCOUNT)])
    assert index.behind(pks) == 0
    announce(*say(talk, "the lamp"))
    assert index.behind(pks) == 1
    say(factories.ConversationFactory(x_account=nothing_yet), "before anybody looked")
    assert index.behind(pks) == 2


def test_far_ahead_each_change_is_taken_for_a_message(x_account, talk, monkeypatch):
    monkeypatch.setattr(index, "LOOKED_AT", 2)
    index_old(x_account)
    changes.announce(x_account, [NewChange(Kind.TYPING, talk.pk)] * 5)
    assert index.behind([x_account.pk]) == 3


def test_a_worker_that_died_amid_the_old_ones_is_followed_by_another(ada, x_account, talk):
    say(talk, "the lamp")
    index.make_missing_states()
    SearchState.objects.update(lease_until=timezone.now() + index.LEASE)
    assert list(index.old_waiting()) == []
    index.index_old(x_account.pk)
    assert found_texts(ada, "lamp") == []
    with time_machine.travel(timezone.now() + index.LEASE + timedelta(seconds=1)):
        assert list(index.old_waiting()) == [x_account.pk]
        index.index_old(x_account.pk)
    assert found_texts(ada, "lamp") == ["the lamp"]


def test_a_lot_that_fails_leaves_no_trace_and_runs_again(ada, x_account, talk, monkeypatch):
    index_old(x_account)
    announce(*say(talk, "the lamp"))

    def fail(entries):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(index, "_add", fail)
        with pytest.raises(ConnectionError):
            index.index_new(x_account.pk)
    assert index.behind([x_account.pk]) == 1
    index.index_new(x_account.pk)
    assert found_texts(ada, "lamp") == ["the lamp"]


def test_a_message_that_shows_otherwise_is_found_by_its_new_words_alone(ada, x_account, talk):
    [event] = say(talk, "the lamp")
    index_old(x_account)
    DmEvent.objects.update(text="the lantern")
    announce(event, Kind.EVENT_UPDATED)
    index.index_new(x_account.pk)
    assert found_texts(ada, "lamp") == []
    assert found_texts(ada, "lantern") == ["the lantern"]
    assert SearchEntry.objects.count() == 1


def test_between_an_edit_and_the_index_the_old_words_lead_to_nothing(ada, x_account, talk):
    say(talk, "the lamp")
    index_old(x_account)
    DmEvent.objects.update(text="the lantern")
    assert found_texts(ada, "lamp") == []


def test_a_deleted_message_leaves_nothing_behind(ada, x_account, talk):
    [event, _] = say(talk, "the lamp", "the old lamp")
    index_old(x_account)
    event.delete()
    assert found_texts(ada, "lamp") == ["the old lamp"]
    assert SearchEntry.objects.count() == 1


@pytest.mark.sqlite
def test_fts5_agrees_with_the_rows_it_is_told_of(x_account, talk):
    events = say(talk, "the lamp", "another lamp", "no lamp")
    index_old(x_account)
    events[0].delete()
    DmEvent.objects.filter(pk=events[1].pk).update(text="another one")
    announce(events[1], Kind.EVENT_UPDATED)
    index.index_new(x_account.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO conversations_searchtokens (conversations_searchtokens, rank) VALUES ('integrity-check', 1)"
        )


def test_a_log_that_no_longer_reaches_back_far_enough_has_everything_looked_at_again(ada, x_account, talk):
    index_old(x_account)
    for event in say(talk, "the lamp", "another lamp"):
        announce(event)
    Change.objects.order_by("number").first().delete()
    index.index_new(x_account.pk)
    assert list(index.old_waiting()) == [x_account.pk]
    index.index_old(x_account.pk)
    index.index_new(x_account.pk)
    assert found_texts(ada, "lamp") == ["another lamp", "the lamp"]
    assert index.behind([x_account.pk]) == 0


def test_a_log_of_other_things_alone_is_read_on_without_a_message(x_account, talk):
    index_old(x_account)
    changes.announce(x_account, [NewChange(Kind.TYPING, talk.pk), NewChange(Kind.RECEIPT, talk.pk)])
    index.index_new(x_account.pk)
    assert list(index.new_waiting()) == []
    assert not SearchEntry.objects.exists()


def test_joins_are_no_messages_and_are_not_searched(ada, x_account, talk):
    say(talk, None, event_type=DmEvent.Type.PARTICIPANTS_JOIN)
    index_old(x_account)
    assert not SearchEntry.objects.exists()
    assert found_texts(ada, "after:2020") == []


def test_words_are_made_of_what_people_read_not_of_what_x_wraps(ada, x_account, talk):
    link = {"url": "https://t.co/abc", "expanded_url": "https://nordlicht.example/brass", "display_url": "nordlicht…"}
    say(talk, "5 &lt; 6 https://t.co/abc", entities={"urls": [link]})
    index_old(x_account)
    assert len(found_texts(ada, "brass")) == len(found_texts(ada, "<")) == 1
    assert found_texts(ada, "t.co/abc") == found_texts(ada, "lt") == []


def test_new_and_changed_names_are_split_once(talk):
    index.index_names()
    person = talk.peer
    assert set(person.name_grams.values_list("gram", flat=True)) == index.name_grams(person)
    type(person).objects.filter(pk=person.pk).update(name="Zoë")
    index.index_names()
    person.refresh_from_db()
    before = set(NameGram.objects.values_list("pk", flat=True))
    assert set(person.name_grams.values_list("gram", flat=True)) == index.name_grams(person)
    index.index_names()
    assert set(NameGram.objects.values_list("pk", flat=True)) == before


def test_posts_of_a_renamed_author_are_all_followed_whatever_the_clock_says(ada, x_account, talk, monkeypatch):
    monkeypatch.setattr(index, "SECONDS_OF_LOT", 0)
    post = Post.objects.create(id=99, text="Our lamps", author=factories.XUserFactory(name="Lena"))
    for event in say(talk, "look", "look here", "look there"):
        EventPost.objects.create(event=event, post=post)
    index_old(x_account)
    index.index_names()
    type(post.author).objects.filter(pk=post.author.pk).update(name="Zoë")
    index.index_names()
    assert len(found_texts(ada, "zoë")) == 3


def test_a_post_is_found_by_the_name_of_its_author_that_x_showed_after_the_message(ada, x_account, talk):
    author = factories.XUserFactory(name="", username="")
    [event] = say(talk, "look")
    EventPost.objects.create(event=event, post=Post.objects.create(id=99, text="Our lamps", author=author))
    index_old(x_account)
    type(author).objects.filter(pk=author.pk).update(name="Zoë")  # before the next look at the names
    index.index_names()
    assert found_texts(ada, "zoë") == ["look"]


def test_names_to_split_are_found_by_their_index_in_any_crowd(db):
    people = XUser.objects.bulk_create(
        XUser(id=pk, name=f"Lena {pk}", username=f"lena_{pk}", indexed_name=f"Lena {pk}", indexed_username=f"lena_{pk}")
        for pk in range(1, 5_001)
    )
    XUser.objects.filter(pk=people[-1].pk).update(username="lena_lamps")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for plan in plans_of(index.called_otherwise()[: index.NAMES_LOT]):
        assert "x_user_to_index" in plan, plan
        assert "Seq Scan" not in plan, plan
    assert [*index.called_otherwise()] == people[-1:]
    index.index_names()
    assert not index.called_otherwise()


def test_messages_with_posts_of_the_newly_named_are_found_by_indexes(x_account, talk):
    people = XUser.objects.bulk_create(XUser(id=pk, name=f"Lena {pk}") for pk in range(1, 2_001))
    events = say(talk, *(f"look {number}" for number in range(2_000)))
    posts = Post.objects.bulk_create(Post(id=pk, author_id=pk, quoted=None) for pk in range(1, 2_001))
    EventPost.objects.bulk_create(EventPost(event=event, post=post) for event, post in zip(events, posts, strict=True))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for plan in plans_of(index.messages_with_posts_of(people[:3]).order_by("pk").values("pk")):
        assert not re.search(r"Seq Scan|SCAN conversations", plan), plan


def test_a_name_index_of_many_people_takes_several_lots(monkeypatch, db):
    monkeypatch.setattr(index, "NAMES_LOT", 2)
    people = factories.XUserFactory.create_batch(5)
    index.index_names()
    assert set(NameGram.objects.values_list("x_user", flat=True)) == {person.pk for person in people}


def test_a_lot_takes_the_same_few_queries_whatever_its_size(x_account, talk, django_assert_max_num_queries):
    index_old(x_account)
    for event in say(talk, *(f"lamp {number}" for number in range(30))):
        announce(event)
    with django_assert_max_num_queries(14):
        index.index_new(x_account.pk)
    assert SearchEntry.objects.count() == 30
