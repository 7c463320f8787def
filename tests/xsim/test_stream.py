"""The activity stream: what comes over it, how soon, what keeps it alive, and what can go wrong on the way."""

import json
import time

import pytest

from tests.xsim.conftest import ADA, BEN, CLEO, DAN, say
from tests.xsim.listening import listening

DM = ("dm.received", "dm.sent", "dm.read", "dm.indicate_typing")
SEND = f"/2/dm_conversations/with/{BEN}/messages"


@pytest.fixture
def subscribed(x, ada):
    """Ada is subscribed to everything."""
    x.subscribe(ada, ADA, *DM, "chat.received", "chat.sent", tag="ada")
    return x


def text_of(event):
    return event["payload"]["direct_message_events"][0]["message_create"]["message_data"]["text"]


def texts(events):
    return [text_of(event) for event in events]


def test_what_is_said_to_ada_and_by_her_comes_within_milliseconds(subscribed, ada):
    with listening(subscribed) as ear:
        for number in range(10):
            say(subscribed, BEN, f"hi {number}")
            line, came_at = ear.line()
            pushed_at = subscribed.get("activity")[-1]["pushed_at"]
            assert json.loads(line)["data"]["event_type"] == "dm.received"
            assert abs(came_at - pushed_at) < 1, "wall clock of one machine"
        subscribed.api(ada, SEND, "POST", json={"text": "yes?"})
        sent = ear.event()

    assert (sent["event_type"], text_of(sent), sent["filter"], sent["tag"]) == (
        "dm.sent",
        "yes?",
        {"user_id": ADA},
        "ada",
    )


def test_the_best_of_many_takes_less_than_twenty_milliseconds(subscribed):
    with listening(subscribed) as ear:
        waits = []
        for _ in range(20):
            say(subscribed, BEN, "hi")
            came_at = ear.line()[1]
            waits.append(came_at - subscribed.get("activity")[-1]["pushed_at"])

    assert min(waits) < 0.02


def test_both_sides_are_told_when_both_are_subscribed(subscribed, ben):
    subscribed.subscribe(ben, BEN, *DM)
    with listening(subscribed) as ear:
        say(subscribed, BEN, "hi")
        told = {(event["event_type"], event["filter"]["user_id"]) for event in ear.events(2)}

    assert told == {("dm.sent", BEN), ("dm.received", ADA)}


def test_nobody_is_told_of_groups_of_others_or_of_what_is_hidden(subscribed):
    group = "1585823815904395264"
    subscribed.post("conversations", {"id": group, "member_ids": [ADA, BEN, CLEO], "is_group": True})
    with listening(subscribed) as ear:
        say(subscribed, BEN, "to all", group)
        say(subscribed, BEN, "to Cleo", f"{BEN}-{CLEO}")
        say(subscribed, BEN, "unseen", is_hidden=True)
        say(subscribed, BEN, "to Ada")
        assert text_of(ear.event()) == "to Ada"

    assert len(subscribed.get("activity")) == 1


def test_a_message_to_oneself_is_told_once(subscribed):
    say(subscribed, ADA, "milk", f"{ADA}-{ADA}")

    assert [push["event_type"] for push in subscribed.get("activity")] == ["dm.sent"]


def test_a_message_is_told_when_it_can_be_seen_and_not_before(subscribed):
    with listening(subscribed) as ear:
        say(subscribed, BEN, "late", visible_at="2026-11-01T12:00:30Z")
        say(subscribed, BEN, "later", created_at="2026-11-01T12:01:00Z")
        assert subscribed.get("activity") == []
        subscribed.post("clock", {"advance": 30})
        assert text_of(ear.event()) == "late"
        subscribed.post("clock", {"advance": 30})
        assert text_of(ear.event()) == "later"

    assert [push["at"] for push in subscribed.get("activity")] == ["2026-11-01T12:00:30Z", "2026-11-01T12:01:00Z"]


def test_arrivals_come_by_themselves_while_somebody_listens(subscribed):
    world = subscribed.get("world")
    pair = {"dm_conversation_id": f"{ADA}-{BEN}", "sender_id": BEN}
    arrivals = [
        {**pair, "after": 0.2, "kind": "typing"},
        {**pair, "after": 0.4, "text": "by myself"},
        {**pair, "after": 0.5, "dm_conversation_id": f"{BEN}:{ADA}", "kind": "chat"},
    ]
    subscribed.post("clock", {"frozen": False})
    with listening(subscribed) as ear:
        subscribed.post("world", {**world, "arrivals": arrivals})
        started = time.monotonic()
        events = ear.events(3)
        took = time.monotonic() - started

    assert [event["event_type"] for event in events] == ["dm.indicate_typing", "dm.received", "chat.received"]
    assert text_of(events[1]) == "by myself"
    assert took < 5


