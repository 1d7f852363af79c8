"""Searching the Tantivy index. Sees every commit at once, whichever process made it."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import tantivy

from regdex.errors import Unavailable
from regdex.search import Document, Fingerprint, Found, Query
from regdex.search.tantivy.layout import read_stored
from regdex.search.tantivy.place import Mark, Place, mark, read_fingerprint
from regdex.search.tantivy.queries import FIRST_HITS, Reach, Search

log = structlog.get_logger()

THREADS = 4
MOST_WAITING = 256


@dataclass(slots=True)
class _Opened:
    """One index, held open; `pointer` and `meta` tell what was read."""

    pointer: Mark | None
    directory: Path
    index: tantivy.Index
    fingerprint: Fingerprint | None
    meta: Mark | None = None
    schema: tantivy.Schema = field(init=False)

    def __post_init__(self) -> None:
        self.schema = self.index.schema


class TantivyIndex:
    """SearchIndex on `directory`, which some process's TantivyWriter fills.

    Searches run in threads of its own: Tantivy lets go of the interpreter, so they take nothing from the event loop.
    """

    name = "tantivy"

    def __init__(self, directory: Path) -> None:
        self._place = Place(directory)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="search")
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._waiting = 0

    async def search(self, query: Query) -> Found:
        """Best first. Unavailable when there is no index, when it cannot be read, or when too many searches wait."""
        if self._waiting >= MOST_WAITING:
            raise Unavailable("too many searches at once")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._search, query)
        finally:
            self._waiting -= 1

    async def fingerprint(self) -> Fingerprint | None:
        opened = await asyncio.get_running_loop().run_in_executor(self._threads, self._open)
        return opened.fingerprint if opened else None

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._opened = None

    def _search(self, query: Query) -> Found:
        opened = self._open()
        if opened is None:
            raise Unavailable("there is no search index yet")
        try:
            return _find(opened.index.searcher(), opened.schema, query)
        except (OSError, ValueError) as error:
            log.warning("search failed", error=str(error), index=opened.directory.name)
            raise Unavailable("the search index cannot be read") from error

    def _open(self) -> _Opened | None:
        """The current index as of its last commit; costs two system calls when nothing has changed."""
        with self._lock:
            for attempt in range(3):  # an index may be replaced and removed while it is being opened
                try:
                    return self._refresh()
                except (OSError, ValueError) as error:
                    self._opened = None
                    log.info("search index not opened", error=str(error), attempt=attempt)
            raise Unavailable("the search index cannot be opened")

    def _refresh(self) -> _Opened | None:
        pointer = mark(self._place.pointer)
        opened = self._opened
        if opened is None or opened.pointer != pointer:
            directory = self._place.current()
            if directory is None:
                self._opened = None
                return None
            index = tantivy.Index.open(str(directory))
            index.config_reader("manual")
            opened = _Opened(pointer, directory, index, read_fingerprint(directory))
        meta = mark(opened.directory / "meta.json")
        if meta is None:
            raise FileNotFoundError("meta.json")
        if meta != opened.meta:
            opened.index.reload()
            opened.meta = meta
        self._opened = opened
        return opened


def _find(searcher: tantivy.Searcher, schema: tantivy.Schema, query: Query) -> Found:
    """Go farther only where less is found: what comes after the first 1000 hits cannot be paged to anyway.

    How far is decided by the index and the words alone, never by the page, so all pages see one order.
    """
    search = Search(searcher, schema, query)
    if search.is_void or query.limit < 1:
        return Found([], 0)
    if search.is_empty:
        result = searcher.search(search.build(Reach.EXACT), query.limit, offset=query.offset, order_by_field="rank")
        return Found(_read(searcher, result.hits), _count(result))
    reach = Reach.EXACT if search.rarest() >= FIRST_HITS else Reach.TYPOS
    while True:
        result = searcher.search(search.build(reach), query.offset + query.limit, weight_by_field="rank")
        hits, count = result.hits, _count(result)
        if search.is_enough(reach, count, hits[0][0] if hits else 0.0):
            return Found(_read(searcher, hits[query.offset :]), count)
        reach = Reach(reach + 1)


def _count(result: tantivy.SearchResult) -> int:
    return int(result.count)  # type: ignore[attr-defined]  # missing in its stubs


def _read(searcher: tantivy.Searcher, hits: Sequence[tuple[Any, tantivy.DocAddress]]) -> list[Document]:
    stored = (searcher.doc(address).get_first("stored") for _, address in hits)
    return [read_stored(bytes(content)) for content in stored if content is not None]
