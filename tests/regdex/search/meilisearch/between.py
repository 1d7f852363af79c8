"""What stands between Regdex and a Meilisearch, real or imitated, and does to requests what a test says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import orjson
from aiohttp import web

from tests.regdex.search.meilisearch.imitation import Imitation


@dataclass(frozen=True, slots=True)
class Request:
    """One request on its way to the engine."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


PASSED_ON = frozenset(("Authorization", "Content-Type", "Accept-Encoding"))

Forward = Callable[[Request], Awaitable[web.Response]]
# Sees a request, may send it on, and says what is answered.
Script = Callable[[Request, Forward], Awaitable[web.Response]]


def refusal(status: int, code: str, **headers: str) -> web.Response:
    """As the engine says no."""
    body = orjson.dumps({"message": code, "code": code, "type": "system", "link": ""})
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def answer(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


@dataclass
class Between:
    """`url` leads to the engine. `script` is asked first; `seen` are the requests so far.

    While not `listening` connections are refused, as by a machine on which nothing runs.
    """

    target: str | Imitation
    script: Script | None = None
    seen: list[Request] = field(default_factory=list)
    url: str = ""

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.AppRunner(_application(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()
        await self.listen()

    async def listen(self) -> None:
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        self._site = web.TCPSite(self._runner, "127.0.0.1", port, reuse_address=True)
        await self._site.start()
        self.url = f"http://127.0.0.1:{self._site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]

    async def go_away(self) -> None:
        """Refuse connections, and break those that are there."""
        await self._runner.cleanup()
        self._runner = web.AppRunner(_application(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    def count(self, line: str) -> int:
        return sum(request.line.startswith(line) for request in self.seen)

    async def _handle(self, request: web.Request) -> web.Response:
        received = Request(
            request.method, request.path, dict(request.query), dict(request.headers), await request.read()
        )
        self.seen.append(received)
        if self.script is not None:
            return await self.script(received, self.forward)
        return await self.forward(received)

    async def forward(self, request: Request) -> web.Response:
        if isinstance(self.target, Imitation):
            return await self.target.answer(request.method, request.path, request.query, request.content)
        headers = {name: value for name, value in request.headers.items() if name in PASSED_ON}
        async with self._session.request(
            request.method, self.target + request.path, params=request.query, headers=headers, data=request.content
        ) as response:
            return web.Response(body=await response.read(), status=response.status, content_type=response.content_type)


def _application(handle: Callable[[web.Request], Awaitable[web.Response]]) -> web.Application:
    application = web.Application(client_max_size=2**28)
    application.router.add_route("*", "/{path:.*}", handle)
    return application


async def until(condition: Callable[[], Awaitable[object]], *, seconds: float = 20) -> None:
    """Wait until `condition` holds; TimeoutError when it does not."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.05)
