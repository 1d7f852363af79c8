"""From the inbox to rows and counts, on a mix of repositories, beside COPY into a partitioned table with 3 indexes."""

import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.recording.worker import Worker
from indexer.wakeups import Wakeups
from tests.benchmarks.harness import Context, Row, alternate
from tests.harness.deliveries import deliver, envelope, item

DELIVERIES = 1000
EVENTS_EACH = 10
REPOSITORIES = 200
CLIENTS = 200
PUSHES = 0.2
PUSHED_BEFORE = 1000
SKEW = 2
GOAL = 0.40


def _story(chance: random.Random) -> Iterator[bytes]:
    """Deliveries without end: a fifth are pushes, the rest pulls of what was pushed, most of what many want."""
    number = 0
    pushed: list[dict[str, Any]] = []
    while True:
        events = []
        for _ in range(EVENTS_EACH):
            number += 1
            if len(pushed) < PUSHED_BEFORE or chance.random() < PUSHES:
                event = item(number, repository=f"team-{chance.randrange(REPOSITORIES)}/app")
                pushed.append(event)
            else:
                of = pushed[int(len(pushed) * chance.random() ** SKEW)]
                event = item(number, repository=of["target"]["repository"], action="pull")
                event["target"] = of["target"]
                event["request"]["addr"] = f"192.0.2.{chance.randrange(CLIENTS)}:4711"
            events.append(event)
        yield envelope(*events)


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
        story = _story(random.Random(1))

        async def ours() -> float:
            await deliver(db, registry_id, *(next(story) for _ in range(DELIVERIES)))
            began = time.perf_counter()
            while await worker.step():
                pass
            took = time.perf_counter() - began
            assert await db.fetchval("SELECT count(*) FROM inbox") == 0
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
