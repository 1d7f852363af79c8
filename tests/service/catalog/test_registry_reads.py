"""What GetRegistry says of reading, over both transports: the last read, what could not be read, limits."""

import pytest

from regdex.database import Pool
from regdex.store.catalog import gaps
from tests.harness.asking import Asker
from tests.harness.seed import Seed, at


@pytest.fixture
async def catalog(seed: Seed) -> Seed:
    await seed.registry("prod", reconciled_at=at(5))
    return seed


async def test_registry_that_was_never_read_says_so(catalog: Seed, asker: Asker) -> None:
    registry = await asker.ask("GetRegistry", registry="prod")

    assert (registry["last_read"], registry["unread"], registry["unread_count"]) == (None, [], 0)
    assert (registry["limited_until"], registry["read"]) == (None, "full")


async def test_last_read_its_problem_and_its_counts(catalog: Seed, db: Pool, asker: Asker) -> None:
    for state, message in (("complete", ""), ("failed", "the registry has no catalog")):
        await db.execute(
            """
            INSERT INTO backfill (registry_id, state, message, started_at, finished_at, tag_count)
            SELECT id, $1, $2, now(), now(), 7 FROM registry
            """,
            state,
            message,
        )
    await db.execute("UPDATE registry SET limited_until = '2099-01-01T00:00:00Z', read_mode = 'head'")

    registry = await asker.ask("GetRegistry", registry="prod")

    last = registry["last_read"]
    assert (last["state"], last["message"], last["tag_count"]) == ("failed", "the registry has no catalog", 7)
    assert (registry["limited_until"], registry["read"]) == ("2099-01-01T00:00:00Z", "head")
    listed = (await asker.ask("ListRegistries"))["registries"][0]
    assert (listed["last_read"], listed["limited_until"]) == (None, "2099-01-01T00:00:00Z")


async def test_unread_repositories_are_named_and_counted(catalog: Seed, db: Pool, asker: Asker) -> None:
    registry_id = await db.fetchval("SELECT id FROM registry")
    for number in range(25):
        id = await catalog.repository("prod", f"team/closed-{number:02}")
        await gaps.open_gap(
            db, [registry_id], gaps.READABLE, reason="unreadable", repository_id=id, detail="forbidden: answered 403"
        )

    registry = await asker.ask("GetRegistry", registry="prod")

    assert registry["unread_count"] == 25
    assert registry["unread"][0] == {"repository": "team/closed-00", "reason": "forbidden: answered 403"}
    assert len(registry["unread"]) == 20
