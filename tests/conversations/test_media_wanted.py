"""Rows for files that X names, whoever names them first."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.media import wanted_file, wanted_files
from conversations.models import MediaFile
from tests.factories import XAccountFactory

PHOTO = "https://ton.twitter.com/1.1/ton/data/dm/1861111111111111111/1861111111111111112/aB3-_x.jpg"
AVATAR = "https://pbs.twimg.com/profile_images/1861/ada_normal.jpg"


@pytest.mark.django_db
def test_a_file_named_twice_is_one_row():
    first = wanted_file(AVATAR, None)
    assert wanted_file(AVATAR, XAccountFactory()).pk == first.pk
    assert first.state == MediaFile.State.DUE
    assert first.source_url == AVATAR


@pytest.mark.django_db
def test_many_files_come_back_by_their_address():
    x_account = XAccountFactory()
    known = wanted_file(AVATAR, None)
    files = wanted_files([(AVATAR, None), (PHOTO, x_account), (PHOTO, x_account)])
    assert files[AVATAR].pk == known.pk
    assert files[PHOTO].pk
    assert files[PHOTO].x_account_id == x_account.pk


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 40])
def test_the_number_of_queries_does_not_grow_with_the_files(count):
    urls = [(f"https://pbs.twimg.com/media/{n}.jpg", None) for n in range(count)]
    with CaptureQueriesContext(connection) as first:
        wanted_files(urls)
    assert len([query for query in first if "SAVEPOINT" not in query["sql"]]) == 3
    with CaptureQueriesContext(connection) as again:
        wanted_files(urls)
    assert len(again) == 1


@pytest.mark.django_db
def test_an_address_no_database_can_hold_still_gets_a_row():
    spoiled = "https://pbs.twimg.com/a\x00b\ud800.jpg"
    assert wanted_files([(spoiled, None)])[spoiled].source_url == "https://pbs.twimg.com/a\ufffdb\ufffd.jpg"


@pytest.mark.django_db
def test_no_address_is_no_file():
    assert wanted_files([("", None)]) == {}
