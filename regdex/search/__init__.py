"""What is searched, and what an engine has to do: the SearchIndex protocol and the document.

Engines see only tokens made by `regdex.search.tokens`, so that they agree on what a word is.
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
    """One repository as it is searched. `id` is the repository's; times are UTC, sizes bytes.

    `tags` are all it has, newest first, at most `MAX_TAGS`; of a document that was found, an engine gives back at
    least the first `SHOWN_TAGS`. `labels` are `key=value`. `artifact_types` and `media_types` are of its manifests.
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
    """How many of the repositories found have this value."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """Documents, best first, as stored in the index, and how many match in all (an estimate above 1000).

    `next_offset` is where the page after this one begins, None after the last: an engine may look at more than it
    gives. `facets` has what the query asked for, the most frequent values first.
    """

    documents: list[Document]
    total: int
    next_offset: int | None = None
    facets: dict[str, list[FacetValue]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Which database an index mirrors and how its words were made; a mismatch means: rebuild, or refuse to serve.

    Written to the index and to the database (`instance.index_fingerprint`) by the publisher.
    """

    database_id: str
    index_id: str
    tokens_version: int
    pinyin: bool


class SearchIndex(Protocol):
    """A search engine as its readers see it. Raises Unavailable when it cannot answer."""

    name: str

    async def search(self, query: Query) -> Found: ...

    async def fingerprint(self) -> Fingerprint | None:
        """Of the index that answers now; None when there is none yet."""
        ...

    async def close(self) -> None: ...


class SearchWriter(Protocol):
    """A search engine as the publisher sees it. One writer at a time: the publisher holds the advisory lock."""

    async def fingerprint(self) -> Fingerprint | None: ...

    async def count(self) -> int | None:
        """Documents in the index that answers; None when there is none."""
        ...

    async def write(self, documents: Sequence[Document], gone: Sequence[int]) -> list[int]:
        """Put `documents` in place of what is there under their ids and remove `gone`; visible to readers on return.

        Returns the ids of those that the engine does not take, whatever is tried; nothing is there under them.
        """
        ...

    async def rebuild(self, fingerprint: Fingerprint, batches: AsyncIterator[Sequence[Document]]) -> int:
        """Build a new index beside the old one and swap; readers keep the old one till then. Returns its size."""
        ...

    async def close(self) -> None: ...
