"""The filters of the inbox: what each finds, what stands in the address, views by name, and what counting costs."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from importlib import import_module
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import Membership, Role, snowflake_floor
from conversations import actions, filters, querysets
from conversations.models import Conversation, DmEvent, EventMedia, EventPost, Media, Post, SavedView
from conversations.search import index, names
from tests import factories
from tests.conversations.page_support import inbox
from tests.conversations.test_querysets import plans_of

pytestmark = pytest.mark.services
NEW = 1_000


@pytest.fixture
def x_account(ada):
    x_account = factories.XAccountFactory()
    Membership.objects.create(user=ada, x_account=x_account, role=Role.VIEWER, read_before_id=1)
    return x_account


def conversation(x_account, newest=NEW, **fields):
    fields = {"last_incoming_dm_event_id": newest} | fields
    return factories.ConversationFactory(x_account=x_account, last_dm_event_id=newest, **fields)


def group(x_account, number=1, **fields):
    return conversation(x_account, is_group=True, peer=None, dm_conversation_id=str(18 * 10**17 + number), **fields)


def found(user, query):
    rows = filters.narrow(Conversation.objects.visible_to(user), user, filters.wanted_in(query))
    return set(rows)


def counted(user, x_accounts, *queries):
    return [str(each) for each in filters.count(user, x_accounts, [filters.wanted_in(query) for query in queries])]


def shown(client, query):
    answer = client.get(f"/{query}")
    assert answer.status_code == 200
    return [int(pk) for pk in re.findall(r'data-conversation="(\d+)"', answer.content.decode())]


def test_unanswered_is_where_the_last_message_is_theirs(ada, x_account):
    theirs = conversation(x_account)
    conversation(x_account, last_own_dm_event_id=NEW + 1)
    assert found(ada, "unanswered=1") == {theirs}


def test_media_and_posts_are_found_each_and_together(ada, x_account):
    both = conversation(x_account, has_media=True, has_post=True)
    media = conversation(x_account, has_media=True)
    post = conversation(x_account, has_post=True)
    conversation(x_account)
    assert found(ada, "media=1") == {both, media}
    assert found(ada, "post=1") == {both, post}
    assert found(ada, "media=1&post=1") == {both}


def active(x_account, *moments):
    """A conversation in which something happened at each of these."""
    row = conversation(x_account, newest=snowflake_floor(moments[-1]))
    for moment in moments:
        factories.DmEventFactory(conversation=row, dm_event_id=snowflake_floor(moment), created_at=moment)
    return row


def test_a_stretch_of_days_begins_and_ends_with_the_readers_own_midnights(as_ada, ada, x_account):
    ada.time_zone = "Asia/Tokyo"  # nine hours ahead: the 3rd begins on the 2nd at 15:00 UTC
    ada.save()
    moments = [datetime(2026, 11, 2, 14, 59, 59, tzinfo=UTC), datetime(2026, 11, 2, 15, tzinfo=UTC)]
    moments += [datetime(2026, 11, 3, 14, 59, 59, tzinfo=UTC), datetime(2026, 11, 3, 15, tzinfo=UTC)]
    rows = [active(x_account, moment) for moment in moments]
    assert shown(as_ada, "?since=2026-11-03&until=2026-11-03") == [rows[2].pk, rows[1].pk]
    assert shown(as_ada, "?since=2026-11-03") == [row.pk for row in rows[:0:-1]]
    assert shown(as_ada, "?until=2026-11-02") == [rows[0].pk]


def test_days_find_every_conversation_in_which_something_happened_then_whatever_came_later(as_ada, x_account):
    days = {number: datetime(2026, 11, number, 12, tzinfo=UTC) for number in range(1, 7)}
    early, late, around, all_along = (
        active(x_account, *(days[number] for number in numbers))
        for numbers in ([1, 2], [5, 6], [1, 6], [1, 2, 3, 4, 5, 6])
    )
    assert set(shown(as_ada, "?since=2026-11-03&until=2026-11-04")) == {all_along.pk}
    assert set(shown(as_ada, "?since=2026-11-02&until=2026-11-02")) == {early.pk, all_along.pk}
    assert set(shown(as_ada, "?until=2026-11-01")) == {early.pk, around.pk, all_along.pk}
    assert set(shown(as_ada, "?since=2026-11-05")) == {late.pk, around.pk, all_along.pk}
    assert shown(as_ada, "?since=2026-11-04&until=2026-11-03") == []


@pytest.mark.parametrize("query", ["?since=0001-01-01", "?until=9999-12-31", "?since=9999-12-31&until=0001-01-01"])
def test_the_ends_of_the_calendar_are_days_too(as_ada, x_account, query):
    conversation(x_account, newest=snowflake_floor(datetime(2026, 11, 2, tzinfo=UTC)))
    assert as_ada.get(f"/{query}").status_code == 200


def test_a_person_is_found_by_handle_in_any_case_and_by_id_also_in_groups(ada, x_account):
    ben = factories.XUserFactory(username="Ben_Reads")
    alone, together = conversation(x_account, peer=ben), group(x_account)
    for row in (alone, together):
        factories.ParticipantFactory(conversation=row, x_user=ben)
    factories.ParticipantFactory(conversation=conversation(x_account))
    for who in ("ben_reads", "@BEN_READS", str(ben.pk)):
        assert found(ada, f"person={who}") == {alone, together}
    assert found(ada, "person=nobody") == found(ada, f"person={10**30}") == set()


def with_person(x_account, **fields):
    row = conversation(x_account, peer=factories.XUserFactory(**fields))
    factories.ParticipantFactory(conversation=row, x_user=row.peer)
    index.index_names()
    return row


def test_a_part_of_a_name_is_enough_where_one_person_has_it_and_becomes_their_id(as_ada, x_account):
    row, _ = with_person(x_account, name="Lena Funk", username="lamp_lena"), with_person(x_account)
    html = as_ada.get("/?person=fun").content.decode()
    assert shown(as_ada, "?person=fun") == [row.pk]
    assert "with Lena Funk" in re.sub(r"\s+", " ", html)
    assert 'value="@lamp_lena"' in html
    assert f'href="/?media=1&amp;person={row.peer_id}"' not in html
    assert f'href="/?unread=1&amp;person={row.peer_id}"' in html
    assert f'name="query" value="person={row.peer_id}"' in re.sub(r"\s+", " ", html)


def test_a_name_of_several_shows_them_all_and_offers_each(as_ada, x_account):
    rows = [with_person(x_account, name=f"Lena {name}") for name in ("Funk", "Berg")]
    with_person(x_account, name="Ben")
    html = re.sub(r"\s+", " ", as_ada.get("/?unread=1&person=lena").content.decode())
    assert set(shown(as_ada, "?unread=1&person=lena")) == {row.pk for row in rows}
    for row in rows:
        assert f'<a href="/?unread=1&amp;person={row.peer_id}" dir="auto">{row.peer.name}</a>' in html
        assert shown(as_ada, f"?unread=1&person={row.peer_id}") == [row.pk]
    assert 'name="query"' not in html, "a view is of one person"


def test_a_slip_in_a_name_is_helped_and_shows_nobody_else(as_ada, x_account):
    row = with_person(x_account, name="Ossian Berg", username="odd_ossian")
    html = re.sub(r"\s+", " ", as_ada.get("/?person=osian").content.decode())
    assert shown(as_ada, "?person=osian") == []
    assert "No person named" in html
    assert f'Did you mean <a href="/?person={row.peer_id}" dir="auto">Ossian Berg</a>' in html


def test_of_very_many_people_some_are_offered_and_the_others_are_counted(as_ada, x_account, monkeypatch):
    for number in range(13):
        with_person(x_account, name=f"Lena {number}")
    html = re.sub(r"\s+", " ", as_ada.get("/?person=lena").content.decode())
    assert "and 3 more" in html
    assert "Even more people match" not in html
    assert len(shown(as_ada, "?person=lena")) == 13
    monkeypatch.setattr(names, "MOST", 12)
    assert "only the 12 newest on X are included here" in as_ada.get("/?person=lena").content.decode()


def test_an_open_page_asks_for_its_rows_under_a_name_too(as_ada, x_account):
    row, other = with_person(x_account, name="Lena Funk"), with_person(x_account)
    assert shown(as_ada, f"?person=funk&only={row.pk},{other.pk}") == [row.pk]


def test_filters_combine(as_ada, ada, x_account):
    ben = factories.XUserFactory(username="ben_reads")
    wanted = group(x_account, has_media=True, has_post=True)
    others = [group(x_account, 2, has_media=True, has_post=True), conversation(x_account, has_media=True)]
    for row in (wanted, others[1]):
        factories.ParticipantFactory(conversation=row, x_user=ben)
        factories.DmEventFactory(conversation=row, sender=ben)
    query = f"?account={x_account.pk}&kind=group&unread=1&unanswered=1&media=1&post=1&person=ben_reads&until=2030-01-01"
    assert shown(as_ada, query) == [wanted.pk]
    actions.mark_read(ada, wanted, NEW)
    assert shown(as_ada, query) == []


def test_each_filter_stands_in_every_address_of_the_page_and_can_be_taken_away(as_ada, x_account):
    html = as_ada.get("/?media=1&since=2026-11-03&person=ben_reads").content.decode()
    assert 'href="/?unread=1&amp;media=1&amp;since=2026-11-03&amp;person=ben_reads"' in html
    assert 'href="/?since=2026-11-03&amp;person=ben_reads"' in html
    assert 'href="/?media=1&amp;person=ben_reads"' in html
    assert 'href="/?media=1&amp;since=2026-11-03"' in html


def test_a_pages_end_leads_on_under_the_same_filters(as_ada, x_account):
    rows = [conversation(x_account, newest=NEW + number, has_media=True) for number in range(60)]
    conversation(x_account, newest=NEW + 5)
    html = as_ada.get("/?media=1").content.decode()
    older = re.search(r'href="/(\?[^"]*after=[^"]*)"', html)[1].replace("&amp;", "&")
    assert shown(as_ada, "?media=1") + shown(as_ada, older) == [row.pk for row in rows[::-1]]


@pytest.mark.parametrize("query", ["?since=yesterday", "?until=2026-13-01", "?person=" + "x" * 51])
def test_filters_that_mean_nothing_are_not_found(as_ada, x_account, query):
    assert as_ada.get(f"/{query}").status_code == 404


def test_the_name_of_a_person_in_nobodys_sight_is_not_told(as_ada, x_account):
    hidden = factories.XUserFactory(username="odd_ossian", name="Ossian Hidden")
    factories.ParticipantFactory(x_user=hidden)
    index.index_names()
    for who in ("odd_ossian", "hidden", "osian", hidden.pk):
        assert "Ossian Hidden" not in as_ada.get(f"/?person={who}").content.decode()


# --- Views kept by name -----------------------------------------------------------------------------------------------


def test_filters_are_kept_by_name_and_led_back_to(as_ada, ada, x_account):
    conversation(x_account, has_media=True)
    answer = as_ada.post("/views/", {"name": "Broken lamps", "query": "unread=1&nonsense=7&media=1"})
    assert answer["Location"] == "/?unread=1&media=1"
    html = re.sub(r"\s+", " ", as_ada.get("/?unread=1&media=1").content.decode())
    assert re.search(r'href="/\?unread=1&amp;media=1" aria-current="true"> <span dir="auto">Broken lamps</span>', html)
    assert 'Broken lamps</span> <span class="count">1<span class="hidden-text"> conversation</span>' in html


def test_a_view_for_a_person_is_the_current_one_however_they_are_named(as_ada, x_account):
    person = factories.XUserFactory(username="odd_ossian", name="Ossian")
    conversation(x_account, peer=person)
    as_ada.post("/views/", {"name": "Ossian's lamps", "query": f"person={person.pk}"})
    for who in (person.pk, "@odd_ossian"):
        html = re.sub(r"\s+", " ", as_ada.get(f"/?person={who}").content.decode())
        assert f'href="/?person={person.pk}" aria-current="true"' in html, who


def test_a_name_that_is_kept_already_means_the_new_filters(as_ada, ada):
    for query in ("unread=1", "kind=group"):
        as_ada.post("/views/", {"name": "Mine", "query": query})
    assert list(ada.saved_views.values_list("query", flat=True)) == ["kind=group"]


def test_views_are_each_persons_own(client, ada, ben):
    view = SavedView.objects.create(user=ada, name="Mine", query="unread=1")
    client.force_login(ben)
    assert client.post(f"/views/{view.pk}/drop/").status_code == 404
    assert SavedView.objects.get() == view


def test_a_view_can_be_removed(as_ada, ada):
    view = SavedView.objects.create(user=ada, name="Mine", query="unread=1")
    assert as_ada.post(f"/views/{view.pk}/drop/").status_code == 302
    assert not SavedView.objects.exists()


def test_there_are_no_more_views_than_fit_beside_the_list(as_ada, ada):
    for number in range(SavedView.MOST + 1):
        as_ada.post("/views/", {"name": f"View {number}", "query": "unread=1"})
    assert ada.saved_views.count() == SavedView.MOST
    as_ada.post("/views/", {"name": "View 0", "query": "kind=one"})
    assert ada.saved_views.get(name="View 0").query == "kind=one"


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"name": "x", "query": "since=never"},
        {"name": "", "query": "unread=1"},
        {"name": "x" * 41, "query": "unread=1"},
        {"name": "x", "query": f"unread=1&q={'x' * 2_000}"},
    ],
)
def test_what_is_no_view_is_not_kept_and_the_page_says_so(as_ada, x_account, sent):
    answer = as_ada.post("/views/", sent, follow=True)
    assert "View not saved: it needs filters" in answer.content.decode()
    assert answer.redirect_chain[0][0] == ("/?unread=1" if "unread=1" in sent.get("query", "") else "/")
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("letter", ["\u5c71", "\U0001f980", "\u0645"])
def test_a_view_for_a_long_name_of_any_script_is_kept(as_ada, ada, x_account, letter):
    query = urlencode({"unread": 1, "person": letter * 50})
    assert as_ada.post("/views/", {"name": letter * 40, "query": query})["Location"] == f"/?{query}"
    assert ada.saved_views.get().query == query


def test_a_view_of_an_account_one_has_left_stays_without_a_number_and_tells_nothing(as_ada, ada, x_account):
    elsewhere = conversation(factories.XAccountFactory())
    SavedView.objects.create(user=ada, name="Theirs", query=f"account={elsewhere.x_account_id}")
    SavedView.objects.create(user=ada, name="Odd", query="since=never")
    html = as_ada.get("/").content.decode()
    assert "Theirs" in html
    assert 'class="count"' not in html


# --- Counts -----------------------------------------------------------------------------------------------------------


def test_counts_say_what_the_lists_show(ada, x_account):
    ben = factories.XUserFactory(username="ben_reads")
    row = conversation(x_account, has_media=True, peer=ben)
    factories.ParticipantFactory(conversation=row, x_user=ben)
    conversation(x_account, last_own_dm_event_id=NEW + 1)
    group(x_account, has_media=True)
    queries = ["unread=1", "unanswered=1", "kind=group", "kind=one&media=1", "post=1", "person=ben_reads&media=1", ""]
    assert counted(ada, [x_account], *queries) == ["3", "2", "1", "1", "0", "1", "3"]
    for query, number in zip(queries, counted(ada, [x_account], *queries), strict=True):
        assert len(found(ada, query)) == int(number)


def test_a_count_stops_where_it_has_looked_at_enough_and_says_that_there_may_be_more(ada, x_account, monkeypatch):
    monkeypatch.setattr(filters, "LOOKED_AT", 10)
    for number in range(12):
        conversation(x_account, newest=NEW + number, has_media=number % 4 == 0)
    assert counted(ada, [x_account], "kind=one&unread=1", "media=1", "media=1&kind=one") == ["10+", "3", "3"]


def test_a_count_that_finds_none_says_whether_it_looked_at_all(as_ada, ada, x_account, monkeypatch):
    monkeypatch.setattr(filters, "LOOKED_AT", 10)
    SavedView.objects.create(user=ada, name="Lamps", query="kind=one&post=1")
    SavedView.objects.create(user=ada, name="New", query="unread=1")
    for number in range(12):
        row = conversation(x_account, newest=NEW + number)
        actions.mark_read(ada, row, row.last_dm_event_id)
    html = re.sub(r"\s+", " ", as_ada.get("/").content.decode())
    assert 'Lamps</span> <span class="count none">0<span class="hidden-text"> conversations</span></span>' in html
    assert re.search(
        r'New</span> <span class="count none">0<span aria-hidden="true" title="Only [^"]+">\+</span>', html
    )
    assert '+</span><span class="hidden-text"> or more conversations</span>' in html


def test_a_count_ends_at_99(ada, x_account):
    for number in range(101):
        conversation(x_account, newest=NEW + number)
    assert counted(ada, [x_account], "unread=1") == ["99+"]


def test_all_views_over_all_accounts_are_counted_in_one_query(ada, x_account, django_assert_num_queries):
    other = factories.XAccountFactory()
    Membership.objects.create(user=ada, x_account=other, read_before_id=1)
    conversation(x_account)
    conversation(other)
    queries = ["unread=1", f"account={other.pk}", "person=ben_reads"]
    with django_assert_num_queries(1):
        assert counted(ada, [x_account, other], *queries) == ["2", "1", "0"]


@pytest.mark.django_db
def test_what_one_query_does_not_take_is_united_in_several(django_assert_num_queries):
    statement = f"SELECT %s + 0 AS number WHERE 1 IN ({', '.join(['%s'] * 60)})"
    few_values = [("SELECT %s + 0 AS number", [number]) for number in range(1200)]
    many_values = [(statement, [number, *range(60)]) for number in range(1200)]
    for parts in (few_values, many_values):
        with django_assert_num_queries(3):
            assert querysets.run_union(parts, "default") == [(number,) for number in range(1200)]


def test_views_and_their_counts_cost_the_inbox_a_fixed_number_of_queries(
    as_ada, ada, x_account, django_assert_num_queries
):
    conversation(x_account)
    for number in range(9):
        SavedView.objects.create(user=ada, name=f"View {number}", query=f"unread=1&person=customer{number}")
    as_ada.get("/")
    with django_assert_num_queries(9):
        as_ada.get("/")


def pills(html):
    found = re.findall(r'<a class="pill"[^>]*>\s*<span>([^<]*)</span>(?:\s*<span class="count(?: none)?">(\d+))?', html)
    return {label: number for label, number in found if number}


def test_a_number_beside_a_pill_says_how_many_it_would_show_with_all_else_that_is_set(as_ada, ada, x_account):
    row = conversation(x_account, has_media=True)
    conversation(x_account, last_own_dm_event_id=NEW + 1)
    group(x_account)
    assert pills(inbox(as_ada)) == {"Unread": "3"}
    assert pills(inbox(as_ada, "?only=")) == {"Unread": "3"}, "live pages too"
    assert pills(inbox(as_ada, "?media=1")) == {"Unread": "1"}
    actions.mark_read(ada, row, row.last_dm_event_id)
    assert pills(inbox(as_ada, "?unread=1")) == {"Unread": "2"}
    assert pills(inbox(as_ada, f"?until={date.max:%Y-%m-%d}"))
    assert pills(inbox(as_ada, "?until=2026-11-20")) == {}, "each would be asked what happened until then"
    assert pills(inbox(as_ada, "?since=2026-11-20")) == {}, "no index has both"


def test_the_number_of_unread_ones_is_the_one_beside_their_accounts(as_ada, ada, x_account):
    other = factories.XAccountFactory()
    Membership.objects.create(user=ada, x_account=other, read_before_id=1)
    conversation(x_account)
    conversation(other)
    assert pills(inbox(as_ada))["Unread"] == "2"
    assert pills(inbox(as_ada, f"?account={other.pk}"))["Unread"] == "1"


# --- Plans ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("unanswered=1", "inbox_unanswered_newest_first"),
        ("media=1", "inbox_with_media_newest_first"),
        ("post=1", "inbox_with_posts_newest_first"),
        ("kind=group", "inbox_groups_newest_first"),
    ],
)
def test_each_filter_is_read_from_its_index_without_a_scan_or_a_sort(ada, many, query, index):
    rows = filters.narrow(Conversation.objects.filter(x_account=many), ada, filters.wanted_in(query))
    for page in (rows, rows.older_than(NEW + 9_000, 5_000)):
        assert_read_from(index, plans_of(page.newest_first().values_list("last_dm_event_id", "pk")[:51]))
    for x_accounts in (1, 10):
        most = filters.LOOKED_AT // x_accounts
        assert_read_from(
            index, plans_of(filters._looked_at(ada, filters.wanted_in(query + "&unread=1"), most, many.pk))
        )


def test_days_and_unread_ones_are_counted_from_an_index_too(ada, many):
    plans = plans_of(filters._looked_at(ada, filters.wanted_in("unread=1"), 500, many.pk))
    assert_read_from("inbox_unread", plans)
    for plan in plans_of(
        filters._looked_at(ada, filters.wanted_in("since=2010-11-04&kind=one&unread=1"), 500, many.pk)
    ):
        assert "Seq Scan on conversations_conversation" not in plan, plan


def test_days_are_one_step_in_the_index_of_events_for_each_conversation(ada, many):
    """Whatever happened on these days: the events of them are never read."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(EVENTS_OF_MANY)
            cursor.execute("ANALYZE conversations_dmevent")
    for query in (
        "until=2010-11-05",
        "since=2010-11-05&until=2010-11-05",
        "since=2010-11-04&until=2012-11-05&kind=one",
    ):
        wanted = filters.wanted_in(query)
        rows = filters.narrow(Conversation.objects.filter(x_account=many), ada, wanted)
        plans = plans_of(rows.newest_first().values_list("last_dm_event_id", "pk")[:51])
        plans += plans_of(filters._looked_at(ada, wanted, 500, many.pk))
        assert_read_from("inbox_newest_first", plans)
        for plan in plans:
            assert "dm_event_once_per_conversation" in plan or "sqlite_autoindex_conversations_dmevent" in plan, plan
            assert "Seq Scan" not in plan, plan
            assert "Hash" not in plan, plan


