"""The listener of open pages, on a real Redis."""

from __future__ import annotations

import asyncio

import pytest

from conversations.live import Hub

pytestmark = [pytest.mark.services, pytest.mark.postgres]  # Redis is there where PostgreSQL is


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
