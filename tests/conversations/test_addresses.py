"""Addresses of rows, made without asking Django for each."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse, set_script_prefix

from conversations.showing.addresses import address_of
from conversations.urls import urlpatterns


@pytest.fixture
def mounted_below():
    set_script_prefix("/dm/")
    yield
    set_script_prefix("/")


@pytest.mark.parametrize(
    ("name", "pks"),
    [("thread", [7]), ("event", [7, 2**63 - 1]), ("thumbnail", [1, 1, 1]), ("thumbnail", [10**17, 2, 10**17 + 1])],
)
def test_an_address_is_the_one_django_gives(name, pks):
    assert address_of(name, *pks) == reverse(name, args=pks)


def test_an_address_begins_where_the_site_is_mounted(mounted_below):
    assert address_of("thread", 7) == "/dm/c/7/"


@pytest.mark.parametrize("number", [str(2**63), "9" * 5000], ids=["one more", "5,000 digits"])
@pytest.mark.parametrize("pattern", [each.pattern for each in urlpatterns if "<id:" in str(each.pattern)], ids=str)
def test_there_is_no_page_of_a_number_that_no_column_holds(as_ada, pattern, number):
    assert as_ada.get("/" + re.sub("<id:[a-z_]+>", number, str(pattern))).status_code == 404


def test_after_that_it_begins_at_the_root_again():
    assert address_of("thread", 7) == "/c/7/"
