"""What an open thread is told besides what is new: whom it is with, how old it is, and who shows otherwise."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine

from conversations.models import Participant, SyncState, XUser, XUserName
from tests import factories
from tests.conversations.page_support import NOW, page
from tests.e2e import rich

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def newer(as_ada, filled):
    def newer(conversation, state):
        return page(as_ada, f"/c/{conversation.pk}/newer/?after={conversation.last_dm_event_id}&people={state}")

    return newer


@pytest.fixture
def state_of(as_ada):
    """What the page as it is loaded now would ask with."""
    return lambda conversation: re.search(
        r'class="members" data-state="(\w{8})"', page(as_ada, f"/c/{conversation.pk}/")
    )[1]


def title_in(html):
    return re.search(r'<h1 id="thread-title"[^>]*>(.*?)</h1>', html)[1]


def test_it_comes_with_the_title_and_the_time_as_of_which_it_is_shown(newer, filled):
    XUser.objects.filter(pk=filled.long.peer_id).update(name="Ben Renamed")
    SyncState.objects.update(last_success_at=NOW - timedelta(minutes=2))
    html = newer(filled.long, "")
    assert title_in(html) == "Ben Renamed"
    assert re.search(r'<span class="faint" id="as-of">\s*as of <time[^>]*>14:00</time>', html)


def test_it_comes_with_the_handle_of_whom_it_is_with_where_that_is_one(newer, filled):
    assert f'<bdi id="thread-handle">@{filled.long.peer.username}</bdi>' in newer(filled.long, "")
    assert "thread-handle" not in newer(filled.group, "")


def test_a_group_is_called_after_who_is_in_it_now(newer, filled):
    before = title_in(newer(filled.group, ""))
    Participant.objects.filter(conversation=filled.group, x_user=filled.people[0]).update(is_present=False)
    after = title_in(newer(filled.group, ""))
    assert "Ada Lindqvist" in before
    assert "Ada Lindqvist" not in after


def test_the_people_come_when_they_show_otherwise_and_else_not(newer, state_of, filled):
    state = state_of(filled.group)
    assert 'class="members"' not in newer(filled.group, state)
    new = factories.XUserFactory(name="Guest")
    rich.Teller(filled.group, NOW).move("ParticipantsJoin", [new], by=filled.people[0])
    factories.ParticipantFactory(conversation=filled.group, x_user=new, joined_at=NOW)
    html = newer(filled.group, state)
    assert re.search(r"Guest</a>.*Joined <time[^>]*>[^<]+</time>, added by Ada Lindqvist", html)
    assert f'data-state="{state_of(filled.group)}"' in html
    assert 'class="members"' not in newer(filled.group, state_of(filled.group))


def test_who_writes_alone_is_no_reason(newer, state_of, filled):
    state = state_of(filled.group)
    last = Participant.objects.filter(conversation=filled.group).order_by("pk").last()
    Participant.objects.filter(pk=last.pk).update(last_message_at=NOW)
    assert state_of(filled.group) == state


@pytest.mark.parametrize(
    "act",
    [
        lambda person: XUser.objects.filter(pk=person.pk).update(name="Another"),
        lambda person: XUser.objects.filter(pk=person.pk).update(username="another"),
        lambda person: XUser.objects.filter(pk=person.pk).update(profile_seen_at=None),
        lambda person: XUser.objects.filter(pk=person.pk).update(unavailable_since=NOW, unavailable_reason="Gone."),
        lambda person: XUser.objects.filter(pk=person.pk).update(avatar=rich.photo_file("avatar-new", 96, 96)),
        lambda person: XUserName.objects.create(x_user=person, name="Before", seen_from=NOW, seen_until=NOW),
        lambda person: Participant.objects.filter(x_user=person).update(is_present=False, left_at=NOW),
        lambda person: factories.MembershipFactory(
            user=rich.User.objects.get(), x_account=factories.XAccountFactory(x_user_id=person.pk)
        ),
    ],
    ids=["name", "handle", "unseen", "unavailable", "picture", "former name", "left", "ours"],
)
def test_whatever_the_panel_tells_of_somebody_counts(state_of, filled, act):
    XUser.objects.update(profile_seen_at=NOW)
    state = state_of(filled.group)
    act(filled.people[2])
    assert state_of(filled.group) != state


@pytest.mark.parametrize("state", ["ffffffff", ""])
def test_it_takes_few_questions_with_the_panel_too(as_ada, filled, django_assert_max_num_queries, state):
    with time_machine.travel(NOW, tick=False), django_assert_max_num_queries(15 if state else 14):
        page(as_ada, f"/c/{filled.group.pk}/newer/?after={filled.group.last_dm_event_id - 1}&people={state}")
