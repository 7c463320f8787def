"""Who sees which events, and from when on."""

from tests.xsim.conftest import ADA, BEN, CLEO, DAN, ids, say, texts

GROUP = "1585823815904395264"


def move(x, kind, who, by=None, conversation=GROUP):
    return say(x, by, None, conversation, event_type=kind, participant_ids=[who])


def test_a_one_to_one_is_seen_by_its_two_people_alone(x, ada, ben):
    said = say(x, ADA, "for Ben")
    cleo = x.grant(CLEO)["access_token"]

    assert texts(x.api(ada, "/2/dm_events")) == texts(x.api(ben, "/2/dm_events")) == ["for Ben"]
    assert texts(x.api(cleo, "/2/dm_events")) == []
    assert x.api(cleo, f"/2/dm_events/{said['id']}").status_code == 404
    assert x.api(cleo, f"/2/dm_conversations/{ADA}-{BEN}/dm_events").status_code == 404


def test_a_group_is_seen_while_one_is_a_member_of_it(x, ada, ben):
    x.post("conversations", {"id": GROUP, "member_ids": [ADA, BEN, CLEO], "is_group": True})
    cleo = x.grant(CLEO)["access_token"]
    say(x, ADA, "before", GROUP)
    move(x, "ParticipantsJoin", CLEO, by=ADA)
    say(x, ADA, "with Cleo", GROUP)
    move(x, "ParticipantsLeave", CLEO)
    say(x, ADA, "without Cleo", GROUP)
    move(x, "ParticipantsJoin", CLEO, by=BEN)
    say(x, ADA, "again", GROUP)
    path = f"/2/dm_conversations/{GROUP}/dm_events"

    assert texts(x.api(cleo, path)) == ["again", None, None, "with Cleo", None]
    assert ids(x.api(cleo, path)) == ids(x.api(cleo, "/2/dm_events"))
    assert len(ids(x.api(ben, path))) == len(ids(x.api(ada, path))) == 7
    dan = x.grant(DAN)["access_token"]
    assert x.api(dan, path).status_code == 404
    say(x, ADA, "and on", GROUP)
    assert texts(x.api(cleo, path))[0] == texts(x.api(ada, "/2/dm_events"))[0] == "and on"


def test_who_is_added_by_a_join_sees_the_group_from_there_on(x, ada):
    x.post("conversations", {"id": GROUP, "member_ids": [ADA, BEN], "is_group": True})
    dan = x.grant(DAN)["access_token"]
    say(x, ADA, "before", GROUP)
    assert texts(x.api(dan, "/2/dm_events")) == []
    joined = move(x, "ParticipantsJoin", DAN, by=ADA)

    assert ids(x.api(dan, "/2/dm_events")) == [joined["id"]]


def test_a_conversation_with_oneself_is_one(x, ada):
    say(x, ADA, "note to myself", f"{ADA}-{ADA}")

    assert texts(x.api(ada, f"/2/dm_conversations/with/{ADA}/dm_events")) == ["note to myself"]


def test_what_was_deleted_for_one_is_still_there_for_the_other(x, ada, ben):
    say(x, ADA, "oops", deleted_for=[ADA])
    say(x, ADA, "better")

    assert texts(x.api(ada, "/2/dm_events")) == ["better"]
    assert texts(x.api(ben, "/2/dm_events")) == ["better", "oops"]


def test_a_late_event_appears_below_newer_ones_when_its_time_has_come(x, ada):
    late = say(x, BEN, "late", visible_at="2026-11-01T12:10:00Z")
    say(x, BEN, "newer")

    assert texts(x.api(ada, "/2/dm_events")) == ["newer"]
    assert x.api(ada, f"/2/dm_events/{late['id']}").status_code == 404
    x.post("clock", {"advance": 600})
    assert texts(x.api(ada, "/2/dm_events")) == ["newer", "late"]


def test_an_event_of_the_future_is_not_there_yet(x, ada):
    say(x, BEN, "tomorrow", created_at="2026-11-02T12:00:00Z")

    assert texts(x.api(ada, "/2/dm_events")) == []
    x.post("clock", {"advance": 86_400})
    assert texts(x.api(x.grant(ADA)["access_token"], "/2/dm_events")) == ["tomorrow"]


def test_what_was_sent_lags_in_all_events_but_not_in_its_conversation(x, ada, ben):
    x.post("settings", {"lag_calls": 2})
    x.api(ada, f"/2/dm_conversations/with/{BEN}/messages", "POST", json={"text": "hi"})

    assert texts(x.api(ada, f"/2/dm_conversations/with/{BEN}/dm_events")) == ["hi"]
    assert [texts(x.api(ada, "/2/dm_events")) for _ in range(4)] == [[], [], ["hi"], ["hi"]]
    assert [texts(x.api(ben, "/2/dm_events")) for _ in range(3)] == [[], [], ["hi"]]


def test_the_control_api_says_what_a_user_can_see_over_all_time(x, ada):
    said = [say(x, BEN, "old", created_at="2020-01-01T00:00:00Z"), say(x, BEN, "new")]
    say(x, BEN, "hidden", is_hidden=True)
    say(x, BEN, "not hers", f"{BEN}-{CLEO}")

    assert x.get(f"visible?user_id={ADA}") == {f"{ADA}-{BEN}": [event["id"] for event in said]}


def test_a_group_that_nobody_declared_is_made_of_who_writes_and_moves_in_it(x, ada):
    say(x, BEN, "first", GROUP)
    move(x, "ParticipantsJoin", ADA, by=BEN)
    say(x, BEN, "hello Ada", GROUP)

    assert texts(x.api(ada, "/2/dm_events")) == ["hello Ada", None]
