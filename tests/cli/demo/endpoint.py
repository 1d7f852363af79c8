"""A webhook endpoint that keeps deliveries and can refuse the first ones."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web


@dataclass
class Endpoint:
    """`received` are the bodies answered with 202, in order. `refuse` is the number of deliveries to refuse first."""

    url: str = ""
    refuse: int = 0
    received: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.received for event in orjson.loads(body)["events"]]

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(holds)

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=503)
        async with self._changed:
            self.received.append(body)
            self.headers.append(dict(request.headers))
            self._changed.notify_all()
        return web.Response(status=202)


@asynccontextmanager
async def listening() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_post("/webhooks/demo", endpoint.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/demo"
    try:
        yield endpoint
    finally:
        await runner.cleanup()
