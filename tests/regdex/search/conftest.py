"""Engines to search with, each behind the same two protocols."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from regdex.search import Document, Fingerprint, Found, Query, SearchIndex, SearchWriter
from regdex.search.language.query import TextField, is_exactly
from regdex.search.meilisearch import MeilisearchIndex, MeilisearchWriter
from regdex.search.tantivy import TantivyIndex, TantivyWriter
from regdex.search.tokens import TOKENS_VERSION, has_pinyin
from tests.regdex.search.arbitrary import LABEL_KEYS
from tests.regdex.search.meilisearch import servers


def fingerprint(database_id: str = "") -> Fingerprint:
    """Of a new index."""
    return Fingerprint(
        database_id=database_id or str(uuid.uuid4()),
        index_id=str(uuid.uuid4()),
        tokens_version=TOKENS_VERSION,
        pinyin=has_pinyin(),
    )


async def in_batches(documents: Iterable[Document], size: int = 100) -> AsyncIterator[Sequence[Document]]:
    everything = list(documents)
    for at in range(0, len(everything), size):
        yield everything[at : at + size]


@dataclass
class Engine:
    """One engine's two sides, on an index that is empty at first."""

    index: SearchIndex
    writer: SearchWriter

    async def fill(self, *documents: Document) -> None:
        await self.writer.write(documents, [])

    async def find(self, text: str, **parts: Any) -> Found:
        """`parts` are the query's, and `registry` and `project` short for their filters."""
        shorts: tuple[TextField, ...] = ("registry", "project")
        filters = [is_exactly(field, parts.pop(field)) for field in shorts if field in parts]
        return await self.index.search(Query(text=text, filters=(*parts.pop("filters", ()), *filters), **parts))

    async def names(self, text: str, **parts: Any) -> list[str]:
        return [document.repository for document in (await self.find(text, **parts)).documents]


MakeEngine = Callable[[Path], Awaitable[Engine]]


async def make_tantivy(directory: Path) -> Engine:
    return Engine(TantivyIndex(directory / "search"), TantivyWriter(directory / "search"))


async def make_meilisearch(directory: Path) -> Engine:
    """On the Meilisearch of this test session; skips where there is none."""
    url, key = servers.running()
    index, labels = f"t{uuid.uuid4().hex}", (*LABEL_KEYS, "note")
    return Engine(
        MeilisearchIndex(url, key, index=index),
        MeilisearchWriter(url, key, index=index, facet_labels=labels, grace_seconds=0),
    )


# An engine is added here and the contract holds for it too.
ENGINES: dict[str, MakeEngine] = {"tantivy": make_tantivy, "meilisearch": make_meilisearch}


@pytest_asyncio.fixture(params=list(ENGINES))
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    """Each engine with an index that has no documents yet."""
    made = await ENGINES[request.param](tmp_path)
    await made.writer.rebuild(fingerprint(), in_batches([]))
    yield made
    await made.index.close()
    await made.writer.close()
