from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Greatest

from accounts.models import XAccount
from conversations.models import Conversation, XUser
from dminbox.postgres.planning import by_its_values
from tests.factories import ConversationFactory, MembershipFactory

pytestmark = [pytest.mark.django_db, pytest.mark.services]
WIDE = 2**62 + 12345
"""As X's ids of events are."""


@pytest.fixture(autouse=True)
def _on_postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("what PostgreSQL alone does")


@pytest.mark.parametrize("number", [WIDE, -WIDE, 2**31, -(2**31) - 1, 2**31 - 1, 7])
def test_a_number_of_64_bits_stays_whole_in_an_expression(number):
    conversation = ConversationFactory(last_own_dm_event_id=-(2**63) + 1)
    rows = type(conversation).objects.filter(pk=conversation.pk)
    rows.update(last_own_dm_event_id=Greatest(F("last_own_dm_event_id"), Value(number)))
    assert rows.annotate(told=Value(number)).values_list("last_own_dm_event_id", "told").get() == (number, number)


def test_thousands_of_people_are_written_at_once_though_a_statement_takes_65535_values():
    people = [XUser(pk=10**12 + number, name=f"Person {number}") for number in range(8000)]
    assert len(people) * len(XUser._meta.concrete_fields) > 2**16
    XUser.objects.bulk_create(people, ignore_conflicts=True)
    assert XUser.objects.filter(pk__gte=10**12).count() == 8000
    assert len(XUser.objects.in_bulk([person.pk for person in people] * 9)) == 8000  # in two statements


def test_the_statements_of_a_page_that_is_asked_again_are_prepared(client):
    membership = MembershipFactory()
    ConversationFactory(x_account=membership.x_account)
    client.force_login(membership.user)
    for _ in range(8):
        assert client.get("/").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = [statement for (statement,) in cursor]
    assert any(XAccount._meta.db_table in statement for statement in prepared)
    assert any("last_incoming_dm_event_id" in statement for statement in prepared)


def test_thousands_of_rows_are_changed_at_once_in_several_of_their_columns():
    people = XUser.objects.bulk_create([XUser(pk=10**12 + number) for number in range(20_000)])
    for number, person in enumerate(people):
        person.name, person.username = f"Person {number}", f"person{number}"
    assert XUser.objects.bulk_update(people, ["name", "username"]) == 20_000
    assert XUser.objects.get(pk=10**12 + 19_999).username == "person19999"


def test_what_is_planned_by_its_values_is_never_prepared():
    with by_its_values():
        for number in range(8):
            assert not Conversation.objects.filter(pk=-1 - number, is_group=True).exists()
    assert prepared_about("is_group") == []
    for number in range(8):
        assert not Conversation.objects.filter(pk=-1 - number, is_group=True).exists()
    assert len(prepared_about("is_group")) == 1


def prepared_about(name):
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE position(%s IN statement) > 0", [name])
        return [statement for (statement,) in cursor if "pg_prepared" not in statement]
