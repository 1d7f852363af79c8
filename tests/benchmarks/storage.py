"""Bytes that a pull, a tag and an observation take, with all their indexes."""

import random
from datetime import UTC, datetime, timedelta

from indexer.recording.recorder import record_events
from regdex.events import Event, ManifestPulled, ManifestPushed, event_key
from tests.benchmarks.harness import Context, Row
from tests.harness.deliveries import digest

TAGS = 20_000
PULLS = 40_000
REPOSITORIES = 200
BATCH = 4000


async def rows(context: Context) -> list[Row]:
    chance, now = random.Random(3), datetime.now(UTC)
    start = now - timedelta(hours=20)
    pushes: list[Event] = [
        ManifestPushed(
            repository=f"team-{n % 20}/app-{n % REPOSITORIES}",
            told_at=start + timedelta(milliseconds=n), received_at=now,
            key=event_key("push", str(n)), digest=digest(str(n)), tag=f"1.{n // REPOSITORIES}.{n % 7}", actor="ci",
        )
        for n in range(TAGS)
    ]  # fmt: skip
    pulls: list[Event] = [
        ManifestPulled(
            repository=f"team-{n % 20}/app-{n % REPOSITORIES}",
            received_at=now, told_at=start + timedelta(hours=1, milliseconds=n),
            key=event_key("pull", str(n)), digest=digest(str(chance.randrange(TAGS))),
            tag=f"1.{chance.randrange(100)}.3",
            address=f"10.0.0.{n % 200}", user_agent="containerd/2.1",
        )
        for n in range(PULLS)
    ]  # fmt: skip
    async with context.database() as db:
        registry_id = await db.fetchval(
            "INSERT INTO registry (name, kind, url) VALUES ('prod', 'distribution', 'http://127.0.0.1:1') RETURNING id"
        )
        for events in (pushes, pulls):
            for at in range(0, len(events), BATCH):
                async with db.acquire() as connection, connection.transaction():
                    await record_events(connection, registry_id, events[at : at + BATCH])
        found = []
        for label, tables, goal in (
            ("storage, a pull", ["pull_event"], 200),
            ("storage, a tag", ["tag"], 180),
            ("storage, an observation of a tag", ["tag_event"], 220),
        ):
            size = await db.fetchval(
                """
                SELECT sum(pg_total_relation_size(tree.relid))
                  FROM unnest($1::text[]) AS name,
                       LATERAL (SELECT relid FROM pg_partition_tree(name::regclass)
                                 UNION SELECT name::regclass) AS tree
                """,
                tables,
            )
            count = await db.fetchval(f"SELECT count(*) FROM {tables[0]}")  # noqa: S608 - names of ours
            each = float(size) / count
            found.append(Row(label, f"{each:.0f} B", f"{goal} B", each / goal, "<= 1", each <= goal))
    return found
