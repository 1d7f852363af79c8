"""Registries in which a manifest goes with its last tag: when a tag leaves one, its presence is asked again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

import orjson
import pytest
import pytest_asyncio

from cli.demo.catalog import make_catalog
from indexer.kinds import KINDS, Capabilities
from indexer.kinds.distribution import Distribution
from indexer.recording.recorder import record_events
from regdex.database import Pool
from regdex.events import ManifestPushed, TagDeleted, event_key
from tests.indexer.backfill.stage import Stage, add_registry, backfill, recorded_manifests, some_of, staged

CART = "orders/cart"


class Vanishing(Distribution):
    name: ClassVar[str] = "vanishing"
    capabilities: ClassVar[Capabilities] = replace(Distribution.capabilities, untagged_manifests="vanish")


@pytest_asyncio.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setitem(KINDS, "vanishing", Vanishing())
    async with staged(some_of(make_catalog(3), "orders/")) as found:
        yield found


async def asked(db: Pool) -> set[str]:
    """Digests that are to be asked about; a tag that an event and a scan differ in is asked about anyhow."""
    return {
        row["reference"] for row in await db.fetch("SELECT reference FROM question WHERE reference LIKE 'sha256:%'")
    }


def only_tagged(stage: Stage) -> tuple[str, str, set[str]]:
    """A tag that alone leads to its index, the index, and the children that are in no other."""
    repository = stage.content.repositories[CART]
    children = {
        digest: {child["digest"] for child in orjson.loads(manifest.body).get("manifests", ())}
        for digest, manifest in repository.manifests.items()
    }
    for tag, digest in repository.tags.items():
        if list(repository.tags.values()).count(digest) == 1 and children[digest]:
            others = {child for other, own in children.items() if other != digest for child in own}
            return tag, digest, children[digest] - others
    raise AssertionError("no such tag")


@pytest.mark.parametrize("kind", ["vanishing", "distribution"])
@pytest.mark.parametrize("happens", ["delete", "move"])
async def test_event_that_takes_the_last_tag_asks(db: Pool, stage: Stage, kind: str, happens: str) -> None:
    settings = stage.settings(kind=kind)
    registry_id = await add_registry(db, settings)
    await backfill(db, settings)
    tag, digest, children = only_tagged(stage)
    other = next(one for one in stage.content.repositories[CART].tags.values() if one != digest)
    now = datetime.now(UTC)
    key = event_key("test", happens)
    async with db.acquire() as conn, conn.transaction():
        if happens == "delete":
            event = TagDeleted(received_at=now, told_at=now, key=key, repository=CART, tag=tag)
            await record_events(conn, registry_id, [event])
        else:
            push = ManifestPushed(received_at=now, told_at=now, key=key, repository=CART, tag=tag, digest=other)
            await record_events(conn, registry_id, [push])

    assert await asked(db) == ({digest, *children} if kind == "vanishing" else set())


async def test_manifest_with_another_tag_is_not_asked_about(db: Pool, stage: Stage) -> None:
    settings = stage.settings(kind="vanishing")
    registry_id = await add_registry(db, settings)
    tag, digest, _ = only_tagged(stage)
    index = stage.content.manifest(CART, tag)
    stage.content.put_manifest(CART, "second", index.media_type, index.body)
    await backfill(db, settings)
    now = datetime.now(UTC)
    async with db.acquire() as conn, conn.transaction():
        event = TagDeleted(received_at=now, told_at=now, key=event_key("test"), repository=CART, tag=tag)
        await record_events(conn, registry_id, [event])

    assert digest not in await asked(db)


@pytest.mark.parametrize("happens", ["delete", "move"])
async def test_reconcile_finds_what_vanished(db: Pool, stage: Stage, happens: str) -> None:
    settings = stage.settings(kind="vanishing")
    await backfill(db, settings)
    tag, digest, children = only_tagged(stage)
    if happens == "delete":
        stage.content.delete_tag(CART, tag)
    else:
        other = next(name for name in stage.content.repositories[CART].tags if name != tag)
        moved = stage.content.manifest(CART, other)
        stage.content.put_manifest(CART, tag, moved.media_type, moved.body)
    for one in (digest, *children):
        stage.content.delete_manifest(CART, one)

    await backfill(db, settings)

    present = {held for name, held in await recorded_manifests(db) if name == CART}
    assert present.isdisjoint({digest, *children})