def test_fleeting_things_of_the_past_are_not_told_when_the_clock_jumps(subscribed):
    world = subscribed.get("world")
    typing = {"dm_conversation_id": f"{ADA}-{BEN}", "sender_id": BEN, "after": 10, "kind": "typing"}
    subscribed.post("world", {**world, "arrivals": [typing]})
    subscribed.post("clock", {"advance": 600})

    assert subscribed.get("activity") == []


def test_typing_and_reading_are_told_to_the_other_side_alone(subscribed, ben):
    subscribed.subscribe(ben, BEN, *DM)
    subscribed.post("typing", {"sender_id": BEN, "recipient_id": ADA})
    subscribed.post("read", {"reader_id": BEN, "other_id": ADA, "last_read_event_id": "1585823814058971140"})
    told = [(push["event_type"], push["user_id"]) for push in subscribed.get("activity")]

    assert told == [("dm.indicate_typing", ADA), ("dm.read", ADA)]


def test_people_with_the_habit_read_what_comes_to_them_once(subscribed, ada):
    subscribed.post("people", {"id": BEN, "username": "ben", "name": "Ben", "reads_after": 20})
    for text in ("one", "two"):
        sent = subscribed.api(ada, SEND, "POST", json={"text": text}).json()["data"]["dm_event_id"]
        subscribed.post("clock", {"advance": 1})
    assert not [push for push in subscribed.get("activity") if push["event_type"] == "dm.read"]
    with listening(subscribed) as ear:
        subscribed.post("clock", {"advance": 30})
        read = ear.event()
        subscribed.post("clock", {"advance": 30})

    (said,) = read["payload"]["direct_message_mark_read_events"]
    assert said["last_read_event_id"] == sent
    assert len([push for push in subscribed.get("activity") if push["event_type"] == "dm.read"]) == 1


def test_a_revocation_is_told_to_the_app_and_with_it_end_the_subscriptions(subscribed):
    subscribed.subscribe(subscribed.app_token(), None, "oauth.revoke")
    with listening(subscribed) as ear:
        subscribed.delete(f"grants?user_id={ADA}")
        revoke = ear.event()
        say(subscribed, BEN, "are you there?")

    assert (revoke["event_type"], revoke["filter"]) == ("oauth.revoke", {})
    assert revoke["payload"] == {
        "date_time": "2026-11-01T12:00:00+00:00",
        "user_id": ADA,
        "app_id": subscribed.get("settings")["app_id"],
    }
    assert len(subscribed.get("activity")) == 1


def test_a_living_stream_has_an_empty_line_now_and_then(subscribed):
    subscribed.post("settings", {"keep_alive_seconds": 0.05})
    with listening(subscribed) as ear:
        assert [ear.line()[0] for _ in range(3)] == [b"", b"", b""]
        subscribed.post("stream", {"pause_keep_alives": True})
        while not ear.is_quiet():
            ear.line()
        time.sleep(0.3)
        assert ear.is_quiet()
        say(subscribed, BEN, "still here")
        assert text_of(ear.event()) == "still here"
        subscribed.post("stream", {"pause_keep_alives": False})
        assert ear.line()[0] == b""


def test_two_may_listen_and_hear_the_same_and_a_third_is_refused(subscribed):
    with listening(subscribed) as one, listening(subscribed) as other:
        third = subscribed.stream()
        assert third.status_code == 429
        assert third.json()["connection_issue"] == "TooManyConnections"
        say(subscribed, BEN, "to both")
        assert one.line()[0] == other.line()[0]

    assert subscribed.get("activity")[0]["connections"] == 2


def test_a_place_is_free_again_when_somebody_left(subscribed):
    subscribed.post("settings", {"stream_connections": 1, "keep_alive_seconds": 0.05})
    left = subscribed.stream()
    left.close()
    deadline = time.monotonic() + 5
    while subscribed.get("stream")["connections"]:
        assert time.monotonic() < deadline
    with listening(subscribed) as ear:
        assert ear.line()[0] == b""


def test_only_the_app_itself_may_listen(subscribed, ada):
    for token, status in ((ada, 403), (None, 401), ("nobody", 401)):
        assert subscribed.api(token, "/2/activity/stream").status_code == status


