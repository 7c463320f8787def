"""What a person's deeds leave in the tables."""

from __future__ import annotations

import pytest

from conversations import actions
from conversations.models import ConversationLookup, HistoryRead, ReadMark
from tests import factories


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
