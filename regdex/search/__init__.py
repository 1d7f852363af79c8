"""What is searched, and what an engine has to do: the SearchIndex protocol and the document.

Engines see only tokens made by `regdex.search.tokens`, so that they agree on what a word is.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One repository as it is searched. `id` is the repository's; times are UTC, sizes bytes."""

    id: int
    registry: str
    repository: str
    project: str
    project_id: int
    description: str = ""
    labels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    artifact_types: tuple[str, ...] = ()
    tag_count: int = 0
    size_bytes: int = 0
    downloads_30d: int = 0
    pushed_at: datetime | None = None
    pulled_at: datetime | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search as the engines get it. `project_ids` is what the caller may see; None is everything."""

    text: str
    registry: str = ""
    project: str | None = None
    project_ids: frozenset[int] | None = None
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Found:
    """Documents, best first, as stored in the index, and how many match in all (an estimate above 1000)."""

    documents: list[Document]
    total: int


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

    async def write(self, documents: Sequence[Document], gone: Sequence[int]) -> None:
        """Put `documents` in place of what is there under their ids and remove `gone`; visible to readers on return."""
        ...

    async def rebuild(self, fingerprint: Fingerprint, batches: AsyncIterator[Sequence[Document]]) -> int:
        """Build a new index beside the old one and swap; readers keep the old one till then. Returns its size."""
        ...

    async def close(self) -> None: ...
