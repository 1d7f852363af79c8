"""A backfill finds everything, and the next one asks for nothing that it knows."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cli.demo.catalog import make_catalog
from regdex.database import Pool
from tests.indexer.backfill.stage import (
    Stage,
    backfill,
    held_manifests,
    held_tags,
    recorded_manifests,
    recorded_tags,
    staged,
)


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(make_catalog(1)) as found:
        yield found


async def test_first_run_finds_everything(db: Pool, stage: Stage) -> None:
    run = await backfill(db, stage.settings(page_size=7))

    assert (run["state"], run["message"]) == ("complete", "")
    assert await recorded_tags(db) == held_tags(stage.content)
    assert await recorded_manifests(db) == held_manifests(stage.content)
    assert run["repository_count"] == run["repository_total"] == len(stage.content.repositories)
    assert run["tag_count"] == len(held_tags(stage.content))
    assert run["request_count"] == stage.requests.total()
    assert run["error_count"] == run["swept_count"] == 0
    assert stage.requests["HEAD manifests"] == 0
    content = await db.fetchrow("SELECT count(*), count(*) FILTER (WHERE state <> 'complete') AS bad FROM manifest")
    assert content is not None
    assert (content["count"], content["bad"]) == (run["manifest_count"], 0)
    assert await db.fetchval("SELECT count(*) FROM fetch_queue") == 0
    assert await db.fetchval("SELECT complete FROM registry")


async def test_second_run_only_asks_whether_tags_have_moved(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    logged = await db.fetchval("SELECT count(*) FROM tag_event")
    stage.requests.clear()

    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    # The longest pages so far are followed by `last=`, because they may have been cut.
    followed = stage.requests["GET tags"] - len(stage.content.repositories)
    assert 0 <= followed <= 10
    assert stage.requests == {
        "GET _catalog": 2,
        "GET tags": len(stage.content.repositories) + followed,
        "HEAD manifests": len(held_tags(stage.content)),
    }
    assert run["manifest_count"] == 0
    # A scan equal to the one before only confirms it.
    assert await db.fetchval("SELECT count(*) FROM tag_event") == logged
    assert await db.fetchval("SELECT count(*) FROM tag_event WHERE confirmed_at IS NULL") == 0


async def test_moved_tag_is_read_anew_and_its_content_once(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    moved = stage.content.manifest("orders/cart", "2.1.3")
    stage.content.put_manifest("orders/cart", "latest", moved.media_type, moved.body)
    stage.requests.clear()

    await backfill(db, stage.settings())

    assert await recorded_tags(db) == held_tags(stage.content)
    # HEAD names another digest than before, which only GET can prove; its content is known.
    assert (stage.requests["GET manifests"], stage.requests["GET blobs"]) == (1, 0)


async def test_image_copied_to_another_repository_is_not_fetched_again(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    for name in ("orders/cart", "mirror/cart"):
        repository = stage.content.repositories["orders/cart"]
        for digest in repository.blobs:
            stage.content.put_blob(name, stage.content.blobs[digest])
        for digest, manifest in list(repository.manifests.items()):
            stage.content.put_manifest(name, digest, manifest.media_type, manifest.body)
        for tag in ("latest", "production"):
            manifest = stage.content.manifest("orders/cart", tag)
            stage.content.put_manifest(name, tag, manifest.media_type, manifest.body)
    stage.requests.clear()

    run = await backfill(db, stage.settings())

    assert await recorded_tags(db) == held_tags(stage.content)
    assert await recorded_manifests(db) == held_manifests(stage.content)
    assert stage.requests["GET manifests"] == 2
    assert stage.requests["GET blobs"] == run["manifest_count"] == 0


async def test_excluded_repositories_are_neither_read_nor_swept(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    for tag in list(stage.content.repositories["orders/cart"].tags):
        stage.content.delete_tag("orders/cart", tag)
    stage.listed.clear()

    run = await backfill(db, stage.settings(include=("orders/*", "web/*"), exclude=("*/cart",)))

    assert run["state"] == "complete"
    assert run["swept_count"] == 0
    assert ("orders/cart", "latest") in await recorded_tags(db)
    included = {name for name in stage.content.repositories if name.startswith(("orders/", "web/"))}
    assert stage.listed == included - {"orders/cart"}


@pytest.mark.parametrize("size", [1, 3, 40, 1000])
async def test_every_page_size_finds_the_same(db: Pool, size: int) -> None:
    content = make_catalog(2)
    for name in list(content.repositories)[5:]:
        del content.repositories[name]
    async with staged(content) as stage:
        await backfill(db, stage.settings(page_size=size, concurrency=1))

    assert await recorded_tags(db) == held_tags(content)
