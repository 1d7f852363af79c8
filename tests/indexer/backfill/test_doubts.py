"""A full read ends once the tags that its scans left in doubt were asked about again."""

import uuid
from datetime import UTC, datetime

import orjson
from aiohttp import web

from cli.demo.catalog import make_catalog
from regdex.database import Pool
from regdex.events import ManifestPushed
from tests.harness.catalogs import Catalog
from tests.indexer.backfill.stage import add_registry, backfill, no_fault, recorded_tags, some_of, staged

CART = "orders/cart"


async def test_tag_in_doubt_is_asked_about_before_the_read_ends(db: Pool) -> None:
    async with staged(some_of(make_catalog(1), CART)) as stage:
        catalog = Catalog(db, await add_registry(db, stage.settings()))
        await backfill(db, stage.settings())
        index = stage.content.manifest(CART, "latest")
        pushed, moved = (child["digest"] for child in orjson.loads(index.body)["manifests"][:2])
        stage.content.repositories[CART].tags["latest"] = moved

        async def record_push(request: web.Request) -> None:
            if request.path.endswith(f"/{CART}/manifests/latest"):
                stage.fault = no_fault
                now = datetime.now(UTC)
                push = ManifestPushed(
                    received_at=now, told_at=now, key=uuid.uuid4(), repository=CART, digest=pushed, tag="latest"
                )
                await catalog.record([push])

        stage.fault = record_push
        run = await backfill(db, stage.settings())

        assert run["state"] == "complete"
        assert await db.fetchval("SELECT count(*) FROM question") == 0
        assert (await recorded_tags(db))[CART, "latest"] == moved
