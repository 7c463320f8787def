"""What wakes the reader of the change log: Redis, at once; and while that is away or hangs, a look at the numbers."""

from __future__ import annotations

import asyncio
import time

import pytest
import redis
from asgiref.sync import sync_to_async

from accounts.models import Membership
from conversations import live, waking
from conversations.live import Hub
from tests import factories
from tests.conversations.live_support import announce, cookie_of, in_a_loop, stream
from tests.services import free_port, redis_server

pytestmark = [pytest.mark.services, pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
NEVER = 600.0


@pytest.fixture(autouse=True)
def _afresh(monkeypatch, settings):
    settings.PUBLIC_URL = "http://testserver"  # the Host that the async client sends
    monkeypatch.setattr(waking, "_rests_until", [0.0])
    monkeypatch.setattr(waking, "_client", waking._client.__wrapped__)


@pytest.fixture
def own_redis(settings):
    """A port for a Redis of this test alone, that may come and go."""
    port = free_port()
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    return port


@pytest.fixture
def x_account(transactional_db):
    return factories.SyncStateFactory().x_account


@pytest.fixture
def member(ben, x_account):
    factories.MembershipFactory(user=ben, x_account=x_account)
    return ben


async def until(is_so) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.01)


@in_a_loop
async def test_a_change_wakes_the_reader_through_redis(member, x_account, own_redis, monkeypatch):
    monkeypatch.setattr(live, "PERMISSION_EACH", NEVER)
    cookie = await sync_to_async(cookie_of)(member)
    with redis_server(own_redis):
        async with stream(cookie) as opened:
            await opened.next()
            await until(lambda: live.hub().is_told)
            monkeypatch.setattr(live, "LOOK_EACH", NEVER)
            for number in (1, 2):
                await sync_to_async(announce)(x_account)
                assert (await opened.told())["number"] == number


@in_a_loop
async def test_while_redis_is_away_the_numbers_are_looked_at_and_then_it_wakes_again(
    member, x_account, own_redis, monkeypatch
):
    monkeypatch.setattr(live, "PERMISSION_EACH", NEVER)
    monkeypatch.setattr(waking, "REST_SECONDS", 0.0)
    cookie = await sync_to_async(cookie_of)(member)
    async with stream(cookie) as opened:
        with redis_server(own_redis):
            await opened.next()
            await until(lambda: live.hub().is_told)
        await until(lambda: not live.hub().is_told)
        await sync_to_async(announce)(x_account)
        assert (await opened.told())["number"] == 1
        with redis_server(own_redis):
            await until(lambda: live.hub().is_told)
            await sync_to_async(announce)(x_account)
            assert (await opened.told())["number"] == 2


@in_a_loop
async def test_a_redis_that_hangs_delays_news_by_no_more_than_the_look_at_people(
    member, x_account, own_redis, monkeypatch
):
    cookie = await sync_to_async(cookie_of)(member)
    with redis_server(own_redis):
        async with stream(cookie) as opened:
            await opened.next()
            await until(lambda: live.hub().is_told)
            redis.Redis(port=own_redis).client_pause(20_000, all=True)
            began = time.monotonic()
            await sync_to_async(announce)(x_account)
            assert (await opened.told())["number"] == 1
            assert time.monotonic() - began < live.PERMISSION_EACH + waking.PATIENCE_SECONDS + 2


@in_a_loop
async def test_the_stream_of_a_removed_member_ends_within_five_seconds(member, x_account, own_redis):
    cookie = await sync_to_async(cookie_of)(member)
    with redis_server(own_redis):
        async with stream(cookie) as opened:
            await opened.next()
            await until(lambda: live.hub().is_told)
            await Membership.objects.filter(user=member).adelete()
            began = time.monotonic()
            assert (await opened.next())["event"] == "gone"
            assert await opened.is_over()
            assert time.monotonic() - began < 5


async def _stopped_after(steps: int) -> bool:
    hub = Hub()
    task = asyncio.create_task(hub._listen())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=20)
    hub.thread.shutdown()
    return task in done and task.cancelled()


def test_it_ends_whenever_it_is_stopped():
    assert all(asyncio.run(_stopped_after(steps)) for _ in range(10) for steps in range(60))
