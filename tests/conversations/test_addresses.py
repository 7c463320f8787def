"""Addresses of rows, made without asking Django for each."""

import pytest
from django.urls import reverse, set_script_prefix

from conversations.addresses import address_of


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


def test_after_that_it_begins_at_the_root_again():
    assert address_of("thread", 7) == "/c/7/"
