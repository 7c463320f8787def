"""A person's page: who they are as last shown, and what they share with the X accounts one may see."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from accounts.models import Membership, Role, snowflake_floor
from conversations import actions
from conversations.models import DmEvent, EventMedia, Media, MediaFile, XUserName
from conversations.views.person import CONVERSATIONS
from tests import factories
from tests.conversations.test_querysets import plans_of

pytestmark = pytest.mark.services
MORNING = datetime(2026, 11, 3, 9, tzinfo=UTC)


@pytest.fixture
def x_account(ada):
    x_account = factories.XAccountFactory(username="NordlichtHelp")
    Membership.objects.create(user=ada, x_account=x_account, role=Role.VIEWER, read_before_id=1)
    return x_account


@pytest.fixture
def ben(db):
    return factories.XUserFactory(
        name="Ben Østergård",
        username="ben_reads",
        raw={
            "description": "Reads by <b>lamp</b> light",
            "location": "Oslo",
            "created_at": "2019-05-04T12:00:00.000Z",
            "public_metrics": {"followers_count": 12345, "following_count": 7},
        },
    )


def talk(x_account, person, at=MORNING, text="Is the lamp in stock?", **fields):
    """A one-to-one with one message by that person."""
    row = factories.ConversationFactory(x_account=x_account, peer=person, **fields)
    factories.ParticipantFactory(conversation=row, x_user=person)
    event = say(row, person, at, text)
    row.last_event, row.last_dm_event_id, row.last_incoming_dm_event_id = event, event.dm_event_id, event.dm_event_id
    row.save()
    return row


def say(row, person, at, text="And the shade?"):
    fields = {"created_at": at, "dm_event_id": snowflake_floor(at), "text": text}
    return factories.DmEventFactory(conversation=row, sender=person, **fields)


def photo_of(event, number=1):
    file = MediaFile.objects.create(source_url=f"u{number}", source_hash=f"h{number}", state="stored", path="x.jpg")
    media = Media.objects.create(media_key=f"3_{number}", type="photo", alt_text="A lamp", file=file)
    EventMedia.objects.create(event=event, media=media)
    return file


def page(client, person):
    answer = client.get(f"/people/{person.pk}/")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_it_shows_the_profile_as_x_last_gave_it_and_its_age(as_ada, x_account, ben):
    talk(x_account, ben)
    html = page(as_ada, ben)
    assert '<h1 dir="auto">Ben Østergård</h1>' in html
    assert "Reads by &lt;b&gt;lamp&lt;/b&gt; light" in html
    for words in ("@ben_reads", "Oslo", "4 May 2019", "12,345", "last received from X"):
        assert words in html


@pytest.mark.parametrize(
    "raw",
    [{}, {"public_metrics": [1], "created_at": "never", "description": 5}, {"created_at": "2019-02-31T00:00:00Z"}],
)
def test_a_profile_in_an_unknown_shape_is_left_out_and_breaks_nothing(as_ada, x_account, ben, raw):
    ben.raw = raw
    ben.save()
    talk(x_account, ben)
    assert "Followers" not in page(as_ada, ben)


def test_a_person_x_no_longer_shows_keeps_the_last_known_name(as_ada, x_account, ben):
    ben.unavailable_since, ben.unavailable_reason = MORNING, "User has been suspended."
    ben.save()
    talk(x_account, ben)
    html = page(as_ada, ben)
    assert "Ben Østergård" in html
    assert "User has been suspended." in html


def test_the_profile_tells_what_they_were_called_before_and_when(as_ada, x_account, ben):
    for name, username, day in (("Ben", "ben_ost", 1), ("Benjamin <Ø>", "ben_reads", 2)):
        begin = datetime(2026, 9, day, 9, tzinfo=UTC)
        XUserName.objects.create(
            x_user=ben, name=name, username=username, seen_from=begin, seen_until=begin + timedelta(days=20)
        )
    ben.named_at = MORNING
    ben.save()
    talk(x_account, ben)
    profile = page(as_ada, ben).split('id="profile"')[1].split("</section>")[0]
    lines = [" ".join(re.sub(r"<[^>]*>", "", line).split()) for line in profile.split("<li>")[1:]]
    assert [line.split(" first seen")[0] for line in lines] == [
        "Ben Østergård @ben_reads",
        "Benjamin &lt;Ø&gt; @ben_reads",
        "Ben @ben_ost",
    ]
    assert 'datetime="2026-11-03' in profile
    assert 'datetime="2026-09-22' in profile


def test_who_was_never_called_otherwise_has_no_history_of_names(as_ada, x_account, ben):
    talk(x_account, ben)
    assert "former-names" not in page(as_ada, ben)


def test_all_their_media_is_reached_page_by_page_and_no_message_is_cut_in_two(as_ada, x_account, ben, monkeypatch):
    monkeypatch.setattr("conversations.views.person.PICTURES", 3)
    monkeypatch.setattr("conversations.views.person.MESSAGES_LOOKED_AT", 5)
    row = talk(x_account, ben)
    events = [say(row, ben, MORNING + timedelta(minutes=number)) for number in range(1, 13)]
    number = 0
    for place, size in ((0, 1), (3, 1), (7, 2), (8, 2), (9, 1), (11, 1)):
        for _ in range(size):
            number += 1
            photo_of(events[place], number)
    seen, address = [], f"/people/{ben.pk}/"
    while address:
        html = re.sub(r"\s+", " ", as_ada.get(address).content.decode())
        media = html.split('id="media-title"')[1]
        seen.append([int(found) for found in re.findall(r'/files/(\d+)/"', media)])
        found = re.search(r'href="(\?before=\d+)#media"', media)
        address = found and f"/people/{ben.pk}/{found[1]}"
    files = {file.source_hash: file.pk for file in MediaFile.objects.all()}
    shown = [[next(int(name[1:]) for name, pk in files.items() if pk == each) for each in part] for part in seen]
    assert shown == [[8, 7, 5, 6], [3, 4, 2], [1]]


def test_it_lists_all_conversations_with_the_accounts_one_may_see_and_no_others(as_ada, ada, x_account, ben):
    other, hidden = factories.XAccountFactory(), factories.XAccountFactory()
    Membership.objects.create(user=ada, x_account=other, read_before_id=1)
    mine = [talk(x_account, ben), talk(other, ben, MORNING + timedelta(days=1))]
    secret = talk(hidden, ben, MORNING + timedelta(days=2), "For other eyes")
    html = page(as_ada, ben)
    assert re.findall(r'href="/c/(\d+)/"', html) == [str(mine[1].pk), str(mine[0].pk)]
    assert "For other eyes" not in html
    assert f"/c/{secret.pk}/" not in html


def test_an_unread_conversation_is_called_so_not_only_set_in_bold(as_ada, ada, x_account, ben):
    row = talk(x_account, ben)
    unread = '</span> <span class="hidden-text">Unread</span> </a>'
    assert unread in page(as_ada, ben)
    actions.mark_read(ada, row, row.last_dm_event_id)
    assert unread not in page(as_ada, ben)


def test_first_and_last_seen_are_messages_one_may_read(as_ada, x_account, ben):
    row = talk(x_account, ben, MORNING)
    middle, last = say(row, ben, MORNING + timedelta(days=3)), say(row, ben, MORNING + timedelta(days=5))
    talk(factories.XAccountFactory(), ben, MORNING - timedelta(days=9))
    html = page(as_ada, ben)
    first = row.events.order_by("dm_event_id").first()
    assert f"/c/{row.pk}/e/{first.dm_event_id}/" in html
    assert f"/c/{row.pk}/e/{last.dm_event_id}/" in html
    assert str(middle.dm_event_id) not in html
    assert html.index("3 Nov 2026") < html.index("8 Nov 2026")


def test_media_they_sent_lead_to_their_messages_and_those_of_others_conversations_stay_out(as_ada, x_account, ben):
    row = talk(x_account, ben)
    file = photo_of(row.last_event)
    theirs = photo_of(talk(factories.XAccountFactory(), ben, MORNING + timedelta(days=1)).last_event, 2)
    html = page(as_ada, ben)
    assert f'src="/c/{row.pk}/files/{file.pk}/"' in html
    assert f"/files/{theirs.pk}/" not in html


def test_a_person_who_never_wrote_has_a_page_too(as_ada, x_account, ben):
    row = factories.ConversationFactory(x_account=x_account, peer=ben)
    factories.ParticipantFactory(conversation=row, x_user=ben)
    assert "No messages from this person are stored." in page(as_ada, ben)


def test_people_of_nobodys_conversations_do_not_exist(client, cleo, x_account, ben):
    talk(x_account, ben)
    client.force_login(cleo)
    for pk in (ben.pk, 1, 10**30):
        assert client.get(f"/people/{pk}/").status_code == 404


def test_membership_that_ended_ends_the_page_at_once(as_ada, x_account, ben):
    talk(x_account, ben)
    page(as_ada, ben)
    Membership.objects.all().delete()
    assert as_ada.get(f"/people/{ben.pk}/").status_code == 404


@pytest.mark.parametrize("count", [1, 20])
def test_the_number_of_queries_does_not_grow(as_ada, ada, ben, count, django_assert_max_num_queries):
    for number in range(count):
        account = factories.XAccountFactory()
        Membership.objects.create(user=ada, x_account=account, read_before_id=1)
        photo_of(talk(account, ben, MORNING + timedelta(hours=number)).last_event, number)
    with django_assert_max_num_queries(14):
        page(as_ada, ben)


def test_somebody_in_very_many_conversations_leads_on_to_the_inbox(as_ada, ada, ben, monkeypatch):
    monkeypatch.setattr("conversations.views.person.CONVERSATIONS", 2)
    assert CONVERSATIONS > 2
    for number in range(3):
        account = factories.XAccountFactory()
        Membership.objects.create(user=ada, x_account=account, read_before_id=1)
        talk(account, ben, MORNING + timedelta(hours=number))
    html = page(as_ada, ben)
    assert f'href="/?person={ben.pk}"' in html
    assert len(re.findall(r'href="/c/\d+/"', html)) == 2


def test_what_a_person_wrote_is_read_from_its_index(x_account, ben):
    row = talk(x_account, ben)
    DmEvent.objects.bulk_create(
        DmEvent(
            conversation=row, dm_event_id=number, event_type="MessageCreate", created_at=MORNING, raw={}, sender=one
        )
        for number, one in enumerate([ben, *factories.XUserFactory.create_batch(3)] * 1500, 1)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE conversations_dmevent")
    for order in ("dm_event_id", "-dm_event_id"):
        for plan in plans_of(DmEvent.objects.filter(sender=ben).order_by(order)[:1]):
            assert "events_of_a_person" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
