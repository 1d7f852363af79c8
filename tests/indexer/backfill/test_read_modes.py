"""How much is read: everything, digests by HEAD only, or nothing; what events name is fetched where a cache has it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from indexer.fetching.fetcher import Fetcher
from indexer.recording.recorder import record_events
from indexer.registry.client import RegistryClient
from indexer.wakeups import Wakeups
from regdex.database import Pool
from regdex.events import ManifestPulled, TagTouched, event_key
from regdex.store.queues import schedule
from tests.indexer.backfill.stage import (
    FAST,
    Stage,
    add_registry,
    backfill,
    held_tags,
    open_gaps,
    recorded_tags,
    some_of,
    staged,
)

CART = "orders/cart"


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(3), "orders/", "hello")) as found:
        yield found


async def pull(db: Pool, registry_id: int, repository: str, digest: str, *, is_head: bool = False) -> None:
    now = datetime.now(UTC)
    key = event_key("test", repository, digest, str(is_head))
    async with db.acquire() as conn, conn.transaction():
        event = ManifestPulled(
            received_at=now, told_at=now, key=key, repository=repository, digest=digest, is_head=is_head
        )
        await record_events(conn, registry_id, [event])


async def fetch_all(db: Pool, stage: Stage, read: str) -> None:
    """Run the fetcher until nothing waits."""
    wakeups = Wakeups(db)
    settings = stage.settings(read=read)
    async with RegistryClient(settings, FAST) as client:
        task = asyncio.create_task(Fetcher(db, {"prod": client}, wakeups).run())
        async with asyncio.timeout(30):
            while True:
                if not await db.fetchval("SELECT (SELECT count(*) FROM fetch_queue) + (SELECT count(*) FROM question)"):
                    break
                await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_head_reads_all_tags_and_gets_no_manifest(db: Pool, stage: Stage) -> None:
    run = await backfill(db, stage.settings(read="head"))

    assert (run["state"], run["message"]) == ("complete", "")
    assert await recorded_tags(db) == held_tags(stage.content)
    assert {kind for kind in stage.requests if kind.startswith("GET")} == {"GET _catalog", "GET tags"}
    assert await db.fetchval("SELECT count(*) FROM fetch_queue") == 0
    assert await open_gaps(db) == set()


async def test_head_follows_moves_and_deletes(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings(read="head"))
    moved = stage.content.manifest(CART, "2.1.3")
    stage.content.put_manifest(CART, "latest", moved.media_type, moved.body)
    stage.content.delete_tag(CART, "production")

    run = await backfill(db, stage.settings(read="head"))

    assert run["state"] == "complete"
    assert await recorded_tags(db) == held_tags(stage.content)
    assert stage.requests["GET manifests"] == stage.requests["GET referrers"] == 0


async def test_head_that_answers_404_for_listed_tags_makes_nothing_gone(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings(read="head"))
    before = await recorded_tags(db)

    async def lie(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=404) if request.method == "HEAD" and f"/{CART}/" in request.path else None

    stage.fault = lie
    run = await backfill(db, stage.settings(read="head"))

    assert run["state"] == "complete"
    assert f"{CART}: " in run["message"]
    assert await recorded_tags(db) == before


async def test_pulled_manifest_alone_is_fetched(db: Pool, stage: Stage) -> None:
    """A cache has the manifest that a client pulled, and would get the others of its index from upstream."""
    settings = stage.settings(read="head")
    registry_id = await add_registry(db, settings)
    await backfill(db, settings)
    digest = stage.content.repositories[CART].tags["latest"]
    stage.requests.clear()
    await pull(db, registry_id, CART, digest, is_head=True)
    assert await db.fetchval("SELECT count(*) FROM fetch_queue") == 0

    await pull(db, registry_id, CART, digest)
    await fetch_all(db, stage, "head")

    assert stage.requests["GET manifests"] == 1
    assert await db.fetchval("SELECT count(*) FROM manifest WHERE state = 'complete'") == 1


async def test_questions_are_asked_by_head(db: Pool, stage: Stage) -> None:
    settings = stage.settings(read="head")
    registry_id = await add_registry(db, settings)
    await backfill(db, settings)
    moved = stage.content.manifest(CART, "2.1.3")
    stage.content.put_manifest(CART, "latest", moved.media_type, moved.body)
    await touch(db, registry_id)
    stage.requests.clear()

    await fetch_all(db, stage, "head")

    assert await recorded_tags(db) == held_tags(stage.content)
    assert dict(stage.requests) == {"HEAD manifests": 1}


async def touch(db: Pool, registry_id: int) -> None:
    async with db.acquire() as conn, conn.transaction():
        now = datetime.now(UTC)
        key = event_key("test", "touched", now.isoformat())
        await record_events(
            conn, registry_id, [TagTouched(received_at=now, told_at=now, key=key, repository=CART, tag="latest")]
        )
    await db.execute("UPDATE question SET next_attempt_at = now()")


async def test_events_asks_nothing_and_says_what_it_does_not_know(db: Pool, stage: Stage) -> None:
    settings = stage.settings(read="events")
    registry_id = await add_registry(db, settings)
    assert await schedule.list_due_registries(db, every_seconds=1) == []
    await pull(db, registry_id, CART, stage.content.repositories[CART].tags["latest"])
    await touch(db, registry_id)

    await fetch_all(db, stage, "events")

    assert stage.requests.total() == 0
    assert (CART, "moves", "unanswered") in await open_gaps(db)


async def test_less_to_read_forgets_what_waits_to_be_fetched(db: Pool, stage: Stage) -> None:
    registry_id = await add_registry(db, stage.settings())
    await pull(db, registry_id, CART, stage.content.repositories[CART].tags["latest"], is_head=True)
    assert await db.fetchval("SELECT count(*) FROM fetch_queue") == 1

    await add_registry(db, stage.settings(read="head"))

    assert await db.fetchval("SELECT count(*) FROM fetch_queue") == 0
