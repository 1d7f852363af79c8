"""An event that names a repository and not what happened in it: that repository is read in full, and nothing else."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from indexer.recording.recorder import record_events
from regdex.database import Pool
from regdex.events import ProjectTouched, RepositoryTouched, event_key
from tests.indexer.backfill.stage import (
    Stage,
    add_registry,
    backfill,
    backfilling,
    held_manifests,
    held_tags,
    is_complete,
    no_fault,
    open_gaps,
    questions_answered,
    recorded_manifests,
    recorded_tags,
    some_of,
    staged,
)

CART, API = "orders/cart", "orders/order-api"


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(3), "orders/", "users/")) as found:
        yield found


async def touch(db: Pool, registry_id: int, repository: str) -> None:
    now = datetime.now(UTC)
    key = event_key("touched", repository, now.isoformat())
    async with db.acquire() as conn, conn.transaction():
        event = RepositoryTouched(received_at=now, told_at=now, key=key, repository=repository)
        await record_events(conn, registry_id, [event])


async def test_touched_repository_is_read_and_nothing_else(db: Pool, stage: Stage) -> None:
    registry_id = await add_registry(db, stage.settings())
    await backfill(db, stage.settings())
    moved = stage.content.manifest(CART, "2.1.3")
    stage.content.put_manifest(CART, "latest", moved.media_type, moved.body)
    stage.content.delete_tag(CART, "production")
    stage.content.delete_manifest(CART, stage.content.repositories[CART].tags["2.0.0"])
    await touch(db, registry_id, CART)
    assert not await is_complete(db, CART)
    stage.listed.clear()

    async with backfilling(db, stage.settings()):
        await questions_answered(db)

    assert stage.listed == {CART}
    assert await recorded_tags(db) == held_tags(stage.content)
    present = {digest for name, digest in await recorded_manifests(db) if name == CART}
    reachable = {digest for name, digest in held_manifests(stage.content) if name == CART}
    assert reachable <= present <= set(stage.content.repositories[CART].manifests)
    assert await is_complete(db, CART)


async def test_new_repository_is_read_when_it_is_touched(db: Pool, stage: Stage) -> None:
    registry_id = await add_registry(db, stage.settings())
    await touch(db, registry_id, CART)

    async with backfilling(db, stage.settings()):
        await questions_answered(db)

    assert set(await recorded_tags(db)) == {key for key in held_tags(stage.content) if key[0] == CART}


async def test_touched_project_has_all_its_repositories_read(db: Pool, stage: Stage) -> None:
    registry_id = await add_registry(db, stage.settings())
    await backfill(db, stage.settings())
    for name in (CART, API):
        stage.content.delete_tag(name, "latest")
    now = datetime.now(UTC)
    async with db.acquire() as conn, conn.transaction():
        await record_events(
            conn,
            registry_id,
            [ProjectTouched(received_at=now, told_at=now, key=event_key("project"), project="orders")],
        )
    stage.listed.clear()

    async with backfilling(db, stage.settings()):
        await questions_answered(db)

    assert {name.partition("/")[0] for name in stage.listed} == {"orders"}
    assert await recorded_tags(db) == held_tags(stage.content)


@pytest.mark.parametrize("status", [403, 451])
async def test_repository_that_cannot_be_read_is_a_gap_until_it_can(db: Pool, stage: Stage, status: int) -> None:
    registry_id = await add_registry(db, stage.settings())
    await backfill(db, stage.settings())
    await touch(db, registry_id, CART)
    await db.execute("UPDATE question SET attempts = 5")

    async def refuse(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=status) if request.path.endswith(f"/{CART}/tags/list") else None

    stage.fault = refuse
    async with backfilling(db, stage.settings()):
        await questions_answered(db)
    assert await open_gaps(db) == {(CART, "moves", "unreadable"), (CART, "deletes", "unreadable")}
    assert await is_complete(db, API)

    stage.fault = no_fault
    await touch(db, registry_id, CART)
    async with backfilling(db, stage.settings()):
        await questions_answered(db)
    assert await open_gaps(db) == set()
    assert await is_complete(db, CART)


async def test_much_at_once_is_not_believed(db: Pool) -> None:
    """The guard of full reads holds here, too."""
    async with staged(some_of(make_catalog(5), API, "hello")) as stage:
        registry_id = await add_registry(db, stage.settings())
        repository = stage.content.repositories[API]
        image = stage.content.manifest(API, "latest")
        for number in range(120):
            stage.content.put_manifest(API, f"build-{number}", image.media_type, image.body)
        await backfill(db, stage.settings())
        before = await recorded_tags(db)
        for tag in list(repository.tags):
            stage.content.delete_tag(API, tag)
        await touch(db, registry_id, API)

        async with backfilling(db, stage.settings()):
            await questions_answered(db)

        assert await recorded_tags(db) == before
        assert await open_gaps(db) == {(API, "deletes", "blocked_sweep")}
        assert not await is_complete(db, API, subjects=("deletes",))
        assert await is_complete(db, "hello-world")


async def test_excluded_repository_is_left_alone(db: Pool, stage: Stage) -> None:
    settings = stage.settings(exclude=("*/cart",))
    registry_id = await add_registry(db, settings)
    await touch(db, registry_id, CART)

    async with backfilling(db, settings):
        await questions_answered(db)

    assert CART not in stage.listed
    assert (CART, "moves", "unanswered") in await open_gaps(db)


async def test_repository_without_a_list_is_left_to_a_full_read(db: Pool, stage: Stage) -> None:
    registry_id = await add_registry(db, stage.settings())
    await backfill(db, stage.settings())
    before = await recorded_tags(db)
    del stage.content.repositories[CART]
    await touch(db, registry_id, CART)
    await db.execute("UPDATE question SET attempts = 5")

    async with backfilling(db, stage.settings()):
        await questions_answered(db)

    assert await recorded_tags(db) == before
    assert not await is_complete(db, CART)
