"""What a person's deeds leave in the tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from accounts.models import Membership
from conversations import actions, filters
from conversations.counts import Count
from conversations.models import Conversation, ConversationLookup, HistoryRead, ReadMark
from tests import factories
from tests.conversations.page_support import unread_of


@pytest.fixture
def conversation(db):
    return factories.ConversationFactory(last_dm_event_id=100)


def mark(user, conversation):
    return ReadMark.objects.get(user=user, conversation=conversation).dm_event_id


def test_the_read_mark_moves_forward_and_never_back(ada, conversation):
    actions.mark_read(ada, conversation, 60)
    actions.mark_read(ada, conversation, 40)
    assert mark(ada, conversation) == 60
    actions.mark_read(ada, conversation, 61)
    assert mark(ada, conversation) == 61
    assert ReadMark.objects.count() == 1


def test_nobody_marks_as_read_what_has_not_come_yet(ada, conversation):
    actions.mark_read(ada, conversation, 10**18)
    assert mark(ada, conversation) == 100


def test_a_wish_for_older_history_that_is_still_open_is_not_made_twice(ada, ben, conversation):
    first = actions.read_history(ada, conversation)
    assert actions.read_history(ben, conversation) == first
    of_joins = actions.read_history(ben, conversation, ["ParticipantsJoin"])
    assert of_joins != first
    HistoryRead.objects.update(state=HistoryRead.State.DONE)
    assert actions.read_history(ada, conversation) not in (first, of_joins)


def test_the_same_question_still_on_its_way_is_not_asked_twice(ada, ben):
    x_account = factories.XAccountFactory()
    asked = (x_account, ConversationLookup.Kind.USERNAME, "odd_ossian")
    first = actions.look_up_conversation(ada, *asked)
    assert actions.look_up_conversation(ben, *asked) == first
    ConversationLookup.objects.update(state=ConversationLookup.State.NONE)
    assert actions.look_up_conversation(ben, *asked) != first


@pytest.fixture
def heard(ada):
    """A conversation whose newest message is by somebody else, and older than Ada's membership."""
    conversation = factories.ConversationFactory(last_dm_event_id=100, last_incoming_dm_event_id=90)
    Membership.objects.create(user=ada, x_account=conversation.x_account, read_before_id=1_000)
    return conversation


def is_unread(user, conversation):
    return unread_of(user).filter(pk=conversation.pk).exists()


def test_what_was_read_can_be_marked_unread_and_is_read_again_by_reading(ada, heard):
    assert not is_unread(ada, heard)
    assert actions.mark_unread(ada, heard)
    assert is_unread(ada, heard)
    assert mark(ada, heard) == 89
    actions.mark_read(ada, heard, 100)
    assert not is_unread(ada, heard)
    assert actions.mark_unread(ada, heard)
    assert is_unread(ada, heard)
    assert ReadMark.objects.count() == 1


def test_marking_unread_is_each_persons_own(ada, ben, heard):
    Membership.objects.create(user=ben, x_account=heard.x_account, read_before_id=1_000)
    actions.mark_unread(ada, heard)
    assert not is_unread(ben, heard)


def test_counts_and_lists_agree_about_what_was_marked_unread(ada, heard):
    actions.mark_unread(ada, heard)
    assert Conversation.objects.count_unread(ada, [heard.x_account_id]) == {heard.x_account_id: Count(1)}
    counted = filters.count(ada, [heard.x_account], [filters.wanted_in("unread=1")])
    assert [str(each) for each in counted] == ["1"]


def test_where_nobody_else_wrote_there_is_nothing_to_mark_unread(ada, conversation):
    assert not actions.mark_unread(ada, conversation)
    assert not ReadMark.objects.exists()


def test_both_marks_say_when_they_moved(ada, heard):
    with time_machine.travel(datetime(2026, 11, 21, 9, tzinfo=UTC), tick=False):
        actions.mark_unread(ada, heard)
        first = ReadMark.objects.get().moved_at
    with time_machine.travel(datetime(2026, 11, 21, 10, tzinfo=UTC), tick=False):
        actions.mark_read(ada, heard, 100)
        assert ReadMark.objects.get().moved_at > first


def test_marking_unread_by_a_form_leads_back_to_the_inbox_and_by_a_key_says_done(client, ada, heard):
    client.force_login(ada)
    assert client.post(f"/c/{heard.pk}/unread/")["Location"] == "/"
    assert client.post(f"/c/{heard.pk}/unread/", headers={"HX-Request": "true"}).status_code == 204
    assert is_unread(ada, heard)
    heard.last_incoming_dm_event_id = 0
    heard.save()
    assert client.post(f"/c/{heard.pk}/unread/").status_code == 422
