"""A source that lists tags with their digests: no tag is asked for by itself, only content that is new."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar

import pytest
import pytest_asyncio
from pydantic import BaseModel

from cli.demo.catalog import make_catalog
from cli.demo.content import Content
from indexer.kinds import KINDS, ListedTag, TagPage
from indexer.kinds.distribution import Distribution
from indexer.kinds.oci import OciSource
from indexer.kinds.source import Source
from indexer.registry.answered import answered_now
from indexer.registry.client import RegistryClient
from regdex.database import Pool
from regdex.digest import Digest
from tests.indexer.backfill.stage import (
    Stage,
    backfill,
    held_manifests,
    held_tags,
    recorded_manifests,
    recorded_tags,
    some_of,
    staged,
)


class _Listing(OciSource):
    """The catalog as ever, and an API of its own that lists tags in pages of three."""

    def __init__(self, client: RegistryClient, content: Content) -> None:
        super().__init__(client)
        self._content = content

    async def tags(self, repository: str) -> AsyncIterator[TagPage]:
        tags = [
            ListedTag(
                tag,
                answered_now({}, sent=time.monotonic()),
                Digest.parse(digest),
                datetime(2026, 1, 1, tzinfo=UTC),
                1000,
            )
            for tag, digest in self._content.repositories[repository].tags.items()
        ]
        for start in range(0, len(tags), 3):
            yield TagPage(tuple(tags[start : start + 3]))


@pytest_asyncio.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(3), "orders/")) as found:

        class Listing(Distribution):
            name: ClassVar[str] = "listing"

            def source(self, client: RegistryClient, options: BaseModel) -> Source:
                return _Listing(client, found.content)

        monkeypatch.setitem(KINDS, "listing", Listing())
        yield found


@pytest.mark.parametrize("read", ["full", "head"])
async def test_listed_digests_are_taken_as_they_are(db: Pool, stage: Stage, read: str) -> None:
    settings = stage.settings(kind="listing", read=read)
    run = await backfill(db, settings)
    assert run["state"] == "complete"
    assert await recorded_tags(db) == held_tags(stage.content)
    assert stage.requests["HEAD manifests"] == 0
    if read == "full":
        assert await recorded_manifests(db) == held_manifests(stage.content)
    else:
        assert stage.requests["GET manifests"] == 0
    stage.requests.clear()
    moved = stage.content.manifest("orders/cart", "2.1.3")
    stage.content.put_manifest("orders/cart", "latest", moved.media_type, moved.body)
    stage.content.delete_tag("orders/cart", "production")

    run = await backfill(db, settings)

    assert run["state"] == "complete"
    assert await recorded_tags(db) == held_tags(stage.content)
    # The one that vanished is asked for, and nothing else.
    asked = stage.requests["HEAD manifests"] + stage.requests["GET manifests"]
    assert asked <= 2
