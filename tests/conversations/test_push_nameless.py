"""What X pushed and nobody can read: whose it is, who may look at it, and when it goes."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, XAccount
from conversations.models import ActivityDelivery, PushState
from conversations.sync import push
from dminbox.xapi.activity import parse_activity
from tests.conversations.sync_support import OWN
from tests.factories import MembershipFactory, XAccountFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db]
STREAM, WEBHOOK = ActivityDelivery.Source.STREAM, ActivityDelivery.Source.WEBHOOK
OTHER = "1500000000000000200"
TEXT = "The lamp flickers"


@pytest.fixture(autouse=True)
def x_account():
    PushState.objects.create(pk=1)
    return XAccountFactory(x_user_id=int(OWN))


def keep_odd(raw: object) -> ActivityDelivery:
    push.keep_odd(raw, "event_uuid is missing", STREAM)
    return ActivityDelivery.objects.get()


def disconnect(x_account) -> None:
    XAccount.objects.filter(pk=x_account.pk).update(state=XAccount.State.DISCONNECTED, state_since=timezone.now())


# --- Whose it is ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        {"data": {"event_type": "dm.received", "filter": {"user_id": OWN}}},
        {"data": {"payload": {"direct_message_events": [{"message_create": {"target": {"recipient_id": OWN}}}]}}},
        {"data": {"filter": {"user_id": int(OWN)}}},
        {"body": f'{{"data": {{"filter": {{"user_id": "{OWN}"'},
        [f"of ü{OWN}"],
    ],
    ids=["filter", "payload", "number", "cut", "text"],
)
def test_what_cannot_be_read_belongs_to_the_x_account_whose_id_stands_in_it(raw):
    assert keep_odd(raw).x_user_id == int(OWN)


@pytest.mark.parametrize(
    "raw", [{"data": {"text": TEXT}}, {"id": f"1{OWN}"}, {"filter": {"user_id": OTHER}}, [], "9" * 40]
)
def test_what_names_none_of_our_x_accounts_belongs_to_nobody(raw):
    assert keep_odd(raw).x_user_id is None


def test_an_activity_without_a_user_belongs_to_whom_it_names_further_in():
    data = {"event_uuid": "5", "event_type": "dm.new", "payload": {"people": [{"id": OWN}]}}
    push.take_in(parse_activity({"data": data}), STREAM)
    assert ActivityDelivery.objects.get().x_user_id == int(OWN)


# --- Who may look -----------------------------------------------------------------------------------------------------


def page_of(client, row: ActivityDelivery):
    return client.get(reverse("admin:conversations_activitydelivery_change", args=[row.pk]))


def form_of(client, row: ActivityDelivery) -> str:
    """As the page shows it."""
    shown = re.search(r"\{.*\}", page_of(client, row).content.decode(), re.DOTALL)
    return html.unescape(shown.group().replace("<br>", "")) if shown else ""


def test_an_owner_sees_of_what_names_nobody_how_it_is_made_and_no_value(client, ada, x_account):
    MembershipFactory(user=ada, x_account=x_account, role=Role.ADMIN)
    client.force_login(ada)
    row = keep_odd({"text": TEXT, "people": [{"id": 5, "of": None}, True]})
    assert TEXT not in page_of(client, row).content.decode()
    assert json.loads(form_of(client, row)) == {"text": "str", "people": [{"id": "int", "of": "NoneType"}, "bool"]}


def test_what_names_several_x_accounts_is_read_by_members_of_all_of_them_alone(client, ada, x_account):
    """Any of them may have been meant: the one whose it is, or one that is only spoken of."""
    other = XAccountFactory(x_user_id=int(OTHER))
    row = keep_odd({"to": OTHER, "text": f"{TEXT} of {OWN}"})
    assert row.x_user_id is None
    client.force_login(ada)
    for x_account_ in (other, x_account):
        assert TEXT not in page_of(client, row).content.decode()
        MembershipFactory(user=ada, x_account=x_account_, role=Role.VIEWER)
    assert TEXT in page_of(client, row).content.decode()
    other.delete()
    assert TEXT not in page_of(client, row).content.decode()


def test_an_activity_of_a_user_is_that_users_whomever_it_names_besides():
    XAccountFactory(x_user_id=int(OTHER))
    data = {"event_uuid": "6", "event_type": "dm.new", "filter": {"user_id": OTHER}, "payload": {"people": [OWN]}}
    push.take_in(parse_activity({"data": data}), STREAM)
    assert ActivityDelivery.objects.get().x_user_id == int(OTHER)


def test_an_owner_reads_what_names_an_x_account_only_as_its_member(client, ada, x_account):
    client.force_login(ada)
    row = keep_odd({"text": TEXT, "to": OWN})
    MembershipFactory(user=ada, x_account=XAccountFactory(), role=Role.ADMIN)
    shown = page_of(client, row).content.decode()
    assert "Only members of this X account" in shown
    assert TEXT not in shown
    MembershipFactory(user=ada, x_account=x_account, role=Role.VIEWER)
    assert TEXT in page_of(client, row).content.decode()


@pytest.mark.parametrize("named", [OWN, "nobody"])
def test_nobody_but_owners_sees_any_of_it_whatever_their_role(client, ben, cleo, x_account, named):
    row = keep_odd({"text": TEXT, "to": named})
    MembershipFactory(user=ben, x_account=x_account, role=Role.ADMIN)
    MembershipFactory(user=cleo, x_account=XAccountFactory(), role=Role.ADMIN)
    for person in (ben, cleo):
        client.force_login(person)
        assert page_of(client, row).status_code == 404


# --- When it goes -----------------------------------------------------------------------------------------------------


def left_after(days: float) -> int:
    with time_machine.travel(timezone.now() + timedelta(days=days), tick=False):
        push.forget_old()
    return ActivityDelivery.objects.count()


def test_what_names_nobody_goes_after_a_week_and_what_names_an_x_account_after_a_month():
    keep_odd({"text": TEXT})
    push.keep_odd({"to": OWN}, "event_uuid is missing", WEBHOOK)
    assert [left_after(days) for days in (6, 8, 29, 31)] == [2, 1, 1, 0]


def test_what_names_nobody_goes_with_any_x_account_that_is_disconnected(x_account):
    """It may have been about that one."""
    XAccountFactory(x_user_id=int(OTHER))
    keep_odd({"text": TEXT})
    push.forget_old()
    assert ActivityDelivery.objects.exists()
    disconnect(x_account)
    push.forget_old()
    assert not ActivityDelivery.objects.exists()
    keep_odd({"text": TEXT})
    ActivityDelivery.objects.update(received_at=timezone.now() + timedelta(seconds=1))
    push.forget_old()
    assert ActivityDelivery.objects.exists(), "it came later"


@pytest.mark.parametrize("end", [disconnect, XAccount.delete], ids=["disconnected", "removed"])
def test_nothing_that_cannot_be_read_outlives_the_last_x_account(x_account, end):
    end(x_account)
    keep_odd({"text": TEXT})
    push.keep_odd({"to": OWN}, "event_uuid is missing", WEBHOOK)
    assert left_after(0) == 0