def test_without_credit_there_is_no_stream_and_an_open_one_ends(subscribed):
    subscribed.post("settings", {"credit_usd": 0.015})
    with listening(subscribed) as ear:
        say(subscribed, BEN, "one")
        say(subscribed, BEN, "two, slightly below zero")
        say(subscribed, BEN, "three")
        assert texts(ear.events(2)) == ["one", "two, slightly below zero"]
        assert ear.has_ended() is None

    refused = subscribed.stream()
    assert (refused.status_code, refused.json()["title"]) == (402, "Payment Required")
    assert subscribed.get("activity")[2]["pushed_at"] is None


@pytest.mark.parametrize("minutes", ["6", "-1", "x", ""])
def test_no_more_than_five_minutes_come_back(subscribed, minutes):
    answer = subscribed.stream(minutes)

    assert answer.status_code == 400
    assert "backfill_minutes" in answer.json()["errors"][0]["parameters"]


def test_missed_minutes_come_first_and_perhaps_a_second_time(subscribed):
    say(subscribed, BEN, "too long ago")
    subscribed.post("clock", {"advance": 61})
    say(subscribed, BEN, "missed")
    with listening(subscribed) as ear:
        say(subscribed, BEN, "heard")
        assert texts(ear.events(1)) == ["heard"]
    subscribed.post("clock", {"advance": 1})
    with listening(subscribed, backfill_minutes=1) as ear:
        say(subscribed, BEN, "new")
        assert texts(ear.events(3)) == ["missed", "heard", "new"]
    with listening(subscribed, backfill_minutes=0) as ear:
        say(subscribed, BEN, "last")
        assert texts(ear.events(1)) == ["last"]


def test_a_connection_that_is_cut_or_ended_takes_what_came_before(subscribed):
    for how, is_error in (("cut", True), ("end", False)):
        with listening(subscribed) as ear:
            say(subscribed, BEN, "before")
            assert text_of(ear.event()) == "before"
            assert subscribed.post("stream", {how: 1})
            assert (ear.has_ended() is not None) == is_error
            assert ear.is_quiet()


def test_a_line_that_stops_half_way_is_lost_but_for_the_backfill(subscribed):
    subscribed.post("stream", {"cut_mid_line": True})
    with listening(subscribed) as ear:
        say(subscribed, BEN, "half a word")
        assert ear.has_ended() is not None
        assert ear.rest.startswith(b'{"data":{')
        assert ear.lines.empty()
        with pytest.raises(json.JSONDecodeError):
            json.loads(ear.rest)
    assert subscribed.get("activity")[0]["connections"] == 0
    with listening(subscribed, backfill_minutes=1) as ear:
        assert text_of(ear.event()) == "half a word"


def test_lines_that_are_no_events_come_between_and_the_stream_goes_on(subscribed):
    with listening(subscribed) as ear:
        subscribed.post("stream", {"garbage": "<html>\x00 no JSON"})
        subscribed.post("stream", {"huge_line_bytes": 3_000_000})
        say(subscribed, BEN, "unharmed")
        assert ear.line()[0] == b"<html>\x00 no JSON"
        huge = ear.line()[0]
        assert len(huge) == 3_000_000
        assert json.loads(huge)["data"]["filler"]
        assert text_of(ear.event()) == "unharmed"


def test_events_can_be_repeated_and_sent_again_by_their_uuid(subscribed):
    with listening(subscribed) as ear:
        for number in range(3):
            say(subscribed, BEN, str(number))
        first = ear.events(3)
        subscribed.post("stream", {"repeat_last": 2})
        assert ear.events(2) == first[1:]
        subscribed.post("stream", {"resend": [first[0]["event_uuid"]]})
        assert ear.event() == first[0]

    assert subscribed.api(None, "/_sim/stream", "POST", json={"resend": ["7"]}).status_code == 400
    assert subscribed.api(None, "/_sim/stream", "POST", json={"explode": 1}).status_code == 400


def test_a_share_of_the_events_is_pushed_twice(subscribed):
    subscribed.post("settings", {"push_duplicates": 0.5})
    with listening(subscribed) as ear:
        for number in range(4):
            say(subscribed, BEN, str(number))
        assert texts(ear.events(6)) == ["0", "1", "1", "2", "3", "3"]


def test_events_that_follow_closely_change_places_and_none_is_lost(subscribed):
    subscribed.post("settings", {"push_shuffle": 5})
    with listening(subscribed) as ear:
        event = {"dm_conversation_id": f"{ADA}-{BEN}", "sender_id": BEN}
        subscribed.post("events", [{**event, "text": str(number)} for number in range(30)])
        order = [int(text) for text in texts(ear.events(30))]

    assert order != sorted(order)
    assert sorted(order) == list(range(30))
    assert max(abs(place - number) for place, number in enumerate(order)) <= 6


