"""The control API: who may use it, and what it sets."""

import ipaddress
import socket

import pytest
from starlette.requests import Request

from dminbox.xsim.control import is_let_in
from tests.xsim.conftest import ADA, BEN, CLEO, say, texts
from tests.xsim_server import start_xsim


def test_a_web_page_cannot_use_it(x):
    for path in ("world", "clock", "settings"):
        assert x.api(None, f"/_sim/{path}").status_code == 200
        assert x.api(None, f"/_sim/{path}", headers={"origin": "https://evil.example"}).status_code == 404
    assert x.api(None, "/_sim/nothing").status_code == 404


@pytest.mark.parametrize(
    ("host", "networks", "is_in"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("::ffff:127.0.0.1", [], True),
        ("172.18.0.5", [], False),
        ("172.18.0.5", ["172.18.0.0/16"], True),
        ("10.0.0.1", ["172.18.0.0/16"], False),
    ],
)
def test_only_loopback_and_given_networks_use_it(host, networks, is_in):
    request = Request({"type": "http", "client": (host, 1), "headers": [(b"host", b"localhost:8001")]})

    assert is_let_in(request, [ipaddress.ip_network(network) for network in networks]) == is_in


@pytest.mark.parametrize(
    ("host", "is_in"),
    [
        ("localhost", True),
        ("LOCALHOST:8001", True),
        ("127.0.0.1:8001", True),
        ("127.9.9.9", True),
        ("[::1]:8001", True),
        ("172.18.0.5:8001", True),
        ("xsim:8001", True),
        ("XSIM", True),
        ("10.0.0.1", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("0.0.0.0", False),
        ("[::", False),
        ("", False),
        (None, False),
    ],
)
def test_a_page_whose_name_was_made_to_lead_here_reads_nothing(host, is_in):
    headers = [] if host is None else [(b"host", host.encode())]
    request = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": headers})
    networks = [ipaddress.ip_network("172.18.0.0/16")]

    assert is_let_in(request, networks, ("xsim",)) == is_in


def test_the_host_counts_on_the_wire_as_well():
    with start_xsim(origin="http://local-x:9000") as server:
        for host, status in (("local-x:9000", 200), (socket.gethostname(), 200), ("evil.example", 404)):
            assert server.api(None, "/_sim/clock", headers={"host": host}).status_code == status


def test_a_path_of_x_that_does_not_exist_is_404_in_the_words_of_x(x, ada):
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert x.api(ada, "/2/lamps", method).json()["status"] == 404


def test_a_world_comes_out_as_it_went_in(x, ada):
    say(x, BEN, "hi")
    world = x.get("world")
    x.post("world", {})
    assert x.get("world")["people"] == {}
    x.post("world", world)

    assert x.get("world") == world
    assert texts(x.api(ada, "/2/dm_events")) == ["hi"]


def test_a_wrong_world_is_refused_and_the_old_one_stays(x):
    answer = x.api(None, "/_sim/world", "POST", json={"people": [{"id": "1"}]})

    assert answer.status_code == 400
    assert "username" in answer.json()["error"]
    assert ADA in x.get("world")["people"]


def test_the_clock_is_set_moved_frozen_and_goes_on(x):
    assert x.post("clock", {"set": "2026-12-24T18:00:00Z"})["now"] == "2026-12-24T18:00:00Z"
    assert x.post("clock", {"advance": 90})["now"] == "2026-12-24T18:01:30Z"
    going = x.post("clock", {"frozen": False})
    assert going["frozen"] is False
    assert x.get("clock")["now"] >= going["now"] >= "2026-12-24T18:01:30"
    assert x.api(None, "/_sim/clock", "POST", json={"jump": 1}).status_code == 400


def test_an_event_gets_its_id_and_time_from_each_other_or_from_the_clock(x):
    by_clock = say(x, BEN, "now")
    by_time = say(x, BEN, "then", created_at="2026-10-01T00:00:00Z")
    by_id = say(x, BEN, "there", id="1585823814058971140")

    assert by_clock["created_at"] == "2026-11-01T12:00:00Z"
    assert int(by_time["id"]) < int(by_clock["id"])
    assert by_id["created_at"].startswith("2022-10-28T02:40:35")
    assert x.api(None, "/_sim/events", "POST", json=[by_id]).status_code == 400


def test_people_are_put_in_and_renamed(x, ada):
    x.post("people", {"id": CLEO, "username": "cleo_new", "name": "Cleo N."})

    assert x.api(ada, f"/2/users?ids={CLEO}").json()["data"][0]["username"] == "cleo_new"


@pytest.mark.parametrize("setting", [{"speed": 1}, {"dm_get_limit": "many"}, {"lenient": 1}, {"dm_get_limit": True}])
def test_a_setting_that_is_none_is_refused(x, setting):
    assert x.api(None, "/_sim/settings", "POST", json=setting).status_code == 400


def test_every_request_to_x_is_noted(x, ada):
    x.delete("requests")
    x.api(ada, "/2/users/me?user.fields=name")
    x.api(None, "/2/dm_events")
    first, second = x.get("requests")

    assert first == {
        "method": "GET",
        "path": "/2/users/me",
        "query": "user.fields=name",
        "user_id": ADA,
        "status": 200,
        "at": "2026-11-01T12:00:00Z",
    }
    assert (second["user_id"], second["status"]) == (None, 401)


def test_arrivals_come_while_it_runs_once_or_again_and_again(x, ada):
    world = x.get("world")
    said = {"dm_conversation_id": f"{ADA}-{BEN}", "sender_id": BEN}
    arrivals = [
        {**said, "after": 10, "text": "once"},
        {**said, "after": 20, "every": 30, "text": "ping https://a.example"},
    ]
    x.post("world", {**world, "arrivals": arrivals})

    assert texts(x.api(ada, "/2/dm_events")) == []
    x.post("clock", {"advance": 10})
    assert texts(x.api(ada, "/2/dm_events")) == ["once"]
    x.post("clock", {"advance": 70})
    answer = x.api(ada, "/2/dm_events?dm_event.fields=created_at,entities")
    assert [event["created_at"][11:19] for event in answer.json()["data"]] == [
        "12:01:20",
        "12:00:50",
        "12:00:20",
        "12:00:10",
    ]
    assert answer.json()["data"][0]["urls"][0]["expanded_url"] == "https://a.example"
    x.post("clock", {"advance": 6000})
    assert x.api(ada, "/2/dm_events").json()["meta"]["result_count"] == 24


@pytest.mark.parametrize(
    "arrival",
    [
        {"kind": "shout"},
        {"kind": "chat"},
        {"kind": "chat", "dm_conversation_id": f"{BEN}:{CLEO}"},
        {"kind": "chat", "dm_conversation_id": "g7x"},
    ],
)
def test_an_arrival_that_cannot_be_is_refused_with_its_world(x, arrival):
    said = {"after": 1, "dm_conversation_id": f"{ADA}-{BEN}", "sender_id": ADA, **arrival}

    assert x.api(None, "/_sim/world", "POST", json={"arrivals": [said]}).status_code == 400


def test_urls_in_answers_begin_with_the_given_origin():
    with start_xsim(origin="http://local-x:9000") as server:
        server.post("people", {"id": "1", "username": "ada", "name": "Ada", "fields": {"profile_image_url": "/a.jpg"}})
        me = server.api(server.grant("1")["access_token"], "/2/users/me?user.fields=profile_image_url")

    assert me.json()["data"]["profile_image_url"] == "http://local-x:9000/a.jpg"
