"""A proxy between Regdex and a registry's API that shifts the `Date` of each answer."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from tests.harness.registries import free_port

HOP_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


class RegistryProxy:
    """Listens at `url`, asks the registry at `target`; `clock_shift` may be set any time."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.clock_shift = timedelta(0)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._session = aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in (*HOP_HEADERS, "host")}
        async with self._session.request(
            request.method, self._target + request.raw_path, headers=headers, allow_redirects=False
        ) as answer:
            body = await answer.read()
        shown = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_HEADERS]
        response = web.Response(status=answer.status, body=body or None)
        response.headers.extend(shown)
        if request.method == "HEAD" and (length := answer.headers.get("Content-Length")):
            response.headers["Content-Length"] = length
        response.headers["Date"] = format_datetime(datetime.now(UTC) + self.clock_shift, usegmt=True)
        return response
