"""A repository that is missing from the catalog is gone once two reads, a cadence apart, say so."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from regdex.database import Pool
from tests.indexer.backfill.stage import (
    Stage,
    backfill,
    held_manifests,
    held_tags,
    is_complete,
    open_gaps,
    pass_time,
    recorded_manifests,
    recorded_tags,
    some_of,
    staged,
)

GONE = "users/captcha"


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(3), "orders/", "users/")) as found:
        yield found


async def test_repository_that_left_the_catalog_is_gone_a_cadence_later(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    del stage.content.repositories[GONE]

    run = await backfill(db, stage.settings())

    assert (run["state"], run["swept_count"]) == ("complete", 0)
    assert (GONE, "latest") in await recorded_tags(db)
    assert await open_gaps(db) == {(GONE, "moves", "left_catalog"), (GONE, "deletes", "left_catalog")}
    assert not await is_complete(db, GONE)
    assert await is_complete(db, "orders/cart")

    # Too soon: another read by hand decides nothing.
    run = await backfill(db, stage.settings())
    assert run["swept_count"] == 0
    assert (GONE, "latest") in await recorded_tags(db)

    await pass_time(db)
    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert await recorded_tags(db) == held_tags(stage.content)
    assert await recorded_manifests(db) == held_manifests(stage.content)
    assert await open_gaps(db) == set()
    assert await db.fetchval("SELECT count(*) FROM vanishing") == 0
    assert await is_complete(db, GONE)


async def test_reads_between_that_find_it_begin_anew(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    kept = stage.content.repositories.pop(GONE)
    await backfill(db, stage.settings())
    stage.content.repositories[GONE] = kept
    run = await backfill(db, stage.settings())
    assert (run["state"], await open_gaps(db)) == ("complete", set())
    del stage.content.repositories[GONE]
    await pass_time(db)

    run = await backfill(db, stage.settings())

    assert run["swept_count"] == 0
    assert (GONE, "latest") in await recorded_tags(db)


@pytest.mark.parametrize("tags", [[], None])
async def test_list_without_tags_is_no_list(db: Pool, stage: Stage, tags: list[str] | None) -> None:
    await backfill(db, stage.settings())
    del stage.content.repositories[GONE]

    async def nothing(request: web.Request) -> web.StreamResponse | None:
        if request.path.endswith(f"/{GONE}/tags/list"):
            return web.json_response({"name": GONE, "tags": tags})
        return None

    stage.fault = nothing
    await backfill(db, stage.settings())
    assert (GONE, "latest") in await recorded_tags(db)
    await pass_time(db)
    await backfill(db, stage.settings())
    assert await recorded_tags(db) == held_tags(stage.content)


async def test_catalog_that_forgets_a_repository_is_not_believed(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    stage.content.delete_tag(GONE, "latest")

    async def forget(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/v2/_catalog":
            return web.json_response({"repositories": [name for name in stage.content.repositories if name != GONE]})
        return None

    stage.fault = forget
    run = await backfill(db, stage.settings())

    # Its own list is read, and what it lacks is swept at once.
    assert (run["state"], await open_gaps(db)) == ("complete", set())
    assert await recorded_tags(db) == held_tags(stage.content)


async def test_tags_that_answer_all_the_same_stay(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    before = await recorded_tags(db)

    async def hide(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/v2/_catalog":
            return web.json_response({"repositories": [name for name in stage.content.repositories if name != GONE]})
        return web.json_response({"errors": []}, status=404) if request.path.endswith(f"{GONE}/tags/list") else None

    stage.fault = hide
    await backfill(db, stage.settings())
    await pass_time(db)
    run = await backfill(db, stage.settings())

    assert (run["state"], run["swept_count"]) == ("complete", 0)
    assert await recorded_tags(db) == before


async def test_catalog_that_was_cut_makes_nothing_vanish(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    before = await recorded_tags(db)
    del stage.content.repositories[GONE]

    async def cut(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/v2/_catalog":
            headers = {"Link": '</v2/_catalog?last=x&n=2>; rel="next"'}
            return web.json_response({"repositories": ["orders/cart"]}, headers=headers)
        return None

    stage.fault = cut
    for _ in range(2):
        run = await backfill(db, stage.settings())
        await pass_time(db)
        assert run["state"] == "partial"
        assert GONE in run["message"]
    assert await recorded_tags(db) == before
    assert not await is_complete(db, None)
    assert await is_complete(db, "orders/order-api")
