"""Page tokens: how X makes them, and what following them brings."""

import pytest

from dminbox.xsim.paging import Cursor, next_token, previous_token, read_token
from tests.xsim.conftest import ADA, BEN, CLEO, ids, say, texts

HERE = f"/2/dm_conversations/{ADA}-{BEN}/dm_events"
GROUP = "1585823815904395264"


def pages(x, bearer, path=HERE, token=None, **params):
    """Pages to the older end, as a client reads them: while there is a token."""
    found = []
    while not found or token:
        page = x.api(bearer, path, params={**params, **({"pagination_token": token} if token else {})}).json()
        found.append(page)
        token = page["meta"].get("next_token")
    return found


def read_ids(found):
    return [event["id"] for page in found for event in page.get("data", [])]


def test_tokens_are_made_as_x_makes_them():
    assert next_token("1585823814058971140") == "18LAA5G1V9DLILOG0G00ZZZZ"
    assert previous_token("1585823814956482567") == "1BLC45G1V9DOTLG00S00ZZZZ"
    assert read_token("18LAA5G1V9DLILOG0G00ZZZZ") == Cursor(1585823814058971140, is_next=True)
    assert read_token("1BLC45G1V9DOTLG00S00ZZZZ") == Cursor(1585823814956482567, is_next=False)


@pytest.mark.parametrize(
    "token",
    ["meta.next_token", "", "18LAA5G1V9DLILOG0G00", "08LAA5G1V9DLILOG0G00ZZZZ", "18LAA5G1V9DLILOG0G01ZZZZ", "ü"],
)
def test_a_token_that_x_did_not_make_is_refused(x, ada, token):
    answer = x.api(ada, "/2/dm_events", params={"pagination_token": token})

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {
            "parameters": {"pagination_token": [token]},
            "message": f"The `pagination_token` query parameter value [{token}] is not a valid token.",
        }
    ]


def test_the_last_page_that_holds_something_still_has_a_token(x, ada):
    first, second = say(x, BEN, "one"), say(x, BEN, "two")
    page, end = pages(x, ada)

    assert page["meta"] == {
        "result_count": 2,
        "next_token": next_token(first["id"]),
        "previous_token": previous_token(second["id"]),
    }
    assert end == {"meta": {"result_count": 0}}


@pytest.mark.parametrize("size", [1, 3, 10, 100])
def test_pages_bring_every_event_once_newest_first(x, ada, size):
    said = [say(x, BEN, str(number))["id"] for number in range(20)]

    assert read_ids(pages(x, ada, max_results=size)) == said[::-1]


def test_new_arrivals_do_not_shift_older_pages(x, ada):
    said = [say(x, BEN, str(number))["id"] for number in range(6)]
    first = x.api(ada, HERE, params={"max_results": 3}).json()
    say(x, BEN, "late")

    second = x.api(ada, HERE, params={"max_results": 3, "pagination_token": first["meta"]["next_token"]})
    assert ids(second) == said[2::-1]


def test_a_previous_token_leads_to_the_next_newer_events(x, ada):
    said = [say(x, BEN, str(number))["id"] for number in range(7)]
    first, second, *_ = pages(x, ada, max_results=2)
    back = {"max_results": 2, "pagination_token": second["meta"]["previous_token"]}

    assert ids(x.api(ada, HERE, params=back)) == [event["id"] for event in first["data"]] == said[:4:-1]
    newest = {"pagination_token": first["meta"]["previous_token"]}
    assert x.api(ada, HERE, params=newest).json() == {"meta": {"result_count": 0}}
    said.append(say(x, BEN, "new")["id"])
    assert ids(x.api(ada, HERE, params=newest)) == said[-1:]


def test_hidden_events_take_up_room_so_pages_are_short_or_empty_and_still_carry_tokens(x, ada):
    said = [say(x, BEN, str(number), is_hidden=number in (2, 3, 4))["id"] for number in range(6)]
    found = pages(x, ada, max_results=2)

    assert [page["meta"]["result_count"] for page in found] == [1, 0, 2, 0]
    assert found[1] == {
        "meta": {"result_count": 0, "next_token": next_token(said[2]), "previous_token": previous_token(said[3])}
    }
    assert read_ids(found) == [said[5], said[1], said[0]]


def test_events_of_other_types_take_up_room_too(x, ada):
    x.post("conversations", {"id": GROUP, "member_ids": [ADA, BEN, CLEO], "is_group": True})
    for number in range(3):
        say(x, BEN, str(number), GROUP)
    joined = say(x, BEN, None, GROUP, event_type="ParticipantsJoin", participant_ids=[CLEO])
    found = pages(x, ada, f"/2/dm_conversations/{GROUP}/dm_events", max_results=2, event_types="ParticipantsJoin")

    assert [page["meta"]["result_count"] for page in found] == [1, 0, 0]
    assert read_ids(found) == [joined["id"]]


def test_empty_pages_can_be_had_after_every_page(x, ada):
    x.post("settings", {"empty_pages": 2})
    said = [say(x, BEN, str(number), id=str(10**18 + number * 1000))["id"] for number in range(4)]
    found = pages(x, ada, max_results=2)

    assert [page["meta"]["result_count"] for page in found] == [2, 0, 0, 2, 0, 0, 0]
    assert read_ids(found) == said[::-1]
    tokens = [page["meta"].get("next_token") for page in found]
    assert len(set(tokens)) == len(tokens)


def test_the_window_of_30_days_ends_the_pages_but_leaves_a_token_on_the_last(x, ada):
    say(x, BEN, "too old", created_at="2026-09-01T00:00:00Z")
    kept = say(x, BEN, "kept", created_at="2026-10-20T00:00:00Z")
    found = pages(x, ada, "/2/dm_events")

    assert read_ids(found) == [kept["id"]]
    assert "next_token" in found[0]["meta"]


def test_two_events_in_one_second_keep_the_order_of_their_ids(x, ada):
    for number in (5, 3, 4):
        say(x, BEN, str(number), id=str(2_122_000_000_000_000_000 + number), created_at="2026-11-01T11:00:00Z")

    assert texts(x.api(ada, HERE)) == ["5", "4", "3"]
