"""Webhooks: durable 202s a second, beside a handler that only parses and beside an INSERT for each request."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from aiohttp import web

from indexer.kinds import kind_of
from indexer.receiving.endpoints import Endpoint, SecretFile, by_name
from indexer.receiving.intake import Intake
from indexer.receiving.receiver import Receiver, ReceiverServer
from regdex.database import Pool
from tests.benchmarks.harness import Context, Row, alternate
from tests.benchmarks.load import Load, drive, request
from tests.harness.deliveries import envelope, item, push

SECONDS = 2.0
MAX_BYTES = 8 * 1024 * 1024


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
        found += await _beside_pgbench(context.url_of(await db.fetchval("SELECT current_database()")), db, single, ours)
    return found


async def _beside_pgbench(url: str, db: Pool, requests: list[bytes], port: int) -> list[Row]:
    """Beside durable INSERTs of the same body by pgbench, where PostgreSQL's programs are installed."""
    pgbench = _find_pgbench()
    if pgbench is None:
        print("webhook beside pgbench: LEFT OUT, pgbench is not installed", flush=True)
        return []
    body = requests[0].partition(b"\r\n\r\n")[2].hex()

    async def ours() -> float:
        measured = await drive("127.0.0.1", port, requests, connections=32, seconds=SECONDS)
        await db.execute("TRUNCATE inbox")
        return measured.rate

    async def bare() -> float:
        with TemporaryDirectory() as folder:
            script = Path(folder) / "insert.sql"
            script.write_text(f"INSERT INTO inbox (registry_id, headers, body) VALUES (1, '{{}}', '\\x{body}');\n")  # noqa: S608 - of ours
            process = await asyncio.create_subprocess_exec(
                pgbench, "-n", "-M", "prepared", "-c", "32", "-j", "1", "-T", "3", "-f", script, url,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            output = (await process.communicate())[0].decode()
        await db.execute("TRUNCATE inbox")
        assert process.returncode == 0, output
        return float(re.findall(r"^tps = ([0-9.]+)", output, re.MULTILINE)[0])

    mine, other, ratio = await alternate(ours, bare)
    label = "webhook, 1 event, c=32, beside pgbench"
    return [Row(label, f"{mine:,.0f}/s", f"{other:,.0f}/s", ratio, ">= 0.75", ratio >= 0.75)]


def _find_pgbench() -> str | None:
    """On the path, else the newest of Debian's, which keeps it off the path."""
    return shutil.which("pgbench") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/pgbench")), default=None)


def _webhook(body: bytes) -> bytes:
    return request("POST", "/webhooks/prod", body, content_type="application/json", authorization="Bearer secret")


@asynccontextmanager
async def _receiving(db: object) -> AsyncIterator[int]:
    with TemporaryDirectory() as folder:
        secret = Path(folder) / "secret"
        secret.write_text("secret")
        intake = Intake(db, max_waiting=100_000_000)  # type: ignore[arg-type]
        running = asyncio.create_task(intake.run())
        endpoint = Endpoint("prod", 1, kind_of("distribution"), SecretFile(secret))
        receiver = Receiver(
            intake,
            by_name([endpoint]),
            max_body_bytes=MAX_BYTES,
        )
        server = ReceiverServer(receiver, host="127.0.0.1", port=0, max_body_bytes=MAX_BYTES)
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
