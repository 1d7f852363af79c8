"""A registry that misbehaves as told: answers by path, and every request on record."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from indexer.registry import egress
from indexer.registry.client import Limits, RegistryClient
from regdex.settings import Registry

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Nothing in a test is worth a long wait.
HASTY = Limits(
    http=egress.Limits(connect_seconds=2, total_seconds=3, grace_seconds=0.3),
    backoff_seconds=0.01,
    patience_seconds=0.2,
    breaker_threshold=100,
)


@dataclass
class Seen:
    """One request as it came in."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass
class Hostile:
    """`answers` maps a path to a handler, or to handlers used up one by one, the last one for good."""

    answers: dict[str, Handler | list[Handler]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(Seen(request.method, request.path, request.query_string, dict(request.headers)))
        answer = self.answers.get(request.path)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return await answer(request) if answer else web.json_response({"errors": []}, status=404)


@asynccontextmanager
async def hostile() -> AsyncIterator[Hostile]:
    """A hostile registry on a free port of loopback."""
    registry = Hostile()
    application = web.Application(client_max_size=2**20, handler_args={"max_field_size": 2**20})
    application.router.add_route("*", "/{path:.*}", registry.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    registry.port = runner.addresses[0][1]
    try:
        yield registry
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw(*parts: bytes, pause_seconds: float = 0, endless: bytes = b"") -> AsyncIterator[str]:
    """A server that writes exactly these bytes to whoever connects, then `endless` again and again; yields its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_seconds)
            while endless:
                writer.write(endless)
                await writer.drain()
                await asyncio.sleep(pause_seconds)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def client(url: str, limits: Limits = HASTY, **settings: object) -> RegistryClient:
    """A client of the registry at `url`."""
    return RegistryClient(Registry.model_validate({"name": "prod", "url": url, **settings}), limits)


def plain(body: bytes = b"", *, status: int = 200, media_type: str = "application/json", **headers: Any) -> Handler:
    """Always the same answer; header names with _ for -."""

    async def answer(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers={"Content-Type": media_type, **named})

    return answer


def document(value: object, **headers: Any) -> Handler:
    """Always the same JSON."""
    return plain(orjson.dumps(value), **headers)
