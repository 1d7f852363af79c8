"""Whatever goes on after an outage ends when it is told to, even if its connections break at that very moment."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.terminal.backfill_watch import watch_first_reads
from indexer import process
from indexer.backfill.runner import BackfillRunner
from indexer.counting.rederiving import keep_counted
from indexer.fetching import fetcher
from indexer.fetching.fetcher import Fetcher
from indexer.publisher import Publisher
from indexer.receiving import intake
from indexer.receiving.intake import Intake
from indexer.recording.worker import Worker
from indexer.schedule import Job, run_schedule
from indexer.wakeups import Wakeups
from regdex import database
from regdex.database import Pool
from regdex.search.tantivy import TantivyWriter
from tests.harness.hostile import client

END_SECONDS = 4.0
# From the break to the end: before the client notices, when it does, and in the midst of what follows.
PAUSES = (0.0, 0.0005, 0.002, 0.01, 0.05, 0.2)
# Turns of the event loop between the two, from the break first to the order first.
TURNS = (-2, -1, 0, 1, 2, 3, 5)

Start = Callable[[Pool, Path], Coroutine[Any, Any, None]]


async def _publish(db: Pool, directory: Path) -> None:
    await Publisher(db, TantivyWriter(directory), Wakeups(db)).run()


async def _lead_the_schedule(db: Pool, _: Path) -> None:
    async def look() -> None:
        await db.fetchval("SELECT pg_sleep(0.02)")

    await run_schedule(db, [Job("look", 0, look)], asyncio.Event())


async def _fetch(db: Pool, _: Path) -> None:
    async with client("http://127.0.0.1:9") as registry:
        await Fetcher(db, {registry.name: registry}, Wakeups(db)).run()


PARTS: dict[str, Start] = {
    "intake": lambda db, _: Intake(db, max_waiting=1000).run(),
    "wake-ups": lambda db, _: Wakeups(db).run(),
    "worker": lambda db, _: Worker(db, Wakeups(db)).run(),
    "fetcher": _fetch,
    "backfill": lambda db, _: BackfillRunner(db, {}, [], Wakeups(db)).run(),
    "publisher": _publish,
    "counting": lambda db, _: keep_counted(db),
    "schedule": _lead_the_schedule,
    "heartbeat": lambda db, _: process._beat(db, 1),
    "first reads": lambda db, _: watch_first_reads(db, Console(file=io.StringIO())),
}


@pytest.fixture(autouse=True)
async def busy(db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing rests for long between its statements, and the fetcher has a registry."""
    for module, pause in ((fetcher, "MEASURE_SECONDS"), (intake, "MEASURE_SECONDS"), (process, "BEAT_SECONDS")):
        monkeypatch.setattr(module, pause, 0.05)
    await db.execute("INSERT INTO registry (name, kind, url) VALUES ('prod', 'distribution', 'http://127.0.0.1:9')")


@asynccontextmanager
async def all_tables_locked(db: Pool) -> AsyncIterator[None]:
    async with db.acquire() as connection, connection.transaction():
        names = await connection.fetchval(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public'"
        )
        await connection.execute(f"LOCK TABLE {names}")
        yield


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_ends_although_its_connections_break(
    part: str, db: Pool, database_url: str, tmp_path: Path
) -> None:
    for pause in PAUSES:
        pool = await database.connect(database_url, size=4, application=part)
        task = asyncio.create_task(PARTS[part](pool, tmp_path))
        await asyncio.sleep(0.15)

        await db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
            " AND datname = current_database()",
            part,
        )
        await asyncio.sleep(pause)
        task.cancel()

        _, left = await asyncio.wait((task,), timeout=END_SECONDS)
        pool.terminate()
        assert not left, f"{part} goes on {pause} s after its connections broke"
        assert task.cancelled(), task.exception()


@pytest.mark.parametrize("turns", TURNS)
async def test_all_parts_end_in_the_midst_of_statements_that_break(
    turns: int, db: Pool, database_url: str, tmp_path: Path
) -> None:
    pool = await database.connect(database_url, size=40)
    tasks = [asyncio.create_task(start(pool, tmp_path), name=part) for part, start in PARTS.items()]
    await asyncio.sleep(0.3)

    def tell() -> None:
        for task in tasks:
            task.cancel()

    async with all_tables_locked(db):
        await asyncio.sleep(1.2)  # each has come to a statement, and waits there
        for step in (tell, pool.terminate) if turns >= 0 else (pool.terminate, tell):
            step()
            for _ in range(abs(turns)):
                await asyncio.sleep(0)
        _, left = await asyncio.wait(tasks, timeout=END_SECONDS)

    assert not left, f"{[task.get_name() for task in left]} go on"
