from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.db import connection, connections
from django.db.models import F, QuerySet
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from conversations.models import Participant, XUser
from dminbox.statements import compiled_once
from tests.factories import ConversationFactory, ParticipantFactory

pytestmark = pytest.mark.services
NOW = datetime(2026, 11, 21, 13, tzinfo=UTC)


@compiled_once
def typing_in(since: datetime, conversations: list[int], but: int) -> QuerySet[Participant]:
    rows = Participant.objects.filter(typing_until__gt=since, conversation__in=conversations).exclude(x_user=but)
    return rows.select_related("x_user").only("conversation", "x_user__name").annotate(whose=F("x_user_id"))


@compiled_once
def names_of(people: list[int]) -> QuerySet[XUser, str]:
    return XUser.objects.filter(pk__in=people).order_by("pk").values_list("name", flat=True)


@pytest.fixture
def people(db):
    """Each is typing a minute longer than the one before, in a conversation of their own."""
    return [
        ParticipantFactory(conversation=ConversationFactory(), typing_until=NOW + timedelta(minutes=number))
        for number in range(7)
    ]


def test_it_gives_the_rows_of_the_queryset_for_whatever_values(people, django_assert_num_queries):
    pks = [person.conversation_id for person in people]
    for since, some, but in [
        (NOW, pks, people[3].x_user_id),
        (NOW + timedelta(minutes=4), pks[2:], -1),
        (NOW, [-5], 0),
    ]:
        expected = set(typing_in.__wrapped__(since, some, but))
        with django_assert_num_queries(1):
            found = typing_in(since, some, but)
            told = [(person.x_user.name, person.whose) for person in found]
        assert set(found) == expected
        assert told == [(person.x_user.name, person.x_user_id) for person in found]
    assert len(typing_in(NOW, pks, people[3].x_user_id)) == 5


def test_it_gives_plain_values_as_the_queryset_does(people):
    pks = [person.x_user_id for person in people]
    assert names_of(pks) == list(names_of.__wrapped__(pks)) != []


def test_asked_again_nothing_is_compiled(people):
    pks = [person.x_user_id for person in people]
    names_of(pks[:2])
    with mock.patch.object(SQLCompiler, "pre_sql_setup", side_effect=AssertionError):
        assert len(names_of(pks[2:4])) == 2


def test_lists_of_much_the_same_length_share_a_statement(people):
    pks, asked = [person.x_user_id for person in people], []

    def hear(execute, sql, *of):
        asked.append(sql)
        return execute(sql, *of)

    with connection.execute_wrapper(hear):
        assert [len(names_of(pks[:length])) for length in range(1, 8)] == list(range(1, 8))
    assert len(asked) == 7
    assert len(set(asked)) == 4  # of 1, 2, 4 and 8 ids


def test_each_word_makes_a_statement_of_its_own(people):
    @compiled_once
    def column(person: int, name: str) -> QuerySet[XUser, str]:
        return XUser.objects.filter(pk=person).values_list(name, flat=True)

    person = people[0].x_user
    asked = [column(person.pk, name) for name in ("name", "username", "name")]
    assert asked == [[person.name], [person.username], [person.name]]


def test_of_an_empty_list_nothing_is_asked(people, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert names_of([]) == []
        assert typing_in(NOW, [], 1) == []


@pytest.mark.parametrize("value", [None, 1.5, (1, 2)])
def test_other_values_are_refused(db, value):
    """Nothing, for one, would have to be asked for otherwise."""
    with pytest.raises(TypeError, match="is no id"):
        names_of(value)


def test_values_that_do_more_than_stand_beside_a_column_are_refused(people):
    after = compiled_once(lambda pk: XUser.objects.filter(pk=pk + 1))
    none = compiled_once(lambda pk: XUser.objects.all())
    for function in (after, none):
        with pytest.raises(ValueError, match="something else"):
            function(people[0].x_user_id)


@pytest.mark.django_db(transaction=True)
def test_each_thread_asks_by_its_own_connection(people):
    pks = [person.x_user_id for person in people]

    def ask(pk: int) -> list[str]:
        try:
            return names_of([pk])
        finally:
            connections.close_all()

    expected = [names_of([pk]) for pk in pks]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(ask, pks)) == expected


def test_values_are_handed_in_by_their_place(people):
    with pytest.raises(TypeError, match="place"):
        names_of(people=[people[0].x_user_id])


def test_a_time_that_is_not_handed_in_is_refused(people):
    """It would stand still from the first call on."""
    late = compiled_once(lambda pk: Participant.objects.filter(conversation=pk, typing_until__gt=timezone.now()))
    with pytest.raises(ValueError, match="clock"):
        late(people[0].conversation_id)
