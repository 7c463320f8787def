"""What reading may bring and cost, said before anybody asks for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import snowflake_floor
from conversations.sync.estimates import Estimate, Pace, birth_of, expected, of_pages, older_events, pages_past

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_same_pace_over_another_stretch():
    assert expected(Pace(20, 10 * DAY), 30 * DAY) == Estimate(60)
    assert expected(Pace(41, 10 * DAY), 300 * DAY) == Estimate(1200)


def test_part_of_an_event_counts_as_one():
    assert expected(Pace(1, 30 * DAY), DAY) == Estimate(1)
    assert expected(Pace(1, 30 * DAY), timedelta(0)) == Estimate(0)


@pytest.mark.parametrize("known", [None, Pace(0, 30 * DAY), Pace(500, timedelta(hours=3))])
def test_from_too_little_nothing_follows(known):
    assert expected(known, 30 * DAY) is None


@pytest.mark.parametrize(
    ("events", "said"), [(7, 7), (99, 99), (100, 100), (104, 100), (1234, 1200), (1250.5, 1300), (98_765, 99_000)]
)
def test_numbers_are_said_to_two_digits(events, said):
    assert expected(Pace(round(events * 10), 10 * DAY), DAY) == Estimate(said)


def test_the_price_is_that_of_the_settings(settings):
    assert Estimate(1200).usd == Decimal(12)
    assert of_pages(1).usd == Decimal(1)
    assert of_pages(2, people=3).usd == Decimal("2.03")
    settings.PRICE_DM_EVENT_USD = Decimal("0.002")
    assert Estimate(1200).usd == Decimal("2.4")


def test_people_come_at_the_pace_of_events_and_with_their_price():
    assert expected(Pace(20, 10 * DAY, people=4), 30 * DAY) == Estimate(60, people=12)
    assert Estimate(60, people=12).usd == Decimal("0.72")
    assert Estimate(1200, people=2).most == Estimate(1800, people=2)


def test_a_wish_for_all_of_it_stops_at_half_as_much_again():
    assert Estimate(1200).pages == 18
    assert Estimate(1200).most == Estimate(1800)
    assert Estimate(0).pages == Estimate(3).pages == 1
    assert Estimate(10_000_000).pages == 1000


def test_what_is_billed_once_more_is_counted_as_it_is():
    assert Estimate(960, again=700).usd == Decimal("9.6")
    assert Estimate(960, again=700).pages == 11
    assert [pages_past(again) for again in (0, 1, 100, 101, 695)] == [1, 2, 2, 3, 8]


def test_a_groups_age_stands_in_its_id():
    born = NOW - 100 * DAY
    assert birth_of(str(snowflake_floor(born)), []) == born


def test_two_people_have_no_older_conversation_than_the_younger_of_them():
    old, young = NOW - 3000 * DAY, NOW - 200 * DAY
    assert birth_of("12-34", [old, young]) == young
    assert birth_of("12-34", [None, old]) == old
    assert birth_of("12-34", [None, None]) is None


def test_older_events_are_those_between_birth_and_what_is_known():
    known = Pace(60, 30 * DAY)
    since = NOW - 30 * DAY
    assert older_events(known, since, NOW - 330 * DAY) == Estimate(600)
    assert older_events(known, since, NOW - 10 * DAY) == Estimate(0)
    assert older_events(known, since, None) is None
