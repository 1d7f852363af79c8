"""The monitoring endpoints of a process: `/metrics`, `/healthz` (alive; checks nothing) and `/readyz`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from regdex.errors import RegdexError, Unavailable
from regdex.settings import split_address

# Checks the dependencies of the process. Raises a RegdexError if it cannot work.
Readiness = Callable[[], Awaitable[None]]

SHUTDOWN_SECONDS = 2.0


def health_routes(ready: Readiness) -> list[web.RouteDef]:
    """Return `/healthz` and `/readyz`, for the monitoring port and for ports behind load balancers."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        try:
            await ready()
        except RegdexError as error:
            return web.Response(text=f"{error.code}\n", status=503, headers={"Retry-After": "1"})
        return web.Response(text="ok\n")

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


@asynccontextmanager
async def monitoring(listen: str, ready: Readiness) -> AsyncIterator[str]:
    """Serve the endpoints at `listen` inside the context. Yield the actual address, which has the port chosen for 0."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.add_routes([web.get("/metrics", metrics), *health_routes(ready)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        host, port = split_address(listen)
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        yield f"{host}:{bound[1]}"
    finally:
        await runner.cleanup()


class Door:
    """Readiness with a switch: open from the time that the process listens on all its ports until it begins to stop."""

    def __init__(self, ready: Readiness) -> None:
        self._ready = ready
        self._closed = "starting"

    def open(self) -> None:
        self._closed = ""

    def close(self) -> None:
        """Report not ready, so that load balancers send no more requests."""
        self._closed = "stopping"

    async def __call__(self) -> None:
        if self._closed:
            raise Unavailable(self._closed)
        await self._ready()
