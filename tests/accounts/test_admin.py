"""The admin is for owners, and shows no secret."""

from __future__ import annotations

import contextlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from html import unescape

import pytest
from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import actions
from accounts.admin import UserForm
from accounts.models import Membership, User
from conversations.models import (
    ActivityDelivery,
    ApiCall,
    BilledResource,
    Change,
    HistoryRead,
    ReadInterval,
    SpendDay,
)
from tests import factories
from tests.accounts.conftest import browser

LISTS = ["user", "xaccount", "membership", "invitation"]


@pytest.fixture
def rows(ada, ben):
    membership = factories.MembershipFactory(user=ben)
    actions.invite("cleo@elsewhere.example", x_account=membership.x_account)
    return membership


@pytest.mark.parametrize("name", LISTS)
def test_owners_see_the_lists_and_rows(ada, rows, name):
    client = browser(ada)
    assert client.get(f"/admin/accounts/{name}/").status_code == 200
    pk = {"user": ada.pk, "xaccount": rows.x_account_id, "membership": rows.pk}.get(name)
    pk = pk or actions.Invitation.objects.get().pk
    page = client.get(f"/admin/accounts/{name}/{pk}/change/")
    assert page.status_code == 200
    text = page.content.decode()
    for secret in (
        "access-token-of-a-test",
        "refresh-token-of-a-test",
        "token_hash",
        "lease_holder",
        'name="password"',
    ):
        assert secret not in text


@pytest.mark.parametrize("person", ["ben", "cleo"])
def test_the_admin_does_not_exist_for_others(request, rows, person):
    client = browser(request.getfixturevalue(person))
    for name in LISTS:
        assert client.get(f"/admin/accounts/{name}/").status_code == 404
        assert client.post(f"/admin/accounts/{name}/add/", {}).status_code == 404


def test_nothing_stands_beside_the_columns_of_a_list_but_its_filters(ada, rows):
    html = browser(ada).get(reverse("admin:conversations_apicall_changelist")).content.decode()
    assert 'id="changelist-filter"' in html
    assert "nav-sidebar" not in html


def test_what_others_keep_for_other_set_ups_is_not_listed(ada):
    index = browser(ada).get("/admin/").content.decode()
    for name in ("emailaddress", "socialtoken", "socialapp", "auth/group"):
        assert name not in index


def test_a_membership_can_be_given_and_its_role_changed(ada, ben, rows):
    client = browser(ada)
    x_account = factories.XAccountFactory()
    form = {"user": ben.pk, "x_account": x_account.pk, "role": "viewer"}
    assert client.post("/admin/accounts/membership/add/", form).status_code == 302
    membership = Membership.objects.get(user=ben, x_account=x_account)
    assert membership.read_before_id > 0
    client.post(f"/admin/accounts/membership/{membership.pk}/change/", {"role": "lead"})
    membership.refresh_from_db()
    assert membership.role == "lead"


def test_an_owner_who_takes_a_role_is_on_record(ada):
    """Owners read by membership alone, and may give themselves one: whoever comes to look finds it in the admin."""
    client, x_account = browser(ada), factories.XAccountFactory(username="NordlichtHelp")
    client.post("/admin/accounts/membership/add/", {"user": ada.pk, "x_account": x_account.pk, "role": "viewer"})
    membership = Membership.objects.get(user=ada, x_account=x_account)
    client.post(f"/admin/accounts/membership/{membership.pk}/change/", {"role": "admin"})
    client.post(f"/admin/accounts/membership/{membership.pk}/delete/", {"post": "yes"})
    of_memberships = ContentType.objects.get_for_model(Membership)
    told = LogEntry.objects.filter(content_type=of_memberships, object_id=membership.pk).order_by("pk")
    who = f"{ada.pk}:{{}}@{x_account.pk}"
    assert list(told.values_list("user", "action_flag", "object_repr")) == [
        (ada.pk, ADDITION, who.format("viewer")),
        (ada.pk, CHANGE, who.format("admin")),
        (ada.pk, DELETION, who.format("admin")),
    ]


def test_so_is_one_who_takes_it_beside_the_x_account(ada):
    client, x_account = browser(ada), factories.XAccountFactory()
    form = {"memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0}
    form |= {"memberships-0-user": ada.pk, "memberships-0-role": "admin", "memberships-0-x_account": x_account.pk}
    assert client.post(f"/admin/accounts/xaccount/{x_account.pk}/change/", form).status_code == 302
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id) == (ada.pk, str(x_account.pk))
    assert str(Membership.objects.get(user=ada)) in entry.change_message


def user_form(user, **changed):
    inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    form = {"email": user.email, "name": user.name, "is_owner": "on", "is_active": "on", "time_zone": ""} | inline
    return {name: value for name, value in {**form, **changed}.items() if value is not None}


@pytest.mark.parametrize("field", ["is_owner", "is_active"])
def test_the_last_owner_stays_one(ada, field):
    url = reverse("admin:accounts_user_change", args=[ada.pk])
    answer = browser(ada).post(url, user_form(ada, **{field: None}))
    assert "last owner" in answer.content.decode()
    assert User.objects.filter(pk=ada.pk, is_owner=True, is_active=True).exists()


def test_a_second_owner_may_go(ada, ben):
    User.objects.filter(pk=ben.pk).update(is_owner=True)
    url = reverse("admin:accounts_user_change", args=[ben.pk])
    assert browser(ada).post(url, user_form(ben, is_active=None)).status_code == 302
    assert not User.objects.get(pk=ben.pk).is_active


