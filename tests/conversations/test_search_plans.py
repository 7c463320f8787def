"""On a large table every statement of a search goes by an index, whatever is searched."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from conversations.search import finding, index, query
from conversations.words import facet, tokens_of, words_of
from tests import factories, plans

pytestmark = [pytest.mark.services, pytest.mark.postgres]
EVENTS = 20_000
BYGONE_BELOW = 18_000
LARGE = re.compile(r"Seq Scan on conversations_(searchentry|dmevent|namegram)\b")
SEARCHES = [
    "lamp",
    '"the lamp"',
    "rarest",
    "zzqzz",
    "amp",
    "from:handle77",
    "from:zzqzz lamp",
    "in:handle9 lamp",
    "after:2001",
    "bygone",
]
FILL = (
    """INSERT INTO conversations_xuser (id, username, name, profile_image_url, is_protected, is_verified, verified_type,
        raw, first_seen_at, unavailable_reason, lookup_attempts)
    SELECT n, 'handle' || n, 'Name ' || md5(n::text), '', false, false, '', '{}', now(), '', 0
    FROM generate_series(1, 2000) n""",
    """INSERT INTO conversations_conversation (id, x_account_id, dm_conversation_id, is_group, peer_id,
        last_dm_event_id, last_incoming_dm_event_id, has_reached_beginning, last_encrypted_id, created_at)
    SELECT n, %(x_account)s, 'c' || n, false, n, 0, 0, false, 0, now() FROM generate_series(1, 2000) n""",
    """INSERT INTO conversations_dmevent (id, conversation_id, dm_event_id, event_type, created_at, sender_id, text,
        entities, raw, stored_at)
    SELECT n, n %% 2000 + 1, n, 'MessageCreate', now(), n %% 2000 + 1,
        'the lamp ' || CASE WHEN n < %(bygone_below)s THEN 'bygone ' ELSE '' END || md5(n::text), '{}', '{}', now()
    FROM generate_series(1, %(events)s) n""",
    """INSERT INTO conversations_searchentry (position, event_id, x_account_id, tokens)
    SELECT n, n, %(x_account)s,
        %(tokens)s::integer[] || n || CASE WHEN n < 50 THEN %(rare)s::integer[] ELSE '{}' END
            || CASE WHEN n < %(bygone_below)s THEN %(bygone)s::integer[] ELSE '{}' END
    FROM generate_series(1, %(events)s) n""",
)


@pytest.fixture
def large(ada):
    x_account = factories.XAccountFactory()
    factories.MembershipFactory(user=ada, x_account=x_account, role=Role.AGENT)
    factories.SyncStateFactory(x_account=x_account)
    common = sorted(tokens_of(words_of("the lamp")) | {facet("account", x_account.pk)})
    rare = sorted(tokens_of(words_of("rarest")))
    bygone = sorted(tokens_of(words_of("bygone")))
    values = {"x_account": x_account.pk, "events": EVENTS, "tokens": common, "rare": rare}
    values |= {"bygone_below": BYGONE_BELOW, "bygone": bygone}
    with connection.cursor() as cursor:
        for statement in FILL:
            cursor.execute(statement, values)
        index.index_names()
        cursor.execute("ANALYZE")
    return x_account


def plans_of(user, typed):
    wanted = finding.resolve(user, query.parse(typed))
    with plans.statements() as asked:
        wanted = finding.resolve(user, query.parse(typed))
        finding.find(user, wanted)
        finding.people_for(wanted)
        finding.people_like(wanted)
    return told_of(asked)


def told_of(asked):
    found = []
    for statement in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL enable_seqscan = {'off' if 'WITH meant' in statement.sql else 'on'}")
        found += ["\n".join(lines) for lines in plans.explained(statement)]
    return found


def test_no_statement_reads_a_large_table_from_end_to_end(ada, large):
    found = {typed: plans_of(ada, typed) for typed in SEARCHES}
    assert [(typed, plan) for typed in found for plan in found[typed] if LARGE.search(plan)] == []
    common, rare = "\n".join(found["lamp"]), "\n".join(found["rarest"])
    assert re.search(r"Index Scan.* (search_newest_first|conversations_searchentry_pkey)", common)
    assert "search_tokens" not in common  # met on the walk
    assert "Bitmap Index Scan on search_tokens" in rare
    assert "name_gram_once_per_person" in rare


def test_a_walk_through_a_quiet_account_begins_at_its_own_newest_message(ben, large):
    quiet = factories.MembershipFactory(user=ben, role=Role.AGENT).x_account
    with connection.cursor() as cursor:
        cursor.execute(QUIET, [quiet.pk])
        cursor.execute("ANALYZE conversations_searchentry")
    for typed in ("lamp", "after:2001"):
        walks = [plan for plan in plans_of(ben, typed) if "conversations_searchentry" in plan]
        assert walks
        assert [plan for plan in walks if "search_newest_first" not in plan or "searchentry_pkey" in plan] == []


QUIET = "UPDATE conversations_searchentry SET x_account_id = %s WHERE position < 6"


def test_the_palette_reads_no_large_table_from_end_to_end(as_ada, large):
    for typed in ("handle77", "name", "nobody zzqzz"):
        with plans.statements() as asked:
            assert as_ada.get("/palette/", {"q": typed}).status_code == 200
        assert [plan for plan in told_of(asked) if LARGE.search(plan)] == [], typed


def test_a_word_that_was_common_long_ago_is_found_newest_first_without_sorting_all_of_it(ada, large):
    wanted = finding.resolve(ada, query.parse("bygone"))
    with CaptureQueriesContext(connection) as queries:
        found = finding.find(ada, wanted)
    assert [hit.position for hit in found.hits] == list(range(BYGONE_BELOW - 1, BYGONE_BELOW - 1 - finding.PAGE, -1))
    by_gin = [query["sql"] for query in queries.captured_queries if "WITH meant" in query["sql"]]
    assert "LIMIT 201)" in by_gin[0]  # whether there is little of it
    stretch = [int(low) for low in re.findall(r"position >= (\d+)", by_gin[-1])]
    assert min(stretch) > BYGONE_BELOW // 2


def test_all_of_a_word_that_was_common_long_ago_is_found_page_by_page(ada, large):
    wanted = finding.resolve(ada, query.parse("bygone -zzqzz"))
    first = finding.find(ada, wanted)
    second = finding.find(ada, wanted, first.below)
    assert [hit.position for hit in second.hits][:2] == [BYGONE_BELOW - 21, BYGONE_BELOW - 22]
    assert finding.find(ada, wanted, 3).hits[-1].position == 1
