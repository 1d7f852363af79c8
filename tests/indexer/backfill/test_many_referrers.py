"""Long lists of referrers: they are read to their end, or the repository counts as not read."""

from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from indexer.fetching import reader
from indexer.registry import referrers
from regdex.database import Pool
from regdex.digest import Digest
from tests.indexer.backfill.stage import (
    Stage,
    backfill,
    held_manifests,
    held_tags,
    is_complete,
    open_gaps,
    recorded_manifests,
    recorded_tags,
    some_of,
    staged,
)

CENTER = "users/user-center"


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(5), CENTER, "hello")) as found:
        yield found


def add_referrers(stage: Stage, count: int) -> None:
    """Push `count` more referrers of one image."""
    center = stage.content.repositories[CENTER]
    subject = center.tags["latest"]
    first = next(manifest for manifest in center.manifests.values() if manifest.subject == subject)
    for number in range(count):
        body = orjson.dumps({**orjson.loads(first.body), "annotations": {"number": str(number)}})
        stage.content.put_manifest(CENTER, str(Digest.of(body)), first.media_type, body)


@pytest.mark.parametrize("max_manifests", [1, 300])
async def test_more_referrers_than_an_index_may_have_are_all_found(
    db: Pool, stage: Stage, monkeypatch: pytest.MonkeyPatch, max_manifests: int
) -> None:
    """Also where they are more than are read together with their image."""
    monkeypatch.setattr(reader, "MAX_MANIFESTS", max_manifests)
    add_referrers(stage, 260)

    run = await backfill(db, stage.settings())

    assert (run["state"], run["message"]) == ("complete", "")
    assert await recorded_manifests(db) == held_manifests(stage.content)
    assert await is_complete(db, CENTER)


async def cut(request: web.Request) -> web.StreamResponse | None:
    """Lists of referrers of one repository whose Link leads elsewhere."""
    if f"{CENTER}/referrers/" not in request.path:
        return None
    listing = {"schemaVersion": 2, "manifests": []}
    return web.json_response(listing, headers={"Link": '</v2/another/tags/list?last=x>; rel="next"'})


@pytest.mark.parametrize("fault", ["many", "link"])
async def test_repository_with_a_cut_list_of_referrers_is_not_complete(
    db: Pool, stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "many":
        monkeypatch.setattr(referrers, "MAX_REFERRERS", 1)
        add_referrers(stage, 2)
    else:
        stage.fault = cut

    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert f"{CENTER}: " in run["message"]
    assert "list_incomplete" in run["message"]
    assert await recorded_tags(db) == held_tags(stage.content)
    assert (CENTER, "moves", "unreadable") in await open_gaps(db)
    assert not await is_complete(db, CENTER)