def test_an_owner_chooses_the_language_of_a_person_by_its_own_name(ada, ben):
    url = reverse("admin:accounts_user_change", args=[ben.pk])
    client = browser(ada)
    assert '<option value="ja" lang="ja">日本語</option>' in client.get(url).content.decode()
    assert client.post(url, user_form(ben, is_owner=None, language="ja")).status_code == 302
    assert User.objects.get(pk=ben.pk).language == "ja"


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_switch_each_other_off_at_once_leave_one(ada, ben, monkeypatch):
    User.objects.filter(pk=ben.pk).update(is_owner=True)
    both_have_looked, clean = threading.Barrier(2), UserForm.clean

    def look_and_wait(form):
        cleaned = clean(form)
        with contextlib.suppress(threading.BrokenBarrierError):  # the other one waits for us to end
            both_have_looked.wait(2)
        return cleaned

    def switch_off(client, other):
        url = reverse("admin:accounts_user_change", args=[other.pk])
        try:
            return client.post(url, user_form(other, is_owner=None)).status_code
        finally:
            connection.close()

    monkeypatch.setattr(UserForm, "clean", look_and_wait)
    clients = [browser(ada), browser(ben)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(switch_off, clients, [ben, ada]))
    assert sorted(answers) in ([200, 302], [302, 404])  # refused; or no owner any more when asked
    assert User.objects.filter(is_owner=True, is_active=True).count() == 1


def test_people_and_x_accounts_are_neither_added_nor_deleted_there(ada, rows):
    client = browser(ada)
    for name in ("user", "xaccount", "invitation"):
        assert client.get(f"/admin/accounts/{name}/add/").status_code == 403
    for name, pk in (("user", ada.pk), ("xaccount", rows.x_account_id)):
        assert client.post(f"/admin/accounts/{name}/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_open_invitation_can_be_taken_back(ada, rows):
    pk = actions.Invitation.objects.get().pk
    browser(ada).post(f"/admin/accounts/invitation/{pk}/delete/", {"post": "yes"})
    assert not actions.Invitation.objects.exists()


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_a_missing_encryption_key_breaks_no_page(ada, settings, model):
    conversation = factories.ConversationFactory()
    factories.MembershipFactory(user=ada, x_account=conversation.x_account)
    HistoryRead.objects.create(conversation=conversation)
    ReadInterval.objects.create(x_account=conversation.x_account, conversation=conversation, low_id=1, high_id=2)
    settings.ENCRYPTION_KEYS = ["c29tZSBvdGhlciBrZXksIG5vdCB0aGUgcmlnaHQgMSE="]
    name, client = f"admin:{model._meta.app_label}_{model._meta.model_name}", browser(ada)
    assert client.get(reverse(f"{name}_changelist")).status_code == 200
    for pk in model.objects.values_list("pk", flat=True):
        assert client.get(reverse(f"{name}_change", args=[pk])).status_code == 200


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_a_list_answers_nothing_about_what_it_offers_no_filter_for(ada, model):
    address, client = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), browser(ada)
    rows = admin.site._registry[model]
    offered = {*rows.list_filter, rows.date_hierarchy}
    hidden = [field.name for field in model._meta.get_fields() if field.name not in offered]
    paths = [*hidden, "x_account__access_token", "user__password", "conversation__title", "raw__0__text", "pk"]
    for lookup in [f"{path}{end}" for path in paths for end in ("", "__startswith")]:
        assert client.get(address, {lookup: "1"}).status_code == 400, lookup


@pytest.mark.parametrize("model", [ActivityDelivery, ApiCall, BilledResource, Change])
def test_a_list_of_a_large_table_looks_at_no_more_than_a_page_and_a_limit(ada, model, monkeypatch):
    monkeypatch.setattr(admin.site._registry[model], "list_per_page", 1)
    for number in (1, 2):
        x_account = factories.XAccountFactory()
        ActivityDelivery.objects.create(event_uuid=str(number), event_type="dm.read", source="stream")
        ApiCall.objects.create(x_account=x_account, endpoint="GET /2/dm_events", status=200)
        BilledResource.objects.create(x_account=x_account, day=date(2026, 8, 1), kind="dm_event", resource_id=number)
        Change.objects.create(x_account=x_account, number=1, kind=Change.Kind.ACCOUNT)
    address, client = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), browser(ada)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    told = [one["sql"] for one in asked if f'FROM "{model._meta.db_table}"' in one["sql"]]
    assert told
    assert [sql for sql in told if "LIMIT" not in sql or "DISTINCT" in sql] == []


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_what_a_filter_offers_more_than_its_choices_is_refused(ada, model):
    address, client = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), browser(ada)
    for name in admin.site._registry[model].list_filter:
        for end in ("__regex", "__access_token__startswith"):
            assert client.get(address, {f"{name}{end}": "1"}).status_code == 400


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_every_link_that_narrows_a_list_works(ada, model):
    for number in (1, 2):  # what has one value only is offered no filter
        x_account = factories.MembershipFactory(user=ada).x_account
        ApiCall.objects.create(x_account=x_account, endpoint=f"endpoint {number}", status=200 + number)
        SpendDay.objects.create(x_account=x_account, day=date(2026, 8, number))
    address, client = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), browser(ada)
    links = re.findall(r'href="(\?[^"]+)"', client.get(address).content.decode())
    assert links or not admin.site._registry[model].list_filter
    for link in links:
        assert client.get(address + unescape(link)).status_code == 200, link
    assert model is not SpendDay or "?day__day=2&amp;day__month=8&amp;day__year=2026" in links
