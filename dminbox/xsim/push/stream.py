"""GET /2/activity/stream: a line of JSON for each event, an empty line when there is none for a while."""

import asyncio
from datetime import timedelta

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dminbox.xsim import problems
from dminbox.xsim.calls import CUT, Call, Reply
from dminbox.xsim.push import delivery
from dminbox.xsim.push.feed import LINE_END, Connection, Push
from dminbox.xsim.sim import Sim

MAX_BACKFILL = 5


def activity_stream(call: Call) -> Reply:
    sim, minutes = call.sim, call.number("backfill_minutes", 0, 0, MAX_BACKFILL)
    if len(sim.feed.connections) >= sim.settings.stream_connections:
        raise problems.too_many_connections()
    since = sim.clock.now() - timedelta(minutes=minutes)
    missed = [push for push in sim.feed.pushed if push.pushed_at and push.at >= since] if minutes else []
    return Reply(StreamResponse(sim, missed))


class StreamResponse(Response):
    """Open until somebody ends it."""

    media_type = "application/json"

    def __init__(self, sim: Sim, missed: list[Push]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.sim = sim
        self.missed = missed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = Connection()
        for push in self.missed:
            delivery.write(self.sim, push, [connection])
        self.sim.feed.connections.append(connection)
        self.sim.changed()
        leaving = asyncio.create_task(_end_when_left(receive, connection))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if await self._write(connection, send):
                scope[CUT]()
                await leaving
            else:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()
            self.sim.feed.connections.remove(connection)

    async def _write(self, connection: Connection, send: Send) -> bool:
        """Until the end; True when the connection is to be cut rather than closed."""
        while True:
            try:
                async with asyncio.timeout(self.sim.settings.keep_alive_seconds):
                    some = await connection.queue.get()
            except TimeoutError:
                if self.sim.feed.keeps_alive:
                    await send({"type": "http.response.body", "body": LINE_END, "more_body": True})
                continue
            if some is Connection.END or some is Connection.CUT:
                return some is Connection.CUT
            await send({"type": "http.response.body", "body": some, "more_body": True})


async def _end_when_left(receive: Receive, connection: Connection) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    connection.end()
