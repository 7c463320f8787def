"""Whatever JSON comes, a page is read or refused in one way, and no event is lost."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from dminbox.xapi.errors import UnexpectedAnswer
from dminbox.xapi.known_members import unknown_in, unknown_in_activity
from dminbox.xapi.parsing import billed_in, parse_page, parse_posts, parse_problems, parse_users

NAMES = st.sampled_from(
    [
        *("data", "meta", "includes", "errors", "next_token", "previous_token", "result_count"),
        *("id", "event_type", "text", "sender_id", "participant_ids", "created_at", "dm_conversation_id"),
        *("attachments", "media_keys", "card_ids", "referenced_tweets", "referenced_posts", "entities", "urls"),
        *("users", "tweets", "posts", "media", "polls", "options", "variants", "media_key"),
        *("type", "title", "detail", "parameters", "value"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.integers(min_value=1, max_value=10**19).map(str)
    | st.just("2026-10-02T09:00:00.000Z")
    | st.just("5_1920000000000000700")
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=6),
    max_leaves=25,
)
PAGES = st.fixed_dictionaries(
    {"data": st.lists(JSON, max_size=6)}, optional={"meta": JSON, "includes": JSON, "errors": JSON}
)


@given(JSON)
def test_anything_is_a_page_or_an_unexpected_answer(body):
    for parse in (parse_page, parse_posts, parse_users):
        with suppress(UnexpectedAnswer):
            parse(body)
    parse_problems(body)
    billed_in(body, "events")
    unknown_in(body, "events")
    unknown_in_activity(body)


@given(PAGES)
def test_every_element_of_data_is_an_event_or_an_odd_one(body):
    try:
        page = parse_page(body)
    except UnexpectedAnswer:
        return
    assert len(page.events) + len(page.odd) == len(body["data"])
    raws = [event.raw for event in page.events] + [odd.raw for odd in page.odd]
    assert all(element in raws for element in body["data"])


@given(st.lists(st.integers(min_value=0, max_value=10**19 - 1), max_size=20), st.booleans())
def test_ids_come_out_as_they_went_in(ids, as_numbers):
    page = parse_page({"data": [{"id": value if as_numbers else str(value)} for value in ids]})
    assert [event.id for event in page.events] == [str(value) for value in ids]
