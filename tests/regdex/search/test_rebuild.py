"""Rebuilding the index from PostgreSQL and publishing to it, by real processes: asked for, killed, two at once."""

import asyncio
import os
from pathlib import Path
from random import Random, SystemRandom

import pytest

from indexer import publisher
from indexer.publisher import Publisher
from indexer.wakeups import Wakeups
from regdex.database import LOCK_PUBLISHER, Pool
from regdex.errors import Unavailable
from regdex.search import Fingerprint, Query
from regdex.search.tantivy import TantivyIndex, TantivyWriter
from regdex.store.search.index_state import get_index_state
from tests.harness.deliveries import push
from tests.harness.seed import T0, Seed
from tests.operations.installation import Installation, until

MANY = 6000
KILLS = 4


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Installation:
    return Installation(tmp_path / "regdex", database_url)


async def fill(db: Pool, count: int) -> None:
    """A catalog of `count` repositories `team/app-<n>`, none of them published."""
    await Seed(db).registry("prod")
    await db.execute("INSERT INTO project (registry_id, name) SELECT id, 'team' FROM registry")
    await db.execute(
        """
        INSERT INTO repository (registry_id, project_id, name, first_seen_at, tag_count)
        SELECT registry_id, id, 'team/app-' || number, $1, 1 FROM project, generate_series(1, $2) AS number
        """,
        T0,
        count,
    )


async def test_without_an_indexer_the_command_rebuilds_by_itself(place: Installation, db: Pool) -> None:
    await fill(db, 30)

    code, output, errors = await place.run("search-index", "rebuild")

    assert (code, output, errors) == (0, "30 documents\n", "")
    assert await place.is_built(db)
    assert await place.document_count() == 30
    assert (await get_index_state(db)).rebuild_requested_at is None


async def test_with_an_indexer_the_command_has_it_rebuild_and_searches_go_on(place: Installation, db: Pool) -> None:
    await fill(db, 30)
    async with place.running("index"), place.running("serve"):
        await until(lambda: place.is_built(db))
        before = (await get_index_state(db)).fingerprint
        asking = asyncio.create_task(_ask_until_cancelled(place))

        code, output, errors = await place.run("search-index", "rebuild")

        assert (code, output) == (0, "30 documents\n"), errors
        after = (await get_index_state(db)).fingerprint
        assert before is not None
        assert after is not None
        assert after.index_id != before.index_id
        asking.cancel()
        assert await asyncio.gather(asking, return_exceptions=True) != [None]
        await place.deliver(push(1, repository="team/after-rebuild"))
        await until(lambda: _finds(place, "after rebuild", "team/after-rebuild"))
    assert asking.cancelled()


async def _ask_until_cancelled(place: Installation) -> None:
    while True:
        answer = await place.ask("/search", q="app-7")
        assert "team/app-7" in [hit["repository"] for hit in answer["hits"]]
        await asyncio.sleep(0.01)


async def _finds(place: Installation, words: str, repository: str) -> bool:
    return repository in await place.names(words)


@pytest.mark.parametrize("kind", ["current", "meta.json", "fingerprint.json", "*.store", "*.term", "*.fast"])
async def test_a_damaged_or_missing_index_is_rebuilt_by_the_next_indexer(
    place: Installation, db: Pool, kind: str
) -> None:
    await fill(db, 30)
    assert (await place.run("search-index", "rebuild"))[0] == 0
    before = (await get_index_state(db)).fingerprint
    cut_short(place.directory / "data" / "search", kind)

    async with place.running("index"):
        await until(lambda: _is_another(db, before))
        await until(lambda: place.is_built(db))

    assert await place.document_count() == 30


async def test_an_index_that_is_damaged_while_nothing_is_published_is_rebuilt(
    db: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "CHECK_SECONDS", 0.1)
    await fill(db, 30)
    index, publishing = TantivyIndex(tmp_path), Publisher(db, TantivyWriter(tmp_path), Wakeups(db))
    task = asyncio.create_task(publishing.run())
    try:
        await until(lambda: _has(index, 30))
        before = (await get_index_state(db)).fingerprint
        cut_short(tmp_path, "*.store")
        await until(lambda: _is_another(db, before))
        await until(lambda: _has(index, 30))
    finally:
        task.cancel()
        await asyncio.wait([task])
        await index.close()


def cut_short(search: Path, kind: str) -> None:
    """Leave a third of each such file, in a file of its own: the whole one may be mapped."""
    files = list(search.rglob(kind))
    assert files
    for file in files:
        content = file.read_bytes()
        part = file.with_name("part")
        part.write_bytes(content[: len(content) // 3])
        part.replace(file)


async def _is_another(db: Pool, former: Fingerprint | None) -> bool:
    state = await get_index_state(db)
    return state.fingerprint != former and not state.replaces


async def _has(index: TantivyIndex, count: int) -> bool:
    try:
        return (await index.search(Query(text=""))).total == count
    except Unavailable:
        return False


async def test_killed_at_any_step_a_rebuild_leaves_an_answer_and_the_next_one_finishes_it(
    place: Installation, db: Pool
) -> None:
    seed = int(os.environ.get("REGDEX_TEST_SEED") or SystemRandom().randrange(2**32))
    print(f"REGDEX_TEST_SEED={seed}")
    random = Random(seed)
    await fill(db, MANY)
    assert (await place.run("search-index", "rebuild"))[0] == 0

    began = asyncio.get_running_loop().time()
    process = await place.start("search-index", "rebuild")
    assert await process.process.wait() == 0, process.said()
    whole_seconds = asyncio.get_running_loop().time() - began
    for _ in range(KILLS):
        process = await place.start("search-index", "rebuild")
        await asyncio.sleep(random.uniform(0.2, 1.0) * whole_seconds)
        await process.kill()

        assert await place.document_count() == MANY

    async with place.running("index"), place.running("serve"):
        await until(lambda: place.is_built(db))
        await until(lambda: _finds(place, "app-77", "team/app-77"))
    assert len([entry for entry in (place.directory / "data" / "search").iterdir() if entry.is_dir()]) == 1


async def test_of_two_indexers_one_publishes_and_the_other_takes_over_when_it_is_killed(
    place: Installation, db: Pool
) -> None:
    other = Installation(place.directory / "other", place.url)
    other.config.write_text(other.config.read_text().replace('data_dir = "data"', 'data_dir = "../data"'))

    async with place.running("serve"), place.running("index") as first:
        await until(lambda: _somebody_publishes(db))
        async with other.running("index"):
            await place.deliver(push(1, repository="team/before"))
            await until(lambda: _finds(place, "before", "team/before"))
            assert await _publishers(db) == 1

            await first.kill()

            await other.deliver(push(2, repository="team/afterwards"))
            await until(lambda: _finds(place, "afterwards", "team/afterwards"))
            assert await _publishers(db) == 1
            await until(lambda: _finds(place, "before", "team/before"))


async def _publishers(db: Pool) -> int:
    """How many sessions of this database hold the publisher's advisory lock."""
    held: int = await db.fetchval(
        """
        SELECT count(*)
          FROM pg_locks
          JOIN pg_database ON pg_database.oid = pg_locks.database
         WHERE locktype = 'advisory' AND granted AND datname = current_database() AND objid::bigint = $1
        """,
        LOCK_PUBLISHER,
    )
    return held


async def _somebody_publishes(db: Pool) -> bool:
    return await _publishers(db) == 1
