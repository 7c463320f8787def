"""The stream of changes: who gets what, from where it goes on, and when it ends."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.models import Membership
from conversations import actions, changes, live
from conversations.changes import NewChange
from conversations.models import Change, ReadMark, SyncState
from conversations.sync import stop_all_for_credit
from dminbox import static
from tests import factories
from tests.async_client import AsyncClient
from tests.conversations.live_support import announce, cookie_of, in_a_loop, stream

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
Kind = Change.Kind


@pytest.fixture(autouse=True)
def _quick(monkeypatch, settings):
    settings.PUBLIC_URL = "http://testserver"  # the Host that the async client sends
    monkeypatch.setattr(live, "LOOK_EACH", 0.02)
    monkeypatch.setattr(live, "PERMISSION_EACH", 0.05)


@pytest.fixture
def x_account(transactional_db):
    return factories.SyncStateFactory().x_account


@pytest.fixture
def conversation(x_account):
    return factories.ConversationFactory(x_account=x_account)


@pytest.fixture
def member(ben, x_account):
    factories.MembershipFactory(user=ben, x_account=x_account)
    return ben


@pytest.fixture
def cookies():
    return cookie_of


@in_a_loop
async def test_a_change_is_told_by_its_ids_alone(member, cookies, x_account, conversation):
    event = await sync_to_async(factories.DmEventFactory)(conversation=conversation)
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        hello = await opened.next()
        assert (hello["event"], hello["id"], hello["retry"]) == ("hello", f"{x_account.pk}-0", "2000")
        await sync_to_async(announce)(x_account, NewChange(Kind.EVENT, conversation.pk, event.pk, {"x": "y"}))
        told = await opened.next()
    assert told["id"] == f"{x_account.pk}-1"
    assert json.loads(told["data"]) == {
        "account": x_account.pk,
        "number": 1,
        "kind": "event",
        "conversation": conversation.pk,
        "event": str(event.dm_event_id),
    }


@in_a_loop
async def test_a_stream_begins_with_the_version_of_the_static_files_that_pages_are_made_with(
    member, cookies, x_account, monkeypatch
):
    monkeypatch.setattr(static, "staticfiles_storage", SimpleNamespace(manifest_hash="abc"))
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        assert json.loads((await opened.next())["data"]) == {"version": "abc"}


@in_a_loop
async def test_no_proxy_and_no_cache_keeps_it(member, cookies, x_account):
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        headers = opened.response.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("by", ["header", "query"])
@in_a_loop
async def test_what_was_missed_is_told_once_and_in_order(member, cookies, x_account, by):
    for _ in range(3):
        await sync_to_async(announce)(x_account)
    cookie, at = await sync_to_async(cookies)(member), f"{x_account.pk}-1"
    how = {"last-event-id": at} if by == "header" else {}
    async with stream(cookie, f"?from={at}" if by == "query" else f"?from={x_account.pk}-0", **how) as opened:
        assert (await opened.next())["event"] == "hello"
        assert [(await opened.told())["number"] for _ in range(2)] == [2, 3]
        await sync_to_async(announce)(x_account)
        assert (await opened.told())["number"] == 4


@in_a_loop
async def test_a_large_commit_comes_through_and_cuts_no_stream(member, cookies, x_account):
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened, asyncio.timeout(60):
        assert (await opened.next())["event"] == "hello"
        await sync_to_async(announce)(x_account, *[NewChange(Kind.ACCOUNT)] * 600)
        assert [(await opened.told())["number"] for _ in range(600)] == list(range(1, 601))
        assert [each.ended for each in live.hub().streams] == [""]


@in_a_loop
async def test_older_than_the_log_is_kept_the_page_is_loaded_anew(member, cookies, x_account):
    for _ in range(3):
        await sync_to_async(announce)(x_account)
    eight_days_ago = timezone.now() - timedelta(days=8)
    await Change.objects.filter(number__lte=2).aupdate(created_at=eight_days_ago)
    await sync_to_async(changes.forget_old)()
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie, f"?from={x_account.pk}-1") as opened:
        reload = await opened.next()
        assert (reload["event"], reload["id"]) == ("reload", f"{x_account.pk}-3")
        await sync_to_async(announce)(x_account)
        assert (await opened.told())["number"] == 4


@in_a_loop
async def test_after_a_database_was_set_back_the_page_is_loaded_anew(member, cookies, x_account):
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie, f"?from={x_account.pk}-99") as opened:
        assert (await opened.next())["event"] == "reload"


@in_a_loop
async def test_a_stranger_hears_nothing(cleo, cookies, x_account):
    cookie = await sync_to_async(cookies)(cleo)
    other = (await sync_to_async(factories.SyncStateFactory)()).x_account
    await sync_to_async(factories.MembershipFactory)(user=cleo, x_account=other)
    async with stream(cookie, f"?from={x_account.pk}-0") as opened:
        assert (await opened.next())["id"] == f"{other.pk}-0"
        await sync_to_async(announce)(x_account)
        await sync_to_async(announce)(other)
        assert (await opened.told())["account"] == other.pk


@in_a_loop
async def test_who_is_not_signed_in_gets_no_stream(db):
    response = await AsyncClient().get("/live/")
    assert response.status_code == 302


async def _remove(user, x_account, cookie):
    await Membership.objects.filter(user=user).adelete()


async def _deactivate(user, x_account, cookie):
    user.is_active = False
    await user.asave()


async def _sign_out(user, x_account, cookie):
    client = AsyncClient()
    client.cookies.load(cookie)
    await sync_to_async(lambda: client.session.delete())()


async def _change_password(user, x_account, cookie):
    user.set_password("another one, and longer")
    await user.asave()


@pytest.mark.parametrize("end", [_remove, _deactivate, _sign_out, _change_password])
@in_a_loop
async def test_a_stream_ends_with_the_permission(member, cookies, x_account, end):
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        await opened.next()
        await end(member, x_account, cookie)
        assert (await opened.next())["event"] == "gone"
        assert await opened.is_over()


@in_a_loop
async def test_a_new_membership_comes_in(member, cookies, x_account):
    cookie = await sync_to_async(cookies)(member)
    new = (await sync_to_async(factories.SyncStateFactory)()).x_account
    async with stream(cookie) as opened:
        await opened.next()
        await sync_to_async(factories.MembershipFactory)(user=member, x_account=new)
        assert await opened.told() == {
            "account": new.pk, "number": 0, "kind": "account", "conversation": None, "event": None,
        }  # fmt: skip
        await sync_to_async(announce)(new)
        assert (await opened.next())["id"] == f"{x_account.pk}-0.{new.pk}-1"


@in_a_loop
async def test_what_is_read_in_another_browser_is_told_to_this_person_alone(member, ada, cookies, conversation):
    await sync_to_async(factories.DmEventFactory)(conversation=conversation)
    conversation.last_dm_event_id = 10
    await conversation.asave()
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        await opened.next()
        await sync_to_async(actions.mark_read)(ada, conversation, 10)
        await sync_to_async(actions.mark_read)(member, conversation, 5)
        told = await opened.told()
        assert (told["kind"], told["conversation"]) == ("read", conversation.pk)
        await sync_to_async(announce)(conversation.x_account)
        assert (await opened.told())["kind"] == "account"


@in_a_loop
async def test_a_state_of_the_x_account_is_told(member, cookies, x_account):
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        await opened.next()
        await sync_to_async(stop_all_for_credit)()
        told = await opened.told()
        assert (told["kind"], told["number"]) == ("account", 1)


@in_a_loop
async def test_how_old_what_is_shown_may_be_is_told_once_a_minute(member, cookies, x_account):
    read_at = timezone.now().replace(second=10)
    state = SyncState.objects.filter(x_account=x_account)
    await state.aupdate(last_success_at=read_at)
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        await opened.next()
        while not live.hub().ages:
            await asyncio.sleep(0.01)
        await state.aupdate(last_success_at=read_at + timedelta(seconds=20))
        await live.hub()._look_at_people()
        await sync_to_async(announce)(x_account)
        assert (await opened.told())["kind"] == "account"
        await state.aupdate(last_success_at=read_at + timedelta(seconds=60))
        assert await opened.told() == {
            "account": x_account.pk, "number": 0, "kind": "age", "conversation": None, "event": None,
        }  # fmt: skip


@in_a_loop
async def test_a_person_has_so_many_streams_and_no_more(member, cookies, x_account, monkeypatch):
    monkeypatch.setattr(live, "STREAMS_PER_PERSON", 1)
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        await opened.next()
        client = AsyncClient()
        client.cookies.load(cookie)
        assert (await client.get("/live/")).status_code == 429
        assert live.hub().count(member.pk) == 1


@in_a_loop
async def test_a_quiet_stream_says_that_it_lives(member, cookies, x_account, monkeypatch):
    monkeypatch.setattr("conversations.views.live.KEEP_ALIVE", 0.01)
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        await opened.next()
        assert (await opened.next())["event"] == "still"


@in_a_loop
async def test_an_account_that_comes_in_is_named_by_each_id_from_then_on(member, cookies, x_account):
    """Else a page that is loaded now would name an account that the stream seems to know nothing of."""
    cookie = await sync_to_async(cookies)(member)
    async with stream(cookie) as opened:
        await opened.next()
        state = await sync_to_async(factories.SyncStateFactory)(last_change=77)
        await sync_to_async(factories.MembershipFactory)(user=member, x_account=state.x_account)
        told = await opened.next()
        assert json.loads(told["data"])["account"] == state.x_account_id
        assert live.parse_id(told["id"]) == {x_account.pk: 0, state.x_account_id: 77}
        await sync_to_async(announce)(x_account)
        assert live.parse_id((await opened.next())["id"]) == {x_account.pk: 1, state.x_account_id: 77}


def ticket(person: int = 1) -> live.Ticket:
    return live.Ticket(person, "session", "hash")


@in_a_loop
async def test_a_slow_reader_is_cut_off_and_holds_no_memory():
    slow = live.Stream(ticket(), {7: 0})
    for number in range(1, live.WAITING_MOST + 2):
        slow.hand(live.Told(7, number, "event"))
    assert slow.ended == "cut"
    assert slow.waiting.qsize() == 1
    assert await slow.waiting.get() is None


@in_a_loop
async def test_a_change_comes_to_a_stream_once_and_only_of_its_accounts():
    stream = live.Stream(ticket(), {7: 3})
    for told in [
        live.Told(7, 3, "event"),
        live.Told(7, 4, "event"),
        live.Told(7, 4, "event"),
        live.Told(8, 1, "event"),
    ]:
        stream.hand(told)
    assert stream.waiting.qsize() == 1


@pytest.mark.parametrize(
    "text", ["", "x", "1-", "-1", "1-2.", "1-2,3-4", "1-9999999999999999999", "1-2." * 9000 + "1-2"]
)
def test_an_id_that_cannot_be_read_counts_as_nothing(text):
    assert live.parse_id(text) == {}


def test_an_id_is_written_as_it_is_read():
    assert live.parse_id(live.write_id({12: 3, 4: 500})) == {4: 500, 12: 3}


def test_a_mark_that_moves_says_when(member, conversation):
    conversation.last_dm_event_id = 10
    conversation.save()
    ReadMark.objects.create(user=member, conversation=conversation, moved_at=timezone.now() - timedelta(days=1))
    actions.mark_read(member, conversation, 9)
    assert timezone.now() - ReadMark.objects.get().moved_at < timedelta(minutes=1)
