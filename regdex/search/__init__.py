"""The search document, and the protocols SearchIndex and SearchWriter that every engine implements.

All engines index the tokens of `regdex.search.tokens`, so that they agree on what a word is.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from regdex.search.language.query import Query

__all__ = [
    "MAX_TAGS",
    "SHOWN_TAGS",
    "Document",
    "FacetValue",
    "Fingerprint",
    "Found",
    "Query",
    "SearchIndex",
    "SearchWriter",
]

MAX_TAGS = 1000
SHOWN_TAGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The searchable data of one repository. `id` is the repository's id; times are UTC, sizes bytes.

    `tags` are the newest `MAX_TAGS`, newest first. Documents in search results have at least the first `SHOWN_TAGS`.
    `labels` are `key=value`. `artifact_types` and `media_types` are those of its manifests.
    """

    id: int
    registry: str
    repository: str
    project: str
    project_id: int
    title: str = ""
    description: str = ""
    labels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    artifact_types: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    tag_count: int = 0
    size_bytes: int = 0
    downloads_30d: int = 0
    stars: int = 0
    pushed_at: datetime | None = None
    pulled_at: datetime | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a facet, and the number of repositories found that have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search: documents, best first, and the total number of matches (an estimate above 1000).

    `next_offset` is the offset of the next page, None after the last; it may exceed `offset` plus the page's length.
    `facets` has the facets of the query, the most frequent values first.
    """

    documents: list[Document]
    total: int
    next_offset: int | None = None
    facets: dict[str, list[FacetValue]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Identifies the database that an index was built from, and the version of its tokens.

    The publisher writes it to the index and to the database (`instance.index_fingerprint`). If the two differ, the
    publisher rebuilds the index and the service does not use it.
    """

    database_id: str
    index_id: str
    tokens_version: int
    pinyin: bool


class SearchIndex(Protocol):
    """The reading side of a search engine. Every method raises Unavailable when the engine cannot answer."""

    name: str

    async def search(self, query: Query) -> Found: ...

    async def fingerprint(self) -> Fingerprint | None:
        """Return the fingerprint of the current index; None if there is no index yet."""
        ...

    async def close(self) -> None: ...


class SearchWriter(Protocol):
    """The writing side of a search engine. There is one writer at a time: the publisher holds the advisory lock."""

    async def fingerprint(self) -> Fingerprint | None: ...

    async def count(self) -> int | None:
        """Return the number of documents in the current index; None if there is no index."""
        ...

    async def write(self, documents: Sequence[Document], gone: Sequence[int]) -> list[int]:
        """Insert or replace `documents` and remove the ids in `gone`. Readers see the change on return.

        Return the ids of the documents that the engine rejected. They are not in the index.
        """
        ...

    async def rebuild(self, fingerprint: Fingerprint, batches: AsyncIterator[Sequence[Document]]) -> int:
        """Build a new index beside the old one, then switch readers to it. Return the number of its documents."""
        ...

    async def close(self) -> None: ...
