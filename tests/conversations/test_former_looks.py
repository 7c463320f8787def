"""People change what they say of themselves, and their picture: what was shown before stays known, and is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Membership, Role
from conversations.models import MediaFile, XUser, XUserLook
from conversations.sync.includes import store_users
from dminbox.xapi import schema
from tests import factories
from tests.conversations.page_support import page

pytestmark = [pytest.mark.django_db, pytest.mark.services]
JUNE = datetime(2026, 6, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, NEW = "https://pbs.twimg.com/profile_images/1/old.jpg", "https://pbs.twimg.com/profile_images/2/new.jpg"


def shown(at, picture=OLD, pk="2001", **said):
    raw = {"name": "Ada", "username": "ada", **({"profile_image_url": picture} if picture else {}), **said}
    store_users([schema.User(id=pk, name="Ada", username="ada", profile_image_url=picture, raw=raw)], at)


def looks():
    rows = XUserLook.objects.order_by("seen_until")
    return [(row.description, row.location, row.avatar and row.avatar.source_url) for row in rows]


def test_who_never_showed_anything_else_has_no_former_look():
    shown(JUNE, description="Lamps")
    shown(JUNE + 3 * DAY, description="Lamps")
    assert looks() == []
    assert XUser.objects.get().described_at == JUNE


def test_a_new_description_keeps_the_old_one_with_when_it_was_seen():
    shown(JUNE, description="Lamps", location="Bergen")
    shown(JUNE + 3 * DAY, description="Lamps", location="Bergen")
    shown(JUNE + 9 * DAY, description="Shades", location="Bergen")
    shown(JUNE + 20 * DAY, description="Shades", location="Oslo")
    assert looks() == [("Lamps", "Bergen", OLD), ("Shades", "Bergen", OLD)]
    spans = XUserLook.objects.order_by("seen_until").values_list("seen_from", "seen_until")
    assert list(spans) == [(JUNE, JUNE + 3 * DAY), (JUNE + 9 * DAY, JUNE + 9 * DAY)]
    assert XUser.objects.get().described_at == JUNE + 20 * DAY


def test_a_new_picture_keeps_the_old_one():
    shown(JUNE)
    shown(JUNE + DAY, NEW)
    assert looks() == [("", "", OLD)]
    assert XUser.objects.get().avatar.source_url == NEW


@pytest.mark.parametrize("before", [{}, {"description": ""}, {"description": None}, {"description": 5}])
def test_what_was_not_there_before_is_nothing_to_keep(before):
    shown(JUNE, None, **before)
    shown(JUNE + DAY, None, description="Lamps")
    assert looks() == []
    assert XUser.objects.get().described_at == JUNE + DAY


def test_what_an_answer_leaves_out_is_still_there():
    shown(JUNE, description="Lamps")
    shown(JUNE + 9 * DAY, None)
    assert looks() == []


def test_looks_cost_a_statement_more_and_only_where_somebody_looks_otherwise(django_assert_num_queries):
    for pk in range(3001, 3011):
        shown(JUNE, None, str(pk), description="Lamps")
    people = [
        schema.User(id=str(pk), name="Ada", username="ada", raw={"description": "Shades"}) for pk in range(3001, 3011)
    ]
    with django_assert_num_queries(3):
        store_users(people, JUNE + DAY)
    assert XUserLook.objects.count() == 10


# --- Their page -------------------------------------------------------------------------------------------------------


@pytest.fixture
def row(ada):
    x_account = factories.XAccountFactory()
    Membership.objects.create(user=ada, x_account=x_account, role=Role.VIEWER, read_before_id=1)
    person = factories.XUserFactory(raw={"description": "Shades", "location": "Oslo"})
    row = factories.ConversationFactory(x_account=x_account, peer=person)
    factories.ParticipantFactory(conversation=row, x_user=person)
    return row


def before(row, days, **looked):
    at = JUNE - days * DAY
    return XUserLook.objects.create(x_user=row.peer, seen_from=at, seen_until=at, **looked)


def test_it_shows_what_was_otherwise_newest_first(as_ada, row):
    before(row, 2, description="Lamps <3", location="Bergen")
    before(row, 1, description="Shades", location="Bergen")
    html = page(as_ada, f"/people/{row.peer_id}/").split('class="former-looks"')[1].split("</ul>")[0]
    newest, oldest = html.split("<li>")[1:]
    assert "Bergen" in newest
    assert "Shades" not in newest, "they say so still"
    assert "Lamps &lt;3" in oldest
    assert "Bergen" not in oldest, "that was told of the one after it"


def test_it_shows_a_former_picture(as_ada, row):
    file = MediaFile.objects.create(source_url=OLD, source_hash="h", state="stored", path="former.jpg")
    before(row, 1, avatar=file)
    html = page(as_ada, f"/people/{row.peer_id}/").split('class="former-looks"')[1].split("</ul>")[0]
    assert f'src="/c/{row.pk}/files/{file.pk}/"' in html
    assert "Different picture" in html
