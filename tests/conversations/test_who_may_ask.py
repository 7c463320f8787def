"""Who knows a post or its author is found however often some other post was shared."""

from __future__ import annotations

import pytest

from conversations.models import EventPost, Post
from conversations.sync import who_may_ask
from tests.conversations.x_world import due
from tests.factories import ConversationFactory, DmEventFactory, XAccountFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
MOST = 5


@pytest.fixture
def loud(monkeypatch):
    """A post that was shared more often than is looked at, all in one X account, by an author of many more."""
    monkeypatch.setattr(who_may_ask, "MOST", MOST)
    author = due("1")
    loud = Post.objects.create(pk=11, author=author)
    Post.objects.bulk_create(Post(pk=100 + number, author=author) for number in range(2 * MOST))
    share(XAccountFactory(), loud, times=2 * MOST)
    return loud


def share(x_account, post, times=1):
    talk = ConversationFactory(x_account=x_account)
    EventPost.objects.bulk_create(EventPost(event=DmEventFactory(conversation=talk), post=post) for _ in range(times))


def test_a_post_that_was_shared_very_often_hides_no_other(loud):
    quiet, x_account = Post.objects.create(pk=12), XAccountFactory()
    share(x_account, quiet)
    assert who_may_ask.posts([loud.pk, quiet.pk])[quiet.pk] == {x_account.pk}


def test_nor_do_the_posts_that_quote_it(loud):
    quoted, x_account = Post.objects.create(pk=13), XAccountFactory()
    Post.objects.filter(pk=loud.pk).update(quoted=Post.objects.create(pk=12))
    share(x_account, Post.objects.create(pk=14, quoted=quoted))
    assert who_may_ask.posts([12, quoted.pk])[quoted.pk] == {x_account.pk}


def test_nor_does_an_author_of_very_many_posts_hide_another(loud):
    author, x_account = due("2"), XAccountFactory()
    share(x_account, Post.objects.create(pk=999, author=author))
    known = who_may_ask.people([loud.author_id, author.pk])
    assert known[author.pk] == {x_account.pk}
    assert len(known[loud.author_id]) == 1