EVENTS_OF_MANY = """
    INSERT INTO conversations_dmevent
        (conversation_id, dm_event_id, event_type, created_at, text, entities, raw, stored_at)
    SELECT id, 1 + n, 'MessageCreate', now(), 'Text', '{}', '{}', now()
    FROM conversations_conversation, generate_series(1, 2) n
"""


def test_a_person_is_found_by_indexes(ada, many):
    for number in range(2000):
        factories.XUserFactory(username=f"reader{number}")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE conversations_xuser")
    rows = filters.narrow(Conversation.objects.filter(x_account=many), ada, filters.wanted_in("person=reader7"))
    for plan in plans_of(rows):
        assert "x_user_by_username" in plan, plan
        assert "Seq Scan on conversations_conversation" not in plan, plan


def assert_read_from(index, plans):
    for plan in plans:
        assert index in plan, plan
        assert "Seq Scan on conversations_conversation" not in plan, plan
        assert "Sort" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


# --- What was stored before -------------------------------------------------------------------------------------------


def test_rows_of_before_are_filled_from_their_events_and_a_second_time_alike(x_account, monkeypatch):
    us = factories.XUserFactory(id=x_account.x_user_id)
    rows = [conversation(x_account) for _ in range(3)]
    events = [factories.DmEventFactory(conversation=row, sender=us) for row in rows]
    factories.DmEventFactory(conversation=rows[0])
    EventMedia.objects.create(event=events[1], media=Media.objects.create(media_key="3_1", type="photo"))
    EventPost.objects.create(event=events[2], post=Post.objects.create(id=7))
    migration = import_module("conversations.migrations.0010_fill_the_filters")
    monkeypatch.setattr(migration, "BATCH", 2)
    for _ in range(2):
        migration.fill(apps, None)
        names = ("last_own_dm_event_id", "has_media", "has_post")
        assert list(Conversation.objects.order_by("pk").values_list(*names)) == [
            (events[0].dm_event_id, False, False),
            (events[1].dm_event_id, True, False),
            (events[2].dm_event_id, False, True),
        ]
    assert DmEvent.objects.count() == 4
