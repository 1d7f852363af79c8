"""A Meilisearch with a proxy before it, twice: a real one where there is one, and an imitation everywhere."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from regdex.search import Query
from regdex.search.meilisearch import MeilisearchIndex, MeilisearchWriter
from tests.regdex.search.conftest import fingerprint, in_batches
from tests.regdex.search.corpus import CORPUS
from tests.regdex.search.meilisearch import servers
from tests.regdex.search.meilisearch.between import Between
from tests.regdex.search.meilisearch.imitation import Imitation


@dataclass
class Place:
    """One deployment's indexes. `make_…` are of new processes that know nothing of those before them."""

    between: Between
    key: str
    index: str

    def make_index(self) -> MeilisearchIndex:
        return MeilisearchIndex(self.between.url, self.key, index=self.index)

    def make_writer(self, grace_seconds: float = 0) -> MeilisearchWriter:
        return MeilisearchWriter(self.between.url, self.key, index=self.index, grace_seconds=grace_seconds)

    async def names(self, text: str) -> list[str]:
        """As a process finds them that was just started."""
        index = self.make_index()
        try:
            return [document.repository for document in (await index.search(Query(text=text))).documents]
        finally:
            await index.close()


@pytest_asyncio.fixture(params=["imitation", "real"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """Without any index."""
    url, key = servers.running() if request.param == "real" else ("", "")
    between = Between(url or Imitation())
    await between.start()
    yield Place(between, key, f"f{uuid.uuid4().hex}")
    await between.stop()


@pytest_asyncio.fixture
async def writer(place: Place) -> AsyncIterator[MeilisearchWriter]:
    """Of an index with the small corpus."""
    writer = place.make_writer()
    await writer.rebuild(fingerprint(), in_batches(CORPUS))
    yield writer
    await writer.close()


@pytest_asyncio.fixture
async def index(place: Place, writer: MeilisearchWriter) -> AsyncIterator[MeilisearchIndex]:
    """Searches the small corpus."""
    index = place.make_index()
    yield index
    await index.close()
