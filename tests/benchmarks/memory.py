"""Memory of `regdex serve` and `regdex index` as processes, and how it grows with events; with --full to a million."""

import asyncio
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from regdex.database import Pool
from tests.benchmarks import catalog
from tests.benchmarks.harness import Context, Row
from tests.benchmarks.load import drive, request
from tests.harness.deliveries import deliver, envelope, item
from tests.harness.registries import free_port

REGDEX = Path(sys.executable).parent / "regdex"
REPOSITORIES = 200
EVENTS_EACH = 20
DELIVERIES_AT_ONCE = 500
PUSHES = 2_000
LOOKUPS = 30_000
SECONDS = 15.0
PATIENCE_SECONDS = 600


async def rows(context: Context) -> list[Row]:
    first, last = (100_000, 1_000_000) if context.full else (20_000, 100_000)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(context.database())
        await catalog.fill(db)
        url = context.url_of(await db.fetchval("SELECT current_database()"))
        serve, index, rest_port = await stack.enter_async_context(_processes(url))
        sent = _deliveries()
        asked = iter([request("GET", path) for path in _lookups()])
        before, after = [], []
        for measured, upto in ((before, first), (after, last)):
            await _record(db, sent, upto - (0 if measured is before else first))
            requests = [next(asked) for _ in range(LOOKUPS // 2)]
            load = await drive("127.0.0.1", rest_port, requests, connections=16, seconds=SECONDS)
            assert set(load.statuses) == {"200"}, load.statuses
            measured += [_megabytes(serve), _megabytes(index)]
    growth = max(later - earlier for earlier, later in zip(before, after, strict=True))
    return [
        _row("memory, API", after[0], 120),
        _row("memory, indexer with search writer", after[1], 256),
        _row(f"memory, growth from {first:,} to {last:,} events", growth, 16),
    ]


def _row(label: str, megabytes: float, most: float) -> Row:
    return Row(label, f"{megabytes:.0f} MB", f"{most} MB", megabytes / most, "<= 1", megabytes <= most)


def _megabytes(process: asyncio.subprocess.Process) -> float:
    """Resident now."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the process is gone")


def _deliveries() -> Iterator[bytes]:
    """Some pushes, then pulls of what was pushed, for ever."""
    chance = random.Random(4)
    number = 0
    while True:
        events = []
        for _ in range(EVENTS_EACH):
            number += 1
            pushed = number % PUSHES
            event = item(pushed, repository=f"team-{pushed % REPOSITORIES}/app", action="pull")
            if number <= PUSHES:
                event["action"] = "push"
            event["id"] = f"event-{number}"
            event["request"]["addr"] = f"192.0.2.{chance.randrange(200)}:4711"
            events.append(event)
        yield envelope(*events)


def _lookups() -> Iterator[str]:
    for repository, tag in catalog.names(5, LOOKUPS):
        yield f"/api/v1/repositories/prod/{repository}/-/tags/{tag}"


async def _record(db: Pool, deliveries: Iterator[bytes], events: int) -> None:
    """Put so many events into the inbox, a batch at a time, and wait until they are recorded."""
    registry_id = await db.fetchval("SELECT id FROM registry")
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(events // (EVENTS_EACH * DELIVERIES_AT_ONCE)):
            await deliver(db, registry_id, *(next(deliveries) for _ in range(DELIVERIES_AT_ONCE)))
            while await db.fetchval("SELECT EXISTS (SELECT FROM inbox)"):  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.05)
    assert await db.fetchval("SELECT count(*) FROM dead_letter") == 0


@asynccontextmanager
async def _processes(url: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.subprocess.Process, int]]:
    """`serve` and `index` on the database at `url`, and the port of REST; both are stopped on the way out."""
    ports = {name: free_port() for name in ("rest", "grpc", "webhooks", "metrics", "index")}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("REGDEX_")}
    with tempfile.TemporaryDirectory(prefix="regdex-bench-") as folder:
        (Path(folder) / "secret").write_text("secret")
        (Path(folder) / "regdex.toml").write_text(
            f"""
            data_dir = "data"
            [database]
            url = "{url}"
            [rest]
            listen = "127.0.0.1:{ports["rest"]}"
            [grpc]
            listen = "127.0.0.1:{ports["grpc"]}"
            [webhooks]
            listen = "127.0.0.1:{ports["webhooks"]}"
            [metrics]
            listen = "127.0.0.1:{ports["metrics"]}"
            index_listen = "127.0.0.1:{ports["index"]}"
            [[registries]]
            name = "prod"
            url = "http://127.0.0.1:{free_port()}"
            webhook_secret_file = "secret"
            """
        )
        processes = []
        try:
            for command in ("index", "serve"):
                with (Path(folder) / f"{command}.log").open("wb") as log:
                    processes.append(
                        await asyncio.create_subprocess_exec(
                            REGDEX, command, "--config", Path(folder) / "regdex.toml",
                            stdout=log, stderr=log, env=environment,
                        )
                    )  # fmt: skip
                port = ports["webhooks"] if command == "index" else ports["rest"]
                async with asyncio.timeout(60):
                    while not await _answers(port):  # noqa: ASYNC110 - another process, nothing to wait on
                        await asyncio.sleep(0.1)
            index, serve = processes
            yield serve, index, ports["rest"]
        finally:
            for process in processes:
                if process.returncode is None:
                    process.terminate()
            await asyncio.gather(*(process.wait() for process in processes))


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
