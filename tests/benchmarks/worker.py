"""From the inbox to rows and counts, on a mix of repositories, beside COPY into a partitioned table with 3 indexes."""

import random
import time
import uuid
from datetime import UTC, datetime, timedelta

from indexer.wakeups import Wakeups
from indexer.worker import Worker
from tests.benchmarks.harness import Context, Row, alternate
from tests.indexer.deliveries import deliver, envelope, item

DELIVERIES = 500
EVENTS_EACH = 10
REPOSITORIES = 200
GOAL = 0.40


async def rows(context: Context) -> list[Row]:
    chance = random.Random(1)
    async with context.database() as db:
        registry_id = await db.fetchval(
            "INSERT INTO registry (name, kind, url) VALUES ('prod', 'distribution', 'http://127.0.0.1:1') RETURNING id"
        )
        await db.execute(
            """
            CREATE TABLE bare (repository_id bigint, at timestamptz, key uuid, digest_id bigint, client_id bigint)
            PARTITION BY RANGE (at)
            """
        )
        await db.execute("CREATE TABLE bare_all PARTITION OF bare DEFAULT")
        for columns in ("repository_id, at, key", "repository_id, client_id, at", "digest_id"):
            await db.execute(f"CREATE INDEX ON bare ({columns})")
        worker = Worker(db, Wakeups(db))
        sent = 0

        async def ours() -> float:
            nonlocal sent
            bodies = []
            for _ in range(DELIVERIES):
                actions = chance.choices(("pull", "push"), (8, 2), k=EVENTS_EACH)
                bodies.append(
                    envelope(
                        *(
                            item(sent + n, action=action, repository=f"team-{chance.randrange(REPOSITORIES)}/app")
                            for n, action in enumerate(actions)
                        )
                    )
                )
                sent += EVENTS_EACH
            await deliver(db, registry_id, *bodies)
            began = time.perf_counter()
            while await worker.step():
                pass
            took = time.perf_counter() - began
            assert await db.fetchval("SELECT count(*) FROM dead_letter") == 0
            return DELIVERIES * EVENTS_EACH / took

        async def bare() -> float:
            now = datetime.now(UTC)
            records = [
                (chance.randrange(REPOSITORIES), now + timedelta(microseconds=n), uuid.uuid4(), n % 1000, n % 50)
                for n in range(20_000)
            ]
            began = time.perf_counter()
            await db.copy_records_to_table("bare", records=records)
            return len(records) / (time.perf_counter() - began)

        mine, other, ratio = await alternate(ours, bare)
    return [
        Row(
            "inbox to rows and counts, beside COPY",
            f"{mine:,.0f}/s",
            f"{other:,.0f}/s",
            ratio,
            f">= {GOAL}",
            ratio >= GOAL,
        )
    ]
