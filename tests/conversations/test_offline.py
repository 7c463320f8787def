"""What makes the inbox installable, and the list that a browser keeps for when there is no network."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.staticfiles import finders

from accounts.models import Role
from tests import factories


@pytest.fixture
def conversation(ada):
    x_account = factories.XAccountFactory()
    factories.MembershipFactory(user=ada, x_account=x_account, role=Role.VIEWER)
    found = factories.ConversationFactory(x_account=x_account)
    event = factories.DmEventFactory(conversation=found, text="Is the lamp warm white?", created_at=datetime.now(UTC))
    found.last_event, found.last_dm_event_id = event, event.dm_event_id
    found.save()
    return found


def test_the_manifest_names_icons_that_exist_in_the_size_it_says(client, db):
    answer = client.get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    told = answer.json()
    assert (told["start_url"], told["scope"], told["display"]) == ("/", "/", "standalone")
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}
    for icon in told["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/"))


def test_the_worker_stands_at_the_root_and_is_asked_for_each_time(client, db):
    answer = client.get("/service-worker.js")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "no-store"


def test_the_kept_list_shows_what_the_person_may_see_and_nothing_that_needs_the_network(client, ada, conversation):
    client.force_login(ada)
    answer = client.get("/offline/")
    html = answer.content.decode()
    assert "Is the lamp warm white?" in html
    assert answer["Cache-Control"] == "no-store"
    assert "<form" not in html
    assert "<script" not in html
    assert "/files/" not in html


def test_the_kept_list_costs_the_same_number_of_queries_for_any_length(
    client, ada, conversation, django_assert_num_queries
):
    client.force_login(ada)
    client.get("/offline/")
    for _ in range(5):
        factories.ConversationFactory(x_account=conversation.x_account)
    with django_assert_num_queries(6):
        client.get("/offline/")


def test_a_stranger_keeps_nothing_of_it(client, cleo, conversation):
    client.force_login(cleo)
    assert "Is the lamp warm white?" not in client.get("/offline/").content.decode()


def test_who_is_signed_out_is_led_to_the_sign_in(client, conversation):
    answer = client.get("/offline/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_switched_off_there_is_neither_worker_nor_list(client, ada, conversation, settings):
    settings.OFFLINE_INBOX = False
    client.force_login(ada)
    assert client.get("/service-worker.js").status_code == 404
    assert client.get("/offline/").status_code == 404
    assert 'data-offline="no"' in client.get("/").content.decode()


def test_without_a_list_there_are_words_that_are_the_same_for_everybody(client, db):
    html = client.get("/offline/empty/").content.decode()
    assert "There is no connection to dminbox" in html
