"""Every part of the indexer ends when it is told to, even if its connections break at that very moment."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from indexer.backfills import BackfillRunner
from indexer.downloads import keep_counted
from indexer.fetcher import Fetcher
from indexer.intake import Intake
from indexer.process import _beat
from indexer.publisher import Publisher
from indexer.schedule import Job, run_schedule
from indexer.wakeups import Wakeups
from indexer.worker import Worker
from regdex import database
from regdex.database import Pool
from regdex.search.tantivy import TantivyWriter
from regdex.store import schedule

END_SECONDS = 4.0
# From the break to the end: before the client notices, when it does, and in the midst of what follows.
PAUSES = (0.0, 0.0005, 0.002, 0.01, 0.05, 0.2)

Start = Callable[[Pool, Path], Coroutine[Any, Any, None]]


async def _publish(db: Pool, directory: Path) -> None:
    await Publisher(db, TantivyWriter(directory), Wakeups(db)).run()


async def _lead_the_schedule(db: Pool, _: Path) -> None:
    async def look() -> None:
        await db.fetchval("SELECT pg_sleep(0.02)")

    await run_schedule(db, [Job("look", 0, look)], asyncio.Event())


async def _heartbeat(db: Pool, _: Path) -> None:
    await _beat(db, await schedule.start_run(db))


PARTS: dict[str, Start] = {
    "intake": lambda db, _: Intake(db, max_waiting=1000).run(),
    "wake-ups": lambda db, _: Wakeups(db).run(),
    "worker": lambda db, _: Worker(db, Wakeups(db)).run(),
    "fetcher": lambda db, _: Fetcher(db, {}, Wakeups(db)).run(),
    "backfill": lambda db, _: BackfillRunner(db, {}, [], Wakeups(db)).run(),
    "publisher": _publish,
    "counting": lambda db, _: keep_counted(db),
    "schedule": _lead_the_schedule,
    "heartbeat": _heartbeat,
}


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
