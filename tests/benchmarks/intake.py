"""Webhooks: durable 202s a second, beside a handler that only parses and beside an INSERT for each request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from aiohttp import web

from indexer.endpoints import Endpoint, SecretFile, by_name
from indexer.intake import Intake
from indexer.receiver import Receiver, ReceiverServer
from tests.benchmarks.harness import Context, Row, alternate
from tests.benchmarks.load import Load, drive, request
from tests.indexer.deliveries import envelope, item, push

SECONDS = 2.0
MOST_BYTES = 8 * 1024 * 1024


async def rows(context: Context) -> list[Row]:
    single = [_webhook(push(number)) for number in range(200)]
    ten = [_webhook(envelope(*(item(number * 10 + n) for n in range(10)))) for number in range(50)]
    found: list[Row] = []
    async with context.database() as db, _receiving(db) as ours, _parsing() as parse, _inserting(db) as insert:
        for label, requests, port, connections, goal in (
            ("webhook, 1 event, c=64, beside parse-only", single, parse, 64, 0.60),
            ("webhook, 1 event, c=32, beside INSERT a request", single, insert, 32, 1.0),
            ("webhook, 10 events, c=64, beside parse-only", ten, parse, 64, 0.60),
        ):

            async def load(to: int, requests: list[bytes] = requests, connections: int = connections) -> float:
                measured: Load = await drive("127.0.0.1", to, requests, connections=connections, seconds=SECONDS)
                assert set(measured.statuses) == {"202"}, measured.statuses
                await db.execute("TRUNCATE inbox")
                return measured.rate

            mine, other, ratio = await alternate(lambda load=load: load(ours), lambda load=load, port=port: load(port))  # type: ignore[misc]
            found.append(Row(label, f"{mine:,.0f}/s", f"{other:,.0f}/s", ratio, f">= {goal}", ratio >= goal))
    return found


def _webhook(body: bytes) -> bytes:
    return request("POST", "/webhooks/prod", body, content_type="application/json", authorization="Bearer secret")


@asynccontextmanager
async def _receiving(db: object) -> AsyncIterator[int]:
    with TemporaryDirectory() as folder:
        secret = Path(folder) / "secret"
        secret.write_text("secret")
        intake = Intake(db, max_waiting=100_000_000)  # type: ignore[arg-type]
        running = asyncio.create_task(intake.run())
        receiver = Receiver(intake, by_name([Endpoint("prod", 1, SecretFile(secret))]), max_body_bytes=MOST_BYTES)
        server = ReceiverServer(receiver, host="127.0.0.1", port=0, max_body_bytes=MOST_BYTES)
        await server.start()
        try:
            yield server.port
        finally:
            await server.stop()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def _bare(handler: object) -> AsyncIterator[int]:
    application = web.Application()
    application.router.add_post("/webhooks/prod", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _parsing() -> "asynccontextmanager[int]":  # type: ignore[type-arg]
    async def handler(request: web.Request) -> web.Response:
        orjson.loads(await request.read())
        return web.Response(status=202)

    return _bare(handler)  # type: ignore[return-value]


def _inserting(db: object) -> "asynccontextmanager[int]":  # type: ignore[type-arg]
    async def handler(request: web.Request) -> web.Response:
        body = await request.read()
        await db.execute("INSERT INTO inbox (registry_id, headers, body) VALUES (1, '{}', $1)", body)  # type: ignore[attr-defined]
        return web.Response(status=202)

    return _bare(handler)  # type: ignore[return-value]
