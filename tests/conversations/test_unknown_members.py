"""Members that X tells and nobody here reads: their names are counted, whatever way they came."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conversations import ledger
from conversations.models import ActivityDelivery, DmEvent, UnknownMember
from conversations.sync import push
from dminbox.xapi.known_members import Kind
from tests.conversations import push_support
from tests.conversations.push_support import STREAM, activity, said
from tests.conversations.sync_support import ANN, begin, connect_with_ann, make_reading, poll, say
from tests.factories import XAccountFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def names() -> set[tuple[str, str]]:
    return set(UnknownMember.objects.values_list("kind", "name"))


def test_a_poll_counts_members_nobody_reads_and_stores_the_event_all_the_same(xsim):
    x_account = connect_with_ann(xsim)
    told = say(xsim, ANN, "Hello", entities={"voice_notes": [{"transcript": "Only between us"}]})
    begin(x_account)
    poll(x_account)
    row = UnknownMember.objects.get()
    assert (row.kind, row.name, row.example_id, row.times_seen) == ("event", "voice_notes", told["id"], 1)
    assert DmEvent.objects.get().raw["voice_notes"] == [{"transcript": "Only between us"}]
    poll(x_account)
    again = UnknownMember.objects.get()
    assert (again.times_seen, again.first_seen_at) == (2, row.first_seen_at)
    assert again.last_seen_at > row.last_seen_at


def test_where_all_is_known_nothing_is_asked_of_the_database(xsim):
    x_account = connect_with_ann(xsim)
    say(xsim, ANN, "Hello")
    begin(x_account)
    with CaptureQueriesContext(connection) as queries:
        poll(x_account)
    assert not [query for query in queries if UnknownMember._meta.db_table in query["sql"]]
    assert not names()


def test_members_of_what_x_pushes_are_counted_also_inside_the_message():
    x_account = make_reading()
    payload = said(1, reactions=["Only between us"])
    payload["users"][ANN]["data"]["mood"] = "Only between us"
    payload["threads"] = {}
    assert push.take_in(activity("dm.received", payload), STREAM)
    path = "payload.direct_message_events.message_create.message_data.reactions"
    assert names() == {("pushed", path), ("pushed", "payload.threads"), ("user", "mood")}
    assert UnknownMember.objects.get(name="mood").example_id == ANN
    assert UnknownMember.objects.get(name=path).example_id == "-17"
    assert set(UnknownMember.objects.values_list("x_account", flat=True)) == {x_account.pk}


def test_what_is_pushed_for_nobody_is_counted_for_nobody():
    make_reading()
    ended = activity("oauth.revoke", {"user_id": "77", "why": "Only between us"}, user_id="")
    assert push.take_in(ended, STREAM)
    assert ActivityDelivery.objects.get().state == ActivityDelivery.State.DONE
    assert not names()


@pytest.mark.parametrize("kind", ["typing", "seen", "chat", "received"])
def test_what_x_is_known_to_push_is_known(kind):
    make_reading()
    number = [1] if kind == "seen" else []
    push.take_in(getattr(push_support, kind)(*number), STREAM)
    assert not names()


def test_people_that_are_looked_up_are_looked_at_as_well(xsim):
    x_account = connect_with_ann(xsim)
    body = {"data": [{"id": ANN, "username": "ann", "name": "Ann", "mood": "fine"}], "new_part": 1}
    xsim.post("faults", {"kind": "body", "path": "^/2/users$", "body": body})
    ledger.record_lookup(x_account, ledger.call(x_account, lambda client: client.users([ANN])))
    assert names() == {("answer", "new_part"), ("user", "mood")}


def test_an_owner_reads_their_names_above_the_quarantine(client, ada):
    client.force_login(ada)
    address = reverse("admin:conversations_quarantinedevent_changelist")
    assert "does no sync yet" not in client.get(address).content.decode()
    for times, example in ((2, "12"), (3, "")):
        UnknownMember.objects.create(
            x_account=XAccountFactory(), kind="event", name="reactions", times_seen=times, example_id=example
        )
    shown = " ".join(client.get(address).content.decode().split()).replace("> <", "><")
    assert "<td>reactions</td><td>event</td><td>5</td>" in shown
    assert "<td>12</td>" in shown


def test_each_kind_of_object_has_words():
    assert {kind.value for kind in Kind} == set(UnknownMember.Kind.values)
