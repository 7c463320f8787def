"""Bodies and headers become what every database can keep."""

from datetime import UTC, datetime

import pytest
from requests.structures import CaseInsensitiveDict

from dminbox.xapi.reply import Kind, make_reply, rate_limit_in, read_json


def reply(content: bytes, **headers: str):
    named = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return make_reply("GET /2/dm_events", Kind.READ, 200, named, content)


def test_numbers_that_are_none_become_null():
    assert read_json("[NaN, Infinity, -Infinity, 1e999, 1.5]") == [None, None, None, None, 1.5]


def test_what_no_database_stores_is_replaced():
    assert read_json(r'{"a\u0000": ["x\u0000y", "\ud800", "\ud83d\ude00"]}') == {
        "a\ufffd": ["x\ufffdy", "\ufffd", "😀"]
    }


@pytest.mark.parametrize("text", ["", "<html>", "{", "[" * 100_000, "9" * 5_000])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        read_json(text)


def test_html_is_kept_as_its_beginning():
    answer = reply(b"<html>" + b"x" * 5000)
    assert (answer.is_json, len(answer.body)) == (False, 2000)


def test_a_byte_order_mark_and_broken_utf8_do_no_harm():
    assert reply(b'\xef\xbb\xbf{"a": "\xff"}').body == {"a": "\ufffd"}


def test_the_windows_are_read_from_the_headers():
    limit = rate_limit_in(
        {
            "x-rate-limit-limit": "15",
            "x-rate-limit-remaining": "14",
            "x-rate-limit-reset": "1790000000",
            "x-user-limit-24hour-limit": "1440",
            "x-user-limit-24hour-remaining": "1439",
            "x-user-limit-24hour-reset": "1790080000",
            "x-app-limit-24hour-limit": "1440",
            "x-app-limit-24hour-remaining": "0",
            "x-app-limit-24hour-reset": "1790080001",
        }
    )
    assert (limit.limit, limit.remaining, limit.reset_at) == (15, 14, datetime.fromtimestamp(1790000000, UTC))
    assert (limit.user_day_limit, limit.user_day_remaining) == (1440, 1439)
    assert limit.user_day_reset_at == datetime.fromtimestamp(1790080000, UTC)
    assert (limit.app_day_limit, limit.app_day_remaining) == (1440, 0)
    assert limit.app_day_reset_at == datetime.fromtimestamp(1790080001, UTC)


@pytest.mark.parametrize("value", ["", "soon", "-1", "1e9", "٣", "9" * 18, "9" * 40])
def test_a_reset_that_is_no_time_is_none(value):
    assert rate_limit_in({"x-rate-limit-reset": value}).reset_at is None


@pytest.mark.parametrize("zone", ["UTC", "GMT", "+0000", "-0000"])
def test_the_date_of_the_answer_is_utc(zone):
    assert reply(b"{}", date=f"Fri, 02 Oct 2026 02:40:36 {zone}").answered_at == datetime(
        2026, 10, 2, 2, 40, 36, tzinfo=UTC
    )


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 99 Oct 2026 02:40:36 GMT"])
def test_without_a_date_our_own_clock_counts(date, time_machine):
    time_machine.move_to(datetime(2026, 10, 3, tzinfo=UTC), tick=False)
    assert reply(b"{}", date=date).answered_at == datetime(2026, 10, 3, tzinfo=UTC)
