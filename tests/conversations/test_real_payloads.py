"""Real answers of X through client, sync and pages: what X said stands on the page."""

from __future__ import annotations

import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
import responses
from django.urls import reverse

from accounts.models import Role
from conversations.models import Conversation, DmEvent
from conversations.sync import store_page
from dminbox.xapi.client import XClient
from tests.factories import MembershipFactory, XAccountFactory

pytestmark = [pytest.mark.contract, pytest.mark.django_db]
API = "https://api.x.com"
GROUP = "1578398451921985538"


def payloads(pattern: str) -> list[Path]:
    """Collected only where the folder is set; elsewhere the marker leaves these tests out."""
    folder = os.environ.get("X_CONTRACT_DIR")
    return sorted((Path(folder) / "payloads").glob(pattern)) if folder else []


class Words(HTMLParser):
    """All text of a page, without its marks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def x_account(ada):
    x_account = XAccountFactory(x_user_id=906948460078698496)
    MembershipFactory(user=ada, x_account=x_account, role=Role.ADMIN)
    return x_account


def read_and_store(x_account, body: dict) -> None:
    """The way of a page: X's bytes, our client, the tables."""
    with responses.RequestsMock() as x, XClient("a-token") as client:
        x.get(f"{API}/2/dm_conversations/{GROUP}/dm_events", json=body)
        answer = client.conversation_dm_events(GROUP)
    assert store_page(x_account, answer, dm_conversation_id=GROUP).odd == 0


def words_of_threads(client) -> str:
    rows = Conversation.objects.all()
    return "".join(Words(client.get(reverse("thread", args=[row.pk])).content.decode()).text for row in rows)


@pytest.mark.parametrize("path", payloads("v2-get-*.json") + payloads("v2-group-*.json"), ids=lambda path: path.stem)
def test_a_real_page_is_read_stored_and_shown(path, x_account, ada, client):
    body = json.loads(path.read_text())
    read_and_store(x_account, body)
    client.force_login(ada)
    shown = words_of_threads(client)
    told = body.get("data", [])
    assert {str(pk) for pk in DmEvent.objects.values_list("dm_event_id", flat=True)} == {one["id"] for one in told}
    for event in told:
        assert event["text"].split(" https://t.co/")[0] in shown
    for post in body.get("includes", {}).get("tweets", []):
        assert post["text"].split("\n")[0] in shown
    for person in body.get("includes", {}).get("users", []):
        assert person["name"] in shown


def test_real_events_of_a_group_are_shown_with_who_came_and_went(x_account, ada, client):
    events = [json.loads(path.read_text()) for path in payloads("v2-event-*.json")]
    assert len(events) == 3
    read_and_store(x_account, {"data": events, "meta": {"result_count": 3}})
    client.force_login(ada)
    shown = words_of_threads(client)
    assert "Hi everyone." in shown
    assert "ID 17200003 added ID 944480690" in shown
    assert "ID 944480690 left" in shown
