"""Questions are answered while events of the same repository are recorded: neither makes the other fail."""

import asyncio
from datetime import UTC, datetime, timedelta

from cli.demo.catalog import make_catalog
from indexer.fetching.asking import Asker
from indexer.registry.client import RegistryClient
from regdex.database import Pool
from regdex.store.catalog import names
from regdex.store.queues import questions
from tests.indexer.backfill.stage import FAST, add_registry, backfill, some_of, staged

CART = "orders/cart"


async def test_question_that_is_raised_while_its_answer_is_recorded_is_asked_again(db: Pool) -> None:
    async with staged(some_of(make_catalog(3), "orders/", "hello")) as stage:
        settings = stage.settings()
        registry_id = await add_registry(db, settings)
        await backfill(db, settings)
        repository_id = await db.fetchval("SELECT id FROM repository WHERE name = $1", CART)
        question = (repository_id, "latest")
        async with db.acquire() as conn, conn.transaction():
            await questions.raise_questions(conn, [question], delay=timedelta(0))
        raised_at = datetime.now(UTC)

        async with RegistryClient(settings, FAST) as client:
            async with db.acquire() as conn, conn.transaction():
                await names.lock_repositories(conn, [repository_id])
                asked = asyncio.create_task(Asker(db, registry_id, client).step())
                async with asyncio.timeout(20):
                    while True:
                        if await db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                            break
                        await asyncio.sleep(0.02)
                await questions.raise_questions(conn, [question], delay=timedelta(0))
            async with asyncio.timeout(20):
                await asked

    (row,) = await db.fetch("SELECT attempts, asked_at FROM question WHERE repository_id = $1", repository_id)
    assert row["attempts"] == 0
    assert row["asked_at"] > raised_at
