"""Backfills, dead letters and the search index, over both transports."""

import pytest

from regdex.database import Pool
from regdex.search import Fingerprint
from regdex.store.queues import outbox
from regdex.store.search import index_state as search_index
from tests.harness.asking import Asker, Refused
from tests.harness.seed import T0, Seed


@pytest.fixture
async def registry(seed: Seed) -> int:
    return await seed.registry("prod")


@pytest.mark.usefixtures("registry")
async def test_a_backfill_is_asked_for_once_and_watched(asker: Asker) -> None:
    run = await asker.ask("StartBackfill", registry="prod")
    again = await asker.ask("StartBackfill", registry="prod", force=True)

    assert (run["state"], run["registry"], run["force"]) == ("waiting", "prod", False)
    assert again["id"] == run["id"]
    assert (await asker.ask("GetBackfill", id=run["id"])) == again


async def test_a_paused_registry_is_not_read(registry: int, db: Pool, asker: Asker) -> None:
    await db.execute("UPDATE registry SET paused = true")

    with pytest.raises(Refused, match="INVALID_ARGUMENT"):
        await asker.ask("StartBackfill", registry="prod")


async def test_dead_letters_are_listed_and_replayed(registry: int, db: Pool, asker: Asker) -> None:
    await db.executemany(
        "INSERT INTO dead_letter (id, registry_id, received_at, attempts, reason, headers, body) "
        "VALUES ($1, $2, $3, 3, 'not an envelope', '{}', 'abc')",
        [(number, registry, T0) for number in (5, 7, 9)],
    )

    first = await asker.ask("ListDeadLetters", page_size=2)
    rest = await asker.ask("ListDeadLetters", page_size=2, page_token=first["next_page_token"])

    assert [letter["id"] for letter in first["dead_letters"] + rest["dead_letters"]] == [5, 7, 9]
    assert first["dead_letters"][0] == {
        "id": 5,
        "registry": "prod",
        "received_at": "2026-11-20T12:00:00Z",
        "reason": "not an envelope",
        "body_bytes": 3,
        "attempts": 3,
    }
    assert await asker.ask("ReplayDeadLetters", registry="prod", ids=[7, 8]) == {"replayed_count": 1}
    assert await asker.ask("ReplayDeadLetters") == {"replayed_count": 2}
    assert (await asker.ask("ListDeadLetters"))["dead_letters"] == []
    assert await db.fetchval("SELECT count(*) FROM inbox") == 3


async def test_the_search_index_says_how_far_it_is(seed: Seed, db: Pool, asker: Asker) -> None:
    await seed.registry("prod")
    id = await seed.repository("prod", "a/app")
    await seed.repository("prod", "a/gone", tag_count=0)
    await outbox.enqueue(db, [id])

    before = await asker.ask("GetSearchIndex")
    asked = await asker.ask("RebuildSearchIndex")
    again = await asker.ask("RebuildSearchIndex")

    assert (before["index_id"], before["rebuilding"], before["rebuild_requested_at"]) == ("", False, None)
    assert (before["total_documents"], before["waiting"], before["rebuilt_documents"]) == (1, 1, 0)
    assert before["index_lag_seconds"] > 0
    assert asked["rebuilding"] is True
    assert asked["rebuild_requested_at"] == again["rebuild_requested_at"] is not None


async def test_the_search_index_that_mirrors_the_database_is_named(seed: Seed, db: Pool, asker: Asker) -> None:
    fingerprint = Fingerprint(database_id="d", index_id="i-1", tokens_version=1, pinyin=True)
    await search_index.set_fingerprint(db, fingerprint, replaces="i-0")
    assert (await asker.ask("GetSearchIndex"))["rebuilding"] is True

    await search_index.set_fingerprint(db, fingerprint)

    answer = await asker.ask("GetSearchIndex")
    assert (answer["index_id"], answer["rebuilding"]) == ("i-1", False)
