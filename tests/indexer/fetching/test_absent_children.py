"""Indexes that list manifests which their repository does not have: their platforms are not shown (fault 13)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from indexer.recording.recorder import ManifestScan, record_scans
from regdex.database import Pool
from regdex.digest import Digest
from regdex.settings import Registry
from regdex.store.catalog.gaps import READABLE
from regdex.store.catalog.tags import get_tag
from tests.harness.hostile import Hostile, client, hostile, plain
from tests.harness.registries import Image, make_image, make_index
from tests.indexer.backfill.stage import backfill
from tests.indexer.fetching.test_fetcher import add_registry, drained, fetching, present, push, serve, until

AMD, ARM, S390 = "linux/amd64", "linux/arm64/v8", "linux/s390x"


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Hostile]:
    async with hostile() as server:
        yield server


def image(platform: str) -> Image:
    return make_image("x", platform=platform)


def remove(registry: Hostile, image: Image, repository: str = "app") -> None:
    registry.answers.pop(f"/v2/{repository}/manifests/{image.digest}")


async def platforms(db: Pool, repository: str = "app") -> tuple[list[str], list[str]]:
    """Those of the tag `1`, and those of the repository."""
    tag = await get_tag(db, None, "prod", repository, "1", READABLE)
    assert tag is not None
    return tag["platforms"], await db.fetchval("SELECT platforms FROM repository WHERE name = $1", repository)


async def fetch(db: Pool, registry: Hostile) -> None:
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))


async def test_platforms_of_children_that_are_not_there_are_not_shown(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    index = make_index([image(AMD), image(ARM), image(S390)])
    serve(registry, index)
    remove(registry, image(ARM))
    await push(db, registry_id, index.digest, tag="1")

    await fetch(db, registry)

    assert await platforms(db) == ([AMD, S390], [AMD, S390])
    assert await db.fetchval("SELECT count(*) FROM outbox") == 1


async def test_child_that_nobody_asked_for_counts_as_there(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    index = make_index([image(AMD), image(ARM)])
    serve(registry, index)
    registry.answers[f"/v2/app/manifests/{image(ARM).digest}"] = plain(b"<html>", media_type="text/html")
    await push(db, registry_id, index.digest, tag="1")

    await fetch(db, registry)

    assert await platforms(db) == ([AMD, ARM], [AMD, ARM])


async def test_head_alone_makes_no_child_absent(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    index = make_index([image(AMD), image(ARM)])
    for name in ("app", "copy"):
        serve(registry, index, repository=name)
    await push(db, registry_id, index.digest, tag="1")
    await fetch(db, registry)
    asked: list[str] = []

    async def not_to_head(request: web.Request) -> web.StreamResponse:
        asked.append(request.method)
        if request.method == "HEAD":
            return web.Response(status=404)
        return web.Response(body=image(ARM).content, content_type=image(ARM).media_type)

    registry.answers[f"/v2/copy/manifests/{image(ARM).digest}"] = not_to_head
    await push(db, registry_id, index.digest, repository="copy", tag="1")

    await fetch(db, registry)

    assert asked == ["HEAD", "GET"]
    assert await platforms(db, "copy") == ([AMD, ARM], [AMD, ARM])
    assert await present(db, "copy") == {index.digest, image(AMD).digest, image(ARM).digest}


async def test_child_that_comes_later_is_shown_and_one_that_goes_is_not(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    index = make_index([image(AMD), image(ARM)])
    serve(registry, index)
    remove(registry, image(ARM))
    await push(db, registry_id, index.digest, tag="1")
    await fetch(db, registry)
    at = await db.fetchval("SELECT max(at) + interval '1 hour' FROM manifest_event")

    for number, (child, is_there) in enumerate(((ARM, True), (AMD, False), (ARM, False), (AMD, True))):
        scan = ManifestScan("app", Digest.parse(image(child).digest), is_there, at.replace(second=number))
        async with db.acquire() as conn, conn.transaction():
            await record_scans(conn, registry_id, [scan])
        expected = ([AMD, ARM], [ARM], [], [AMD])[number]
        assert await platforms(db) == (expected, expected)


async def test_known_index_is_looked_into_again_in_another_repository(db: Pool, registry: Hostile) -> None:
    """Content that came from one repository says nothing of what another has."""
    registry_id = await add_registry(db, "prod")
    index = make_index([image(AMD), image(ARM)])
    for name in ("app", "sparse"):
        serve(registry, index, repository=name)
    remove(registry, image(AMD), "sparse")
    await push(db, registry_id, index.digest, tag="1")
    await fetch(db, registry)

    await push(db, registry_id, index.digest, repository="sparse", tag="1")
    await fetch(db, registry)

    assert await platforms(db) == ([AMD, ARM], [AMD, ARM])
    assert await platforms(db, "sparse") == ([ARM], [ARM])


async def test_missing_leaf_of_an_index_within_an_index_is_not_shown(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    outer = make_index([make_index([image(AMD), image(ARM)])])
    serve(registry, outer)
    remove(registry, image(AMD))
    await push(db, registry_id, outer.digest, tag="1")

    await fetch(db, registry)

    assert await platforms(db) == ([ARM], [ARM])


@pytest.mark.parametrize("again", [False, True])
async def test_backfill_finds_absent_children_too(db: Pool, registry: Hostile, again: bool) -> None:
    index = make_index([image(AMD), image(ARM)])
    serve(registry, index, tag="1")
    registry.answers["/v2/"] = plain(b"{}")
    registry.answers["/v2/_catalog"] = plain(b'{"repositories": ["app"]}')
    registry.answers["/v2/app/tags/list"] = plain(b'{"name": "app", "tags": ["1"]}')
    settings = Registry(name="prod", url=registry.url)
    if again:
        await backfill(db, settings)
        assert await platforms(db) == ([AMD, ARM], [AMD, ARM])
        await db.execute(
            "UPDATE repository_manifest SET present = false FROM digest WHERE id = digest_id AND hash = $1",
            Digest.parse(image(ARM).digest).hash,
        )
    remove(registry, image(ARM))

    assert (await backfill(db, settings))["state"] == "complete"

    assert await platforms(db) == ([AMD], [AMD])
    serve(registry, image(ARM))
    await backfill(db, settings)
    assert await platforms(db) == ([AMD, ARM], [AMD, ARM])
