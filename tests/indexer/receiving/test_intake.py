"""The group commit while PostgreSQL is there, away, silent, or full."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from indexer.receiving.intake import Intake
from regdex import database
from regdex.database import Connection, Pool
from regdex.errors import Exhausted, Unavailable
from regdex.store.queues import inbox
from tests.harness.proxy import proxied


@asynccontextmanager
async def running(db: Pool, **options: Any) -> AsyncIterator[Intake]:
    intake = Intake(db, **{"max_waiting": 1000, **options})
    task = asyncio.create_task(intake.run())
    try:
        yield intake
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def store_until_accepted(intake: Intake) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                return await intake.store(1, "{}", b"later")
            except (Unavailable, Exhausted):
                await asyncio.sleep(0.02)


async def test_those_who_wait_together_are_written_together(db: Pool) -> None:
    async with running(db, writers=1) as intake:
        await asyncio.gather(*(intake.store(1, "{}", b"%d" % number) for number in range(300)))

    # One transaction each would have had 300 ids of transactions.
    assert await db.fetchval("SELECT count(DISTINCT xmin::text) FROM inbox") <= 3
    assert await db.fetchval("SELECT count(*) FROM inbox") == 300


async def test_groups_are_bounded_in_bytes(db: Pool) -> None:
    async with running(db, writers=1, max_bytes_at_once=1000) as intake:
        await asyncio.gather(*(intake.store(1, "{}", bytes(400)) for _ in range(20)))

    assert await db.fetchval("SELECT max(n) FROM (SELECT count(*) AS n FROM inbox GROUP BY xmin::text) AS g") == 2


async def test_full_inbox_refuses_until_it_has_been_worked_on(db: Pool) -> None:
    async with running(db, max_waiting=3) as intake:
        for _ in range(3):
            await intake.store(1, "{}", b"")
        with pytest.raises(Exhausted):
            await intake.store(1, "{}", b"")

        await db.execute("DELETE FROM inbox")

        await store_until_accepted(intake)


async def test_what_is_stored_while_the_inbox_is_counted_counts(db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, go_on = asyncio.Event(), asyncio.Event()
    measure = inbox.measure_inbox

    async def measure_slowly(connection: Connection, *, limit: int) -> asyncpg.Record:
        found = await measure(connection, limit=limit)
        counted.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(inbox, "measure_inbox", measure_slowly)
    async with running(db, max_waiting=3) as intake:
        await counted.wait()
        for _ in range(2):
            await intake.store(1, "{}", b"")
        go_on.set()
        await asyncio.sleep(0.02)
        await intake.store(1, "{}", b"")

        with pytest.raises(Exhausted):
            await intake.store(1, "{}", b"")


async def test_inbox_that_was_full_before_the_start_is_noticed(db: Pool) -> None:
    await db.execute("INSERT INTO inbox (registry_id, headers, body) SELECT 1, '{}', '' FROM generate_series(1, 5)")
    async with running(db, max_waiting=5) as intake:
        async with asyncio.timeout(10):
            while True:
                try:
                    await intake.store(1, "{}", b"")
                except Exhausted:
                    break


async def test_full_queue_refuses_at_once(db: Pool) -> None:
    intake = Intake(db, max_waiting=1000, max_queued=2, max_queued_bytes=100)
    waiting = [asyncio.create_task(intake.store(1, "{}", b"x" * 40)) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(Exhausted):
        await intake.store(1, "{}", b"")

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_queue_is_bounded_in_bytes(db: Pool) -> None:
    intake = Intake(db, max_waiting=1000, max_queued_bytes=100)
    waiting = asyncio.create_task(intake.store(1, "{}", bytes(60)))
    await asyncio.sleep(0)

    with pytest.raises(Exhausted):
        await intake.store(1, "{}", bytes(60))

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_answer_comes_within_a_second_while_postgresql_is_silent(db: Pool, database_url: str) -> None:
    loop = asyncio.get_running_loop()
    async with proxied(database_url) as proxy:
        slow = await database.connect(proxy.url, size=3)
        async with running(slow) as intake:
            await intake.store(1, "{}", b"before")
            proxy.flowing.clear()

            for _ in range(3):
                began = loop.time()
                with pytest.raises(Unavailable):
                    await intake.store(1, "{}", b"meanwhile")
                assert loop.time() - began < 1.0

            proxy.flowing.set()
            proxy.break_connections()
            await store_until_accepted(intake)
        slow.terminate()

    assert await db.fetchval("SELECT count(*) FROM inbox WHERE body IN ('before', 'later')") == 2


async def test_lost_connections_are_replaced(db: Pool, database_url: str) -> None:
    async with proxied(database_url) as proxy:
        fragile = await database.connect(proxy.url, size=3)
        async with running(fragile) as intake:
            await intake.store(1, "{}", b"before")
            proxy.break_connections()
            await store_until_accepted(intake)
        fragile.terminate()

    assert await db.fetchval("SELECT count(*) FROM inbox") == 2


async def test_read_only_database_refuses_and_recovers(db: Pool, database_url: str) -> None:
    name = await db.fetchval("SELECT current_database()")
    await db.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    fresh = await database.connect(database_url, size=3)
    async with running(fresh) as intake:
        with pytest.raises(Unavailable):
            await intake.store(1, "{}", b"")

        await db.execute("SET default_transaction_read_only = off")
        await db.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await fresh.expire_connections()
        await store_until_accepted(intake)
    await fresh.close()


async def test_nothing_is_acknowledged_when_the_writer_is_stopped(db: Pool, database_url: str) -> None:
    lock = await asyncpg.connect(database_url)
    async with lock.transaction():
        await lock.execute("LOCK TABLE inbox IN EXCLUSIVE MODE")
        async with running(db) as intake:
            waiting = asyncio.create_task(intake.store(1, "{}", b""))
            await asyncio.sleep(0.1)
        with pytest.raises(Unavailable):
            await waiting
    await lock.close()

    assert await db.fetchval("SELECT count(*) FROM inbox") == 0
