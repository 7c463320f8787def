"""People change their names: what they were called stays known, and since when they are called as now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from conversations.models import XUser, XUserName
from conversations.sync.includes import store_users
from dminbox.xapi import schema

pytestmark = [pytest.mark.django_db, pytest.mark.services]
JUNE = datetime(2026, 6, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def shown(name, username, at, pk="2001"):
    store_users([schema.User(id=pk, name=name, username=username, raw={"name": name, "username": username})], at)


def names():
    return list(XUserName.objects.order_by("seen_until").values_list("name", "username", "seen_from", "seen_until"))


def test_who_was_never_called_otherwise_has_no_former_name():
    shown("Ada", "ada_lamps", JUNE)
    shown("Ada", "ada_lamps", JUNE + 3 * DAY)
    assert names() == []
    assert XUser.objects.get().named_at == JUNE


def test_a_new_name_keeps_the_old_one_with_when_it_was_seen():
    shown("Ada", "ada_lamps", JUNE)
    shown("Ada", "ada_lamps", JUNE + 3 * DAY)
    shown("Ada", "ada_lights", JUNE + 9 * DAY)
    shown("Ada L.", "ada_lights", JUNE + 20 * DAY)
    assert names() == [
        ("Ada", "ada_lamps", JUNE, JUNE + 3 * DAY),
        ("Ada", "ada_lights", JUNE + 9 * DAY, JUNE + 9 * DAY),
    ]
    assert XUser.objects.get().named_at == JUNE + 20 * DAY


def test_an_answer_that_came_late_renames_nobody():
    shown("Ada", "ada_lights", JUNE + 9 * DAY)
    shown("Ada", "ada_lamps", JUNE)
    assert XUser.objects.get().username == "ada_lights"
    assert names() == []


def test_a_bare_id_that_gets_its_first_profile_was_never_called_otherwise():
    XUser.objects.create(id=2001)
    shown("Ada", "ada_lamps", JUNE)
    assert names() == []


def test_names_cost_two_statements_more_and_only_where_somebody_was_renamed(django_assert_num_queries):
    """One keeps the former names, one marks whom open pages have to be told of."""
    for pk in range(3001, 3011):
        shown("Ada", "ada_lamps", JUNE, str(pk))
    people = [schema.User(id=str(pk), name="Ada", username="ada", raw={"username": "ada"}) for pk in range(3001, 3011)]
    with django_assert_num_queries(4):
        store_users(people, JUNE + DAY)
    with django_assert_num_queries(2):
        store_users(people, JUNE + 5 * DAY)
    assert XUserName.objects.count() == 10