def test_who_says_when_gathered_events_go_out_need_not_wait(subscribed):
    subscribed.post("settings", {"push_shuffle": 5, "push_gathered_seconds": 1000})
    with listening(subscribed) as ear:
        for number in range(3):
            say(subscribed, BEN, str(number))
        assert not any(push["pushed_at"] for push in subscribed.get("activity"))
        subscribed.post("stream", {"release": True})
        assert sorted(texts(ear.events(3))) == ["0", "1", "2"]


def test_a_push_may_take_its_time(subscribed):
    subscribed.post("settings", {"push_delay": 8})
    with listening(subscribed) as ear:
        say(subscribed, BEN, "slowly")
        subscribed.post("clock", {"advance": 7})
        assert subscribed.get("activity")[0]["pushed_at"] is None
        subscribed.post("clock", {"advance": 1})
        assert text_of(ear.event()) == "slowly"

    assert subscribed.get("activity")[0]["at"] == "2026-11-01T12:00:00Z"


def test_received_messages_are_charged_once_in_a_day_whoever_gives_them(subscribed, ada):
    subscribed.post("meter/reset")
    with listening(subscribed) as ear:
        say(subscribed, BEN, "hi")
        subscribed.api(ada, SEND, "POST", json={"text": "hello"})
        subscribed.post("typing", {"sender_id": BEN, "recipient_id": ADA})
        subscribed.post("read", {"reader_id": BEN, "other_id": ADA})
        subscribed.post("stream", {"repeat_last": 4})
        ear.events(8)
    assert subscribed.get("meter")["today"] | {"sent": 0} == subscribed.get("meter")["today"] | {"events": 1, "sent": 0}
    subscribed.api(ada, "/2/dm_events")

    assert subscribed.get("meter")["today"]["events"] == 2, "the one that was sent is new, the other was charged"


def test_encrypted_messages_are_charged_and_what_nobody_hears_is_not(subscribed):
    subscribed.post("chat", {"conversation_id": f"{BEN}:{ADA}", "sender_id": BEN})
    assert subscribed.get("meter")["spent_usd"] == 0
    with listening(subscribed) as ear:
        subscribed.post("chat", {"conversation_id": f"{BEN}:{ADA}", "sender_id": BEN})
        subscribed.post("chat", {"conversation_id": f"{BEN}:{ADA}", "sender_id": ADA})
        assert [event["event_type"] for event in ear.events(2)] == ["chat.received", "chat.sent"]

    charged = {kind: count for kind, count in subscribed.get("meter")["today"].items() if count}
    assert charged == {"chat_events": 1, "usd": 0.01}
    assert subscribed.get("meter")["calls"][-2]["endpoint"] == "activity_stream"


def test_opening_has_a_window_for_the_app(subscribed):
    with listening(subscribed) as ear:
        headers = ear.response.headers

    assert (headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"]) == ("450", "449")
    assert headers["content-type"] == "application/json"


def test_faults_meet_the_opening_of_a_stream(subscribed):
    subscribed.post("faults", [{"kind": "503", "path": "/2/activity/stream"}, {"kind": "429", "path": "stream"}])

    assert [subscribed.stream().status_code for _ in range(2)] == [503, 429]
    with listening(subscribed) as ear:
        say(subscribed, BEN, "hi")
        assert text_of(ear.event()) == "hi"


def test_a_reset_ends_open_streams_and_forgets_who_was_subscribed(subscribed):
    app = subscribed.app_token()
    ear_holder = listening(subscribed)
    ear = ear_holder.__enter__()
    subscribed.reset()
    assert ear.has_ended() is None
    ear_holder.__exit__(None, None, None)

    assert subscribed.get("activity") == []
    assert subscribed.api(app, "/2/activity/subscriptions").status_code == 401


def test_uuids_are_signed_and_each_delivery_has_its_own(subscribed):
    for _ in range(40):
        say(subscribed, BEN, "hi")
    uuids = [int(push["event_uuid"]) for push in subscribed.get("activity")]

    assert len(set(uuids)) == 40
    assert any(uuid < 0 for uuid in uuids)
    assert any(uuid > 0 for uuid in uuids)
    assert all(-(2**63) <= uuid < 2**63 for uuid in uuids)


def test_typing_needs_people_who_exist(x):
    refused = x.api(None, "/_sim/typing", "POST", json={"sender_id": "7", "recipient_id": DAN})

    assert refused.status_code == 400
    assert "there is no user 7" in refused.json()["error"]
