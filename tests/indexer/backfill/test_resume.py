"""A run that was killed is gone on with from its cursor, by whoever comes; two never run at once."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from regdex.database import Pool
from regdex.store.queues import backfills
from tests.indexer.backfill.stage import (
    Stage,
    add_registry,
    backfilling,
    ended,
    held_manifests,
    held_tags,
    recorded_manifests,
    recorded_tags,
    repositories_read,
    staged,
)


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(make_catalog(4)) as found:
        yield found


async def check_end(db: Pool, stage: Stage, run_id: int) -> None:
    run = await ended(db, run_id)
    assert (run["state"], run["message"]) == ("complete", "")
    assert await recorded_tags(db) == held_tags(stage.content)
    assert await recorded_manifests(db) == held_manifests(stage.content)
    assert run["repository_count"] == run["repository_total"] == len(stage.content.repositories)
    assert run["tag_count"] == len(held_tags(stage.content))
    assert await db.fetchval("SELECT reconciled_at FROM registry") == run["started_at"]
    assert (
        await db.fetchval("SELECT (SELECT count(*) FROM backfill_listed) + (SELECT count(*) FROM backfill_missing)")
        == 0
    )


async def test_stopped_run_goes_on_at_once_from_its_cursor(db: Pool, stage: Stage) -> None:
    registry = stage.settings(page_size=4, concurrency=2)
    asked = await backfills.request_backfill(db, await add_registry(db, registry), force=False)
    async with backfilling(db, registry):
        await repositories_read(db, asked["id"], at_least=8)
    stage.listed.clear()

    async with backfilling(db, registry):
        await check_end(db, stage, asked["id"])

    assert len(stage.listed) <= len(stage.content.repositories) - 8


@pytest.mark.parametrize("at_least", [4, 20])
async def test_killed_run_is_taken_over_when_its_lease_is_past(
    db: Pool, database_url: str, stage: Stage, at_least: int
) -> None:
    registry = stage.settings(page_size=4, concurrency=2)
    asked = await backfills.request_backfill(db, await add_registry(db, registry), force=False)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.indexer.backfill.killed", database_url, stage.url, "4"
    )
    await repositories_read(db, asked["id"], at_least=at_least)
    process.kill()
    await process.wait()
    stage.listed.clear()

    async with backfilling(db, registry):
        run = await backfills.get_backfill(db, asked["id"])
        assert run is not None
        assert run["state"] == "running"
        await db.execute("UPDATE backfill SET leased_until = now()")
        await check_end(db, stage, asked["id"])

    assert len(stage.listed) <= len(stage.content.repositories) - at_least


async def test_whoever_lost_the_lease_lets_go(db: Pool, stage: Stage) -> None:
    registry = stage.settings(page_size=4, concurrency=2)
    asked = await backfills.request_backfill(db, await add_registry(db, registry), force=False)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(backfilling(db, registry))
        await repositories_read(db, asked["id"], at_least=4)
        await db.execute("UPDATE backfill SET leased_until = now() - interval '1 second'")
        await stack.enter_async_context(backfilling(db, registry))
        await check_end(db, stage, asked["id"])


async def test_run_asked_for_twice_is_one(db: Pool, stage: Stage) -> None:
    registry = stage.settings()
    registry_id = await add_registry(db, registry)

    first = await backfills.request_backfill(db, registry_id, force=False)
    second = await backfills.request_backfill(db, registry_id, force=True)
    assert (second["id"], second["force"]) == (first["id"], True)

    async with backfilling(db, registry), backfilling(db, registry):
        await check_end(db, stage, first["id"])
    third = await backfills.request_backfill(db, registry_id, force=False)
    assert (third["id"] > first["id"], third["force"], third["registry"]) == (True, False, "prod")


async def test_cursor_the_registry_refuses_begins_anew(db: Pool, stage: Stage) -> None:
    registry = stage.settings(page_size=4, concurrency=2)
    asked = await backfills.request_backfill(db, await add_registry(db, registry), force=False)
    async with backfilling(db, registry):
        await repositories_read(db, asked["id"], at_least=8)
    refused = 0

    async def refuse_first_cursor(request: web.Request) -> web.StreamResponse | None:
        nonlocal refused
        if request.path == "/v2/_catalog" and "last" in request.query and not refused:
            refused += 1
            return web.json_response({"errors": [{"code": "PAGINATION_NUMBER_INVALID"}]}, status=400)
        return None

    stage.fault = refuse_first_cursor
    async with backfilling(db, registry):
        run = await ended(db, asked["id"])

    assert refused == 1
    assert run["state"] == "complete"
    assert await recorded_tags(db) == held_tags(stage.content)


async def test_paused_registry_waits(db: Pool, stage: Stage) -> None:
    registry = stage.settings()
    registry_id = await add_registry(db, registry)
    await db.execute("UPDATE registry SET paused = true")
    asked = await backfills.request_backfill(db, registry_id, force=False)
    async with backfilling(db, registry):
        other = stage.settings()
        assert await backfills.claim_backfill(db, [other.name], lease=uuid.uuid4(), lease_seconds=1) is None
        await db.execute("UPDATE registry SET paused = false")
        await check_end(db, stage, asked["id"])


async def test_progress_can_be_watched(db: Pool, stage: Stage) -> None:
    """The total is known before half is read, and the counts only grow."""
    gate = asyncio.Event()

    async def wait_at_the_gate(request: web.Request) -> None:
        if request.path.endswith("web/storefront/tags/list"):
            await gate.wait()

    stage.fault = wait_at_the_gate
    registry = stage.settings(page_size=4, concurrency=2)
    asked = await backfills.request_backfill(db, await add_registry(db, registry), force=False)
    async with backfilling(db, registry):
        async with asyncio.timeout(60):
            while True:
                run = await backfills.get_backfill(db, asked["id"])
                assert run is not None
                if run["repository_total"] == len(stage.content.repositories):
                    break
                await asyncio.sleep(0.05)
        assert run["state"] == "running"
        assert 0 < run["repository_count"] < run["repository_total"]
        assert run["request_count"] > 0
        gate.set()
        await check_end(db, stage, asked["id"])
