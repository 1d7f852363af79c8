"""A registry that limits requests: it is told at once, what was read is shown, and it is left alone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from regdex.database import Pool
from regdex.store.queues import backfills, schedule
from tests.indexer.backfill.stage import (
    Stage,
    add_registry,
    backfilling,
    ended,
    held_tags,
    no_fault,
    recorded_tags,
    some_of,
    staged,
)

ALLOWED = 12


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(3), "orders/")) as found:
        yield found


def limit(stage: Stage, retry_after: str) -> None:
    """All manifests after the first few are refused."""
    count = 0

    async def fault(request: web.Request) -> web.StreamResponse | None:
        nonlocal count
        if "/manifests/" not in request.path:
            return None
        count += 1
        return web.Response(status=429, headers={"Retry-After": retry_after}) if count > ALLOWED else None

    stage.fault = fault


async def test_long_limit_ends_the_run_which_says_until_when(db: Pool, stage: Stage) -> None:
    limit(stage, "21600")
    settings = stage.settings()
    asked = await backfills.request_backfill(db, await add_registry(db, settings), force=False)
    async with backfilling(db, settings):
        run = await ended(db, asked["id"], seconds=10)
        async with asyncio.timeout(5):
            while True:
                if (until := await db.fetchval("SELECT limited_until FROM registry")) is not None:
                    break
                await asyncio.sleep(0.05)

    assert run["state"] == "partial"
    assert "limits requests (429) until" in run["message"]
    assert timedelta(hours=5) < until - datetime.now(UTC) < timedelta(hours=7)
    assert len(await recorded_tags(db)) >= 3
    asked_for = stage.requests["GET manifests"]
    assert asked_for <= ALLOWED + 2 * settings.concurrency
    # Not even a registry that was never read in full is read before that.
    await db.execute(
        "UPDATE backfill SET requested_at = now() - interval '1 day', finished_at = now() - interval '1 day'"
    )
    assert await schedule.list_due_registries(db, every_seconds=60) == []
    await db.execute("UPDATE registry SET limited_until = now() - interval '1 second'")
    assert len(await schedule.list_due_registries(db, every_seconds=60)) == 1


async def test_short_limit_is_waited_out_and_told_meanwhile(db: Pool, stage: Stage) -> None:
    limit(stage, "4")
    settings = stage.settings()
    asked = await backfills.request_backfill(db, await add_registry(db, settings), force=False)
    async with backfilling(db, settings):
        async with asyncio.timeout(10):
            while True:
                run = await backfills.get_backfill(db, asked["id"])
                assert run is not None
                if "429" in run["message"] and await recorded_tags(db):
                    break
                await asyncio.sleep(0.05)
        assert run["state"] == "running"
        stage.fault = no_fault
        run = await ended(db, asked["id"])

    assert (run["state"], run["message"]) == ("complete", "")
    assert await recorded_tags(db) == held_tags(stage.content)


async def test_new_settings_are_tried_at_once(db: Pool, stage: Stage) -> None:
    await add_registry(db, stage.settings())
    await db.execute("UPDATE registry SET limited_until = now() + interval '6 hours'")
    await add_registry(db, stage.settings(username="robot"))

    assert await db.fetchval("SELECT limited_until FROM registry") is None
